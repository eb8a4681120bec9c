//! The processes behind a sum: growth is that of processes that live on, not of who comes and goes.
//!
//! Where the members of the target changed, a sum cannot tell a new worker from a leak nor a dead one from a cure. So, beside
//! the sum, it is judged
//!
//! 1. what those held together that were there all the time: nobody comes into that series and nobody leaves it;
//! 2. what each other process held that lived for [`LONG_SHARE`] of the judged part, from when it had grown up, dead or alive: its
//!    death is no cure of what it did while it lived.
//!
//! A leak in any of these is a leak, and the process is named. Where the sum is undecided and none of them leaks, their bounds
//! together speak for the target, as long as neither the number of processes nor what the others hold at once grows. What those
//! others hold that are left out is told, and so is a program whose processes all grow while they live: that they are replaced bounds
//! it, and nothing else. A leak of the sum stays one: processes that come and never go are one.
//!
//! How often that is right and wrong, in 400 simulated runs each of 600 samples under the default tolerance, with [`YOUTH_SHARE`],
//! `LONG_SHARE` and `NO_MORE` as they are (`cargo run -p soakd --example member_noise -- 400`, which draws a new seed each time; of this
//! table it was 7445329230472724644; a share of 1 % has a standard error of 0.5 points, one of 50 % of 2.5):
//!
//! | | sum alone: leak | no leak | with the processes: leak | no leak |
//! | --- | --- | --- | --- | --- |
//! | nothing leaks: workers warm up and are replaced | 0.2 % | 0.2 % | 0.8 % | 0.2 % |
//! | nothing leaks: short jobs of all sizes | 0.0 % | 12.5 % | 0.0 % | 54.8 % |
//! | nothing leaks: a pool doubles once | 0.5 % | 15.2 % | 0.8 % | 15.2 % |
//! | a worker leaks 10 MiB per run, and is replaced | 0.0 % | 16.2 % | 52.0 % | 8.2 % |
//! | a worker leaks 40 MiB per run, and is replaced | 0.0 % | 12.0 % | 96.2 % | 0.2 % |
//! | one that stays leaks 10 MiB per run, beside short jobs | 74.2 % | 0.0 % | 98.2 % | 0.0 % |
//! | one that stays leaks 40 MiB per run, beside short jobs | 93.8 % | 0.0 % | 100.0 % | 0.0 % |
//! | short jobs grow to three times their size | 0.0 % | 13.8 % | 0.0 % | 25.0 % |
//! | ten processes come and never go | 61.0 % | 0.0 % | 61.0 % | 0.0 % |
//!
//! The rest is undecided. The worker that leaks and is replaced is the one that is named each time that it is found. Jobs that grow threefold
//! are acquitted now and then, since their deaths bound them; what they held stands in the evidence.

use std::collections::BTreeMap;

use soakd_analysis::{Estimate, Judgement, JudgementKind, Quantity, Question, Tolerance, judge};

use crate::phases::Phases;
use crate::progress::clock_face;
use crate::series::{Window, series};
use crate::settled::median;
use crate::store::{Column, Scope};

/// A process that came later counts from this share of the judged part on after it came: until then it is growing up.
pub const YOUTH_SHARE: f64 = 0.05;
/// A grown-up life of this share of the judged part is judged by itself.
const LONG_SHARE: f64 = 0.25;
/// So many of the others are, the largest ones.
const MOST_LIVES: usize = 8;
/// Fewer points than this are no series to judge.
const FEWEST_POINTS: usize = 40;
/// So many short lives of one program, each read so many times, tell how it grows in its life.
const FEWEST_SHORT_LIVES: usize = 4;
const FEWEST_READINGS: usize = 4;
/// Growth in a life that is told, as a share of what it begins with.
const TOLD_GROWTH: f64 = 0.1;
/// What the others hold at once may be this much more in the last third than in the first half. What lies between is left out: in
/// growth that goes on it would be as high as the end.
const NO_MORE: f64 = 1.25;

/// One process, and when it was there.
#[derive(Debug, Clone, PartialEq)]
pub struct Life {
    /// Its pid.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
    /// Its short name.
    pub name: String,
    /// Its first and last reading in the judged part, in seconds of the run.
    pub window: Window,
    /// What it held at the first and at the last reading that counts.
    pub levels: (f64, f64),
}

/// What the processes behind a sum say.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// What was found for the metric.
    pub judgement: Judgement,
    /// The one that leaks by itself, where it was not there all the time.
    pub leaking: Option<Life>,
}

