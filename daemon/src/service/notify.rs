//! What the service manager is told (`sd_notify(3)`), and the watchdog that it may have set.
//!
//! A few lines over a datagram rather than a crate: the crates for it look the socket up in the environment whenever something is
//! said, and here the environment holds it no longer by then, since whatever is started would inherit it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock;

/// What the environment said when the program began.
static TAKEN: OnceLock<Told> = OnceLock::new();

/// The variables in which a service manager leaves its word.
const SOCKET: &str = "NOTIFY_SOCKET";
const WATCHDOG_TIMEOUT: &str = "WATCHDOG_USEC";
const WATCHDOG_OF: &str = "WATCHDOG_PID";

/// Reads the variables of the service manager and removes them, so that nothing inherits them that this process starts.
///
/// # Safety
/// No other thread may run: to be called at the start of `main`.
pub unsafe fn take_environment() {
    TAKEN.get_or_init(|| Told::read(|name| std::env::var_os(name), std::process::id()));
    for name in [SOCKET, WATCHDOG_TIMEOUT, WATCHDOG_OF] {
        // SAFETY: the caller vouches that this is the only thread, so that nothing reads the environment meanwhile.
        unsafe { std::env::remove_var(name) };
    }
}

/// What a service manager has told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    socket: Option<OsString>,
    watchdog_timeout: Option<Duration>,
}

impl Told {
    fn read(variable: impl Fn(&str) -> Option<OsString>, own_pid: u32) -> Self {
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        // Without a pid it is meant for whoever reads it.
        let is_ours = variable(WATCHDOG_OF).is_none() || number(WATCHDOG_OF) == Some(u64::from(own_pid));
        let timeout = number(WATCHDOG_TIMEOUT).filter(|timeout| is_ours && *timeout > 0);
        Self { socket: variable(SOCKET), watchdog_timeout: timeout.map(Duration::from_micros) }
    }
}

/// The service manager, to be told how the daemon is. Where there is none, nothing is told and nothing fails.
#[derive(Debug, Default)]
pub struct Notify {
    to: Option<(UnixDatagram, SocketAddr)>,
    watchdog_timeout: Option<Duration>,
    has_failed: AtomicBool,
}

impl Notify {
    /// The one that has started this process, as [`take_environment`] found it; nobody if that was not called.
    #[must_use]
    pub fn from_environment() -> Self {
        TAKEN.get().map(Self::new).unwrap_or_default()
    }

    fn new(told: &Told) -> Self {
        let to = told.socket.as_deref().and_then(|socket| match connection(socket) {
            Ok(to) => Some(to),
            Err(error) => {
                tracing::warn!(%error, socket = %socket.display(), "the service manager cannot be told anything");
                None
            }
        });
        Self { to, watchdog_timeout: told.watchdog_timeout, has_failed: AtomicBool::new(false) }
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.to.is_some()
    }

    /// The daemon does its work: said once at the start, and at the end of each reload. `status` is a line for people.
    pub fn ready(&self, status: &str) {
        self.say(&format!("READY=1\nSTATUS={}", line(status)));
    }

    /// The configuration is being read anew. To be followed by [`Notify::ready`], also where the new one is refused.
    pub fn reloading(&self) {
        // The time lets the manager tell this reload from an earlier one.
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={}", clock::monotonic_nanos() / 1000));
    }

    /// The daemon is about to end.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// A line about what goes on, for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.say(&format!("STATUS={}", line(text)));
    }

    /// How often [`Notify::fed`] wants to be called: twice within what the manager waits before it ends the daemon. `None` where it
    /// does not watch.
    #[must_use]
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog_timeout.filter(|_| self.is_heard()).map(|timeout| timeout / 2)
    }

    /// The daemon lives. To be called by what does the work, since a timer of its own would only prove that the timer runs.
    pub fn fed(&self) {
        if self.watchdog_timeout.is_some() {
            self.say("WATCHDOG=1");
        }
    }

    fn say(&self, message: &str) {
        let Some((socket, address)) = &self.to else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address)
            && !self.has_failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "the service manager does not hear what it is told; this is said once");
        }
    }
}

fn connection(socket: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match socket.as_bytes() {
        // A name that is in no file system.
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(socket)?,
        _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "neither a path nor an abstract name")),
    };
    let connection = UnixDatagram::unbound()?;
    // A manager that does not keep up may not hold up the daemon: what is lost is said again soon.
    connection.set_nonblocking(true)?;
    Ok((connection, address))
}

/// Without line breaks, which would begin another assignment.
fn line(text: &str) -> String {
    text.split(['\n', '\r']).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> Told {
        let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        Told::read(variable, 42)
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_watchdog_of_another_process_is_none_of_ours() {
        let minute = Some(Duration::from_secs(60));
        assert_eq!(told(&[(WATCHDOG_TIMEOUT, "60000000"), (WATCHDOG_OF, "42")]).watchdog_timeout, minute);
        assert_eq!(told(&[(WATCHDOG_TIMEOUT, "60000000")]).watchdog_timeout, minute);
        for other in ["41", "", "-1", "x"] {
            assert_eq!(told(&[(WATCHDOG_TIMEOUT, "60000000"), (WATCHDOG_OF, other)]).watchdog_timeout, None, "{other}");
        }
        for nonsense in ["0", "", "-5", "1.5", "99999999999999999999999"] {
            assert_eq!(told(&[(WATCHDOG_TIMEOUT, nonsense)]).watchdog_timeout, None, "{nonsense}");
        }
    }

    #[test]
    fn the_manager_hears_each_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notify = Notify::new(&Told { socket: Some(path.into()), watchdog_timeout: Some(Duration::from_secs(60)) });
        assert_eq!(notify.watchdog_interval(), Some(Duration::from_secs(30)));
        notify.ready("2 runs\nWATCHDOG=trigger");
        assert_eq!(heard(&manager), "READY=1\nSTATUS=2 runs WATCHDOG=trigger");
        notify.reloading();
        let said = heard(&manager);
        let stamp = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(stamp.parse::<u64>().is_ok_and(|stamp| stamp > 0), "{said}");
        notify.fed();
        assert_eq!(heard(&manager), "WATCHDOG=1");
        notify.status("idle");
        assert_eq!(heard(&manager), "STATUS=idle");
        notify.stopping();
        assert_eq!(heard(&manager), "STOPPING=1");
    }

    #[test]
    fn an_abstract_name_is_heard_too() {
        let name = format!("soakd-notify-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let notify = Notify::new(&Told { socket: Some(format!("@{name}").into()), watchdog_timeout: None });
        // Nobody watches, so nobody is fed.
        notify.fed();
        notify.stopping();
        assert_eq!(heard(&manager), "STOPPING=1");
    }

    #[test]
    fn without_a_manager_nothing_is_said_and_nothing_fails() {
        for socket in [None, Some("vsock:2:1234".into()), Some("/nowhere/at/all".into())] {
            let notify = Notify::new(&Told { socket, watchdog_timeout: None });
            assert_eq!(notify.watchdog_interval(), None);
            notify.ready("up");
            notify.reloading();
        }
        assert!(!Notify::default().is_heard());
    }
}
