//! `[api]`: who may talk to the service, and how.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use soakd_profiles::document::{Field, Section};
use soakd_profiles::units;

/// Where the Unix socket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Socket {
    /// `soakd.sock` in the runtime folder of the service, else in the state folder.
    Auto,
    /// Here.
    At(PathBuf),
    /// There is none.
    Off,
}

/// Where the token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFile {
    /// `api-token` in the state folder.
    Auto,
    /// Here.
    At(PathBuf),
}

/// The whole of `[api]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// The Unix socket.
    pub socket: Socket,
    /// Where HTTP is spoken over TCP; `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// The token.
    pub token_file: TokenFile,
    /// Further names that are accepted in the `Host` header, in lower case.
    pub hosts: Vec<String>,
    /// The longest request body that is read.
    pub longest_body_bytes: u64,
    /// How long a client may take.
    pub timeout: Duration,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            socket: Socket::Auto,
            listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, Self::USUAL_PORT))),
            token_file: TokenFile::Auto,
            hosts: Vec::new(),
            longest_body_bytes: 1024 * 1024,
            timeout: Duration::from_secs(30),
        }
    }
}

impl Api {
    /// The port where nobody names one.
    pub const USUAL_PORT: u16 = 7625;

    /// The socket's path; `runtime` is the runtime folder of the service (`$RUNTIME_DIRECTORY`), if it has one.
    #[must_use]
    pub fn socket_path(&self, runtime: Option<&Path>, state: &Path) -> Option<PathBuf> {
        match &self.socket {
            Socket::Auto => Some(runtime.unwrap_or(state).join("soakd.sock")),
            Socket::At(path) => Some(path.clone()),
            Socket::Off => None,
        }
    }

    /// The path of the token.
    #[must_use]
    pub fn token_path(&self, state: &Path) -> PathBuf {
        match &self.token_file {
            TokenFile::Auto => state.join("api-token"),
            TokenFile::At(path) => path.clone(),
        }
    }

    /// Whether reading over TCP needs the token too, since others than users of this host can reach it.
    #[must_use]
    pub fn reading_needs_token(&self) -> bool {
        self.listen.is_some_and(|address| !address.ip().to_canonical().is_loopback())
    }

    pub(super) fn shown(&self) -> Value {
        let socket = match &self.socket {
            Socket::Auto => "auto".to_owned(),
            Socket::At(path) => path.display().to_string(),
            Socket::Off => "off".to_owned(),
        };
        let token_file = match &self.token_file {
            TokenFile::Auto => "auto".to_owned(),
            TokenFile::At(path) => path.display().to_string(),
        };
        json!({
            "socket": socket,
            "listen": self.listen.map_or_else(|| "off".to_owned(), |address| address.to_string()),
            "token_file": token_file,
            "hosts": self.hosts,
            "longest_body": super::show_bytes(self.longest_body_bytes),
            "timeout": units::show(self.timeout),
        })
    }
}

pub(super) fn decode(section: &Section<'_>) -> Api {
    let usual = Api::default();
    let socket = section.get("socket").and_then(|field| match field.text()?.as_str() {
        "auto" => Some(Socket::Auto),
        "off" => Some(Socket::Off),
        path if path.len() > LONGEST_SOCKET_PATH => {
            let reason = format!("it is {} bytes long, and a socket takes {LONGEST_SOCKET_PATH}", path.len());
            field.refused("the path of a socket", reason, None)
        }
        path => absolute(&field, path, "`auto`, `off` or an absolute path").map(Socket::At),
    });
    let token_file = section.get("token_file").and_then(|field| match field.text()?.as_str() {
        "auto" => Some(TokenFile::Auto),
        path => absolute(&field, path, "`auto` or an absolute path").map(TokenFile::At),
    });
    let listen = section.get("listen").and_then(|field| match field.text()?.as_str() {
        "off" => Some(None),
        text => match text.parse() {
            Ok(address) => Some(Some(address)),
            Err(_) => field.unreadable("an address and port such as `127.0.0.1:7625` or `[::1]:7625`, or `off`"),
        },
    });
    let hosts = section.get("hosts").and_then(|field| {
        const LOOKS: &str = "a list of host names without port, such as `[\"soak.example.org\"]`";
        let hosts = field.texts(LOOKS)?;
        let is_name = |host: &String| {
            host.len() <= 253 && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        };
        if !hosts.iter().all(is_name) {
            return field.unreadable(LOOKS);
        }
        Some(hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect())
    });
    let longest_body_bytes = section.get("longest_body").and_then(|field| {
        let size = field.size()?;
        if (LEAST_BODY_BYTES..=MOST_BODY_BYTES).contains(&size) {
            return Some(size);
        }
        field.unreadable("a size from `1KiB` to `1GiB`")
    });
    let shortest = Duration::from_millis(100);
    let timeout = section.get("timeout").and_then(|field| field.duration(shortest, Duration::from_secs(3600)));
    Api {
        socket: socket.unwrap_or(usual.socket),
        listen: listen.unwrap_or(usual.listen),
        token_file: token_file.unwrap_or(usual.token_file),
        hosts: hosts.unwrap_or(usual.hosts),
        longest_body_bytes: longest_body_bytes.unwrap_or(usual.longest_body_bytes),
        timeout: timeout.unwrap_or(usual.timeout),
    }
}

/// What the kernel takes (`sun_path` of `unix(7)`), without the NUL at its end.
const LONGEST_SOCKET_PATH: usize = 107;
/// The shortest limit under which a run can still be submitted.
const LEAST_BODY_BYTES: u64 = 1024;
/// A longer body would be held in memory, and nothing that is asked of the service is as long.
const MOST_BODY_BYTES: u64 = 1024 * 1024 * 1024;

/// A service has no folder that its user would think of: relative paths mean nothing.
pub(super) fn absolute(field: &Field<'_>, path: &str, expected: &str) -> Option<PathBuf> {
    if path.starts_with('/') && !path.contains('\0') { Some(PathBuf::from(path)) } else { field.unreadable(expected) }
}