struct Part {
    /// Which process; `None` for those that were there all the time.
    life: Option<Life>,
    judgement: Judgement,
}

/// One process while it is sorted out.
struct Member<'a> {
    column: &'a Column,
    /// Its readings in the judged part, each with its place on the grid of all readings; as many as there are, since of a day there
    /// may be thousands of processes, most of them short-lived.
    readings: Vec<(usize, f64)>,
    first: usize,
    last: usize,
}

/// Judges the processes behind the sum `tree`, of which `sum` was found; `None` where their record says no more than the sum.
///
/// `of_processes` are their series in the same metric, `population` is their number.
#[must_use]
pub fn judge_members(
    tree: &Column,
    of_processes: &[Column],
    population: Option<&Column>,
    phases: &Phases,
    operations: Option<&Column>,
    question: &Question,
    sum: &Judgement,
) -> Option<Told> {
    let window = phases.load;
    let length_s = window.to_s - window.from_s;
    let counted = |t_s: f64| window.holds(t_s) && !phases.is_checkpoint(t_s);
    // A target that was replaced as a whole is cut there.
    if !(length_s > 0.0) || phases.restarts_s.iter().any(|t_s| window.holds(*t_s)) {
        return None;
    }
    let grid = grid(of_processes, counted);
    let (&begin_s, &end_s) = (grid.first()?, grid.last()?);
    if grid.len() < FEWEST_POINTS {
        return None;
    }
    let mut members: Vec<Member> = of_processes.iter().filter_map(|column| Member::of(column, &grid)).collect();
    // As long as there was one process alone, it was the tree.
    let early: Vec<(f64, f64)> = points(tree).filter(|(t_s, _)| counted(*t_s) && *t_s < begin_s).collect();
    let has_prefix = begin_s - window.from_s > YOUTH_SHARE * length_s;
    let only_one = members.iter().filter(|member| member.first == 0).count() == 1;
    if has_prefix && !only_one {
        return None;
    }

    let is_whole = |member: &Member| member.first <= 1 && member.last + 2 >= grid.len();
    let changes = |column: &Column| {
        let mut numbers = points(column).filter(|(t_s, _)| counted(*t_s)).map(|(_, number)| number);
        numbers.next().is_some_and(|first| numbers.any(|number| number != first))
    };
    if members.iter().all(is_whole) && !population.is_some_and(changes) {
        return None;
    }
    members.sort_by(|one, other| other.level().total_cmp(&one.level()));
    let (residents, others): (Vec<Member>, Vec<Member>) = members.into_iter().partition(is_whole);

    let youth_s = YOUTH_SHARE * length_s;
    let lives = others.iter().filter_map(|member| {
        let from_s = if member.first <= 1 { grid[member.first] } else { grid[member.first] + youth_s };
        let points: Vec<(f64, f64)> = member.points(&grid).filter(|(t_s, _)| *t_s >= from_s).collect();
        let (first, last) = (points.first()?, points.last()?);
        let is_long = last.0 - first.0 >= LONG_SHARE * length_s && points.len() >= FEWEST_POINTS;
        let Scope::Process { pid, start_ticks, name } = &member.column.series.scope else { return None };
        let life = Life {
            pid: *pid,
            start_ticks: *start_ticks,
            name: name.clone(),
            window: Window { from_s: grid[member.first], to_s: last.0 },
            levels: (first.1, last.1),
        };
        is_long.then_some((life, points))
    });
    let lives: Vec<_> = lives.take(MOST_LIVES).collect();

    let question = Question { family: question.family * (1 + lives.len()), ..question.clone() };
    let judged = |points: &[(f64, f64)]| -> Option<Judgement> {
        let last = points.last()?.1;
        // What the others hold is not available to these.
        let held = (tree.values.last().copied().unwrap_or(last) - last).max(0.0);
        let question = Question {
            limit: question.limit.map(|limit| limit - held),
            budget: question.budget.map(|budget| budget - held),
            ..question.clone()
        };
        let column = Column {
            t_s: points.iter().map(|(t_s, _)| *t_s).collect(),
            values: points.iter().map(|(_, value)| *value).collect(),
            extremes: None,
            ..tree.clone()
        };
        Some(judge(&series(&column, phases, &[], operations).ok()?, &question))
    };
    let mut parts = Vec::new();
    let mut together = together(&residents, &grid);
    if only_one && has_prefix && !residents.is_empty() {
        together.splice(0..0, early);
    }
    if let Some(judgement) = judged(&together) {
        parts.push(Part { life: None, judgement });
    }
    let kept: Vec<(f64, f64)> = together.clone();
    parts.extend(
        lives.iter().filter_map(|(life, points)| Some(Part { life: Some(life.clone()), judgement: judged(points)? })),
    );

    let came = others.iter().filter(|member| member.first > 1).count();
    let went = others.iter().filter(|member| member.last + 2 < grid.len()).count();
    let lead = format!(
        "processes came ({came} that stayed for a while) and went ({went}) between {} and {}: {} that were there all the time \
         are judged as one, {} by their own lives",
        clock_face(window.from_s.max(0.0)),
        clock_face(end_s),
        residents.len(),
        lives.len()
    );

    let leaking = parts.iter().filter(|part| part.judgement.judgement == JudgementKind::Leak);
    let low = |part: &&Part| part.judgement.rate_per_hour.and_then(|rate| rate.low).unwrap_or(0.0);
    if let Some(part) = leaking.max_by(|one, other| low(one).total_cmp(&low(other))) {
        let mut judgement = beside_the_sum(part.judgement.clone(), sum);
        let who = part.life.as_ref().map(|life| {
            format!(
                "process `{}` ({}) grows by itself, alive from {} to {}",
                life.name,
                life.pid,
                clock_face(life.window.from_s),
                clock_face(life.window.to_s)
            )
        });
        judgement.evidence.splice(0..0, [lead].into_iter().chain(who));
        return Some(Told { judgement, leaking: part.life.clone() });
    }
    let in_short_lives = grows_in_each_life(&others, &grid, length_s, tree.series.quantity);
    let as_it_is = || {
        let sentence = in_short_lives.clone()?;
        let mut judgement = sum.clone();
        judgement.evidence.push(sentence);
        Some(Told { judgement, leaking: None })
    };
    let none_grows = !parts.is_empty() && parts.iter().all(|part| part.judgement.judgement == JudgementKind::NoLeak);
    if sum.judgement != JudgementKind::Inconclusive || !none_grows {
        return as_it_is();
    }
    let Some(all) = together_below(&parts, sum, &question, tree.series.quantity) else { return as_it_is() };
    let is_steady = population.is_some_and(|column| {
        let number = Question { family: 1, limit: None, ..Question::new(question.planned_s) };
        series(column, phases, &[], None)
            .is_ok_and(|number_of| judge(&number_of, &number).judgement == JudgementKind::NoLeak)
    });
    let rest = rest(tree, &kept, &lives, counted);
    if !is_steady || !rest.is_no_more(sum.tolerance_per_hour * question.planned_s / 3600.0) {
        return as_it_is();
    }
    let mut judgement = beside_the_sum(all, sum);
    judgement.evidence.insert(0, lead);
    judgement.evidence.extend(in_short_lives);
    if rest.most() > 0.0 {
        judgement.evidence.push(format!(
            "what comes and goes sooner holds up to {} at once, in the last third no more than in the first half; it is left out",
            tree.series.quantity.show(rest.most())
        ));
    }
    Some(Told { judgement, leaking: None })
}

