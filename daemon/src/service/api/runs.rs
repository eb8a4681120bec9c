//! Recorded runs.

use soakd_reports::Verdict;

use super::documents::{
    Nothing, RecordState, RunDocument, RunEvent, RunEvents, RunGap, RunSummary, Runs, RunsQuery, SamplesDetail,
};
use super::jobs::{MOST, USUAL};
use super::numbers::within;
use super::problem::Problem;
use super::route::Asked;
use super::samples;
use crate::history::entry::{self, Filter};
use crate::history::when::when;
use crate::store::{Detail, RunRecord, RunState, Store};

/// Longest text that can be the id of a run.
const LONGEST_ID_BYTES: usize = 128;

/// The run that `which` names: an id, the beginning of just one, or `last`.
pub(super) fn find(store: &Store, which: &str) -> Result<RunRecord, Problem> {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if which.len() > LONGEST_ID_BYTES || !which.bytes().all(is_id) {
        return Err(Problem::not_found("no run can have such an id").hint("`GET /api/v1/runs` lists them"));
    }
    Ok(store.run(which)?)
}

pub(super) async fn list(asked: Asked, query: RunsQuery) -> Result<Runs, Problem> {
    let limit = within("limit", query.limit, USUAL, 1..=MOST)? as usize;
    let filter = Filter {
        profile: query.profile,
        scenario: query.scenario,
        branch: query.branch,
        outcome: query.outcome,
        since: query.since.as_deref().map(since).transpose()?,
        before: None,
        // One more tells whether there are more.
        last: Some(limit + 1),
    };
    let before = query.before;
    asked
        .shared
        .read(move |store| {
            let before = before.map(|id| find(store, &id)).transpose()?.map(|record| record.key);
            let mut entries = entry::list(store, &Filter { before, ..filter })?;
            entries.reverse();
            let is_more = entries.len() > limit;
            entries.truncate(limit);
            let runs: Vec<_> = entries.iter().map(|entry| summary(&entry.record, entry.verdict.as_ref())).collect();
            let before = if is_more { runs.last().map(|run| run.id.clone()) } else { None };
            Ok(Runs { runs, before })
        })
        .await
}

/// A time that is named as `since`.
pub(super) fn since(text: &str) -> Result<jiff::Timestamp, Problem> {
    when(text).map_err(|unclear| Problem::invalid(format!("`since`: {unclear}")).hint(unclear.hint()))
}

pub(super) async fn show(asked: Asked, _: Nothing) -> Result<RunDocument, Problem> {
    let which = asked.part("run").to_owned();
    let (run, samples_count, series) = asked
        .shared
        .read(move |store| {
            let record = find(store, &which)?;
            let (count, series) = (store.samples_count(record.key)?, samples::names(store, &record)?);
            let entry = entry::of(store, record)?;
            Ok((summary(&entry.record, entry.verdict.as_ref()), count, series))
        })
        .await?;
    let live = asked.shared.board().run(&run.id);
    let series = series.into_iter().map(|(_, name)| name).collect();
    Ok(RunDocument { run, samples_count, series, live })
}

pub(super) async fn events(asked: Asked, _: Nothing) -> Result<RunEvents, Problem> {
    let which = asked.part("run").to_owned();
    asked
        .shared
        .read(move |store| {
            let record = find(store, &which)?;
            let events = store.events(record.key)?.into_iter();
            let gaps = store.gaps(record.key)?.into_iter().filter(|gap| gap.series.is_none());
            Ok(RunEvents {
                run: record.run.id.to_string(),
                events: events.map(|event| RunEvent { t_s: event.t_s, kind: event.kind, text: event.text }).collect(),
                gaps: gaps.map(|gap| RunGap { from_s: gap.from_s, to_s: gap.to_s, why: gap.why }).collect(),
            })
        })
        .await
}

fn summary(record: &RunRecord, verdict: Option<&Verdict>) -> RunSummary {
    let run = &record.run;
    RunSummary {
        id: run.id.to_string(),
        profile: run.profile.clone(),
        scenario: run.scenario.clone(),
        stage: run.stage.clone(),
        environment: run.environment.clone(),
        command: run.command.clone(),
        commit: run.commit.clone(),
        branch: run.branch.clone(),
        started: run.started,
        state: match record.state {
            RunState::Running => RecordState::Running,
            RunState::Finished => RecordState::Finished,
            RunState::Interrupted => RecordState::Interrupted,
        },
        planned_s: run.planned_s,
        interval_s: run.interval_s,
        duration_s: record.duration_s,
        ended_why: record.ended_why.clone(),
        detail: match record.detail {
            Detail::Full => SamplesDetail::Full,
            Detail::Minutes => SamplesDetail::Minutes,
        },
        outcome: verdict.map(|verdict| verdict.outcome),
        severity: verdict.map(|verdict| verdict.severity),
        exit_code: verdict.map(|verdict| verdict.exit_code),
        summary: verdict.map(|verdict| verdict.summary.clone()),
    }
}
