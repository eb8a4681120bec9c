//! Targets that are replaced during the run: by a schedule, by crashes, by the kernel for want of memory. Each process has a
//! level and a warm-up of its own.

use crate::scene::{Scene, Trace};

/// Samples that a life has on average, where the run is long enough for two of them.
const LIFE: usize = 60;

/// Indices at which processes start, and the mean life in samples.
struct Schedule {
    starts: Vec<usize>,
    mean: f64,
}

impl Schedule {
    /// `lives` of about equal length; each differs from the mean by up to `unrest` of it.
    fn even(scene: &mut Scene, lives: usize, unrest: f64) -> Self {
        let points = scene.x.len();
        let mean = points as f64 / lives as f64;
        let inner = (1..lives).map(|k| ((k as f64 + 0.5 * unrest * scene.between(-1.0, 1.0)) * mean) as usize);
        let starts = std::iter::once(0).chain(inner).filter(|start| *start < points).collect();
        Self { starts, mean }
    }

    /// Two to twelve lives, as a nightly or hourly restart gives them.
    fn planned(scene: &mut Scene) -> Self {
        let most = (scene.x.len() / LIFE).clamp(2, 12);
        let lives = scene.whole(2, most);
        let unrest = scene.between(0.0, 0.3);
        Self::even(scene, lives, unrest)
    }

    /// Lives that end by chance at a constant hazard, from 20 samples on.
    fn crashes(scene: &mut Scene, mean: f64) -> Self {
        let points = scene.x.len();
        let mut starts = vec![0];
        let mut at = 0;
        loop {
            at += (20.0 + (mean - 20.0).max(1.0) * scene.exponential()) as usize;
            if at + 2 >= points {
                return Self { starts, mean };
            }
            starts.push(at);
        }
    }

    /// The index of the process at each sample, and its age as a share of the mean life.
    fn ages(&self, points: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let mut life = 0;
        (0..points).map(move |index| {
            while self.starts.get(life + 1).is_some_and(|start| *start <= index) {
                life += 1;
            }
            (life, (index - self.starts[life]) as f64 / self.mean)
        })
    }

    /// Growth of `growth` per run in every process, in units of the series.
    fn growth(&self, points: usize, growth: f64) -> Vec<f64> {
        self.ages(points).map(|(_, age)| growth * age * self.mean / points as f64).collect()
    }
}

/// Bounded memory of processes whose share of a size at an age is `of(life, age)`, each with a level of its own.
fn processes(scene: &mut Scene, schedule: Schedule, of: impl Fn(usize, f64) -> f64) -> Trace {
    let levels: Vec<f64> =
        schedule.starts.iter().map(|_| scene.base * 0.02 * scene.normal().clamp(-2.0, 2.0)).collect();
    let signal = schedule.ages(scene.x.len()).map(|(life, age)| levels[life] + of(life, age)).collect();
    let restarts = schedule.starts.into_iter().skip(1).collect();
    Trace { restartable: false, restarts, ..Trace::bounded(signal) }
}

/// Sizes and time constants, in mean lives, of the warm-up of every process: alike, but no two the same.
fn warm_ups(scene: &mut Scene, lives: usize, slowest: f64) -> Vec<(f64, f64)> {
    let size = scene.size(0.01, 0.3);
    let time = scene.log_between(0.004, slowest);
    (0..lives).map(|_| (size * scene.between(0.7, 1.3), time * scene.between(0.8, 1.25))).collect()
}

fn warmed_up(scene: &mut Scene, schedule: Schedule, slowest: f64) -> Trace {
    let warm_ups = warm_ups(scene, schedule.starts.len(), slowest);
    processes(scene, schedule, move |life, age| {
        let (size, time) = warm_ups[life];
        size * (1.0 - (-age / time).exp())
    })
}

pub(super) fn steady(scene: &mut Scene) -> Trace {
    let schedule = Schedule::planned(scene);
    warmed_up(scene, schedule, 0.12)
}

