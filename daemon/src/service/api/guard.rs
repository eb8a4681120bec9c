//! Who may ask for what.
//!
//! Over the Unix socket the permissions of the socket say who may read, and the user at its other end who may change
//! something: root, and who the daemon runs as. Over TCP anybody on this host can connect, and so can every page in a browser
//! on it: changes need the token, the host has to be a name of this service (a page may have its own name resolve to a
//! loopback address), and what another site's page asks for is refused, whatever it is.

use std::net::{IpAddr, SocketAddr};

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};

use super::problem::Problem;
use super::token::Token;

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caller {
    /// Over the Unix socket, from a process of this user where the kernel tells it.
    Unix { uid: Option<u32> },
    /// Over TCP.
    Tcp {
        from: SocketAddr,
        /// The address of this host that it reached.
        at: IpAddr,
        /// Whether others than users of this host can reach that listener.
        is_public: bool,
    },
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix { uid: Some(uid) } => write!(f, "user {uid} over the socket"),
            Self::Unix { uid: None } => f.write_str("somebody over the socket"),
            Self::Tcp { from, .. } => write!(f, "somebody at {}", from.ip()),
        }
    }
}

/// What is needed to decide.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub(super) token: Token,
    /// Names of this service besides those of this host's loopback, in lower case.
    pub(super) hosts: Vec<String>,
    /// The user that the daemon runs as.
    pub(super) own_uid: u32,
}

/// What the token is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Reading,
    Changing,
}

/// What a browser says about where the page is that asks.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Below this path is what programs ask for; beside it are pages for people.
const PROGRAMS: &str = "/api/";

impl Guard {
    /// # Errors
    /// Why the request is refused.
    pub(super) fn check(&self, caller: &Caller, request: &Parts) -> Result<(), Problem> {
        let headers = &request.headers;
        self.check_host(caller, request)?;
        check_site(request)?;
        let changes = !matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let is_trusted = matches!(caller, Caller::Unix { uid: Some(uid) } if *uid == 0 || *uid == self.own_uid);
        let needs_token = match caller {
            Caller::Unix { .. } => changes && !is_trusted,
            Caller::Tcp { is_public, .. } => changes || *is_public,
        };
        if needs_token {
            self.check_token(headers, if changes { Use::Changing } else { Use::Reading })?;
        }
        if changes && !is_json(headers) {
            // A form of another site can send everything but this.
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "the body of a request that changes something has to be `application/json`",
            )
            .hint("send the header `content-type: application/json`; where nothing is to be said, the body `{}`"));
        }
        Ok(())
    }

    fn check_host(&self, caller: &Caller, request: &Parts) -> Result<(), Problem> {
        let Caller::Tcp { at, .. } = caller else { return Ok(()) };
        let mut named = request.headers.get_all(header::HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "no_host", "the request has to name its host, once"));
        };
        let host = host.to_str().unwrap_or_default();
        let is_known = host.parse::<Authority>().is_ok_and(|host| self.is_own(&host, *at))
            && request.uri.authority().is_none_or(|authority| self.is_own(authority, *at));
        if is_known {
            return Ok(());
        }
        Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "host", "this service is not known by that host name")
            .hint("use `localhost` or the address, or add the name to `hosts` in `[api]`"))
    }

    /// Whether a name is one of this service, whatever the port: `at` is the address that was reached.
    fn is_own(&self, authority: &Authority, at: IpAddr) -> bool {
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host().to_ascii_lowercase();
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback() || address.to_canonical() == at.to_canonical(),
            Err(_) => host == "localhost" || self.hosts.contains(&host),
        }
    }

    fn check_token(&self, headers: &HeaderMap, use_of: Use) -> Result<(), Problem> {
        let Some(shown) = headers.get(header::AUTHORIZATION) else {
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "no_token", "this needs the token of the daemon")
                .hint("send `authorization: Bearer TOKEN`; the daemon keeps it in its `token_file`"));
        };
        let shown = shown.as_bytes().trim_ascii();
        let space = shown.iter().position(|byte| *byte == b' ').unwrap_or(shown.len());
        let (scheme, told) = shown.split_at(space);
        let told = told.trim_ascii();
        let is_it = match scheme.to_ascii_lowercase().as_slice() {
            b"bearer" => self.token.is(told),
            // What a browser asks its user for. It sends that with whatever its pages ask for, so it changes nothing.
            b"basic" if use_of == Use::Reading => password(told).is_some_and(|password| self.token.is(&password)),
            _ => false,
        };
        if is_it {
            return Ok(());
        }
        Err(Problem::new(StatusCode::UNAUTHORIZED, "wrong_token", "that is not the token of this daemon")
            .hint("the daemon keeps it in its `token_file`, `api-token` in the state folder unless configured"))
    }
}

/// Refuses what a page of another site asks for. What is no browser says nothing about sites.
fn check_site(request: &Parts) -> Result<(), Problem> {
    let headers = &request.headers;
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let refused = || Err(Problem::forbidden("a page of another site may not use this service"));
    if let Some(origin) = text(&header::ORIGIN) {
        let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let is_own =
            named.is_some() && named.map(str::to_ascii_lowercase) == text(&header::HOST).map(str::to_ascii_lowercase);
        if !is_own || headers.get_all(header::ORIGIN).iter().count() > 1 {
            return refused();
        }
    }
    match text(&SEC_FETCH_SITE) {
        None | Some("same-origin" | "none") => Ok(()),
        // Somebody follows a link to a page: the other site does not see what comes.
        Some(_)
            if request.method == Method::GET
                && text(&SEC_FETCH_MODE) == Some("navigate")
                && text(&SEC_FETCH_DEST) == Some("document")
                && !request.uri.path().starts_with(PROGRAMS) =>
        {
            Ok(())
        }
        Some(_) => refused(),
    }
}

/// The password of `user:password` in base64 (RFC 7617).
fn password(told: &[u8]) -> Option<Vec<u8>> {
    let text = base64(told)?;
    let colon = text.iter().position(|byte| *byte == b':')?;
    Some(text[colon + 1..].to_vec())
}

/// What stands in base64 (RFC 4648); whether it ends in padding is no matter.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let (mut bits, mut bits_count, mut bytes) = (0_u32, 0, Vec::with_capacity(text.len() * 3 / 4));
    for character in text {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        bits_count += 6;
        if bits_count >= 8 {
            bits_count -= 8;
            bytes.push((bits >> bits_count & 0xff) as u8);
        }
    }
    Some(bytes)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests;
