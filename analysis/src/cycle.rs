//! One coherent cycle: daily load, time-to-live waves, a regular collector.

use crate::stats::autoregression::{coefficient, whitened};
use crate::stats::least_squares::{Space, dot, partial};
use crate::trend;

/// Columns of the fundamental and its first harmonic.
#[derive(Debug, Clone)]
pub(crate) struct Cycle {
    pub(crate) columns: Vec<Vec<f64>>,
    /// Cycles in the run.
    pub(crate) count: f64,
}

/// Fewest cycles in the run: below it a cycle cannot be told from a trend.
const FEWEST: f64 = 1.7;
/// The halves must agree, or ratchets and warm-ups are "explained" by a cycle that is none.
const AMPLITUDE_RATIO: f64 = 0.6;
const PHASE_COSINE: f64 = 0.85;

/// Coefficients of two harmonics and the frequency.
const PARAMETERS: f64 = 5.0;
/// A cycle must explain the series better than noise that wanders does: a random walk looks like a slow cycle.
const LEAST_GAIN: f64 = 20.0;

/// Variance of the noise after its memory is taken out, beside some columns.
fn innovations(columns: &[&[f64]], v: &[f64]) -> Option<f64> {
    let rho = coefficient(&Space::of(columns.iter().copied()).residual(v), columns.len());
    let white: Vec<Vec<f64>> = columns.iter().map(|column| whitened(column, rho)).collect();
    let rest = Space::of(white.iter().map(Vec::as_slice)).residual(&whitened(v, rho));
    let power = dot(&rest, &rest);
    (power > 0.0).then_some(power)
}

fn waves(x: &[f64], frequency: f64) -> (Vec<f64>, Vec<f64>) {
    x.iter()
        .map(|x| {
            let (sin, cos) = (std::f64::consts::TAU * frequency * x).sin_cos();
            (cos, sin)
        })
        .unzip()
}

/// Waves of rising frequency, each turned on from the one before: a sine costs more than all else that is done with it.
struct Sweep {
    cos: Vec<f64>,
    sin: Vec<f64>,
    /// Cosine and sine of the angle from one frequency to the next.
    turn: Vec<(f64, f64)>,
}

impl Sweep {
    fn new(x: &[f64], from: f64, spacing: f64) -> Self {
        let (cos, sin) = waves(x, from);
        let (turn_cos, turn_sin) = waves(x, spacing);
        Self { cos, sin, turn: turn_cos.into_iter().zip(turn_sin).collect() }
    }

    fn advance(&mut self) {
        for ((cos, sin), (turn_cos, turn_sin)) in self.cos.iter_mut().zip(&mut self.sin).zip(&self.turn) {
            (*cos, *sin) = (*cos * turn_cos - *sin * turn_sin, *sin * turn_cos + *cos * turn_sin);
        }
    }
}

fn harmonics(x: &[f64], frequency: f64) -> Vec<Vec<f64>> {
    let (c1, s1) = waves(x, frequency);
    let (c2, s2) = waves(x, 2.0 * frequency);
    vec![c1, s1, c2, s2]
}

/// The series less its trend, where trend and cycle are fitted beside each other: a trend alone takes part of a slow cycle
/// with it. `u` is what the trend alone leaves.
fn beside_trend(trend: &Space, cycle: &[Vec<f64>], u: &[f64]) -> Vec<f64> {
    let mut out = u.to_vec();
    for (i, column) in cycle.iter().enumerate() {
        let mut others = trend.clone();
        for (j, other) in cycle.iter().enumerate() {
            if j != i {
                others.add(other);
            }
        }
        if let Some(fit) = partial(&others, column, u) {
            // The part of the cycle that the trend took.
            let rest = trend.residual(column);
            for ((value, whole), rest) in out.iter_mut().zip(column).zip(&rest) {
                *value += fit.coefficient * (whole - rest);
            }
        }
    }
    out
}

