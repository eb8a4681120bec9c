//! One series as a picture: what was sampled, the growth model with the interval of its rate, the tolerance, what
//! happened, and where it leads. Drawn as a [`Scene`](scene::Scene), which SVG and PNG show alike.

pub(crate) mod axis;
pub(crate) mod curve;
pub(crate) mod lines;
pub(crate) mod scene;
pub(crate) mod thin;

use axis::{Axis, time_axis, value_axis};
use lines::Lines;
use scene::{Anchor, Paint, Scene};

use crate::amount::amount;
use crate::recording::Recording;
use crate::sentence::{name, outlook, series_line};
use crate::series::{LimitSource, SeriesVerdict};
use crate::verdict::Verdict;

/// Width of a picture, in its own units.
pub(crate) const WIDTH: f64 = 960.0;
/// Height of the picture of one series.
pub(crate) const HEIGHT: f64 = 320.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 32.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 58.0;

/// The part of a picture in which values are drawn, and its scales.
struct Area {
    top: f64,
    time: Axis,
    values: Axis,
}

impl Area {
    fn x(&self, t_s: f64) -> f64 {
        LEFT + self.time.share(t_s) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom() - self.values.share(value) * self.height()
    }

    fn height(&self) -> f64 {
        HEIGHT - TOP - BOTTOM
    }

    fn bottom(&self) -> f64 {
        self.top + TOP + self.height()
    }

    fn at(&self, (t_s, value): &(f64, f64)) -> (f64, f64) {
        (self.x(*t_s), self.y(*value))
    }
}

/// Draws `series` into `scene`, its upper edge at `top`.
pub(crate) fn draw(
    scene: &mut Scene,
    top: f64,
    series: &SeriesVerdict,
    verdict: &Verdict,
    recording: Option<&Recording>,
) {
    let title = name(series).replace('`', "");
    scene.text(LEFT, top + 20.0, Anchor::Start, 15.0, Paint::Ink, &title);
    if let Some(ahead) = outlook(series) {
        scene.text(WIDTH - RIGHT, top + 20.0, Anchor::End, 12.0, Paint::Model, &ahead);
    }
    let line = series_line(series);
    let line = line.split_once("` ").map_or(line.as_str(), |(_, rest)| rest);
    scene.text(LEFT, top + 39.0, Anchor::Start, 12.0, Paint::Muted, &line.replace('`', ""));
    let lines = recording.and_then(|recording| Lines::of(series, verdict, recording));
    let Some(lines) = lines else {
        let (x, y) = ((LEFT + WIDTH - RIGHT) / 2.0, top + HEIGHT / 2.0);
        scene.text(x, y, Anchor::Middle, 13.0, Paint::Muted, "no samples of this series are at hand");
        return;
    };
    let (from_s, to_s) = lines.extent();
    let (low, high) = lines.range();
    let area = Area { top, time: time_axis(from_s, to_s), values: value_axis(series.unit, low, high) };
    behind(scene, &area, &lines);
    grid(scene, &area);
    data(scene, &area, &lines, series);
    marks(scene, &area, &lines);
    legend(scene, &area, &lines, series);
}

/// What lies behind the values: warm-up, gaps, the time ahead.
fn behind(scene: &mut Scene, area: &Area, lines: &Lines) {
    let mut zone = |from_s: f64, to_s: f64, paint: Paint| {
        let (left, right) = (area.x(from_s), area.x(to_s));
        if right > left {
            let (above, below) = (area.top + TOP, area.bottom());
            scene.area(&[(left, above), (right, above), (right, below), (left, below)], paint);
        }
    };
    if let Some((from_s, to_s)) = lines.warmup {
        zone(from_s, to_s, Paint::Warmup);
    }
    for (from_s, to_s) in &lines.gaps {
        zone(*from_s, *to_s, Paint::Gap);
    }
    if let Some((end_s, _)) = lines.ahead.first() {
        zone(*end_s, area.time.to, Paint::Ahead);
    }
}

