//! A row of the table of routes: what is asked, what answers, and what the document says about both.
//!
//! Handlers take and give types, and the document is made of the schemas of these types: it cannot say anything else than what
//! is served.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::guard::Caller;
use super::problem::Problem;
use super::shared::Shared;

/// A request that was let in.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) shared: Arc<Shared>,
    pub(super) caller: Caller,
    pub(super) uri: Uri,
    /// What stands in the path where its template has a name in braces, decoded.
    pub(super) path: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// Which types the client takes.
    pub(super) accept: Option<String>,
}

impl Asked {
    /// What stands in the path for `{name}`.
    pub(super) fn part(&self, name: &str) -> &str {
        self.path.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;
type Handler = Arc<dyn Fn(Asked) -> Answering + Send + Sync>;
type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What an answer holds.
#[derive(Clone)]
pub(super) enum Content {
    /// JSON of this schema.
    Json(SchemaOf),
    /// Something else, of one of these types.
    Of(Vec<&'static str>),
}

/// One route.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) method: Method,
    /// Its path, with names in braces for what is filled in.
    pub(super) path: &'static str,
    /// Its name for programs.
    pub(super) name: &'static str,
    /// What it does, in a line.
    pub(super) about: &'static str,
    pub(super) query: Option<SchemaOf>,
    pub(super) body: Option<SchemaOf>,
    pub(super) status: StatusCode,
    pub(super) content: Vec<Content>,
    pub(super) handler: Handler,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Without references, to be taken apart into parameters.
fn inline_schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// What `uri` asks for besides its path.
fn query<Q: DeserializeOwned>(uri: &Uri) -> Result<Q, Problem> {
    let Query(query) = Query::try_from_uri(uri)
        .map_err(|rejection| Problem::invalid(format!("the query is not understood: {}", rejection.body_text())))?;
    Ok(query)
}

/// What the body says.
fn body<B: DeserializeOwned>(bytes: &[u8]) -> Result<B, Problem> {
    let fault = |error: &serde_json::Error| match error.classify() {
        serde_json::error::Category::Data => Problem::invalid(format!("the body is not what is expected: {error}")),
        _ => Problem::new(StatusCode::BAD_REQUEST, "malformed", format!("the body is not JSON: {error}")),
    };
    // A list of the fields' values would do for serde, and is nothing that the document speaks of.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| fault(&error))?;
        return Err(Problem::invalid("the body is not what is expected: an object"));
    }
    serde_json::from_slice(bytes).map_err(|error| fault(&error))
}

impl Route {
    /// Something to read: parameters `Q`, an answer `A` in JSON.
    pub(super) fn get<Q, A, F, R>(path: &'static str, name: &'static str, about: &'static str, handler: F) -> Self
    where
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        A: Serialize + JsonSchema + Send + 'static,
        F: Fn(Asked, Q) -> R + Send + Sync + Clone + 'static,
        R: Future<Output = Result<A, Problem>> + Send + 'static,
    {
        Self::raw::<Q, _, _>(path, name, about, vec![Content::Json(schema_of::<A>)], move |asked, query| {
            let answer = handler(asked, query);
            async move { Ok(axum::Json(answer.await?).into_response()) }
        })
    }

    /// Something to read whose answer is made by the handler.
    pub(super) fn raw<Q, F, R>(
        path: &'static str,
        name: &'static str,
        about: &'static str,
        content: Vec<Content>,
        handler: F,
    ) -> Self
    where
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(Asked, Q) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        Self {
            method: Method::GET,
            path,
            name,
            about,
            query: Some(inline_schema_of::<Q>),
            body: None,
            status: StatusCode::OK,
            content,
            handler: Arc::new(move |asked: Asked| {
                let handler = Arc::clone(&handler);
                Box::pin(async move {
                    let query = query(&asked.uri)?;
                    handler(asked, query).await
                })
            }),
        }
    }

    /// Something that changes: a body `B`, an answer `A`, both in JSON. With `status` goes where the result is found, if it
    /// has a place.
    pub(super) fn post<B, A, F, R>(
        path: &'static str,
        name: &'static str,
        about: &'static str,
        status: StatusCode,
        handler: F,
    ) -> Self
    where
        B: DeserializeOwned + JsonSchema + Send + 'static,
        A: Serialize + JsonSchema + Placed + Send + 'static,
        F: Fn(Asked, B) -> R + Send + Sync + 'static,
        R: Future<Output = Result<A, Problem>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        Self {
            method: Method::POST,
            path,
            name,
            about,
            query: None,
            body: Some(schema_of::<B>),
            status,
            content: vec![Content::Json(schema_of::<A>)],
            handler: Arc::new(move |asked: Asked| {
                let handler = Arc::clone(&handler);
                Box::pin(async move {
                    let body = body(&asked.body)?;
                    let answer = handler(asked, body).await?;
                    let place = answer.place();
                    let mut response = (status, axum::Json(answer)).into_response();
                    if let Some(Ok(place)) = place.map(TryInto::try_into) {
                        response.headers_mut().insert(axum::http::header::LOCATION, place);
                    }
                    Ok(response)
                })
            }),
        }
    }
}

/// What may have a path of its own.
pub(super) trait Placed {
    /// The path.
    fn place(&self) -> Option<String> {
        None
    }
}
