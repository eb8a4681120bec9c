//! Why a request was not answered as it was meant, for programs and for people.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::documents::{ErrorBody, ErrorDocument};
use crate::exit::{Exit, Failure};
use crate::service::handle::Refusal;
use crate::store::StoreError;

/// A refusal or a failure, with its status and something to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
    hint: Option<String>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A parameter, or a body that is JSON, that is not what the document asks for.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// Too much is asked at the same time.
    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", message).hint("try again in a while")
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// What happened and what to do about it, for a page.
    pub(super) fn sentence(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message.clone(),
        }
    }

    fn hinted(self, hint: Option<String>) -> Self {
        Self { hint: hint.or(self.hint), ..self }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let problem = match &error {
            // The file and the commands that the message of the command line names mean nothing to a client.
            StoreError::NoSuchRun { which, .. } => {
                return Self::not_found(format!("there is no run `{which}`")).hint("`GET /api/v1/runs` lists them");
            }
            StoreError::NoRuns { .. } => return Self::not_found("there is no run yet"),
            StoreError::Ambiguous { .. } => return Self::conflict(error.to_string()).hint("give more of the id"),
            StoreError::Busy { .. } => Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_busy", error.to_string()),
            StoreError::DiskFull { .. } => Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", error.to_string()),
            StoreError::Folder { .. }
            | StoreError::ReadOnly { .. }
            | StoreError::Open { .. }
            | StoreError::NotAStore { .. }
            | StoreError::Newer { .. }
            | StoreError::Damaged { .. }
            | StoreError::Disk { .. }
            | StoreError::Sqlite { .. }
            | StoreError::Thread(_)
            | StoreError::WriterGone
            | StoreError::Compress(_)
            | StoreError::NotToBeResumed
            | StoreError::RunExists(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store", error.to_string()),
        };
        problem.hinted(error.hint())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Invalid { hint, .. } => Self::invalid(message).hinted(hint),
            Refusal::Forbidden { hint, .. } => Self::forbidden(message).hinted(hint),
            Refusal::NotFound(_) => Self::not_found(message),
            Refusal::Conflict(_) => Self::conflict(message),
            Refusal::QueueFull(_) => Self::new(StatusCode::TOO_MANY_REQUESTS, "queue_full", message)
                .hint("wait until some have run, or cancel some"),
            Refusal::Store(error) => error.into(),
            Refusal::Stopping => Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let message = failure.messages.join("; ");
        let problem = match failure.exit {
            Exit::NoInput => Self::not_found(message),
            Exit::Usage | Exit::Config => Self::invalid(message),
            Exit::NoPermission => Self::forbidden(message),
            Exit::BadData => Self::conflict(message),
            Exit::Unavailable | Exit::Internal | Exit::CannotWrite | Exit::Signal(_) => Self::internal(message),
        };
        problem.hinted((!failure.hints.is_empty()).then(|| failure.hints.join("; ")))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code) = (self.status, self.code);
        let document =
            ErrorDocument { error: ErrorBody { code: code.to_owned(), message: self.message, hint: self.hint } };
        let mut response = (status, axum::Json(document)).into_response();
        let value = match status {
            StatusCode::UNAUTHORIZED => {
                Some((header::WWW_AUTHENTICATE, "Basic realm=\"soakd\", Bearer realm=\"soakd\""))
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "5")),
            _ => None,
        };
        if let Some((name, value)) = value {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
