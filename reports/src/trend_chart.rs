//! Numbers of runs over the history, as a picture: each run a point, each level a line, each change of level a mark.

use crate::plot::axis::value_axis;
use crate::plot::scene::{Anchor, Paint, Scene};
use crate::plot::{HEIGHT, WIDTH};
use crate::render::svg;
use soakd_analysis::Quantity;

/// One number over the runs.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendChart {
    /// What it is: `baseline of rss_bytes`.
    pub title: String,
    /// What stands beside the title: the last value, with its unit.
    pub about: String,
    /// Its unit; what it is per stands in the title.
    pub unit: Quantity,
    /// One point for each run, in order. Values that are no numbers are left out.
    pub points: Vec<TrendPoint>,
    /// Changes of level, in order.
    pub steps: Vec<TrendStep>,
}

/// The number of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendPoint {
    /// What stands below it: the day and the commit, or so.
    pub label: String,
    /// The value.
    pub value: f64,
}

/// A change of level.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendStep {
    /// Place of the first point after it.
    pub at: usize,
    /// What stands beside it: `+12.0 %`.
    pub label: String,
}

/// A place for a chart, with the room that is left around it.
#[derive(Debug, Clone, Copy)]
struct Frame {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// A chart with its title in a picture of several.
const LISTED: Frame = Frame { width: WIDTH, height: HEIGHT, left: 84.0, right: 32.0, top: 52.0, bottom: 58.0 };
/// A chart whose title stands beside it, on a screen with room, and on a narrow one.
const WIDE: Frame = Frame { width: 560.0, height: 220.0, left: 78.0, right: 16.0, top: 14.0, bottom: 48.0 };
const NARROW: Frame = Frame { width: 320.0, height: 200.0, left: 66.0, right: 10.0, top: 14.0, bottom: 48.0 };

/// Room for the heading of the picture.
const HEADING: f64 = 64.0;
/// Room that a label below a chart takes.
const LABEL_ROOM: f64 = 120.0;
/// Half the width of a point.
const POINT: f64 = 3.0;
/// Room that the label of a step takes.
const STEP_ROOM: f64 = 70.0;

/// The charts below each other as an SVG picture, with a heading and a line below it.
#[must_use]
pub fn trend_svg(heading: &str, about: &str, charts: &[TrendChart]) -> String {
    let rows = f64::from(u16::try_from(charts.len()).unwrap_or(u16::MAX));
    let mut scene = Scene::new(WIDTH, HEADING + rows.max(1.0) * HEIGHT);
    scene.text(24.0, 30.0, Anchor::Start, 19.0, Paint::Ink, heading);
    scene.text(24.0, 50.0, Anchor::Start, 12.0, Paint::Muted, about);
    if charts.is_empty() {
        scene.text(WIDTH / 2.0, HEADING + 100.0, Anchor::Middle, 13.0, Paint::Muted, "no run has such numbers");
    }
    let mut top = HEADING;
    for chart in charts {
        scene.text(LISTED.left, top + 20.0, Anchor::Start, 15.0, Paint::Ink, &chart.title);
        scene.text(LISTED.left, top + 39.0, Anchor::Start, 12.0, Paint::Muted, &chart.about);
        draw(&mut scene, top, chart, &LISTED);
        top += HEIGHT;
    }
    svg::document(&scene, heading, about)
}

/// One chart as elements of a page, without its title: `svg.wide` for a screen with room, `svg.narrow` for another.
#[must_use]
pub fn trend_figure(chart: &TrendChart) -> String {
    let about = format!("{}: {}", chart.title, chart.about);
    let drawn = |frame: &Frame, class: &str| {
        let mut scene = Scene::new(frame.width, frame.height);
        draw(&mut scene, 0.0, chart, frame);
        svg::element(&scene, class, &about)
    };
    drawn(&WIDE, "chart wide-chart") + &drawn(&NARROW, "chart narrow-chart")
}

fn draw(scene: &mut Scene, top: f64, chart: &TrendChart, frame: &Frame) {
    let values = || chart.points.iter().map(|point| point.value).filter(|value| value.is_finite());
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if low > high {
        let (x, y) = ((frame.left + frame.width - frame.right) / 2.0, top + frame.height / 2.0);
        scene.text(x, y, Anchor::Middle, 13.0, Paint::Muted, "no run has this number");
        return;
    }
    let axis = value_axis(chart.unit, low, high);
    let (above, below) = (top + frame.top, top + frame.height - frame.bottom);
    // Half a place of room on both sides.
    let each = (frame.width - frame.left - frame.right) / chart.points.len().max(1) as f64;
    let x = |place: f64| frame.left + (place + 0.5) * each;
    let y = |value: f64| below - axis.share(value) * (below - above);
    for tick in &axis.ticks {
        scene.line(&[(frame.left, y(tick.at)), (frame.width - frame.right, y(tick.at))], Paint::Grid, 1.0, &[]);
        scene.text(frame.left - 8.0, y(tick.at) + 4.0, Anchor::End, 11.0, Paint::Muted, &tick.label);
    }
    let most = (((frame.width - frame.left - frame.right) / LABEL_ROOM) as usize).max(1);
    let every = chart.points.len().div_ceil(most).max(1);
    for (place, point) in chart.points.iter().enumerate().step_by(every) {
        let x = x(place as f64);
        scene.line(&[(x, below), (x, below + 4.0)], Paint::Muted, 1.0, &[]);
        scene.text(x, below + 17.0, Anchor::Middle, 11.0, Paint::Muted, &point.label);
    }
    levels(scene, chart, (&x, &y), (above, below), frame.width - frame.right);
    let finite: Vec<(f64, f64)> = chart
        .points
        .iter()
        .enumerate()
        .filter(|(_, point)| point.value.is_finite())
        .map(|(place, point)| (x(place as f64), y(point.value)))
        .collect();
    scene.line(&finite, Paint::Series, 1.0, &[]);
    for (x, y) in finite {
        scene.area(&[(x - POINT, y), (x, y - POINT), (x + POINT, y), (x, y + POINT)], Paint::Series);
    }
    legend(scene, (frame.left, below + 40.0), !chart.steps.is_empty());
}

/// The level of each stretch between changes, and the changes.
fn levels(
    scene: &mut Scene,
    chart: &TrendChart,
    (x, y): (&dyn Fn(f64) -> f64, &dyn Fn(f64) -> f64),
    (above, below): (f64, f64),
    right: f64,
) {
    if chart.steps.is_empty() {
        return;
    }
    let begins = std::iter::once(0).chain(chart.steps.iter().map(|step| step.at));
    let ends = chart.steps.iter().map(|step| step.at).chain([chart.points.len()]);
    for (from, to) in begins.zip(ends) {
        let of: Vec<f64> = chart.points.get(from..to).unwrap_or_default().iter().map(|point| point.value).collect();
        let of: Vec<f64> = of.into_iter().filter(|value| value.is_finite()).collect();
        if !of.is_empty() {
            let level = of.iter().sum::<f64>() / of.len() as f64;
            let (left, right) = (x(from as f64 - 0.4), x(to as f64 - 0.6));
            scene.line(&[(left, y(level)), (right, y(level))], Paint::Model, 2.0, &[]);
        }
    }
    let mut free_from = f64::NEG_INFINITY;
    for step in &chart.steps {
        let x = x(step.at as f64 - 0.5);
        scene.line(&[(x, above), (x, below)], Paint::Event, 1.0, &[2.0, 3.0]);
        if x >= free_from {
            let (anchor, x) = if x < right - STEP_ROOM { (Anchor::Start, x + 3.0) } else { (Anchor::End, x - 3.0) };
            scene.text(x, above + 11.0, anchor, 11.0, Paint::Event, &step.label);
            free_from = x + STEP_ROOM;
        }
    }
}

fn legend(scene: &mut Scene, (left, y): (f64, f64), has_steps: bool) {
    let mut entry = |x: f64, text: &str, paint: Paint, width: f64| {
        scene.line(&[(x, y - 4.0), (x + 18.0, y - 4.0)], paint, width, &[]);
        scene.text(x + 24.0, y, Anchor::Start, 11.0, Paint::Muted, text);
    };
    entry(left, "runs", Paint::Series, 1.0);
    if has_steps {
        entry(left + 70.0, "level", Paint::Model, 2.0);
        entry(left + 146.0, "change of level", Paint::Event, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[f64], steps: &[usize]) -> TrendChart {
        TrendChart {
            title: "baseline of rss_bytes".to_owned(),
            about: "last 12 MiB".to_owned(),
            unit: Quantity::Bytes,
            points: values.iter().map(|value| TrendPoint { label: "</text>".to_owned(), value: *value }).collect(),
            steps: steps.iter().map(|at| TrendStep { at: *at, label: "+12.0 %".to_owned() }).collect(),
        }
    }

    #[test]
    fn every_run_is_a_point_and_every_level_a_line() {
        let svg = trend_svg("demo", "6 runs", &[chart(&[1e6, 1.1e6, 1e6, 2e6, 2.1e6, 2e6], &[3])]);
        assert_eq!(svg.matches("<polygon class=\"f-series\"").count(), 6);
        assert_eq!(svg.matches("<polyline class=\"s-model\"").count(), 2 + 1, "two levels and the legend");
        assert_eq!(svg.matches("+12.0 %").count(), 1);
        assert!(svg.contains("1.5 MiB") && !svg.contains("</text></text>"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn nothing_is_too_strange() {
        assert!(trend_svg("demo", "", &[]).contains("no run has such numbers"));
        for values in [&[][..], &[f64::NAN], &[7.0], &[0.0, 0.0], &[-1e300, 1e300, f64::INFINITY]] {
            for steps in [&[][..], &[0], &[1, 2], &[99]] {
                let svg = trend_svg("demo", "", &[chart(values, steps)]);
                assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
}
