//! Noise that remembers: estimate of the AR(1) coefficient, whitening, and the long-run variance that is left.

/// The first whitened value is scaled by sqrt(1 - rho²); at rho = 1 that would erase the intercept's only row.
const SMALLEST_FIRST_WEIGHT: f64 = 1e-6;

fn first_weight(rho: f64) -> f64 {
    (1.0 - rho * rho).max(SMALLEST_FIRST_WEIGHT).sqrt()
}

/// AR(1) coefficient of regression residuals after `regressors` columns, corrected for its bias and set to 1 where
/// it cannot be told from 1.
///
/// The correction is that of Roy & Fuller (2001) for a regression, the truncation that of Perron & Yabu (2009),
/// doi:10.1016/j.jeconom.2009.03.001: without it the interval of a trend is far too narrow near a unit root.
pub(crate) fn coefficient(residuals: &[f64], regressors: usize) -> f64 {
    let count = residuals.len();
    if count < 3 {
        return 0.0;
    }
    let m = count as f64;
    let power: f64 = residuals[..count - 1].iter().map(|u| u * u).sum();
    if !(power > 0.0) {
        return 0.0;
    }
    let lagged: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let q = regressors as f64;
    let mut rho = lagged / power;
    if rho > -0.5 {
        rho += (1.0 + q / 2.0 + (2.0 + q) * rho.max(0.0)) / m;
    }
    if rho > 1.0 - 1.0 / m.sqrt() { 1.0 } else { rho.clamp(0.0, 1.0) }
}

/// Prais-Winsten transform in place: uncorrelated, equally spread values if `rho` is right.
pub(crate) fn whiten(values: &mut [f64], rho: f64) {
    for i in (1..values.len()).rev() {
        values[i] -= rho * values[i - 1];
    }
    if let Some(first) = values.first_mut() {
        *first *= first_weight(rho);
    }
}

/// [`whiten`] of a copy.
pub(crate) fn whitened(values: &[f64], rho: f64) -> Vec<f64> {
    let mut copy = values.to_vec();
    whiten(&mut copy, rho);
    copy
}

/// Undoes [`whiten`]; centred, since the level of whitened residuals means nothing.
pub(crate) fn unwhitened(values: &[f64], rho: f64) -> Vec<f64> {
    let mut out = Vec::with_capacity(values.len());
    let mut last = 0.0;
    for (i, value) in values.iter().enumerate() {
        last = if i == 0 { value / first_weight(rho) } else { value + rho * last };
        out.push(last);
    }
    centre(&mut out);
    out
}

fn centre(values: &mut [f64]) {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    for value in values {
        *value -= mean;
    }
}

/// Upper limit of [`long_run_ratio`]: beyond it a dozen effective blocks would be left of 128.
const LARGEST_RATIO: f64 = 12.0;

/// Long-run variance of whitened residuals over their variance (Bartlett window), at least 1: what AR(1) whitening
/// left behind. It shrinks the number of blocks that count as independent.
pub(crate) fn long_run_ratio(residuals: &[f64]) -> f64 {
    let count = residuals.len();
    let mut e = residuals.to_vec();
    centre(&mut e);
    let power: f64 = e.iter().map(|u| u * u).sum();
    if !(power > 0.0) {
        return 1.0;
    }
    let m = count as f64;
    let lags = ((6.0 * (m / 100.0).powf(2.0 / 9.0)).round() as usize).max(2).min(count.saturating_sub(1));
    let window = lags as f64 + 1.0;
    let mut ratio = 1.0;
    for k in 1..=lags {
        let lagged: f64 = e[k..].iter().zip(&e).map(|(a, b)| a * b).sum();
        ratio += 2.0 * (1.0 - k as f64 / window) * lagged / power;
    }
    (ratio * (1.0 + lags as f64 / m)).clamp(1.0, LARGEST_RATIO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitening_turns_a_decay_into_its_first_value() {
        let decay: Vec<f64> = (0..20).map(|i| 0.5f64.powi(i)).collect();
        let white = whitened(&decay, 0.5);
        assert!((white[0] - 0.75f64.sqrt()).abs() < 1e-12);
        assert!(white[1..].iter().all(|value| value.abs() < 1e-12));
    }

    #[test]
    fn unwhitening_undoes_whitening_but_for_the_level() {
        let values: Vec<f64> = (0..40).map(|i| f64::from(i * 7 % 13)).collect();
        let mean = values.iter().sum::<f64>() / 40.0;
        let back = unwhitened(&whitened(&values, 0.8), 0.8);
        assert!(values.iter().zip(&back).all(|(a, b)| (a - mean - b).abs() < 1e-9));
    }

    #[test]
    fn a_random_walk_has_a_unit_root_and_alternating_noise_none() {
        let alternating: Vec<f64> = (0..64).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert_eq!(coefficient(&alternating, 2), 0.0);
        let slow: Vec<f64> = (0..64).map(|i| (f64::from(i) / 40.0).sin()).collect();
        assert_eq!(coefficient(&slow, 2), 1.0);
        assert_eq!(coefficient(&[0.0; 64], 2), 0.0);
    }
}
