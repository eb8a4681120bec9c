//! Where the daemon is, and the token that it wants.

use std::path::{Path, PathBuf};

use crate::cli::ctl::DaemonPlace;
use crate::exit::{Exit, Failure};
use crate::http::{HttpUrl, Server};
use crate::service::api::token::Token;

/// Name of the socket in each of its folders.
const SOCKET: &str = "soakd.sock";
/// Where systemd gives the service a folder for it.
const RUNTIME_FOLDER: &str = "/run/soakd";
/// Name of the token in the state folder.
const TOKEN: &str = "api-token";

/// The daemon, and what it wants to be shown.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) server: Server,
    pub(super) token: Option<Token>,
}

/// The daemon that is meant: the one that is named, else the first that has a socket in one of the usual places.
pub(super) fn place(
    arguments: &DaemonPlace,
    is_state_named: bool,
    state: impl Fn() -> Result<PathBuf, Failure>,
) -> Result<Place, Failure> {
    let named = arguments.token_file.as_deref().map(|file| {
        Token::load(file).map_err(|error| {
            Failure::new(Exit::NoInput, error.to_string())
                .hint("the daemon says where its token is: `token_file` in `[api]`")
        })
    });
    let named = named.transpose()?;
    if let Some(url) = &arguments.url {
        let url: HttpUrl = url.parse().map_err(|error| {
            Failure::new(Exit::Usage, format!("`--url {url}`: {error}")).hint("expected http://HOST:PORT")
        })?;
        // A token is not shown to another host unless that is asked for: it would be sent in the clear.
        let usual =
            || state().ok().filter(|_| url.is_loopback()).and_then(|state| Token::load(&state.join(TOKEN)).ok());
        let token = named.or_else(usual);
        return Ok(Place { server: Server::Tcp(url), token });
    }
    let socket = match &arguments.socket {
        Some(socket) => socket.clone(),
        None => {
            let runtime = std::env::var_os("RUNTIME_DIRECTORY").filter(|folder| !folder.is_empty()).map(PathBuf::from);
            found(&candidates(runtime, state()?, is_state_named), Path::exists)
        }
    };
    Ok(Place { server: Server::Unix(socket), token: named })
}

/// Where the socket may be. Whoever names a state folder means the daemon of that one.
fn candidates(runtime: Option<PathBuf>, state: PathBuf, is_state_named: bool) -> Vec<PathBuf> {
    let folders = if is_state_named {
        vec![state]
    } else {
        runtime.into_iter().chain([PathBuf::from(RUNTIME_FOLDER), state]).collect()
    };
    folders.into_iter().map(|folder| folder.join(SOCKET)).collect()
}

/// The first that exists; the last where none does, to be told as the one that is missing.
fn found(candidates: &[PathBuf], exists: impl Fn(&Path) -> bool) -> PathBuf {
    let there = candidates.iter().find(|path| exists(path)).or(candidates.last());
    there.cloned().unwrap_or_else(|| PathBuf::from(SOCKET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_where_the_service_manager_put_it_unless_a_state_folder_is_named() {
        let usual = candidates(Some("/run/other".into()), "/var/lib/soakd".into(), false);
        assert_eq!(
            usual,
            ["/run/other/soakd.sock", "/run/soakd/soakd.sock", "/var/lib/soakd/soakd.sock"].map(PathBuf::from)
        );
        assert_eq!(found(&usual, |path| path.starts_with("/run/soakd")), PathBuf::from("/run/soakd/soakd.sock"));
        assert_eq!(found(&usual, |_| false), PathBuf::from("/var/lib/soakd/soakd.sock"));
        assert_eq!(candidates(None, "/s".into(), true), [PathBuf::from("/s/soakd.sock")]);
    }
}