fn grid(scene: &mut Scene, area: &Area) {
    for tick in &area.values.ticks {
        let y = area.y(tick.at);
        scene.line(&[(LEFT, y), (WIDTH - RIGHT, y)], Paint::Grid, 1.0, &[]);
        scene.text(LEFT - 8.0, y + 4.0, Anchor::End, 11.0, Paint::Muted, &tick.label);
    }
    for tick in &area.time.ticks {
        let x = area.x(tick.at);
        scene.line(&[(x, area.bottom()), (x, area.bottom() + 4.0)], Paint::Muted, 1.0, &[]);
        scene.text(x, area.bottom() + 17.0, Anchor::Middle, 11.0, Paint::Muted, &tick.label);
    }
}

fn data(scene: &mut Scene, area: &Area, lines: &Lines, series: &SeriesVerdict) {
    let on = |points: &[(f64, f64)]| points.iter().map(|point| area.at(point)).collect::<Vec<_>>();
    for (low, high) in [(&lines.low, &lines.high), (&lines.ahead_low, &lines.ahead_high)] {
        let mut outline = on(low);
        outline.extend(on(high).into_iter().rev());
        scene.area(&outline, Paint::Band);
    }
    for part in lines.pieces() {
        scene.line(&on(part), Paint::Series, 1.4, &[]);
    }
    scene.line(&on(&lines.tolerance), Paint::Tolerance, 1.5, &[6.0, 4.0]);
    scene.line(&on(&lines.model), Paint::Model, 2.0, &[]);
    scene.line(&on(&lines.ahead), Paint::Model, 2.0, &[2.0, 4.0]);
    if let Some(limit) = series.limit.filter(|limit| area.values.holds(*limit)) {
        let y = area.y(limit);
        scene.line(&[(LEFT, y), (WIDTH - RIGHT, y)], Paint::Limit, 1.5, &[]);
        let word = if matches!(series.limit_source, Some(LimitSource::Budget { .. })) { "budget" } else { "limit" };
        let text = format!("{word} {}", amount(series.unit, limit, None));
        scene.text(WIDTH - RIGHT - 4.0, y - 5.0, Anchor::End, 11.0, Paint::Limit, &text);
    }
}

/// Room that the word of an event takes.
const MARK_ROOM: f64 = 90.0;

fn marks(scene: &mut Scene, area: &Area, lines: &Lines) {
    let mut free_from = f64::NEG_INFINITY;
    for (t_s, kind) in &lines.events {
        let x = area.x(*t_s);
        scene.line(&[(x, area.top + TOP), (x, area.bottom())], Paint::Event, 1.0, &[2.0, 3.0]);
        // Words that would lie over each other are left to the list of events.
        if x >= free_from && x < WIDTH - RIGHT - MARK_ROOM {
            scene.text(x + 3.0, area.top + TOP + 11.0, Anchor::Start, 10.0, Paint::Event, kind);
            free_from = x + MARK_ROOM;
        }
    }
}

fn legend(scene: &mut Scene, area: &Area, lines: &Lines, series: &SeriesVerdict) {
    let y = area.bottom() + 40.0;
    let mut x = LEFT;
    let model = series.judgement.model.as_ref().map(|model| format!("model {}", model.name)).unwrap_or_default();
    let entries = [
        (true, "sampled", Paint::Series, &[][..]),
        (!lines.model.is_empty(), model.as_str(), Paint::Model, &[][..]),
        (!lines.low.is_empty(), "interval of the rate", Paint::Band, &[][..]),
        (!lines.tolerance.is_empty(), "tolerated", Paint::Tolerance, &[6.0, 4.0][..]),
        (lines.warmup.is_some(), "warm-up", Paint::Warmup, &[][..]),
        (!lines.gaps.is_empty(), "no data", Paint::Gap, &[][..]),
    ];
    for (is_there, text, paint, dashes) in entries {
        if !is_there {
            continue;
        }
        match paint {
            Paint::Band | Paint::Warmup | Paint::Gap => {
                scene.area(&[(x, y - 9.0), (x + 18.0, y - 9.0), (x + 18.0, y + 1.0), (x, y + 1.0)], paint)
            }
            _ => scene.line(&[(x, y - 4.0), (x + 18.0, y - 4.0)], paint, 2.0, dashes),
        }
        scene.text(x + 24.0, y, Anchor::Start, 11.0, Paint::Muted, text);
        // Letters are about half as wide as they are high.
        x += 44.0 + 6.2 * f64::from(u16::try_from(text.chars().count()).unwrap_or(u16::MAX));
    }
}