pub(super) fn leak(scene: &mut Scene) -> Trace {
    let schedule = Schedule::planned(scene);
    let growth = scene.leak();
    let line = schedule.growth(scene.x.len(), growth);
    warmed_up(scene, schedule, 0.08).leaking(&line, growth)
}

/// A cache that is filled anew by every process, evenly until 20 to 65 % of a mean life.
pub(super) fn fill(scene: &mut Scene) -> Trace {
    let schedule = Schedule::planned(scene);
    let size = scene.size(0.02, 0.5);
    let until = scene.between(0.2, 0.65);
    let paces: Vec<f64> = schedule.starts.iter().map(|_| scene.between(1.0, 1.15)).collect();
    processes(scene, schedule, move |life, age| size * (age * paces[life] / until).min(1.0))
}

/// Memory of every process that wanders; at the end of a life it is off by a tenth of a tolerance to three of them.
pub(super) fn walk(scene: &mut Scene) -> Trace {
    let schedule = Schedule::planned(scene);
    let step = scene.tolerance * scene.log_between(0.1, 3.0) / schedule.mean.sqrt();
    let mut level = 0.0;
    let walk: Vec<f64> = (0..scene.x.len())
        .map(|_| {
            level += step * scene.normal();
            level
        })
        .collect();
    let mut trace = warmed_up(scene, schedule, 0.08);
    trace.signal.iter_mut().zip(&walk).for_each(|(value, walk)| *value += walk);
    trace
}

/// A collected heap in every process: 4 to 40 collections in a mean life, at levels that vary.
fn collected(scene: &mut Scene, schedule: Schedule) -> Trace {
    let size = scene.size(0.02, 0.3);
    let collections = scene.log_between(4.0, 40.0);
    let unrest = scene.between(0.05, 0.3);
    let (mut heap, mut limit, mut before) = (0.0, size, usize::MAX);
    let points = scene.x.len();
    let lives: Vec<usize> = schedule.ages(points).map(|(life, _)| life).collect();
    let pace = size * collections / schedule.mean;
    let saw: Vec<f64> = lives
        .into_iter()
        .map(|life| {
            if life != before {
                (heap, before) = (0.0, life);
            }
            heap += pace;
            if heap >= limit {
                heap = 0.0;
                limit = size * (1.0 + unrest * scene.between(-1.0, 1.0));
            }
            heap
        })
        .collect();
    let mut trace = warmed_up(scene, schedule, 0.08);
    trace.signal.iter_mut().zip(&saw).for_each(|(value, saw)| *value += saw);
    trace
}

pub(super) fn gc(scene: &mut Scene) -> Trace {
    let schedule = Schedule::planned(scene);
    collected(scene, schedule)
}

pub(super) fn leak_under_gc(scene: &mut Scene) -> Trace {
    let schedule = Schedule::planned(scene);
    let growth = scene.leak();
    let line = schedule.growth(scene.x.len(), growth);
    collected(scene, schedule).leaking(&line, growth)
}

/// Processes that crash by chance long before the run is over, most of them while they warm up.
pub(super) fn crash_loop(scene: &mut Scene) -> Trace {
    let lives = scene.log_between(5.0, 200.0);
    let mean = (scene.x.len() as f64 / lives).max(30.0);
    let schedule = Schedule::crashes(scene, mean);
    warmed_up(scene, schedule, 0.25)
}

/// Processes that leak until they meet a limit and are killed: lives of about one length.
pub(super) fn killed(scene: &mut Scene) -> Trace {
    let most = (scene.x.len() / LIFE).clamp(2, 60);
    let lives = scene.whole(2, most);
    let schedule = Schedule::even(scene, lives, 0.1);
    // A life grows by a tenth of the process to the whole of it.
    let growth = scene.size(0.1, 1.0) * lives as f64;
    let line = schedule.growth(scene.x.len(), growth);
    warmed_up(scene, schedule, 0.08).leaking(&line, growth)
}
