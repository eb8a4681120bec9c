//! The samples of a run.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use soakd_reports::render::csv::csv;
use soakd_reports::{Origin, Recorded, Recording};

use super::documents::{RunSamples, SamplesFormat, SamplesQuery, SeriesName, SeriesOrigin, SeriesSamples};
use super::numbers::within;
use super::problem::Problem;
use super::reports::content_type;
use super::route::Asked;
use super::runs::find;
use super::thinning::{Readings, thin, thin_to_readings};
use crate::recorded::origin;
use crate::store::{Column, RunRecord, SeriesNumber, Store};

/// Points of each series where nobody says.
const USUAL_POINTS: u32 = 500;
/// Points of each series at most.
const MOST_POINTS: u32 = 20_000;

pub(super) async fn samples(asked: Asked, query: SamplesQuery) -> Result<Response, Problem> {
    let which = asked.part("run").to_owned();
    let points = within("points", query.points, USUAL_POINTS, 1..=MOST_POINTS)? as usize;
    asked
        .shared
        .read(move |store| {
            let record = find(store, &which)?;
            let series = chosen(names(store, &record)?, query.series.as_deref())?;
            match query.format.unwrap_or_default() {
                SamplesFormat::Json => Ok(axum::Json(in_json(store, &record, &series, points)?).into_response()),
                SamplesFormat::Csv => {
                    let points = query.points.map(|_| points);
                    let text = in_csv(store, &record, &series, points)?;
                    Ok(([(header::CONTENT_TYPE, content_type("csv"))], text).into_response())
                }
            }
        })
        .await
}

/// The series of a run besides those of single processes, each with a name that no other has.
pub(super) fn names(store: &Store, record: &RunRecord) -> Result<Vec<(SeriesNumber, SeriesName)>, Problem> {
    let mut numbers = Vec::new();
    let mut recording = Recording::default();
    for series in store.series(record.key)? {
        let Some(origin) = origin(&series.scope) else { continue };
        numbers.push(series.number);
        let (t_s, values) = (Vec::new(), Vec::new());
        recording.series.push(Recorded { metric: series.metric, unit: series.quantity, origin, t_s, values });
    }
    let names = recording.names();
    let named = recording.series.into_iter().zip(names).map(|(series, name)| SeriesName {
        name,
        metric: series.metric,
        unit: series.unit,
        origin: match series.origin {
            Origin::Tree => SeriesOrigin::Tree,
            Origin::Host => SeriesOrigin::Host,
            Origin::Operations => SeriesOrigin::Operations,
            Origin::Source { name } => SeriesOrigin::Source(name),
        },
    });
    Ok(numbers.into_iter().zip(named).collect())
}

/// Those that `asked` names, in its order; all where it names none.
fn chosen(
    all: Vec<(SeriesNumber, SeriesName)>,
    asked: Option<&str>,
) -> Result<Vec<(SeriesNumber, SeriesName)>, Problem> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(all) };
    let mut chosen: Vec<(SeriesNumber, SeriesName)> = Vec::new();
    for wanted in asked.split(',') {
        let found = all.iter().find(|(_, name)| name.name == wanted);
        let Some(found) = found else {
            let names: Vec<&str> = all.iter().map(|(_, name)| name.name.as_str()).collect();
            return Err(Problem::not_found("the run has no series of that name")
                .hint(format!("it has {}", if names.is_empty() { "none yet".to_owned() } else { names.join(", ") })));
        };
        if !chosen.contains(found) {
            chosen.push(found.clone());
        }
    }
    Ok(chosen)
}

/// What was read of each of `series`. One that has no reading yet is there all the same.
fn columns(
    store: &Store,
    record: &RunRecord,
    series: &[(SeriesNumber, SeriesName)],
) -> Result<Vec<Option<Column>>, Problem> {
    let numbers: Vec<SeriesNumber> = series.iter().map(|(number, _)| *number).collect();
    let mut columns = store.columns(record.key, &numbers)?;
    let mut of = |number: &SeriesNumber| {
        let place = columns.iter().position(|column| column.series.number == *number)?;
        Some(columns.swap_remove(place))
    };
    Ok(numbers.iter().map(&mut of).collect())
}

/// Of a series, to be thinned.
pub(super) fn readings(column: &Column) -> Readings<'_> {
    let extremes = column.extremes.as_ref().map(|extremes| (extremes.low.as_slice(), extremes.high.as_slice()));
    Readings { t_s: &column.t_s, values: &column.values, extremes }
}

fn in_json(
    store: &Store,
    record: &RunRecord,
    series: &[(SeriesNumber, SeriesName)],
    points: usize,
) -> Result<RunSamples, Problem> {
    let columns = columns(store, record, series)?;
    let of = |((_, name), column): (&(SeriesNumber, SeriesName), &Option<Column>)| {
        let thinned = column.as_ref().map(|column| thin(readings(column), points)).unwrap_or_default();
        SeriesSamples {
            of: name.clone(),
            readings_count: column.as_ref().map_or(0, |column| column.t_s.len() as u64),
            t_s: thinned.t_s,
            low: thinned.low,
            high: thinned.high,
            value: thinned.value,
        }
    };
    Ok(RunSamples { run: record.run.id.to_string(), series: series.iter().zip(&columns).map(of).collect() })
}

/// A series file. Thinned, it has readings of the run and empty cells.
fn in_csv(
    store: &Store,
    record: &RunRecord,
    series: &[(SeriesNumber, SeriesName)],
    points: Option<usize>,
) -> Result<String, Problem> {
    let columns = columns(store, record, series)?;
    let recorded = |((_, name), column): (&(SeriesNumber, SeriesName), &Option<Column>)| {
        let (t_s, values) = match (column, points) {
            (None, _) => (Vec::new(), Vec::new()),
            (Some(column), Some(points)) => thin_to_readings(readings(column), points),
            (Some(column), None) => (column.t_s.clone(), column.values.clone()),
        };
        // By the names of the run, of which there may be others that were not asked for.
        Recorded { metric: name.name.clone(), unit: name.unit, origin: Origin::Tree, t_s, values }
    };
    Ok(csv(&Recording { judged: None, series: series.iter().zip(&columns).map(recorded).collect() }))
}
