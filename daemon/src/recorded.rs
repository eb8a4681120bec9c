//! The samples of a run as the reports are given them.

use soakd_reports::{Origin, Recorded, Recording, Span};

use crate::phases::Phases;
use crate::store::{RunRecord, Scope, Store, StoreError};

/// What was sampled of the whole target, the host and the sources, and the operations. Readings of single processes stay in the store.
///
/// # Errors
/// [`StoreError`] where they cannot be read.
pub fn recording(store: &Store, record: &RunRecord) -> Result<Recording, StoreError> {
    let all = store.series(record.key)?;
    let wanted: Vec<_> =
        all.iter().filter(|series| origin(&series.scope).is_some()).map(|series| series.number).collect();
    let columns = store.columns(record.key, &wanted)?;
    let series: Vec<Recorded> = columns
        .into_iter()
        .filter_map(|column| {
            Some(Recorded {
                origin: origin(&column.series.scope)?,
                metric: column.series.metric,
                unit: column.series.quantity,
                t_s: column.t_s,
                values: column.values,
            })
        })
        .collect();
    let last_s = series.iter().filter_map(|series| series.t_s.last().copied()).fold(0.0, f64::max);
    let judged = Phases::of(&store.events(record.key)?, record.duration_s.unwrap_or(last_s)).load;
    Ok(Recording { judged: Some(Span { from_s: judged.from_s, to_s: judged.to_s }), series })
}

/// What a series counts, as reports name it; `None` for one of a single process.
pub(crate) fn origin(scope: &Scope) -> Option<Origin> {
    match scope {
        Scope::Tree => Some(Origin::Tree),
        Scope::Host => Some(Origin::Host),
        Scope::Operations => Some(Origin::Operations),
        Scope::Source { name } => Some(Origin::Source { name: name.clone() }),
        Scope::Process { .. } => None,
    }
}
