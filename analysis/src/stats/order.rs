//! Medians, percentiles and robust spread, by selection: O(n).

/// Makes the median absolute deviation of normal data estimate the standard deviation: 1 / Φ⁻¹(3/4).
pub(crate) const MAD_TO_SIGMA: f64 = 1.4826;

/// The middle value; the mean of the two middle ones for an even count; 0 for nothing. Reorders `values`.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    let count = values.len();
    if count == 0 {
        return 0.0;
    }
    let (below, middle, _) = values.select_nth_unstable_by(count / 2, f64::total_cmp);
    let upper = *middle;
    if count % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
    // Half of each first: the sum of two numbers near the largest float would overflow.
    0.5 * lower + 0.5 * upper
}

/// [`median`] of a copy.
pub(crate) fn median_of(values: &[f64]) -> f64 {
    median(&mut values.to_vec())
}

/// Standard deviation estimated by the median absolute deviation from the median.
pub(crate) fn robust_sigma(values: &[f64]) -> f64 {
    let centre = median_of(values);
    let mut distances: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    MAD_TO_SIGMA * median(&mut distances)
}

/// The value below which the share `p` (0 to 1) lies, interpolated between neighbours; 0 for nothing.
pub(crate) fn percentile(values: &[f64], p: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let mut values = values.to_vec();
    let place = p * (values.len() - 1) as f64;
    let index = place as usize;
    let (_, at, above) = values.select_nth_unstable_by(index, f64::total_cmp);
    let at = *at;
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(at);
    at + (next - at) * (place - index as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [f64::MAX, f64::MAX]), f64::MAX);
        assert_eq!(median(&mut []), 0.0);
    }

    #[test]
    fn percentiles_are_interpolated() {
        let values = [10.0, 20.0, 30.0, 40.0, 50.0];
        assert_eq!(percentile(&values, 0.5), 30.0);
        assert_eq!(percentile(&values, 1.0), 50.0);
        assert!((percentile(&values, 0.97) - 48.8).abs() < 1e-12);
    }

    #[test]
    fn the_spread_ignores_a_minority_of_outliers() {
        let mut values: Vec<f64> = (0..101).map(|i| f64::from(i) - 50.0).collect();
        let before = robust_sigma(&values);
        values[0] = 1e12;
        assert!((robust_sigma(&values) - before).abs() < 2.0);
    }
}
