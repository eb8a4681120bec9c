//! The data of a chart, as the script of the page takes them.

use serde::Serialize;

use crate::finite::NotFinite;
use crate::plot::lines::Lines;
use crate::render::Charset;
use crate::render::escape::escape;
use crate::render::{RenderError, Report};
use crate::sentence::name;
use crate::series::SeriesVerdict;

/// One chart: columns of equal length, `null` where a line has no value.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    name: String,
    unit: soakd_analysis::Quantity,
    model_name: String,
    t: Vec<f64>,
    sampled: Vec<Option<f64>>,
    model: Vec<Option<f64>>,
    low: Vec<Option<f64>>,
    high: Vec<Option<f64>>,
    tolerance: Vec<Option<f64>>,
    end: Option<f64>,
    range: (f64, f64),
    limit: Option<f64>,
    warmup: Option<(f64, f64)>,
    gaps: Vec<(f64, f64)>,
    events: Vec<(f64, String)>,
}

/// The data of a series; `None` where nothing was sampled of it.
pub(super) fn data(series: &SeriesVerdict, report: &Report<'_>) -> Option<Data> {
    let lines = Lines::of(series, report.verdict, report.recording?)?;
    let model: Vec<(f64, f64)> = lines.model.iter().chain(lines.ahead.get(1..).unwrap_or_default()).copied().collect();
    let low: Vec<(f64, f64)> = lines.low.iter().chain(lines.ahead_low.get(1..).unwrap_or_default()).copied().collect();
    let high: Vec<(f64, f64)> =
        lines.high.iter().chain(lines.ahead_high.get(1..).unwrap_or_default()).copied().collect();
    let mut t: Vec<f64> = lines.sampled.iter().chain(&model).chain(&lines.tolerance).map(|point| point.0).collect();
    t.sort_by(f64::total_cmp);
    t.dedup();
    let sampled = t.iter().map(|t_s| exactly(&lines.sampled, *t_s)).collect();
    let along = |points: &[(f64, f64)]| t.iter().map(|t_s| between(points, *t_s)).collect();
    Some(Data {
        name: escape(&name(series).replace('`', ""), Charset::Unicode),
        unit: series.unit,
        model_name: series
            .judgement
            .model
            .as_ref()
            .map(|model| escape(&model.name, Charset::Unicode))
            .unwrap_or_default(),
        model: along(&model),
        low: along(&low),
        high: along(&high),
        tolerance: along(&lines.tolerance),
        sampled,
        end: lines.ahead.first().map(|point| point.0),
        range: lines.range(),
        limit: series.limit,
        warmup: lines.warmup,
        gaps: lines.gaps.clone(),
        events: lines.events.iter().map(|(t_s, kind)| (*t_s, escape(kind, Charset::Unicode))).collect(),
        t,
    })
}

fn exactly(points: &[(f64, f64)], t_s: f64) -> Option<f64> {
    points.binary_search_by(|point| point.0.total_cmp(&t_s)).ok().map(|place| points[place].1)
}

/// The value of a line at `t_s`; none beyond its ends.
fn between(points: &[(f64, f64)], t_s: f64) -> Option<f64> {
    let after = points.partition_point(|point| point.0 < t_s);
    let b = points.get(after)?;
    if b.0 <= t_s {
        return Some(b.1);
    }
    let a = points.get(after.checked_sub(1)?)?;
    Some(a.1 + (b.1 - a.1) * (t_s - a.0) / (b.0 - a.0))
}

/// The data as JSON that may stand inside a page: no sign in it can end its block.
pub(super) fn json(data: &Data) -> Result<String, RenderError> {
    crate::finite::check_finite(data)?;
    let text = serde_json::to_string(data).map_err(|error| NotFinite::from_message(error.to_string()))?;
    Ok(text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}
