//! The verdict of a run, and its reports.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use soakd_reports::{RENDERERS, RenderError, Report, Verdict, renderer};

use super::documents::Nothing;
use super::problem::Problem;
use super::route::Asked;
use super::runs::find;
use crate::commands::report::of_run;
use crate::recorded;
use crate::store::{RunRecord, RunState, Store};

pub(super) async fn verdict(asked: Asked, _: Nothing) -> Result<Verdict, Problem> {
    let which = asked.part("run").to_owned();
    asked.shared.read(move |store| verdict_of(store, &find(store, &which)?)).await
}

/// The verdict that is kept; what was interrupted is judged now.
pub(super) fn verdict_of(store: &Store, record: &RunRecord) -> Result<Verdict, Problem> {
    if record.state == RunState::Running {
        let id = &record.run.id;
        return Err(Problem::conflict(format!("run `{id}` is still going on"))
            .hint(format!("how it stands now: `GET /api/v1/runs/{id}`")));
    }
    Ok(of_run(store, record, false)?)
}

pub(super) async fn report(asked: Asked, _: Nothing) -> Result<Response, Problem> {
    let (which, format) = (asked.part("run").to_owned(), asked.part("format").to_owned());
    let Some(renderer) = renderer(&format) else {
        let known: Vec<&str> = RENDERERS.iter().map(|renderer| renderer.name()).collect();
        return Err(
            Problem::not_found("there is no such format of reports").hint(format!("there are {}", known.join(", ")))
        );
    };
    asked
        .shared
        .read(move |store| {
            let record = find(store, &which)?;
            let verdict = verdict_of(store, &record)?;
            let recording = recorded::recording(store, &record)?;
            let report = Report { recording: Some(&recording), ..Report::new(&verdict) };
            let bytes = renderer.render(&report).map_err(|error| match error {
                RenderError::Picture | RenderError::NoSamples { .. } => Problem::conflict(error.to_string()),
                RenderError::NotFinite(_) => Problem::internal(error.to_string()),
            })?;
            let kind = content_type(renderer.name());
            let mut response = ([(header::CONTENT_TYPE, kind)], bytes).into_response();
            if let Some(name) = renderer.file_name() {
                // Ids are letters, digits and dashes, and so are the usual names besides their dot.
                let name = format!("inline; filename=\"{}-{name}\"", record.run.id);
                if let Ok(name) = name.try_into() {
                    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
                }
            }
            if matches!(renderer.name(), "html" | "svg") {
                // A report shows what the target printed: whatever it is, it gets nothing from this origin.
                let sandbox = "sandbox allow-scripts allow-downloads; frame-ancestors 'none'";
                response
                    .headers_mut()
                    .insert(header::CONTENT_SECURITY_POLICY, axum::http::HeaderValue::from_static(sandbox));
            }
            Ok(response)
        })
        .await
}

/// The type of what a renderer makes.
pub(super) fn content_type(renderer: &str) -> &'static str {
    match renderer {
        "json" => "application/json",
        "html" => "text/html; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "csv" => "text/csv; charset=utf-8",
        "junit" => "application/xml",
        "markdown" | "issue" => "text/markdown; charset=utf-8",
        "parquet" => "application/vnd.apache.parquet",
        "openmetrics" => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "text" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// A type without its parameters.
pub(super) fn bare(kind: &'static str) -> &'static str {
    kind.split(';').next().unwrap_or(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_type() {
        for renderer in RENDERERS {
            assert_ne!(content_type(renderer.name()), "application/octet-stream", "{}", renderer.name());
        }
    }
}
