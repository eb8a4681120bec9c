//! Pages for people, and the metrics: what they show is gathered here, how it looks is told in `soakd_status`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use soakd_reports::Report;
use soakd_status::metrics::{Facts, Form, LastRun, form_for, metrics};
use soakd_status::pages::{self, Overview, Page, Running, View};
use soakd_status::past::{DrawnRun, DrawnSeries, Happened, MOST_NIGHTS, Nights, Points, ProfileHistory};
use soakd_status::words::main_series;

use super::documents::Nothing;
use super::nights;
use super::problem::Problem;
use super::reports::verdict_of;
use super::route::{Asked, Content, Route};
use super::runs::find;
use super::thinning::thin;
use super::{jobs, profiles, samples};
use crate::budgets;
use crate::commands::history::trend_chart;
use crate::history::entry::{self, Filter};
use crate::history::trend::trends;
use crate::judging::policy_of;
use crate::reading_totals;
use crate::recorded;
use crate::service::status::{LiveRun, LiveSeries};
use crate::store::{RunRecord, RunState, Scope, Store};

/// Points of a series on the overview, and on the page of its run.
const CARD_POINTS: usize = 200;
const PAGE_POINTS: usize = 600;

/// Jobs that have ended which the page of the queue shows.
const MOST_ENDED: u32 = 50;

/// Every page, and the metrics.
pub(super) fn routes() -> Vec<Route> {
    let html = || vec![Content::Of(vec!["text/html"])];
    vec![
        Route::raw("/", "overview_page", "All that goes on", html(), |asked: Asked, _: Nothing| async move {
            Ok(shown(overview(&asked).await))
        }),
        Route::raw(
            "/queue",
            "queue_page",
            "What runs, waits and has ended",
            html(),
            |asked: Asked, _: Nothing| async move { Ok(shown(queue(&asked).await)) },
        ),
        Route::raw("/schedule", "schedule_page", "What comes when", html(), |asked: Asked, _: Nothing| async move {
            Ok(shown(Ok(pages::schedule(&view(), &asked.shared.board().status()))))
        }),
        Route::raw("/runs/{run}", "run_page", "A run", html(), |asked: Asked, _: Nothing| async move {
            Ok(shown(run(&asked).await))
        }),
        Route::raw("/profiles/{profile}", "profile_page", "A profile", html(), |asked: Asked, _: Nothing| async move {
            Ok(shown(profile(&asked).await))
        }),
        Route::raw("/metrics", "metrics", "Numbers for Prometheus", vec![Content::Of(vec!["text/plain"])], scraped),
    ]
}