/// Finite readings in order of time.
fn points(column: &Column) -> impl Iterator<Item = (f64, f64)> {
    let all = column.t_s.iter().copied().zip(column.values.iter().copied());
    all.filter(|(t_s, value)| t_s.is_finite() && value.is_finite())
}

/// All times at which processes were read one by one.
fn grid(of_processes: &[Column], counted: impl Fn(f64) -> bool) -> Vec<f64> {
    let mut grid: Vec<f64> =
        of_processes.iter().flat_map(points).map(|(t_s, _)| t_s).filter(|t_s| counted(*t_s)).collect();
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    grid
}

impl<'a> Member<'a> {
    /// `None` for one that was not there in the judged part.
    fn of(column: &'a Column, grid: &[f64]) -> Option<Self> {
        let on_grid =
            |(t_s, value): (f64, f64)| Some((grid.binary_search_by(|other| other.total_cmp(&t_s)).ok()?, value));
        let readings: Vec<(usize, f64)> = points(column).filter_map(on_grid).collect();
        let (first, last) = (readings.first()?.0, readings.last()?.0);
        Some(Self { column, readings, first, last })
    }

    fn points(&self, grid: &[f64]) -> impl Iterator<Item = (f64, f64)> {
        self.readings.iter().filter_map(|(place, value)| Some((*grid.get(*place)?, *value)))
    }

