//! The run that is drawn before a mechanism plays in it: length, pace, size, and all randomness.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::mechanisms::Kind;

const MIB: f64 = 1024.0 * 1024.0;

/// Seconds between samples that recorders use.
const STEPS_S: [f64; 6] = [0.1, 1.0, 1.0, 5.0, 10.0, 60.0];

/// What a mechanism works with. Its time is `x`, from 0 at the start to 1 at the end of the run.
pub(crate) struct Scene {
    rng: Pcg64Mcg,
    /// Planned length in seconds.
    pub(crate) planned_s: f64,
    /// Share of the run at each sample, growing from 0 towards 1.
    pub(crate) x: Vec<f64>,
    /// Size of the process after its start, in bytes, or number of things.
    pub(crate) base: f64,
    /// Tolerated growth over the whole run, in the units of the series.
    pub(crate) tolerance: f64,
}

/// What a mechanism gives: the series above the base, without noise.
pub(crate) struct Trace {
    /// Units above the base at each sample.
    pub(crate) signal: Vec<f64>,
    /// Growth per run at the end, in units of the series.
    pub(crate) rate: f64,
    /// Growth over the run as chance had it, where the mechanism draws it; the label asks for both.
    pub(crate) drawn: Option<f64>,
    /// Whether `signal` ends while it still grows for ever.
    pub(crate) leaks: bool,
    /// Operations so far at each sample, where the mechanism works by operations.
    pub(crate) ops: Option<Vec<f64>>,
    /// Share of the run at which a fill is over.
    pub(crate) fills_until: Option<f64>,
    /// Whether the life of the process may be cut by a restart without changing the truth.
    pub(crate) restartable: bool,
    /// Samples at which a new process starts, where the mechanism is about that.
    pub(crate) restarts: Vec<usize>,
}

impl Trace {
    /// Bounded memory.
    pub(crate) fn bounded(signal: Vec<f64>) -> Self {
        Self {
            signal,
            rate: 0.0,
            drawn: None,
            leaks: false,
            ops: None,
            fills_until: None,
            restartable: true,
            restarts: Vec::new(),
        }
    }

    /// Bounded memory that fills until a share of the run.
    pub(crate) fn fill(signal: Vec<f64>, until: f64) -> Self {
        Self { fills_until: Some(until), restartable: false, ..Self::bounded(signal) }
    }

    /// This memory with growth on top whose rate per run is `rate` at the end.
    pub(crate) fn leaking(mut self, growth: &[f64], rate: f64) -> Self {
        for (value, more) in self.signal.iter_mut().zip(growth) {
            *value += more;
        }
        Self { rate, leaks: true, ..self }
    }
}

/// A stable hash of a name (FNV-1a), so that equal seeds differ between mechanisms.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Scene {
    pub(crate) fn new(name: &str, seed: u64, kind: Kind) -> Self {
        let rng = Pcg64Mcg::seed_from_u64(hash(name) ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut scene = Self { rng, planned_s: 0.0, x: Vec::new(), base: 0.0, tolerance: 0.0 };
        // Most runs are short; one in twenty is longer than two hours at 1 s.
        let points = match scene.chance(0.05) {
            true => scene.log_between(7_200.0, 86_400.0),
            false => scene.log_between(60.0, 7_200.0),
        };
        let points = points as usize;
        let step_s = STEPS_S[scene.rng.random_range(0..STEPS_S.len())];
        scene.planned_s = points as f64 * step_s;
        scene.x = (0..points).map(|index| index as f64 / points as f64).collect();
        match kind {
            Kind::Bytes => {
                scene.base = scene.log_between(5.0 * MIB, 8192.0 * MIB);
                scene.tolerance = (0.005 * scene.base).max(0.25 * MIB);
            }
            Kind::Count => {
                scene.base = scene.log_between(4.0, 400.0).round();
                scene.tolerance = 100.0_f64.min(points as f64 / 10.0);
            }
        }
        scene
    }

    /// Uniform.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.rng.random::<f64>()
    }

    /// Uniform in the logarithm.
    pub(crate) fn log_between(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    /// A whole number from `low` up to and with `high`.
    pub(crate) fn whole(&mut self, low: usize, high: usize) -> usize {
        self.rng.random_range(low..=high)
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.rng.random::<f64>() < probability
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.rng.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.rng.random::<f64>()).cos()
    }

    /// Exponential with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.rng.random::<f64>()).ln()
    }

    /// Growing times in 0 to 1 of events that come at random, `count` on average.
    pub(crate) fn events(&mut self, count: f64) -> Vec<f64> {
        let mut at = 0.0;
        let mut events = Vec::new();
        loop {
            at += self.exponential() / count;
            if at >= 1.0 {
                return events;
            }
            events.push(at);
        }
    }

    /// The value of `function` at every sample.
    pub(crate) fn trace(&self, function: impl FnMut(f64) -> f64) -> Vec<f64> {
        self.x.iter().copied().map(function).collect()
    }

    /// A stationary wandering of standard deviation 1 with a correlation time in shares of the run.
    pub(crate) fn wander(&mut self, correlation: f64) -> Vec<f64> {
        let mut level = self.normal();
        let mut before = 0.0;
        let mut values = Vec::with_capacity(self.x.len());
        for index in 0..self.x.len() {
            let keep = (-(self.x[index] - before) / correlation).exp();
            before = self.x[index];
            level = keep * level + (1.0 - keep * keep).sqrt() * self.normal();
            values.push(level);
        }
        values
    }

    /// A size for something that a mechanism keeps: a share of the base.
    pub(crate) fn size(&mut self, low: f64, high: f64) -> f64 {
        self.base * self.log_between(low, high)
    }

    /// The growth of a leak over the run: 0.3 to 60 tolerances.
    pub(crate) fn leak(&mut self) -> f64 {
        self.tolerance * self.log_between(0.3, 60.0)
    }
}
