//! One request: let in or refused, read within limits, answered by its route, and told to browsers what not to do.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{Extension, RawPathParams, Request as RoutedRequest};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper::{Request, body::Body as _};
use hyper_util::service::TowerToHyperService;

use super::guard::Caller;
use super::problem::Problem;
use super::route::{Asked, Route};
use super::shared::Shared;

/// What every answer tells browsers unless it tells otherwise: keep nothing, guess nothing, and let no other site have it.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Mounts `routes`.
pub(super) fn router(shared: &Arc<Shared>, routes: Vec<Route>) -> Router {
    let mut router = Router::new()
        .fallback(|| async {
            Problem::not_found("there is nothing at this path").hint("`/api/v1/openapi.json` lists what there is")
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this path is not asked by that method")
        });
    for route in routes {
        let filter = if route.method == Method::POST { MethodFilter::POST } else { MethodFilter::GET };
        let (shared, handler) = (Arc::clone(shared), route.handler);
        let call = move |caller: Extension<Caller>,
                         body: Extension<Bytes>,
                         path: Result<RawPathParams, RawPathParamsRejection>,
                         request: RoutedRequest| async move {
            let path = match path {
                Ok(path) => path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                Err(_) => return Problem::not_found("the path is not UTF-8").into_response(),
            };
            let (Extension(caller), Extension(body)) = (caller, body);
            let accept =
                request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).map(str::to_owned);
            let asked = Asked { shared, caller, uri: request.uri().clone(), path, body, accept };
            handler(asked).await.unwrap_or_else(IntoResponse::into_response)
        };
        router = router.route(route.path, on(filter, call));
    }
    router
}

/// Answers one request.
pub(super) async fn answer(
    shared: Arc<Shared>,
    router: TowerToHyperService<Router>,
    caller: Caller,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    tracing::trace!(method = %parts.method, path = parts.uri.path(), %caller, "asked");
    let answered = async {
        shared.guard.check(&caller, &parts)?;
        let body = read(&shared, &parts, body).await?;
        let mut request = Request::from_parts(parts, Body::empty());
        request.extensions_mut().insert(caller);
        request.extensions_mut().insert(body);
        let Ok(response) = tokio::time::timeout(shared.timeout, router.call(request)).await else {
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "slow", "the answer takes too long")
                .hint("ask for less: fewer points, fewer runs"));
        };
        Ok(response.unwrap_or_else(|never| match never {}))
    };
    let mut response = answered.await.unwrap_or_else(IntoResponse::into_response);
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    Ok(response)
}

/// The body, up to its limit and in its time.
async fn read(shared: &Shared, parts: &Parts, body: Incoming) -> Result<Bytes, Problem> {
    let longest = shared.longest_body_bytes;
    let too_long = || {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_long", format!("the body is longer than {longest} bytes"))
            .hint("`longest_body` in `[api]` is the limit")
    };
    // Known before anything of it has come.
    if body.size_hint().lower() > longest as u64 {
        return Err(too_long());
    }
    if matches!(parts.method, Method::GET | Method::HEAD) && body.is_end_stream() {
        return Ok(Bytes::new());
    }
    match tokio::time::timeout(shared.timeout, Limited::new(body, longest).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "cut_off", "the body ended in the middle")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "slow", "the body did not come in time")),
    }
}
