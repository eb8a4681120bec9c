//! Fewer points that look the same: a picture has no more columns than pixels, and no peak may be lost.

/// At most two points for each of `columns` equal spans of time: the lowest and the highest, in their order.
pub(crate) fn thin(points: &[(f64, f64)], columns: usize) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    if points.len() <= 2 * columns || !(last.0 > first.0) {
        return points.to_vec();
    }
    let column = |t_s: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the columns")]
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
        let place = ((t_s - first.0) / (last.0 - first.0) * columns as f64) as usize;
        place.min(columns - 1)
    };
    let mut kept = Vec::with_capacity(2 * columns);
    for part in points.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let lowest = part.iter().min_by(|a, b| a.1.total_cmp(&b.1));
        let highest = part.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        if let (Some(a), Some(b)) = (lowest, highest) {
            let (early, late) = if a.0 <= b.0 { (a, b) } else { (b, a) };
            kept.push(*early);
            if late.0 > early.0 {
                kept.push(*late);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_extreme_is_lost_and_time_goes_on(values in prop::collection::vec(-1e6_f64..1e6, 1..400), columns in 1_usize..40) {
            let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(t, value)| (t as f64, *value)).collect();
            let kept = thin(&points, columns);
            prop_assert!(kept.len() <= points.len().min(2 * columns).max(1));
            prop_assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let high = |points: &[(f64, f64)]| points.iter().map(|point| point.1).fold(f64::MIN, f64::max);
            let low = |points: &[(f64, f64)]| points.iter().map(|point| point.1).fold(f64::MAX, f64::min);
            prop_assert_eq!((low(&kept), high(&kept)), (low(&points), high(&points)));
        }
    }
}
