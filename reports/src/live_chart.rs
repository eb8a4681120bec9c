//! A series of a run that goes on, as a picture: what was sampled, where the estimate leads with its interval, and what is
//! tolerated. Drawn for a screen with room and for a narrow one.

use soakd_analysis::{Estimate, Quantity};

use crate::plot::axis::{Axis, time_axis_of, value_axis};
use crate::plot::scene::{Anchor, Paint, Scene};
use crate::render::svg;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiveChart<'a> {
    /// What it shows in a sentence, for those who listen to the page.
    pub about: &'a str,
    /// Unit of the series.
    pub unit: Quantity,
    /// Time in seconds of the run, lowest and highest value of each point, in order of time. What is no number that a
    /// scale could be made for is left out.
    pub points: &'a [(f64, f64, f64)],
    /// Growth per hour.
    pub rate_per_hour: Option<Estimate>,
    /// Growth per hour that is tolerated.
    pub tolerance_per_hour: Option<f64>,
    /// Stretches without samples, in seconds of the run.
    pub gaps: &'a [(f64, f64)],
}

/// A picture's size, with the room around its values.
#[derive(Debug, Clone, Copy)]
struct Frame {
    width: f64,
    height: f64,
    left: f64,
    /// Labels of time that have room.
    labels: f64,
}

const WIDE: Frame = Frame { width: 560.0, height: 200.0, left: 74.0, labels: 6.0 };
const NARROW: Frame = Frame { width: 320.0, height: 190.0, left: 66.0, labels: 3.0 };
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;
/// How far ahead is shown, as a share of what was sampled.
const AHEAD: f64 = 0.25;
/// Points from whose middle the look ahead begins: one sample alone may lie far off.
const LAST: usize = 9;
/// Nothing that is measured is larger; scales of larger numbers would overflow.
const LARGEST: f64 = 1e30;
/// Pieces of the edge of the interval.
const PIECES: u8 = 24;

/// The chart as elements of a page: `svg.wide-chart` for a screen with room, `svg.narrow-chart` for another.
#[must_use]
pub fn live_svg(chart: &LiveChart<'_>) -> String {
    let points: Vec<(f64, f64, f64)> = chart
        .points
        .iter()
        .filter(|(t_s, low, high)| t_s.is_finite() && low.abs() <= LARGEST && high.abs() <= LARGEST)
        .map(|(t_s, low, high)| (*t_s, low.min(*high), low.max(*high)))
        .collect();
    let drawn = |frame: &Frame, class: &str| {
        let mut scene = Scene::new(frame.width, frame.height);
        draw(&mut scene, frame, chart, &points);
        svg::element(&scene, class, chart.about)
    };
    drawn(&WIDE, "chart wide-chart") + &drawn(&NARROW, "chart narrow-chart")
}

struct Area {
    left: f64,
    right: f64,
    time: Axis,
    values: Axis,
    above: f64,
    below: f64,
}

impl Area {
    fn at(&self, t_s: f64, value: f64) -> (f64, f64) {
        let x = self.left + self.time.share(t_s) * (self.right - self.left);
        (x, self.below - self.values.share(value) * (self.below - self.above))
    }
}

