//! What is served where, and how requests are refused.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::metrics;
use crate::operation::Operation;
use crate::requests::RequestGenerator;
use crate::service::Service;
use crate::work::WorkError;

/// Longest body of a request.
const MOST_BODY_BYTES: usize = 256 * 1024;

/// How long a request may take to arrive and be answered.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

struct Shared {
    service: Arc<Service>,
    examples: Mutex<RequestGenerator>,
}

/// All routes of the service.
pub(crate) fn router(service: Arc<Service>, examples: RequestGenerator) -> Router {
    let shared = Arc::new(Shared { service, examples: Mutex::new(examples) });
    let mut router = Router::new()
        .route("/healthz", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/metrics", get(metrics_text))
        .route("/truth", get(async |State(shared): State<Arc<Shared>>| Json(shared.service.truth())))
        .route("/examples/{operation}", get(example));
    for operation in Operation::ALL.into_iter().filter(|&operation| operation != Operation::Metrics) {
        let handler = move |State(shared): State<Arc<Shared>>, body: Result<Bytes, BytesRejection>| async move {
            perform(&shared.service, operation, body)
        };
        router = router.route(operation.path(), post(handler));
    }
    router
        .fallback(|| async { refusal(StatusCode::NOT_FOUND, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            refusal(StatusCode::METHOD_NOT_ALLOWED, "this path is there for another method")
        })
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .layer(from_fn(limit_time))
        .with_state(shared)
}

fn perform(service: &Service, operation: Operation, body: Result<Bytes, BytesRejection>) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            service.count_refused(operation);
            let status = rejection.status();
            return if status == StatusCode::PAYLOAD_TOO_LARGE {
                refusal(status, &format!("the body is longer than {MOST_BODY_BYTES} bytes"))
            } else {
                refusal(status, &rejection.body_text())
            };
        }
    };
    match service.perform(operation, &body) {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        Err(error) => work_refusal(&error),
    }
}

async fn metrics_text(State(shared): State<Arc<Shared>>) -> Response {
    match shared.service.metrics_text() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => work_refusal(&error),
    }
}

/// A request to try an endpoint with: the next one that the service's own traffic could make.
async fn example(State(shared): State<Arc<Shared>>, name: Result<Path<String>, PathRejection>) -> Response {
    let name = match name {
        Ok(Path(name)) => name,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    let Some(operation) = Operation::from_name(&name).filter(|&operation| operation != Operation::Metrics) else {
        return refusal(StatusCode::NOT_FOUND, &format!("there is no example of `{name}`"));
    };
    let body = shared.examples.lock().unwrap_or_else(PoisonError::into_inner).request(operation);
    ([(header::CONTENT_TYPE, operation.request_content_type())], body).into_response()
}

async fn limit_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let message = format!("the request took longer than {} s", REQUEST_TIMEOUT.as_secs());
            refusal(StatusCode::REQUEST_TIMEOUT, &message)
        }
    }
}

fn work_refusal(error: &WorkError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refusal(status, &error.to_string())
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"error": message}))).into_response()
}
