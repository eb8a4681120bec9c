//! `soakd history trend`: numbers over the runs, and where they changed.

use super::{safe, stored};
use crate::cli::Format;
use crate::commands::output;
use crate::exit::Failure;
use crate::history::entry::{self, Entry, Filter};
use crate::history::measure::Measure;
use crate::history::trend::{self, Trend};
use crate::store::Store;

/// Widest line of blocks.
const SPARKLINE_COLUMNS: usize = 60;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII_BLOCKS: [char; 5] = ['_', '.', '-', '=', '#'];

pub(super) fn trends(
    store: &Store,
    filter: &Filter,
    metrics: &[String],
    measures: &[Measure],
    format: Format,
) -> Result<(), Failure> {
    let entries: Vec<Entry> = stored(entry::list(store, filter))?
        .into_iter()
        .filter(|entry| entry.verdict.as_ref().is_some_and(|verdict| !verdict.run.ended.cut_short()))
        .collect();
    let wanted = |trend: &Trend| {
        (metrics.is_empty() || metrics.contains(&trend.subject.metric))
            && (measures.is_empty() || measures.contains(&trend.subject.measure))
    };
    let trends: Vec<Trend> = stored(trend::trends(store, &entries))?.into_iter().filter(wanted).collect();
    if format == Format::Json {
        return output::result(&output::json(&trends)?);
    }
    let profile = filter.profile.as_deref().unwrap_or_default();
    if trends.is_empty() {
        output::say(&format!(
            "no run of profile `{}` has such numbers; `soakd history list` shows the runs",
            safe(profile)
        ));
        return Ok(());
    }
    let mut text = format!("{} runs of profile `{}`\n", entries.len(), safe(profile));
    let blocks: &[char] = if output::is_ascii() { &ASCII_BLOCKS } else { &BLOCKS };
    for trend in &trends {
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
    output::result(&text)
}