/// The dominant cycle of `v` beside a flexible trend and `steps`, if it removes at least half of what the trend leaves and
/// repeats itself in both halves.
pub(crate) fn find(x: &[f64], v: &[f64], steps: &[Vec<f64>]) -> Option<Cycle> {
    let m = x.len() as f64;
    let trend_columns = trend::flexible(x);
    let space = Space::of(trend_columns.iter().chain(steps).map(Vec::as_slice));
    let u = space.residual(v);
    let power = dot(&u, &u);
    if !(power > 0.0) {
        return None;
    }
    let mut best = (0.0, 0.0, 0.0);
    for (from, spacing, to) in [(1.8, 0.1, 7.95), (8.0, 0.25, m / 8.0)] {
        let mut sweep = Sweep::new(x, from, spacing);
        let frequencies = (0..).map(|i| from + spacing * f64::from(i)).take_while(|frequency| *frequency < to);
        for frequency in frequencies {
            let (c, s) = (&sweep.cos, &sweep.sin);
            // Products of what the trend leaves of the two; what it leaves of the series is `u` already.
            let (mut cc, mut ss, mut cs) = (dot(c, c), dot(s, s), dot(c, s));
            for direction in space.directions() {
                let (along_c, along_s) = (dot(direction, c), dot(direction, s));
                cc -= along_c * along_c;
                ss -= along_s * along_s;
                cs -= along_c * along_s;
            }
            let (cu, su) = (dot(c, &u), dot(s, &u));
            let determinant = cc * ss - cs * cs;
            if cc > 0.0 && ss > 0.0 && determinant > 1e-9 * cc * ss {
                let removed = (cu * cu * ss - 2.0 * cu * su * cs + su * su * cc) / determinant;
                if removed > best.0 {
                    best = (removed, frequency, spacing);
                }
            }
            sweep.advance();
        }
    }
    let (removed, mut frequency, mut width) = best;
    let left = (power - removed).max(1e-12 * power) / power;
    if removed < 0.5 * power || m * left.ln() + 3.0 * m.ln() > -15.0 {
        return None;
    }
    for _round in 0..3 {
        let start = frequency - width;
        let mut least = (f64::INFINITY, frequency);
        for i in 0..11 {
            let candidate = start + width * f64::from(i) / 5.0;
            let mut both = space.clone();
            for column in harmonics(x, candidate) {
                both.add(&column);
            }
            let rest = both.residual(&u);
            let rest = dot(&rest, &rest);
            if rest < least.0 {
                least = (rest, candidate);
            }
        }
        frequency = least.1;
        width *= 0.25;
    }
    let columns = harmonics(x, frequency);
    let u = beside_trend(&space, &columns, &u);
    let half = |range: std::ops::Range<usize>| {
        let (c, s) = waves(&x[range.clone()], frequency);
        let ones = vec![1.0; range.len()];
        let with = |other: &[f64], column: &[f64]| {
            let others = Space::of([&ones, &x[range.clone()], other]);
            partial(&others, column, &u[range.clone()]).map_or(0.0, |fit| fit.coefficient)
        };
        (with(&s, &c), with(&c, &s))
    };
    let middle = x.partition_point(|x| *x < 0.5);
    let (first, second) = (half(0..middle), half(middle..x.len()));
    let (n0, n1) = (first.0.hypot(first.1), second.0.hypot(second.1));
    let along = first.0 * second.0 + first.1 * second.1;
    let coherent = n0.min(n1) >= AMPLITUDE_RATIO * n0.max(n1) && along >= PHASE_COSINE * n0 * n1;
    if frequency < FEWEST || !coherent {
        return None;
    }
    let without: Vec<&[f64]> = trend_columns.iter().chain(steps).map(Vec::as_slice).collect();
    let with: Vec<&[f64]> = without.iter().copied().chain(columns.iter().map(Vec::as_slice)).collect();
    let gain = m * (innovations(&without, v)? / innovations(&with, v)?).ln();
    (gain > PARAMETERS * m.ln() + LEAST_GAIN).then_some(Cycle { columns, count: frequency })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x() -> Vec<f64> {
        (0..128).map(|i| f64::from(i) / 127.0).collect()
    }

    #[test]
    fn a_sine_is_found_with_its_frequency() {
        let v: Vec<f64> = x().iter().map(|x| 3.0 * x + (std::f64::consts::TAU * 5.3 * x).sin()).collect();
        let cycle = find(&x(), &v, &[]).unwrap();
        assert!((cycle.count - 5.3).abs() < 0.02, "{}", cycle.count);
    }

    #[test]
    fn a_wave_that_was_turned_on_is_the_wave_of_that_frequency() {
        let mut sweep = Sweep::new(&x(), 1.8, 0.1);
        (0..61).for_each(|_| sweep.advance());
        let (cos, sin) = waves(&x(), 1.8 + 6.1);
        let off =
            |turned: &[f64], direct: &[f64]| turned.iter().zip(direct).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off(&sweep.cos, &cos) < 1e-12 && off(&sweep.sin, &sin) < 1e-12);
    }

    #[test]
    fn a_ratchet_and_a_decaying_wave_are_not_cycles() {
        let ratchet: Vec<f64> = x().iter().map(|x| (x * 4.0).floor().sqrt()).collect();
        assert!(find(&x(), &ratchet, &[]).is_none());
        let decaying: Vec<f64> = x().iter().map(|x| (-3.0 * x).exp() * (40.0 * x).sin()).collect();
        assert!(find(&x(), &decaying, &[]).is_none());
        assert!(find(&x(), &[1.0; 128], &[]).is_none());
    }
}
