//! The table of routes. What is mounted and what the document says are made of it.

use axum::http::StatusCode;
use soakd_reports::RENDERERS;

use super::documents::{Nothing, RunSamples};
use super::route::{Content, Route};
use super::{daemon, events, history, jobs, openapi, profiles, reports, runs, samples};

/// Every route of the API.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/health", "health", "Whether the daemon answers", daemon::health),
        Route::get("/api/v1/status", "status", "All that goes on now", daemon::status),
        Route::get("/api/v1/jobs", "list_jobs", "Jobs, newest first", jobs::list),
        Route::post("/api/v1/jobs", "submit", "Queue a soak", StatusCode::CREATED, jobs::submit),
        Route::get("/api/v1/jobs/{job}", "show_job", "One job", jobs::show),
        Route::post(
            "/api/v1/jobs/{job}/cancel",
            "cancel",
            "Take a job back, or end its run with a verdict on what there is",
            StatusCode::OK,
            jobs::cancel,
        ),
        Route::get("/api/v1/runs", "list_runs", "Recorded runs, newest first", runs::list),
        Route::get("/api/v1/runs/{run}", "show_run", "One run: its id, the beginning of it, or `last`", runs::show),
        Route::get("/api/v1/runs/{run}/verdict", "verdict", "The verdict of a run that has ended", reports::verdict),
        Route::raw(
            "/api/v1/runs/{run}/report/{format}",
            "report",
            "The verdict of a run in one of the formats of reports",
            vec![Content::Of(content_types())],
            reports::report,
        ),
        Route::raw(
            "/api/v1/runs/{run}/samples",
            "samples",
            "Samples of a run, thinned to a number of points without losing a peak",
            vec![Content::Json(|generator| generator.subschema_for::<RunSamples>()), Content::Of(vec!["text/csv"])],
            samples::samples,
        ),
        Route::get("/api/v1/runs/{run}/events", "run_events", "What happened during a run", runs::events),
        Route::raw(
            "/api/v1/events",
            "follow",
            "What happens from now on, as server-sent events that begin with the status",
            vec![Content::Of(vec!["text/event-stream"])],
            events::follow,
        ),
        Route::get("/api/v1/profiles", "list_profiles", "The profiles that can be named", profiles::list),
        Route::get("/api/v1/profiles/{profile}", "show_profile", "One profile", profiles::show),
        Route::get("/api/v1/schedule", "schedule", "What comes next", daemon::schedule),
        Route::post(
            "/api/v1/schedule/{entry}/run",
            "run_schedule",
            "Start an entry of the schedule now, besides its times",
            StatusCode::CREATED,
            daemon::trigger,
        ),
        Route::get("/api/v1/watches", "watches", "Targets that are watched without end", daemon::watches),
        Route::get("/api/v1/history/trend", "trend", "The numbers of a profile over its runs", history::trend),
        Route::post("/api/v1/reload", "reload", "Read the configuration again", StatusCode::OK, daemon::reload),
        Route::raw::<Nothing, _, _>(
            "/api/v1/openapi.json",
            "openapi",
            "This document",
            vec![Content::Json(|_| schemars::json_schema!({"type": "object"}))],
            openapi::serve,
        ),
    ]
}

fn content_types() -> Vec<&'static str> {
    let mut types: Vec<&str> =
        RENDERERS.iter().map(|renderer| reports::bare(reports::content_type(renderer.name()))).collect();
    types.sort_unstable();
    types.dedup();
    types
}
