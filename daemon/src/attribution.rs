//! Who grew: the processes of the target that own the growth of a series.

use soakd_reports::Attribution;

use crate::series::Window;
use crate::store::{Column, RunKey, Scope, SeriesRecord, Store, StoreError};

/// Shares below this are not named.
const SMALLEST_SHARE: f64 = 0.01;

/// Most that are named.
const MOST_NAMED: usize = 10;

/// The processes whose `metric` grew inside `window`, the largest share first; empty where processes were not recorded
/// apart.
///
/// A process that was born inside the window counts with all it holds beyond what it shares with its parent; one that ended
/// counts no more.
///
/// # Errors
/// [`StoreError`] where their series cannot be read.
pub fn by_process(
    store: &Store,
    run: RunKey,
    all: &[SeriesRecord],
    metric: &str,
    window: Window,
) -> Result<Vec<Attribution>, StoreError> {
    let of_processes: Vec<_> = all
        .iter()
        .filter(|series| series.metric == metric && matches!(series.scope, Scope::Process { .. }))
        .map(|series| series.number)
        .collect();
    if of_processes.is_empty() {
        return Ok(Vec::new());
    }
    let columns = store.columns(run, &of_processes)?;
    let last_s = columns.iter().filter_map(|column| column.t_s.last()).copied().fold(0.0, f64::max);
    let grown: Vec<(&Column, f64)> =
        columns.iter().filter_map(|column| Some((column, growth(column, window, last_s)?))).collect();
    let sum: f64 = grown.iter().map(|(_, growth)| growth.max(0.0)).sum();
    if !(sum > 0.0) {
        return Ok(Vec::new());
    }
    let mut attribution: Vec<Attribution> = grown
        .into_iter()
        .filter(|(_, growth)| growth / sum >= SMALLEST_SHARE)
        .map(|(column, growth)| {
            let what = match &column.series.scope {
                Scope::Process { pid, name, .. } => {
                    format!("process `{name}` ({pid}): {} of {}", signed(column, growth), signed(column, sum))
                }
                Scope::Tree | Scope::Host | Scope::Operations | Scope::Source { .. } => column.series.metric.clone(),
            };
            Attribution { what, share: growth / sum }
        })
        .collect();
    attribution.sort_by(|one, other| other.share.total_cmp(&one.share));
    attribution.truncate(MOST_NAMED);
    Ok(attribution)
}

fn signed(column: &Column, growth: f64) -> String {
    format!("{}{}", if growth > 0.0 { "+" } else { "" }, column.series.quantity.show(growth))
}

/// From the first to the last reading inside the window; `None` for a process that ended before the last sample.
fn growth(column: &Column, window: Window, last_s: f64) -> Option<f64> {
    let mut inside = column.t_s.iter().zip(&column.values).filter(|(t_s, _)| window.holds(**t_s));
    let (first_s, first) = inside.next()?;
    let (at_s, last) = inside.next_back()?;
    // A process is read on every tick, so one whose last reading is long past has ended.
    let still_there = last_s - at_s <= 0.1 * (window.to_s - window.from_s).max(0.0);
    let born_inside = first_s - window.from_s > 0.1 * (window.to_s - window.from_s);
    still_there.then_some(if born_inside { *last } else { last - first })
}
