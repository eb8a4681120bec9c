//! Fewer points that tell the same: each stands for all the readings of a stretch of time, with the lowest and the highest
//! of them.

use std::ops::Range;

/// A series of readings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readings<'a> {
    /// Times, not falling.
    pub(super) t_s: &'a [f64],
    /// A reading for each time.
    pub(super) values: &'a [f64],
    /// The lowest and the highest behind each reading, where it stands for several already.
    pub(super) extremes: Option<(&'a [f64], &'a [f64])>,
}

/// A series with at most so many points.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Thinned {
    /// The time of the reading that is shown.
    pub(super) t_s: Vec<f64>,
    /// The lowest of the stretch.
    pub(super) low: Vec<f64>,
    /// The highest of the stretch.
    pub(super) high: Vec<f64>,
    /// The (lower) median of the stretch.
    pub(super) value: Vec<f64>,
}

impl Readings<'_> {
    fn low(&self) -> &[f64] {
        self.extremes.map_or(self.values, |(low, _)| low)
    }

    fn high(&self) -> &[f64] {
        self.extremes.map_or(self.values, |(_, high)| high)
    }
}

/// At most `points` points for equal stretches of time; what has no more readings stays as it is, and a stretch without any
/// has no point. O(n).
pub(super) fn thin(readings: Readings<'_>, points: usize) -> Thinned {
    let mut thinned = Thinned::default();
    let mut stretch_values = Vec::new();
    for stretch in stretches(readings.t_s, points) {
        stretch_values.clear();
        stretch_values.extend_from_slice(&readings.values[stretch.clone()]);
        let middle = (stretch_values.len() - 1) / 2;
        let (_, median, _) = stretch_values.select_nth_unstable_by(middle, f64::total_cmp);
        thinned.value.push(*median);
        thinned.t_s.push(readings.t_s[stretch.start + middle]);
        thinned.low.push(readings.low()[stretch.clone()].iter().copied().fold(f64::INFINITY, f64::min));
        thinned.high.push(readings.high()[stretch].iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
    thinned
}

/// At most `points` of the readings themselves, in their order: the lowest and the highest of each stretch. O(n).
pub(super) fn thin_to_readings(readings: Readings<'_>, points: usize) -> (Vec<f64>, Vec<f64>) {
    if readings.t_s.len() <= points {
        return (readings.t_s.to_vec(), readings.values.to_vec());
    }
    let (mut t_s, mut values) = (Vec::new(), Vec::new());
    // Two of each stretch; of a single one only the highest would fit.
    for stretch in stretches(readings.t_s, (points / 2).max(1)) {
        let by_value = |a: &usize, b: &usize| readings.values[*a].total_cmp(&readings.values[*b]);
        let lowest = stretch.clone().min_by(by_value);
        let highest = stretch.max_by(by_value);
        let (Some(lowest), Some(highest)) = (lowest, highest) else { continue };
        let mut kept = if points == 1 { vec![highest] } else { vec![lowest.min(highest), lowest.max(highest)] };
        kept.dedup();
        for place in kept {
            t_s.push(readings.t_s[place]);
            values.push(readings.values[place]);
        }
    }
    (t_s, values)
}

/// The readings of each stretch that has any, in order of time.
fn stretches(t_s: &[f64], points: usize) -> Vec<Range<usize>> {
    let (Some(&first), Some(&last)) = (t_s.first(), t_s.last()) else { return Vec::new() };
    let points = points.max(1);
    if t_s.len() <= points {
        return (0..t_s.len()).map(|place| place..place + 1).collect();
    }
    let of = |time: f64| {
        let share = if last > first { (time - first) / (last - first) } else { 0.0 };
        ((share * points as f64) as usize).min(points - 1)
    };
    let mut stretches = Vec::with_capacity(points);
    let mut start = 0;
    for part in t_s.chunk_by(|a, b| of(*a) == of(*b)) {
        stretches.push(start..start + part.len());
        start += part.len();
    }
    stretches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn series() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        proptest::collection::vec((0.0..100.0_f64, -1e9..1e9_f64), 0..300).prop_map(|steps| {
            let mut t_s = 0.0;
            steps
                .into_iter()
                .map(|(step, value)| {
                    t_s += step;
                    (t_s, value)
                })
                .unzip()
        })
    }

    fn bounds(values: &[f64]) -> (f64, f64) {
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
    }

    proptest! {
        #[test]
        fn no_peak_is_lost_and_no_more_points_come_than_were_asked_for((t_s, values) in series(), points in 1_usize..400) {
            let readings = Readings { t_s: &t_s, values: &values, extremes: None };
            let thinned = thin(readings, points);
            prop_assert!(thinned.t_s.len() <= points);
            prop_assert_eq!(thinned.t_s.is_empty(), t_s.is_empty());
            for lengths in [&thinned.low, &thinned.high, &thinned.value] {
                prop_assert_eq!(lengths.len(), thinned.t_s.len());
            }
            prop_assert_eq!((bounds(&thinned.low).0, bounds(&thinned.high).1), bounds(&values));
            prop_assert!(thinned.t_s.is_sorted());
            for place in 0..thinned.t_s.len() {
                prop_assert!(thinned.low[place] <= thinned.value[place] && thinned.value[place] <= thinned.high[place]);
                prop_assert!(t_s.contains(&thinned.t_s[place]) && values.contains(&thinned.value[place]));
            }
            if t_s.len() <= points {
                prop_assert_eq!(&thinned.t_s, &t_s);
                prop_assert_eq!(&thinned.value, &values);
            }
        }

        #[test]
        fn readings_that_are_kept_are_some_of_them_with_the_peaks((t_s, values) in series(), points in 2_usize..400) {
            let (kept_t_s, kept) = thin_to_readings(Readings { t_s: &t_s, values: &values, extremes: None }, points);
            prop_assert!(kept.len() <= points);
            prop_assert_eq!(bounds(&kept), bounds(&values));
            prop_assert!(kept_t_s.is_sorted());
            let all: Vec<_> = t_s.iter().zip(&values).collect();
            prop_assert!(kept_t_s.iter().zip(&kept).all(|reading| all.contains(&reading)));
        }

        #[test]
        fn thinning_what_is_thin_enough_changes_nothing((t_s, values) in series(), points in 1_usize..400) {
            let once = thin(Readings { t_s: &t_s, values: &values, extremes: None }, points);
            let again = Readings { t_s: &once.t_s, values: &once.value, extremes: Some((&once.low, &once.high)) };
            prop_assert_eq!(&thin(again, points), &once);
        }
    }

    #[test]
    fn the_extremes_of_minutes_are_peaks_too() {
        let readings =
            Readings { t_s: &[30.0, 90.0], values: &[5.0, 6.0], extremes: Some((&[1.0, 2.0], &[50.0, 9.0])) };
        let thinned = thin(readings, 1);
        assert_eq!((thinned.low, thinned.high, thinned.value), (vec![1.0], vec![50.0], vec![5.0]));
    }

    #[test]
    fn a_gap_stays_one() {
        let t_s: Vec<f64> = (0..100).chain(900..1000).map(f64::from).collect();
        let thinned = thin(Readings { t_s: &t_s, values: &t_s, extremes: None }, 10);
        assert_eq!(thinned.t_s.len(), 2, "{thinned:?}");
        let one = thin_to_readings(Readings { t_s: &t_s, values: &t_s, extremes: None }, 1);
        assert_eq!(one, (vec![999.0], vec![999.0]));
    }
}
