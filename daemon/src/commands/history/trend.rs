//! `soakd history trend`: numbers over the runs, and where they changed.

use std::path::Path;

use soakd_reports::{TrendChart, TrendPoint, TrendStep, trend_svg};

use super::{safe, stored};
use crate::cli::Format;
use crate::commands::output;
use crate::exit::{Exit, Failure};
use crate::history::entry::{self, Filter};
use crate::history::measure::Measure;
use crate::history::trend::{self, At, Trend, short};
use crate::store::Store;
use crate::verdict::write_whole;

/// Widest line of blocks.
const SPARKLINE_COLUMNS: usize = 60;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII_BLOCKS: [char; 5] = ['_', '.', '-', '=', '#'];

pub(super) fn trends(
    store: &Store,
    filter: &Filter,
    (metrics, measures): (&[String], &[Measure]),
    svg: Option<&Path>,
    format: Format,
) -> Result<(), Failure> {
    let entries = entry::whole(stored(entry::list(store, filter))?);
    let wanted = |trend: &Trend| {
        (metrics.is_empty() || metrics.contains(&trend.subject.metric))
            && (measures.is_empty() || measures.contains(&trend.subject.measure))
    };
    let trends: Vec<Trend> = stored(trend::trends(store, &entries))?.into_iter().filter(wanted).collect();
    let profile = filter.profile.as_deref().unwrap_or_default();
    if let Some(file) = svg {
        draw(&trends, profile, entries.len(), file)?;
        output::say(&format!("wrote {}", file.display()));
    }
    if format == Format::Json {
        return output::result(&output::json(&trends)?);
    }
    if trends.is_empty() {
        output::say(&format!(
            "no run of profile `{}` has such numbers; `soakd history list` shows the runs",
            safe(profile)
        ));
        return Ok(());
    }
    output::result(&text(profile, entries.len() as u64, &trends))
}

/// Trends of the runs of a profile, for people.
pub(crate) fn text(profile: &str, runs_count: u64, trends: &[Trend]) -> String {
    let mut text = format!("{runs_count} runs of profile `{}`\n", safe(profile));
    let blocks: &[char] = if output::is_ascii() { &ASCII_BLOCKS } else { &BLOCKS };
    for trend in trends {
        let values = || trend.points.iter().map(|point| point.value);
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let last = values().next_back().unwrap_or(0.0);
        text.push_str(&format!(
            "\n{}\n  {}  {} to {}, last {}\n",
            safe(&trend.subject.to_string()),
            trend.sparkline(SPARKLINE_COLUMNS, blocks),
            trend.show(low),
            trend.show(high),
            trend.show(last)
        ));
        for sentence in trend.sentences() {
            text.push_str(&format!("  {}\n", safe(&sentence)));
        }
    }
    text
}

/// Draws `trends` into `file`: whole, or as it was.
fn draw(trends: &[Trend], profile: &str, runs: usize, file: &Path) -> Result<(), Failure> {
    let charts: Vec<TrendChart> = trends.iter().map(chart).collect();
    let svg = trend_svg(&format!("profile {profile}"), &format!("{runs} runs"), &charts);
    write_whole(file, svg.as_bytes()).map_err(|error| {
        Failure::new(Exit::CannotWrite, format!("cannot write `{}`: {error}", file.display()))
            .hint("an earlier file of that name is as it was")
    })
}

/// A trend as it is drawn.
pub(crate) fn chart(trend: &Trend) -> TrendChart {
    let last = trend.points.last().map_or_else(String::new, |point| format!("last {}", trend.show(point.value)));
    let place = |at: &At| at.commit.as_deref().map_or_else(|| at.run.clone(), short);
    let change = trend.steps.last().map(|step| {
        let worse = if step.is_worse { ", worse" } else { "" };
        let (after, before) = (place(&step.after), place(&step.before));
        format!("{:+.1} % between {after} and {before}{worse}", 100.0 * step.change.value)
    });
    TrendChart {
        title: trend.subject.to_string(),
        about: std::iter::once(last).chain(change).collect::<Vec<_>>().join(" · "),
        unit: trend.unit,
        points: trend
            .points
            .iter()
            .map(|point| TrendPoint {
                label: match point.commit.as_deref() {
                    Some(commit) => format!("{} {}", point.start.strftime("%m-%d"), short(commit)),
                    None => point.start.strftime("%Y-%m-%d").to_string(),
                },
                value: point.value,
            })
            .collect(),
        steps: trend
            .steps
            .iter()
            .filter_map(|step| {
                let at = trend.points.iter().position(|point| point.run == step.before.run)?;
                Some(TrendStep { at, label: format!("{:+.1} %", 100.0 * step.change.value) })
            })
            .collect(),
    }
}
