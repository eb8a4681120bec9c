//! Who grew: the processes of the target that own the growth of a series.

use soakd_analysis::Quantity;
use soakd_reports::Attribution;

use crate::lives::{Life, YOUTH_SHARE};
use crate::progress::clock_face;
use crate::series::Window;
use crate::store::{Column, RunKey, Scope, SeriesRecord, Store, StoreError};

/// Shares below this are not named.
const SMALLEST_SHARE: f64 = 0.01;

/// Most that are named.
const MOST_NAMED: usize = 10;

/// The processes whose `metric` grew inside `window`, the largest share first; empty where processes were not recorded
/// apart.
///
/// A process that came inside the window counts with what it grew by since it had grown up, so that a new worker is not taken for
/// growth. Where that explains less than half, more and more processes are the growth: then each counts with all it holds beyond
/// what it shares with its parent. One that ended counts no more.
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
    let grown = |newcomers: Newcomers| -> (Vec<(&Column, f64)>, f64) {
        let growth = |column| Some((column, growth(column, window, last_s, newcomers)?));
        let grown: Vec<(&Column, f64)> = columns.iter().filter_map(growth).collect();
        let sum = grown.iter().map(|(_, growth)| growth.max(0.0)).sum();
        (grown, sum)
    };
    let (by_themselves, with_newcomers) = (grown(Newcomers::GrownUp), grown(Newcomers::Whole));
    let (grown, sum) = if by_themselves.1 >= 0.5 * with_newcomers.1 { by_themselves } else { with_newcomers };
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

/// What is said where a process leaks by itself that was not there all the time.
#[must_use]
pub fn of_life(life: &Life, unit: Quantity) -> Attribution {
    let growth = life.levels.1 - life.levels.0;
    let what = format!(
        "process `{}` ({}): +{} while it lived, from {} to {}",
        life.name,
        life.pid,
        unit.show(growth),
        clock_face(life.window.from_s),
        clock_face(life.window.to_s)
    );
    Attribution { what, share: 1.0 }
}

/// How a process counts that came inside the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Newcomers {
    /// With what it grew by since it had grown up.
    GrownUp,
    /// With all it holds.
    Whole,
}

/// From the first to the last reading inside the window; `None` for a process that ended before the last sample.
fn growth(column: &Column, window: Window, last_s: f64, newcomers: Newcomers) -> Option<f64> {
    let length_s = (window.to_s - window.from_s).max(0.0);
    let mut inside = column.t_s.iter().zip(&column.values).filter(|(t_s, _)| window.holds(**t_s));
    let (first_s, first) = inside.next()?;
    let (at_s, last) = inside.next_back()?;
    // A process is read on every tick, so one whose last reading is long past has ended.
    let still_there = last_s - at_s <= 0.1 * length_s;
    let came_late = first_s - window.from_s > 0.1 * length_s;
    let growth = match newcomers {
        _ if !came_late => last - first,
        Newcomers::Whole => *last,
        Newcomers::GrownUp => {
            let is_grown_up = |t_s: f64| window.holds(t_s) && t_s >= first_s + YOUTH_SHARE * length_s;
            let readings = column.t_s.iter().zip(&column.values);
            let grown_up = readings.filter(|(t_s, _)| is_grown_up(**t_s)).map(|(_, value)| value).next();
            grown_up.map_or(0.0, |first| last - first)
        }
    };
    still_there.then_some(growth)
}
