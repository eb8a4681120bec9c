//! Noise that may wander: an AR(1) process plus a random walk of unknown share.
//!
//! Growth in random portions, levels that switch and slow drifts leave a random walk beside any shape. Its share cannot
//! be told from zero by a single estimate (that piles up at zero), so a rate is averaged over the shares, each with its
//! restricted likelihood (Patterson & Thompson 1971, doi:10.1093/biomet/58.3.545); the spread of the rates between the
//! shares is part of the error (law of total variance).

use super::least_squares::{Space, WIDEST, dot, pseudo_variance, solve};

/// AR(1) coefficients of the part that stays.
const RHOS: [f64; 4] = [0.0, 0.4, 0.7, 0.9];
/// Variance of a step of the walk over the variance of the part that stays: none, then each about seven times the one
/// before; the last one is all walk.
const STEPS: [f64; 6] = [0.0, 0.0005, 0.003, 0.02, 0.2, 100.0];

/// A linear combination of regression coefficients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Combination {
    /// What has to be added to the value at which the residuals were taken.
    pub(crate) correction: f64,
    pub(crate) error: f64,
    pub(crate) freedom: f64,
}

/// `columns` as innovations of a Kalman filter for the noise, each in units of its standard deviation, and the
/// logarithm of the determinant of the noise's covariance. O(n) for each column.
fn decorrelated(columns: &[&[f64]], rho: f64, step: f64) -> (Vec<Vec<f64>>, f64) {
    let count = columns.first().map_or(0, |column| column.len());
    let mut out: Vec<Vec<f64>> = columns.iter().map(|_| Vec::with_capacity(count)).collect();
    // What stays and what walks, for each column; their covariance is the same for all.
    let mut states = vec![(0.0, 0.0); columns.len()];
    let (mut stays, mut both, mut walks) = (1.0, 0.0, 0.0);
    let mut log_determinant = 0.0;
    for i in 0..count {
        if i > 0 {
            stays = rho * rho * stays + 1.0 - rho * rho;
            both *= rho;
            walks += step;
        }
        let variance: f64 = stays + 2.0 * both + walks;
        let (gain_stays, gain_walks) = ((stays + both) / variance, (both + walks) / variance);
        let scale = 1.0 / variance.sqrt();
        log_determinant += variance.ln();
        for ((state, column), out) in states.iter_mut().zip(columns).zip(&mut out) {
            let stayed = if i > 0 { rho * state.0 } else { state.0 };
            let innovation = column[i] - stayed - state.1;
            *state = (stayed + gain_stays * innovation, state.1 + gain_walks * innovation);
            out.push(innovation * scale);
        }
        stays -= gain_stays * gain_stays * variance;
        both -= gain_stays * gain_walks * variance;
        walks -= gain_walks * gain_walks * variance;
    }
    (out, log_determinant)
}

