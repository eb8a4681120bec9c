//! A small client for one question: the readiness of a target, the numbers of an endpoint, a word to the target, the API
//! of a daemon.
//!
//! `http` only, over TCP or a Unix socket, one connection for each question, a deadline for the whole of it, and an answer
//! that is cut off at a bound: an endpoint that answers slowly, endlessly or never costs a bounded time and memory.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
pub use hyper::Method;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, LOCATION, USER_AGENT,
};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// An address that can be asked: `http://HOST[:PORT][/PATH][?QUERY]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl {
    text: String,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    authority: String,
    path: String,
}

/// Why a text is no [`HttpUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpUrlError {
    /// Not an address at all.
    #[error("not a URL")]
    Malformed,
    /// An address of another kind, `https` among them.
    #[error("`{0}` is not spoken here, only `http`")]
    Scheme(String),
    /// Nobody to ask.
    #[error("the host is missing")]
    HostMissing,
    /// A name and password in it would be sent in the clear.
    #[error("user names in URLs are not supported")]
    UserInfo,
}

impl HttpUrl {
    /// Whether it is one of this host, whatever else listens there.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        address.map_or(self.host == "localhost", |address| address.to_canonical().is_loopback())
    }
}

impl FromStr for HttpUrl {
    type Err = HttpUrlError;

    fn from_str(text: &str) -> Result<Self, HttpUrlError> {
        let uri: Uri = text.parse().map_err(|_| HttpUrlError::Malformed)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some(other) => return Err(HttpUrlError::Scheme(other.to_owned())),
            None => return Err(HttpUrlError::Malformed),
        }
        let authority = uri.authority().ok_or(HttpUrlError::HostMissing)?;
        if authority.as_str().contains('@') {
            return Err(HttpUrlError::UserInfo);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(HttpUrlError::HostMissing);
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            text: text.to_owned(),
            host,
            port: authority.port_u16().unwrap_or(80),
            authority: authority.as_str().to_owned(),
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
        })
    }
}

impl HttpUrl {
    /// Path and query, beginning with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status, such as 200.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    /// Where a redirection leads.
    pub location: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nobody listens there, or the name is not known.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// Not all of the answer came in time.
    #[error("no full answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// What came is no HTTP, or the connection broke.
    #[error("no valid HTTP answer: {0}")]
    Protocol(hyper::Error),
    /// The body is longer than was asked for.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// Asks once. Redirections are answers like any other and are not followed.
///
/// # Errors
/// When no full answer of at most `longest_body_bytes` came within `timeout`.
pub async fn get(url: &HttpUrl, timeout: Duration, longest_body_bytes: usize) -> Result<HttpAnswer, HttpError> {
    send(Method::GET, url, timeout, longest_body_bytes).await
}

/// As [`get`], by another method and without a body.
///
/// # Errors
/// As [`get`].
pub async fn send(
    method: Method,
    url: &HttpUrl,
    timeout: Duration,
    longest_body_bytes: usize,
) -> Result<HttpAnswer, HttpError> {
    let question = Question { method, path: &url.path, json: None, bearer: None };
    exchange(&Server::Tcp(url.clone()), &question, timeout, longest_body_bytes).await
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// The host and port of this address; its path does not matter.
    Tcp(HttpUrl),
    /// Who listens on this socket.
    Unix(PathBuf),
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(url) => write!(f, "http://{}", url.authority),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// How.
    pub method: Method,
    /// Path and query, beginning with `/`.
    pub path: &'a str,
    /// The body, which is JSON.
    pub json: Option<Bytes>,
    /// The token that allows it.
    pub bearer: Option<&'a str>,
}

/// Asks `server` once. Redirections are answers like any other and are not followed.
///
/// # Errors
/// When no full answer of at most `longest_body_bytes` came within `timeout`.
pub async fn exchange(
    server: &Server,
    question: &Question<'_>,
    timeout: Duration,
    longest_body_bytes: usize,
) -> Result<HttpAnswer, HttpError> {
    let answer = converse(server, question, async |answer| whole(answer, longest_body_bytes).await);
    tokio::time::timeout(timeout, answer).await.unwrap_or(Err(HttpError::TimedOut(timeout)))
}

/// Asks for a stream and hands each piece of it to `take`, until that has enough or the stream ends, which is `None`. An
/// answer other than 200 is given back as a whole.
///
/// # Errors
/// When nothing came for `patience`, or what came is no HTTP.
pub async fn follow(
    server: &Server,
    question: &Question<'_>,
    patience: Duration,
    longest_body_bytes: usize,
    mut take: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Option<HttpAnswer>, HttpError> {
    let late = || HttpError::TimedOut(patience);
    converse(server, question, async |mut answer| {
        if answer.status() != hyper::StatusCode::OK {
            let whole = tokio::time::timeout(patience, whole(answer, longest_body_bytes)).await;
            return whole.unwrap_or_else(|_| Err(late())).map(Some);
        }
        while let Some(frame) = tokio::time::timeout(patience, answer.frame()).await.map_err(|_| late())? {
            let frame = frame.map_err(HttpError::Protocol)?;
            if frame.data_ref().is_some_and(|data| take(data).is_break()) {
                break;
            }
        }
        Ok(None)
    })
    .await
}

/// What bytes go through.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Connects, asks, and lets `take` have the answer.
async fn converse<T>(
    server: &Server,
    question: &Question<'_>,
    take: impl AsyncFnOnce(Response<Incoming>) -> Result<T, HttpError>,
) -> Result<T, HttpError> {
    let (stream, authority): (Box<dyn Connection>, &str) = match server {
        Server::Tcp(url) => {
            let stream = TcpStream::connect((url.host.as_str(), url.port)).await.map_err(HttpError::Connect)?;
            (Box::new(stream), &url.authority)
        }
        Server::Unix(path) => (Box::new(UnixStream::connect(path).await.map_err(HttpError::Connect)?), "localhost"),
    };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(HttpError::Protocol)?;
    let request = request(question, authority)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(HttpError::Protocol)?;
        take(answer).await
    };
    // The connection has to be driven while the answer is waited for. Both live in this future, so that nothing goes
    // on when it is dropped.
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = &mut connection => match ended {
            // The other side has closed; what it had sent by then is still to be taken.
            Ok(()) => answer.await,
            Err(error) => Err(HttpError::Protocol(error)),
        },
    }
}

