//! Where the API listens: bound before anything else starts, so that a port in use is an error at once.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The owner and the group of the socket may ask; who may change something is another matter.
const SOCKET_MODE: u32 = 0o660;

/// Why the API cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another daemon answers on the socket.
    #[error("another program answers on the socket `{}`", path.display())]
    SocketTaken {
        /// The socket.
        path: PathBuf,
    },
    /// There is something else where the socket should be.
    #[error("`{}` is in the way: it is no socket", path.display())]
    InTheWay {
        /// What is there.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot listen on the socket `{}`: {error}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`: {error}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
}

impl ListenError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::SocketTaken { .. } => "end the other daemon, or name another `socket` in `[api]`".to_owned(),
            Self::InTheWay { path } => format!("move `{}` away, or name another `socket` in `[api]`", path.display()),
            Self::Socket { .. } => {
                "name another `socket` in `[api]`, in a folder that exists and may be written".to_owned()
            }
            Self::Address { error, .. } if error.kind() == io::ErrorKind::AddrInUse => {
                "something listens there already: end it, or name another `listen` in `[api]`".to_owned()
            }
            Self::Address { .. } => "name another address as `listen` in `[api]`, or `off`".to_owned(),
        }
    }
}

/// What the API listens on.
#[derive(Debug, Default)]
pub struct Listeners {
    /// The Unix socket, which is removed at the end.
    pub(super) unix: Option<(UnixListener, PathBuf)>,
    /// HTTP over TCP.
    pub(super) tcp: Option<TcpListener>,
}

impl Listeners {
    /// Binds what is asked for. A socket that nobody answers on any more is taken over.
    ///
    /// # Errors
    /// [`ListenError`], with what to do about it.
    pub fn bind(socket: Option<&Path>, address: Option<SocketAddr>) -> Result<Self, ListenError> {
        let tcp = address.map(|address| {
            let bound = TcpListener::bind(address).and_then(|listener| {
                listener.set_nonblocking(true)?;
                Ok(listener)
            });
            bound.map_err(|error| ListenError::Address { address, error })
        });
        let tcp = tcp.transpose()?;
        let unix = socket.map(|path| Ok((bind(path)?, path.to_owned()))).transpose()?;
        Ok(Self { unix, tcp })
    }

    /// The address that is listened on, with the port that the system chose where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|listener| listener.local_addr().ok())
    }
}

fn bind(path: &Path) -> Result<UnixListener, ListenError> {
    let failed = |error| ListenError::Socket { path: path.to_owned(), error };
    if let Ok(there) = std::fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            return Err(ListenError::InTheWay { path: path.to_owned() });
        }
        if UnixStream::connect(path).is_ok() {
            return Err(ListenError::SocketTaken { path: path.to_owned() });
        }
        std::fs::remove_file(path).map_err(failed)?;
    }
    // Bound under another name first: under its own, the socket never has other permissions than it should.
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&beside).map_err(failed)?;
    let placed = std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(SOCKET_MODE))
        .and_then(|()| listener.set_nonblocking(true))
        .and_then(|()| std::fs::rename(&beside, path));
    if let Err(error) = placed {
        // What is left of the attempt is of no use to anybody.
        let _ = std::fs::remove_file(&beside);
        return Err(failed(error));
    }
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_for_owner_and_group_and_a_dead_one_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("soakd.sock");
        let first = Listeners::bind(Some(&path), None).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert!(matches!(Listeners::bind(Some(&path), None), Err(ListenError::SocketTaken { .. })));
        drop(first);
        assert!(Listeners::bind(Some(&path), None).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_in_the_way_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("soakd.sock");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(Listeners::bind(Some(&path), None), Err(ListenError::InTheWay { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        let missing = Listeners::bind(Some(&folder.path().join("no/soakd.sock")), None).unwrap_err();
        assert!(matches!(missing, ListenError::Socket { .. }) && missing.hint().contains("[api]"), "{missing}");
    }

    #[test]
    fn a_port_in_use_is_told_at_once() {
        let first = Listeners::bind(None, Some("127.0.0.1:0".parse().unwrap())).unwrap();
        let error = Listeners::bind(None, first.address()).unwrap_err();
        assert!(error.to_string().starts_with("cannot listen on `127.0.0.1:"), "{error}");
        assert!(error.hint().contains("already"), "{}", error.hint());
    }
}