/// The combination `gradient` of the coefficients of `columns` in the regression of `residuals` on them and on `others`,
/// averaged over how much the noise wanders. `rounding` is the variance that rounding adds to every value. `None` where
/// there are too few values.
pub(crate) fn combination(
    others: &[Vec<f64>],
    columns: &[Vec<f64>],
    gradient: &[f64],
    residuals: &[f64],
    rounding: f64,
) -> Option<Combination> {
    let columns = &columns[..columns.len().min(WIDEST)];
    let (m, p) = (residuals.len() as f64, (others.len() + columns.len()) as f64);
    let freedom = m - p - 2.0;
    if !(freedom >= 1.0) {
        return None;
    }
    let mut padded = [0.0; WIDEST];
    padded.iter_mut().zip(gradient).for_each(|(slot, value)| *slot = *value);
    let all: Vec<&[f64]> = others.iter().chain(columns).map(Vec::as_slice).chain(std::iter::once(residuals)).collect();
    let mut found: Vec<(f64, f64, f64)> = Vec::with_capacity(RHOS.len() * STEPS.len());
    for step in STEPS {
        for rho in RHOS {
            let (white, log_determinant) = decorrelated(&all, rho, step);
            let (regressors, values) = white.split_at(all.len() - 1);
            let (nuisance, shape) = regressors.split_at(others.len());
            let mut space = Space::default();
            let mut log_information = 0.0;
            for column in nuisance {
                let left = space.add(column);
                log_information += if left > 0.0 { 2.0 * left.ln() } else { 0.0 };
            }
            let rests: Vec<Vec<f64>> = shape.iter().map(|column| space.residual(column)).collect();
            let value = space.residual(&values[0]);
            let (mut gram, mut right) = ([[0.0; WIDEST]; WIDEST], [0.0; WIDEST]);
            for (i, a) in rests.iter().enumerate() {
                right[i] = dot(a, &value);
                for (j, b) in rests.iter().enumerate() {
                    gram[i][j] = dot(a, b);
                }
            }
            let mut shapes = Space::default();
            for rest in &rests {
                let left = shapes.add(rest);
                log_information += if left > 0.0 { 2.0 * left.ln() } else { 0.0 };
            }
            let left = shapes.residual(&value);
            let squares = dot(&left, &left) + m * rounding;
            if !(squares > 0.0) {
                continue;
            }
            let solved = solve(&gram, &right, rests.len());
            let correction: f64 = solved.iter().zip(&padded).map(|(value, weight)| value * weight).sum();
            let variance = pseudo_variance(&gram, &padded, rests.len()) * squares / freedom;
            let likelihood = -0.5 * (log_determinant + log_information + (m - p) * squares.ln());
            found.push((likelihood, correction, variance));
        }
    }
    let highest = found.iter().map(|one| one.0).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = found.iter().map(|one| (one.0 - highest).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mean = |of: &dyn Fn(&(f64, f64, f64)) -> f64| {
        found.iter().zip(&weights).map(|(one, weight)| weight * of(one)).sum::<f64>() / total
    };
    let correction = mean(&|one| one.1);
    let error = mean(&|one| one.2 + (one.1 - correction) * (one.1 - correction)).sqrt();
    (total > 0.0 && error.is_finite() && correction.is_finite()).then_some(Combination { correction, error, freedom })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Normal deviates of mean 0 and deviation 1, nearly: the sum of twelve uniform ones.
    fn deviates(seed: u64, count: usize) -> Vec<f64> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut uniform = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
    }

    fn line(values: &[f64]) -> Combination {
        let m = values.len();
        let x: Vec<f64> = (0..m).map(|i| i as f64 / (m - 1) as f64).collect();
        combination(&[vec![1.0; m]], &[x], &[1.0], values, 0.0).unwrap()
    }

    #[test]
    fn the_filter_gives_uncorrelated_values_of_the_right_determinant() {
        // Three values: covariance rho^|i-j| + step min(i, j), its determinant by hand.
        let (rho, step): (f64, f64) = (0.5, 0.3);
        let c = |i: i32, j: i32| rho.powi((i - j).abs()) + step * f64::from(i.min(j));
        let determinant = c(0, 0) * (c(1, 1) * c(2, 2) - c(1, 2) * c(2, 1))
            - c(0, 1) * (c(1, 0) * c(2, 2) - c(1, 2) * c(2, 0))
            + c(0, 2) * (c(1, 0) * c(2, 1) - c(1, 1) * c(2, 0));
        let column = [1.0, -2.0, 0.5];
        let (white, log_determinant) = decorrelated(&[&column], rho, step);
        assert!((log_determinant - determinant.ln()).abs() < 1e-12);
        // The first value is in units of its own deviation; the second less what the first tells of it.
        assert!((white[0][0] - 1.0).abs() < 1e-12);
        let variance = c(1, 1) - c(0, 1) * c(0, 1) / c(0, 0);
        assert!((white[0][1] - (-2.0 - c(0, 1) / c(0, 0)) / variance.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_line_in_white_noise_and_in_a_random_walk_is_mostly_within_its_error() {
        let mut outside = [0, 0];
        for seed in 0..200 {
            let white = deviates(seed + 1, 64);
            let mut level = 0.0;
            let walk: Vec<f64> = deviates(seed + 1001, 64)
                .iter()
                .map(|step| {
                    level += step;
                    level
                })
                .collect();
            for (count, values) in outside.iter_mut().zip([white, walk]) {
                let found = line(&values);
                // 95 % of the t distribution with 60 degrees of freedom.
                *count += usize::from(found.correction.abs() > 2.0 * found.error);
            }
        }
        // Nominally 10. A pure walk over 64 values cannot be told from one in part: 15 % of its intervals are too narrow.
        assert!(outside[0] <= 14 && outside[1] <= 35, "{outside:?}");
        assert!(line(&deviates(7, 64)).error < 2.0);
    }

    #[test]
    fn too_few_values_and_values_without_noise_are_no_trouble() {
        assert_eq!(combination(&[vec![1.0; 4]], &[vec![0.0, 1.0, 2.0, 3.0]], &[1.0], &[1.0; 4], 0.0), None);
        assert_eq!(combination(&[vec![1.0; 32]], &[(0..32).map(f64::from).collect()], &[1.0], &[0.0; 32], 0.0), None);
        let paged = combination(&[vec![1.0; 32]], &[(0..32).map(f64::from).collect()], &[1.0], &[0.0; 32], 1.0);
        assert!(paged.is_some_and(|found| found.correction == 0.0 && found.error > 0.0));
    }
}