    fn level(&self) -> f64 {
        self.readings.last().map_or(0.0, |(_, value)| *value)
    }
}

/// What the members held together, wherever all of them were read.
fn together(members: &[Member], grid: &[f64]) -> Vec<(f64, f64)> {
    let mut sums = vec![(0, 0.0); grid.len()];
    for (place, value) in members.iter().flat_map(|member| &member.readings) {
        if let Some((count, sum)) = sums.get_mut(*place) {
            *count += 1;
            *sum += value;
        }
    }
    let of_all = grid.iter().zip(sums).filter(|(_, (count, _))| *count > 0 && *count == members.len());
    of_all.map(|(t_s, (_, sum))| (*t_s, sum)).collect()
}

/// A sentence about a program whose processes all grow in lives too short to be judged.
fn grows_in_each_life(others: &[Member], grid: &[f64], length_s: f64, quantity: Quantity) -> Option<String> {
    let mut programs: BTreeMap<&str, Vec<(f64, f64, f64)>> = BTreeMap::new();
    for member in others {
        let Scope::Process { name, .. } = &member.column.series.scope else { continue };
        let points: Vec<(f64, f64)> = member.points(grid).collect();
        let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
        let lived_s = last.0 - first.0;
        if points.len() >= FEWEST_READINGS && lived_s < LONG_SHARE * length_s {
            programs.entry(name).or_default().push((lived_s, first.1, last.1 - first.1));
        }
    }
    let median_of = |lives: &[(f64, f64, f64)], of: fn(&(f64, f64, f64)) -> f64| {
        median(&mut lives.iter().map(of).collect::<Vec<f64>>()).unwrap_or(0.0)
    };
    let grows = |lives: &&Vec<(f64, f64, f64)>| {
        let growth = median_of(lives, |life| life.2);
        lives.len() >= FEWEST_SHORT_LIVES
            && lives.iter().all(|life| life.2 > 0.0)
            && growth > TOLD_GROWTH * median_of(lives, |life| life.1)
    };
    let (name, lives) = programs.iter().find(|(_, lives)| grows(lives))?;
    Some(format!(
        "`{name}` grows in each of {} lives, by {} in {:.1} s (medians): it ends before that adds up, and nothing else bounds it",
        lives.len(),
        quantity.show(median_of(lives, |life| life.2)),
        median_of(lives, |life| life.0)
    ))
}

/// What a part was found to do, with the levels of the whole and growth as a share of them.
fn beside_the_sum(part: Judgement, sum: &Judgement) -> Judgement {
    let share = match (part.settled_baseline, sum.settled_baseline) {
        (Some(part), Some(whole)) if part > 0.0 && whole > 0.0 => Some(part / whole),
        _ => None,
    };
    let growth = part.growth_over_horizon_ratio.map(|ratio| share.map_or(ratio, |share| ratio.scaled(share)));
    Judgement {
        growth_over_horizon_ratio: growth,
        settled_baseline: sum.settled_baseline.or(part.settled_baseline),
        final_level: sum.final_level.or(part.final_level),
        ..part
    }
}

/// What a `no_leak` of bytes under the default tolerance need not be finer than, over the planned run; see
/// [`Question::confirm_per_run`].
const CONFIRMED_BYTES: f64 = (1 << 20) as f64;

/// The parts as one: their rates add up. `None` where the sum of what each may grow by is not below what is tolerated.
fn together_below(parts: &[Part], sum: &Judgement, question: &Question, quantity: Quantity) -> Option<Judgement> {
    let first = parts.first()?;
    let mut rate = Estimate { value: 0.0, low: Some(0.0), high: Some(0.0), ..first.judgement.rate_per_hour? };
    let mut detectable = 0.0;
    for part in parts {
        let its = part.judgement.rate_per_hour?;
        rate.value += its.value;
        rate.low = rate.low.zip(its.low).map(|(one, other)| one + other);
        rate.high = rate.high.zip(its.high).map(|(one, other)| one + other);
        detectable += part.judgement.mde_per_hour?;
    }
    let is_coarse = quantity == Quantity::Bytes && question.tolerance == Tolerance::Default;
    let coarse_per_run = question.confirm_per_run.or(is_coarse.then_some(CONFIRMED_BYTES)).unwrap_or(0.0);
    let tolerated = sum.tolerance_per_hour.max(coarse_per_run * 3600.0 / question.planned_s);
    let is_below = rate.high.is_some_and(|high| high < tolerated) || parts.len() == 1;
    is_below.then(|| Judgement { rate_per_hour: Some(rate), mde_per_hour: Some(detectable), ..first.judgement.clone() })
}