fn draw(scene: &mut Scene, frame: &Frame, chart: &LiveChart<'_>, points: &[(f64, f64, f64)]) {
    let (right, above, below) = (frame.width - RIGHT, TOP, frame.height - BOTTOM);
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        let (x, y) = (frame.width / 2.0, frame.height / 2.0);
        scene.text(x, y, Anchor::Middle, 12.0, Paint::Muted, "no samples yet");
        return;
    };
    let ahead_s = AHEAD * (last.0 - first.0);
    let level = level(points);
    let (low, high) = range(points, chart, level, ahead_s);
    let rate = chart.rate_per_hour.filter(|_| ahead_s > 0.0);
    let to_s = if rate.is_some() { last.0 + ahead_s } else { last.0 };
    let area = Area {
        left: frame.left,
        right,
        time: time_axis_of(first.0, to_s, frame.labels),
        values: value_axis(chart.unit, low, high),
        above,
        below,
    };
    let zone = |scene: &mut Scene, from_s: f64, to_s: f64, paint: Paint| {
        let (left, right) = (area.at(from_s, low).0, area.at(to_s, low).0);
        if right > left {
            scene.area(&[(left, above), (right, above), (right, below), (left, below)], paint);
        }
    };
    for (from_s, to_s) in chart.gaps {
        zone(scene, *from_s, *to_s, Paint::Gap);
    }
    zone(scene, last.0, to_s, Paint::Ahead);
    for tick in &area.values.ticks {
        let y = area.at(0.0, tick.at).1;
        scene.line(&[(area.left, y), (right, y)], Paint::Grid, 1.0, &[]);
        scene.text(area.left - 7.0, y + 4.0, Anchor::End, 11.0, Paint::Muted, &tick.label);
    }
    for tick in &area.time.ticks {
        let x = area.at(tick.at, low).0;
        scene.line(&[(x, below), (x, below + 4.0)], Paint::Muted, 1.0, &[]);
        // Half a label has room on either side.
        let anchor = if x > right - 24.0 { Anchor::End } else { Anchor::Middle };
        scene.text(x, below + 17.0, anchor, 11.0, Paint::Muted, &tick.label);
    }
    if let Some(rate) = rate {
        fan(scene, &area, rate, chart.tolerance_per_hour, (last.0, level), ahead_s);
    }
    for piece in pieces(points, chart.gaps) {
        let line: Vec<(f64, f64)> = piece
            .iter()
            .flat_map(|(t_s, low, high)| {
                let both = [area.at(*t_s, *low), area.at(*t_s, *high)];
                both.into_iter().take(if low == high { 1 } else { 2 })
            })
            .collect();
        scene.line(&line, Paint::Series, 1.5, &[]);
    }
    let (x, y) = area.at(last.0, level);
    scene.area(&[(x - 3.5, y), (x, y - 3.5), (x + 3.5, y), (x, y + 3.5)], Paint::Series);
}

/// Where growth leads from `from`: the middle, the interval around it, and what is tolerated.
fn fan(
    scene: &mut Scene,
    area: &Area,
    rate: Estimate,
    tolerance_per_hour: Option<f64>,
    (from_s, level): (f64, f64),
    ahead_s: f64,
) {
    let along = |per_hour: f64| -> Vec<(f64, f64)> {
        let places = (0..=PIECES).map(|piece| f64::from(piece) / f64::from(PIECES) * ahead_s);
        places.map(|t_s| (from_s + t_s, level + per_hour / 3600.0 * t_s)).collect()
    };
    let on = |points: &[(f64, f64)]| -> Vec<(f64, f64)> { points.iter().map(|(t_s, v)| area.at(*t_s, *v)).collect() };
    // A line that leaves the picture ends there; the interval goes along its edge.
    let inside = |points: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
        points.into_iter().take_while(|(_, value)| area.values.holds(*value)).collect()
    };
    if let (Some(low), Some(high)) = (rate.low, rate.high) {
        let mut outline = on(&along(low));
        outline.extend(on(&along(high)).into_iter().rev());
        scene.area(&outline, Paint::Band);
    }
    if let Some(tolerance) = tolerance_per_hour {
        scene.line(&on(&inside(along(tolerance))), Paint::Tolerance, 1.5, &[6.0, 4.0]);
    }
    scene.line(&on(&inside(along(rate.value))), Paint::Model, 2.0, &[2.0, 3.0]);
}