fn request(question: &Question<'_>, authority: &str) -> Result<Request<Full<Bytes>>, HttpError> {
    let mut request = Request::builder()
        .method(question.method.clone())
        .uri(question.path)
        .header(HOST, authority)
        .header(USER_AGENT, concat!("soakd/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close");
    if let Some(token) = question.bearer {
        request = request.header(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).map_err(unsayable)?);
    }
    match &question.json {
        Some(_) => request = request.header(CONTENT_TYPE, "application/json"),
        // Some servers refuse a request that may have a body and does not say that it has none.
        None if question.method != Method::GET => request = request.header(CONTENT_LENGTH, 0),
        None => {}
    }
    // A URL that was parsed makes a valid request; this would be one that the two parsers disagree on.
    request.body(Full::new(question.json.clone().unwrap_or_default())).map_err(unsayable)
}

fn unsayable<E>(_: E) -> HttpError {
    HttpError::Connect(io::ErrorKind::InvalidInput.into())
}

async fn whole(mut answer: Response<Incoming>, longest_body_bytes: usize) -> Result<HttpAnswer, HttpError> {
    let mut body = Vec::new();
    while let Some(frame) = answer.frame().await {
        let frame = frame.map_err(HttpError::Protocol)?;
        if let Some(data) = frame.data_ref() {
            if body.len() + data.len() > longest_body_bytes {
                return Err(HttpError::TooLong(longest_body_bytes));
            }
            body.extend_from_slice(data);
        }
    }
    let location = answer.headers().get(LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
    Ok(HttpAnswer { status: answer.status().as_u16(), body: body.into(), location })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one connection with `answer`, and keeps it open when that is over if `hang`.
    async fn server(answer: Vec<u8>, hang: bool) -> HttpUrl {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/metrics?a=b", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = vec![0; 4096];
            let length = stream.read(&mut question).await.unwrap();
            assert!(question[..length].starts_with(b"GET /metrics?a=b HTTP/1.1\r\n"));
            let _ = stream.write_all(&answer).await;
            if hang {
                std::future::pending::<()>().await;
            }
        });
        url
    }

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn an_answer_comes_with_status_and_body() {
        let url = server(b"HTTP/1.1 503 Wait\r\ncontent-length: 4\r\n\r\nbusy".to_vec(), true).await;
        let answer = get(&url, PATIENCE, 100).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (503, &b"busy"[..]));
    }

    #[tokio::test]
    async fn an_answer_that_ends_with_its_connection_is_whole() {
        let url = server(b"HTTP/1.0 200 OK\r\n\r\nold style".to_vec(), false).await;
        assert_eq!(&get(&url, PATIENCE, 100).await.unwrap().body[..], b"old style");
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut_off() {
        let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        answer.resize(1 << 16, b'x');
        let url = server(answer, true).await;
        assert!(matches!(get(&url, PATIENCE, 1000).await, Err(HttpError::TooLong(1000))));
    }

    #[tokio::test]
    async fn silence_ends_with_the_deadline() {
        let url = server(Vec::new(), true).await;
        assert!(matches!(get(&url, Duration::from_millis(50), 100).await, Err(HttpError::TimedOut(_))));
    }

    #[tokio::test]
    async fn what_is_no_http_is_an_error() {
        let url = server(b"220 mail.example ESMTP\r\n".to_vec(), false).await;
        assert!(matches!(get(&url, PATIENCE, 100).await, Err(HttpError::Protocol(_))));
    }

    #[tokio::test]
    async fn nobody_there_is_an_error() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let url: HttpUrl = format!("http://{free}").parse().unwrap();
        assert!(matches!(get(&url, PATIENCE, 100).await, Err(HttpError::Connect(_))));
    }

    /// Answers one connection on a Unix socket with `answer`, and gives back what was asked.
    fn unix_server(answer: Vec<u8>) -> (tempfile::TempDir, Server, tokio::task::JoinHandle<Vec<u8>>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"}") && !asked.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut asked).await.unwrap();
            }
            let _ = stream.write_all(&answer).await;
            asked
        });
        (folder, Server::Unix(path), asked)
    }

    #[tokio::test]
    async fn a_unix_socket_is_told_a_body_and_a_token() {
        let (_folder, server, asked) =
            unix_server(b"HTTP/1.1 201 Created\r\nlocation: /jobs/1\r\ncontent-length: 2\r\n\r\n{}".to_vec());
        let question = Question {
            method: Method::POST,
            path: "/jobs?a=b",
            json: Some(Bytes::from_static(b"{\"a\":1}")),
            bearer: Some("secret"),
        };
        let answer = exchange(&server, &question, PATIENCE, 100).await.unwrap();
        assert_eq!((answer.status, answer.location.as_deref()), (201, Some("/jobs/1")));
        let asked = String::from_utf8(asked.await.unwrap()).unwrap();
        assert!(asked.starts_with("POST /jobs?a=b HTTP/1.1\r\n"), "{asked}");
        for part in ["authorization: Bearer secret\r\n", "content-type: application/json\r\n", "\r\n\r\n{\"a\":1}"] {
            assert!(asked.contains(part), "{asked}");
        }
    }

    #[tokio::test]
    async fn a_stream_is_taken_piece_by_piece_and_what_is_none_as_a_whole() {
        let question = Question { method: Method::GET, path: "/events", json: None, bearer: None };
        let (_folder, server, _) = unix_server(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n".to_vec(),
        );
        let mut taken = Vec::new();
        let ended = follow(&server, &question, PATIENCE, 100, |piece| {
            taken.extend_from_slice(piece);
            ControlFlow::Continue(())
        });
        assert_eq!(ended.await.unwrap(), None);
        assert_eq!(taken, b"onetwo");
        let (_folder, server, _) = unix_server(b"HTTP/1.1 429 Later\r\ncontent-length: 4\r\n\r\nbusy".to_vec());
        let refused = follow(&server, &question, PATIENCE, 100, |_| ControlFlow::Continue(())).await.unwrap();
        assert_eq!(refused.map(|answer| answer.status), Some(429));
    }

    #[test]
    fn a_token_that_no_header_can_hold_is_an_error() {
        let question = Question { method: Method::GET, path: "/", json: None, bearer: Some("a\r\nb") };
        assert!(matches!(request(&question, "localhost"), Err(HttpError::Connect(_))));
    }

    #[test]
    fn addresses_are_read_and_others_refused() {
        let url: HttpUrl = "http://[::1]:8080".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port, url.path.as_str()), ("::1", 8080, "/"));
        let url: HttpUrl = "http://localhost/healthz".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port, url.path.as_str()), ("localhost", 80, "/healthz"));
        assert_eq!("https://x/".parse::<HttpUrl>(), Err(HttpUrlError::Scheme("https".to_owned())));
        assert_eq!("localhost:8080".parse::<HttpUrl>(), Err(HttpUrlError::Malformed));
        assert_eq!("/healthz".parse::<HttpUrl>(), Err(HttpUrlError::Malformed));
        assert_eq!("http://me:secret@x/".parse::<HttpUrl>(), Err(HttpUrlError::UserInfo));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = text.parse::<HttpUrl>();
            let _ = format!("http://{text}").parse::<HttpUrl>();
        }
    }
}