/// What the processes held that are not judged.
struct Rest(Vec<f64>);

fn rest(tree: &Column, kept: &[(f64, f64)], lives: &[(Life, Vec<(f64, f64)>)], counted: impl Fn(f64) -> bool) -> Rest {
    let at = |points: &[(f64, f64)], t_s: f64| -> f64 {
        let after = points.partition_point(|(other, _)| *other <= t_s);
        after.checked_sub(1).and_then(|place| points.get(place)).map_or(0.0, |(_, value)| *value)
    };
    let of_tree = points(tree).filter(|(t_s, _)| counted(*t_s));
    Rest(
        of_tree
            .map(|(t_s, whole)| {
                let alive = lives.iter().filter(|(life, _)| life.window.holds(t_s));
                // One that is growing up counts with what it holds when it has.
                let of_lives: f64 = alive
                    .map(|(_, points)| match points.first() {
                        Some((from_s, first)) if t_s < *from_s => *first,
                        _ => at(points, t_s),
                    })
                    .sum();
                (whole - at(kept, t_s) - of_lives).max(0.0)
            })
            .collect(),
    )
}

impl Rest {
    fn most(&self) -> f64 {
        self.0.iter().copied().fold(0.0, f64::max)
    }

    /// Whether it holds no more at once in the last third than in the first half, but for what is tolerated.
    fn is_no_more(&self, tolerated: f64) -> bool {
        let before = self.0.get(..self.0.len() / 2).unwrap_or_default();
        let late = self.0.get(self.0.len() * 2 / 3..).unwrap_or_default();
        let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        most(late) <= NO_MORE * most(before) + tolerated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::test_column;

    const MIB: f64 = (1 << 20) as f64;
    const LENGTH_S: u32 = 300;

    /// A process: when it comes, when it goes, and what it holds at each age, in MiB.
    type Process = (u32, u32, fn(f64) -> f64);

    /// The judgement of the sum alone, and what the processes say.
    fn told(processes: &[Process]) -> (JudgementKind, Option<Told>) {
        let noise = |t_s: u32, n: usize| f64::from((t_s * 7919 + n as u32 * 104_729) % 13) * 4096.0;
        let column = |scope: Scope, quantity, points: &[(f64, f64)]| {
            let mut column = test_column(quantity, points);
            column.series.scope = scope;
            column.series.metric = "anon_swap_bytes".to_owned();
            column
        };
        let (mut of_processes, mut sum, mut number) =
            (Vec::new(), vec![0.0; LENGTH_S as usize], vec![0.0; LENGTH_S as usize]);
        for (n, (from, to, holds)) in processes.iter().enumerate() {
            let mut points = Vec::new();
            for t_s in *from..*to {
                let value = holds(f64::from(t_s - from)) * MIB + noise(t_s, n);
                sum[t_s as usize] += value;
                number[t_s as usize] += 1.0;
                if *from == 0 || t_s - from >= 2 {
                    points.push((f64::from(t_s), value));
                }
            }
            let scope = Scope::Process { pid: n as u32 + 10, start_ticks: u64::from(*from), name: "worker".to_owned() };
            of_processes.push(column(scope, Quantity::Bytes, &points));
        }
        let over_time = |values: &[f64]| -> Vec<(f64, f64)> {
            values.iter().enumerate().map(|(t_s, value)| (t_s as f64, *value)).collect()
        };
        let tree = column(Scope::Tree, Quantity::Bytes, &over_time(&sum));
        let population = column(Scope::Tree, Quantity::Count, &over_time(&number));
        let load = Window { from_s: 0.0, to_s: f64::from(LENGTH_S) };
        let phases = Phases { ready_s: 0.0, load, checkpoints: Vec::new(), restarts_s: Vec::new(), end_s: load.to_s };
        let question = Question::new(f64::from(LENGTH_S));
        let of_sum = judge(&series(&tree, &phases, &[], None).expect("a series"), &question);
        let told = judge_members(&tree, &of_processes, Some(&population), &phases, None, &question, &of_sum);
        (of_sum.judgement, told)
    }

    /// What is found in the end.
    fn found(processes: &[Process]) -> JudgementKind {
        let (of_sum, told) = told(processes);
        told.map_or(of_sum, |told| told.judgement.judgement)
    }

    const STAYS: Process = (0, LENGTH_S, |_| 20.0);

    #[test]
    fn where_nobody_came_or_went_the_sum_stands() {
        assert_eq!(told(&[STAYS, (0, LENGTH_S, |age_s| 5.0 + 0.1 * age_s)]).1, None);
    }

    #[test]
    fn a_process_that_comes_and_goes_is_no_growth_unless_it_is_larger_each_time() {
        let comes: [Process; 4] =
            [(30, 70, |_| 50.0), (110, 130, |_| 50.0), (170, 220, |_| 50.0), (240, 260, |_| 50.0)];
        assert_eq!(found(&[&[STAYS], &comes[..]].concat()), JudgementKind::NoLeak);
        let larger: [Process; 4] =
            [(30, 70, |_| 50.0), (110, 130, |_| 80.0), (170, 220, |_| 110.0), (240, 260, |_| 150.0)];
        assert_ne!(found(&[&[STAYS], &larger[..]].concat()), JudgementKind::NoLeak);
    }

    #[test]
    fn a_leak_is_that_of_its_process_dead_or_alive() {
        let (_, told) = told(&[STAYS, (0, 150, |age_s| 5.0 + 0.3 * age_s), (152, LENGTH_S, |_| 5.0)]);
        let told = told.expect("they say more than the sum");
        assert_eq!(told.judgement.judgement, JudgementKind::Leak);
        let life = told.leaking.expect("one of them");
        assert_eq!((life.pid, life.window.from_s, life.window.to_s), (11, 0.0, 149.0));
        assert!((life.levels.1 - life.levels.0 - 0.3 * 149.0 * MIB).abs() < 0.1 * MIB, "{life:?}");
        let rate = told.judgement.rate_per_hour.expect("a rate");
        assert!(rate.low < Some(0.3 * MIB * 3600.0) && rate.high > Some(0.3 * MIB * 3600.0), "{rate:?}");
    }

    #[test]
    fn workers_that_warm_up_slowly_and_are_replaced_are_no_leak() {
        let warms = |age_s: f64| 30.0 * (1.0 - (-age_s / 15.0).exp());
        let workers: Vec<Process> = (0..3).map(|n| (n * 100, (n + 1) * 100, warms as fn(f64) -> f64)).collect();
        assert_ne!(found(&[&[STAYS], &workers[..]].concat()), JudgementKind::Leak);
        let workers: Vec<Process> = (0..20).map(|n| (n * 15, (n + 1) * 15, warms as fn(f64) -> f64)).collect();
        assert_ne!(found(&[&[STAYS], &workers[..]].concat()), JudgementKind::Leak);
    }

    #[test]
    fn a_program_that_grows_until_it_is_recycled_is_told_of() {
        let leaks = |age_s: f64| 10.0 + 2.0 * age_s;
        let workers: Vec<Process> = (0..20).map(|n| (n * 15, (n + 1) * 15, leaks as fn(f64) -> f64)).collect();
        let (_, told) = told(&[&[STAYS], &workers[..]].concat());
        let told = told.expect("they say more than the sum");
        assert_ne!(told.judgement.judgement, JudgementKind::Leak);
        let evidence = told.judgement.evidence.join("\n");
        assert!(evidence.contains("`worker` grows in each of 2"), "{evidence}");
    }

    #[test]
    fn processes_that_come_and_stay_are_bounded_only_if_no_more_come() {
        let pool: Vec<Process> = (0..6).map(|n| (100 + n, LENGTH_S, STAYS.2)).collect();
        assert_eq!(found(&[&[STAYS, STAYS], &pool[..]].concat()), JudgementKind::NoLeak);
        let more: Vec<Process> = (1..15).map(|n| (20 * n, LENGTH_S, STAYS.2)).collect();
        assert_ne!(found(&[&[STAYS], &more[..]].concat()), JudgementKind::NoLeak);
    }

    #[test]
    fn a_reading_that_one_of_them_lacks_is_no_fall() {
        let column = |points: &[(f64, f64)]| test_column(Quantity::Bytes, points);
        let columns = [column(&[(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)]), column(&[(0.0, 5.0), (2.0, 5.0)])];
        let grid = grid(&columns, |_| true);
        let members: Vec<Member> = columns.iter().filter_map(|column| Member::of(column, &grid)).collect();
        assert_eq!(together(&members, &grid), [(0.0, 6.0), (2.0, 6.0)]);
        assert!(together(&[], &grid).is_empty());
    }
}