/// The middle of the last points.
fn level(points: &[(f64, f64, f64)]) -> f64 {
    let last = points.get(points.len().saturating_sub(LAST)..).unwrap_or_default();
    let mut middles: Vec<f64> = last.iter().map(|(_, low, high)| low + (high - low) / 2.0).collect();
    middles.sort_by(f64::total_cmp);
    middles.get(middles.len() / 2).copied().unwrap_or_default()
}

/// From the lowest to the highest value that is shown: all that was sampled, and of the look ahead no more than as much
/// again on either side.
fn range(points: &[(f64, f64, f64)], chart: &LiveChart<'_>, level: f64, ahead_s: f64) -> (f64, f64) {
    let low = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.2).fold(f64::NEG_INFINITY, f64::max);
    let room = (high - low).max(level.abs() * 0.01);
    let rate = chart.rate_per_hour;
    let ends = rate.iter().flat_map(|rate| [Some(rate.value), rate.low, rate.high, chart.tolerance_per_hour]);
    ends.flatten()
        .map(|per_hour| level + per_hour / 3600.0 * ahead_s)
        .fold((low, high), |(least, most), value| (least.min(value.max(low - room)), most.max(value.min(high + room))))
}

/// The points between gaps.
fn pieces<'a>(points: &'a [(f64, f64, f64)], gaps: &[(f64, f64)]) -> Vec<&'a [(f64, f64, f64)]> {
    let together = |a: &(f64, f64, f64), b: &(f64, f64, f64)| {
        !gaps.iter().any(|(from_s, to_s)| a.0 <= from_s + 1e-9 && b.0 >= to_s - 1e-9)
    };
    points.chunk_by(together).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chart<'a>(points: &'a [(f64, f64, f64)], gaps: &'a [(f64, f64)]) -> LiveChart<'a> {
        LiveChart {
            about: "</svg> \"rss\"",
            unit: Quantity::Bytes,
            points,
            rate_per_hour: Some(Estimate { value: 2e6, low: Some(1e6), high: Some(3e6), confidence: 0.95 }),
            tolerance_per_hour: Some(5e5),
            gaps,
        }
    }

    #[test]
    fn samples_the_estimate_and_what_is_tolerated_are_shown() {
        let points: Vec<(f64, f64, f64)> = (0..100)
            .filter(|t| !(41..50).contains(t))
            .map(f64::from)
            .map(|t_s| (t_s, 1e7 + t_s * 600.0, 1e7 + t_s * 600.0))
            .collect();
        let svg = live_svg(&chart(&points, &[(40.0, 50.0)]));
        assert_eq!(svg.matches("<svg").count(), 2, "a wide one and a narrow one");
        assert_eq!(svg.matches("s-series").count(), 4, "two pieces beside the gap, in each");
        for class in ["f-band", "s-model", "s-tolerance", "f-ahead", "f-gap"] {
            assert_eq!(svg.matches(&format!("class=\"{class}\"")).count(), 2, "{class}");
        }
        assert!(svg.contains("&lt;/svg&gt; &quot;rss&quot;"));
    }

    #[test]
    fn without_an_estimate_nothing_is_said_of_what_comes() {
        let points = [(0.0, 1.0, 1.0), (1.0, 1.0, 2.0)];
        let svg = live_svg(&LiveChart { rate_per_hour: None, ..chart(&points, &[]) });
        assert!(!svg.contains("s-model") && !svg.contains("f-ahead"), "{svg}");
        assert!(live_svg(&chart(&[], &[])).contains("no samples yet"));
    }

    proptest! {
        #[test]
        fn no_numbers_are_too_strange(
            points in prop::collection::vec((0.0_f64..1e6, prop::num::f64::ANY, prop::num::f64::ANY), 0..12),
            rate in prop::num::f64::NORMAL,
        ) {
            let mut points = points;
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let rate = Estimate { value: rate, low: Some(rate), high: Some(rate), confidence: 0.95 };
            let svg = live_svg(&LiveChart { rate_per_hour: Some(rate), ..chart(&points, &[]) });
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", svg);
        }
    }
}