fn view() -> View {
    View { now: Timestamp::now(), zone: TimeZone::system(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// A page, or one that says why there is none.
fn shown(page: Result<Page, Problem>) -> Response {
    let (status, page) = match page {
        Ok(page) => (StatusCode::OK, page),
        Err(problem) => {
            let title = problem.status.canonical_reason().unwrap_or("Not to be shown");
            (problem.status, pages::problem(&view(), title, &problem.sentence()))
        }
    };
    let mut response = (status, Html(page.html)).into_response();
    // The policy is made of digests and words of our own; one that no header can hold stands in the page all the same.
    if let Ok(policy) = HeaderValue::try_from(page.policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

async fn overview(asked: &Asked) -> Result<Page, Problem> {
    let shared = &asked.shared;
    let status = shared.board().status();
    let nights = nights::nights(shared).await?;
    shared
        .read(move |store| {
            let card = |run: &LiveRun| drawn(store, run, main_series(run).into_iter(), CARD_POINTS);
            let drawn = status.running.iter().map(card).collect::<Result<Vec<_>, _>>()?;
            Ok(pages::overview(&view(), &Overview { status: &status, drawn: &drawn, nights: &nights }))
        })
        .await
}

async fn queue(asked: &Asked) -> Result<Page, Problem> {
    let ended = jobs::ended(&asked.shared, MOST_ENDED).await?;
    Ok(pages::queue(&view(), &asked.shared.board().status(), &ended))
}

async fn run(asked: &Asked) -> Result<Page, Problem> {
    let which = asked.part("run").to_owned();
    let board = asked.shared.board().clone();
    asked
        .shared
        .read(move |store| {
            let record = find(store, &which)?;
            if let Some(run) = board.run(record.run.id.as_str()) {
                let drawn = drawn(store, &run, run.series.iter(), PAGE_POINTS)?;
                let events = store.events(record.key)?.into_iter();
                let events: Vec<Happened> =
                    events.map(|event| Happened { t_s: event.t_s, kind: event.kind, text: event.text }).collect();
                let budgets = budgets_so_far(store, &record)?;
                let shown = Running { run: &run, drawn: &drawn, budgets: &budgets, events: &events };
                return Ok(pages::running(&view(), &shown));
            }
            if record.state == RunState::Running {
                return Err(Problem::conflict(format!("another soakd records this run, process {}", record.owner.pid)));
            }
            let verdict = verdict_of(store, &record)?;
            let recording = recorded::recording(store, &record)?;
            let report = Report { recording: Some(&recording), ..Report::new(&verdict) };
            pages::finished(&view(), &report).map_err(|error| Problem::conflict(error.to_string()))
        })
        .await
}

async fn profile(asked: &Asked) -> Result<Page, Problem> {
    let name = asked.part("profile").to_owned();
    let folders = asked.shared.board().profile_folders();
    asked
        .shared
        .read(move |store| {
            let filter = Filter { profile: Some(name.clone()), last: Some(MOST_NIGHTS), ..Filter::default() };
            let entries = entry::list(store, &filter)?;
            let description = profiles::description(&folders, &name);
            if entries.is_empty() && description.is_none() {
                return Err(Problem::not_found("there is no profile of that name, and no run of one"));
            }
            let runs = entries.iter().filter(|entry| entry::has_ended(&entry.record)).map(nights::past).collect();
            let trends = trends(store, &entry::whole(entries))?;
            let history = ProfileHistory {
                nights: Nights { profile: name, runs },
                description: description.unwrap_or_default(),
                changes: trends.iter().flat_map(crate::history::trend::Trend::sentences).collect(),
                trends: trends.iter().map(trend_chart).collect(),
            };
            Ok(pages::profile(&view(), &history))
        })
        .await
}

async fn scraped(asked: Asked, _: Nothing) -> Result<Response, Problem> {
    let form = form_for(asked.accept.as_deref());
    let last = |nights: &Nights| {
        let run = nights.runs.last()?;
        let duration_s = run.duration_s.unwrap_or(0.0);
        let length = jiff::SignedDuration::try_from_secs_f64(duration_s).unwrap_or_default();
        let ended = run.started.checked_add(length).unwrap_or(run.started);
        Some(LastRun { profile: nights.profile.clone(), outcome: run.outcome, ended, duration_s })
    };
    let last_runs = nights::nights(&asked.shared).await?.iter().filter_map(last).collect();
    let totals = reading_totals::so_far();
    let facts = Facts {
        last_runs,
        reading_s: Some(totals.reading.as_secs_f64()),
        late_ticks_count: Some(totals.late_ticks_count),
    };
    let text = metrics(&asked.shared.board().status(), &facts, form);
    let kind = match form {
        Form::Text => "text/plain; version=0.0.4; charset=utf-8",
        Form::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// What the budgets of a run that goes on ask of it.
fn budgets_so_far(store: &Store, record: &RunRecord) -> Result<Vec<String>, Problem> {
    // What is drawn of a run does not depend on them.
    let Ok(policy) = policy_of(record) else { return Ok(Vec::new()) };
    let budgets = &policy.plan.budgets;
    let of_target: Vec<_> =
        store.series(record.key)?.into_iter().filter(|series| series.scope == Scope::Tree).collect();
    let mut said = Vec::new();
    for (name, budget) in budgets {
        let series = of_target.iter().find(|series| series.metric == budget.metric);
        let column = series.map(|series| store.column(record.key, series.number)).transpose()?.flatten();
        said.push(budgets::so_far(name, budget, column.as_ref()));
    }
    Ok(said)
}

/// What was sampled of some series of a run that goes on. One that the store does not know yet has no points.
fn drawn<'a>(
    store: &Store,
    run: &LiveRun,
    series: impl Iterator<Item = &'a LiveSeries>,
    points: usize,
) -> Result<DrawnRun, Problem> {
    let mut drawn = DrawnRun { run: run.id.clone(), ..DrawnRun::default() };
    let Ok(record) = store.run(&run.id) else { return Ok(drawn) };
    let recorded = store.series(record.key)?;
    for series in series {
        let is_it = |scope: &Scope| match (&series.source, scope) {
            (None, Scope::Tree) => true,
            (Some(source), Scope::Source { name }) => source == name,
            _ => false,
        };
        let found = recorded.iter().find(|other| other.metric == series.metric && is_it(&other.scope));
        let column = found.map(|found| store.column(record.key, found.number)).transpose()?.flatten();
        let thinned = column.as_ref().map(|column| thin(samples::readings(column), points)).unwrap_or_default();
        drawn.series.push(DrawnSeries {
            metric: series.metric.clone(),
            source: series.source.clone(),
            unit: series.unit,
            points: Points { t_s: thinned.t_s, low: thinned.low, high: thinned.high },
        });
    }
    let gaps = store.gaps(record.key)?.into_iter().filter(|gap| gap.series.is_none());
    drawn.gaps = gaps.map(|gap| (gap.from_s, gap.to_s)).collect();
    Ok(drawn)
}
