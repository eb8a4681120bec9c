//! The log in the journal of systemd, with a field for each value, so that it can be asked: `journalctl SOAKD_PROFILE=nightly`.
//!
//! Every value is in the message as well, since that is what people see. (The crate for it, tracing-journald, leaves them out of the
//! message: an error would be told without its reason.)

use std::fmt::{self, Debug, Write};
use std::io;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";
/// Names of fields, before what they are called in the code.
const PREFIX: &str = "SOAKD_";
/// Longest name of a field that the journal takes.
const LONGEST_NAME_BYTES: usize = 64;
/// How much of a value is kept: well below what a datagram carries.
const LONGEST_VALUE_BYTES: usize = 16 * 1024;
/// How long a journal that does not keep up may hold up the program.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether standard error is the journal, as `$JOURNAL_STREAM` says: its device and inode.
#[must_use]
pub fn is_standard_error(stream: Option<&str>) -> bool {
    let Some((device, inode)) = stream.and_then(|stream| stream.split_once(':')) else { return false };
    let (Ok(device), Ok(inode)) = (device.parse::<u64>(), inode.parse::<u64>()) else { return false };
    rustix::fs::fstat(rustix::stdio::stderr()).is_ok_and(|stat| stat.st_dev == device && stat.st_ino == inode)
}

/// Sends events to the journal.
#[derive(Debug)]
pub struct Journal {
    socket: UnixDatagram,
}

impl Journal {
    /// The journal of this host.
    ///
    /// # Errors
    /// Where there is none.
    pub fn connect() -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(SOCKET)?;
        Self::through(socket)
    }

    fn through(socket: UnixDatagram) -> io::Result<Self> {
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket })
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut entry = Entry::default();
        event.record(&mut entry);
        // A journal that takes nothing is no reason to stop working.
        let _ = self.socket.send(&entry.encoded(*event.metadata().level()));
    }
}

/// What an event says.
#[derive(Debug, Default)]
struct Entry {
    message: String,
    fields: Vec<(String, String)>,
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field.name(), value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field.name(), format!("{value:?}"));
    }
}

impl Entry {
    fn add(&mut self, name: &str, value: String) {
        if name == "message" {
            self.message = value;
        } else {
            self.fields.push((name.to_owned(), value));
        }
    }

    /// The message as people read it: with all values.
    fn told(&self) -> Result<String, fmt::Error> {
        let mut told = self.message.clone();
        for (name, value) in &self.fields {
            write!(told, "{}{name}={value}", if told.is_empty() { "" } else { " " })?;
        }
        Ok(told)
    }

    /// As the journal takes it: a field after the other, those of several lines by their length.
    fn encoded(&self, level: Level) -> Vec<u8> {
        let mut encoded = Vec::new();
        let mut put = |name: &str, value: &str| {
            let value = &value[..value.floor_char_boundary(LONGEST_VALUE_BYTES)];
            encoded.extend_from_slice(name.as_bytes());
            if value.contains('\n') {
                encoded.push(b'\n');
                encoded.extend_from_slice(&u64::try_from(value.len()).unwrap_or(0).to_le_bytes());
            } else {
                encoded.push(b'=');
            }
            encoded.extend_from_slice(value.as_bytes());
            encoded.push(b'\n');
        };
        put("PRIORITY", priority(level));
        put("SYSLOG_IDENTIFIER", "soakd");
        put("MESSAGE", &self.told().unwrap_or_else(|_| self.message.clone()));
        for (name, value) in &self.fields {
            put(&field_name(name), value);
        }
        encoded
    }
}

/// As in syslog(3).
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        // What goes on is normal, and of interest.
        Level::INFO => "6",
        Level::DEBUG | Level::TRACE => "7",
    }
}

/// Capital letters, digits and underscores are what the journal takes.
fn field_name(name: &str) -> String {
    let name = name.chars().map(|character| match character.to_ascii_uppercase() {
        fine @ ('A'..='Z' | '0'..='9') => fine,
        _ => '_',
    });
    PREFIX.chars().chain(name).take(LONGEST_NAME_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What the journal is sent while `log` runs.
    fn sent(log: impl FnOnce()) -> String {
        let (ours, journal) = UnixDatagram::pair().unwrap();
        let subscriber = tracing_subscriber::registry().with(Journal::through(ours).unwrap());
        tracing::subscriber::with_default(subscriber, log);
        journal.set_nonblocking(true).unwrap();
        let mut buffer = vec![0; 100_000];
        let length = journal.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_value_is_told_and_can_be_asked_for() {
        let error = io::Error::from(io::ErrorKind::NotFound);
        let text = sent(|| tracing::warn!(run = "r-1", count = 3, %error, "a profile is missing"));
        assert_eq!(
            text,
            "PRIORITY=4\nSYSLOG_IDENTIFIER=soakd\nMESSAGE=a profile is missing run=r-1 count=3 error=entity not found\n\
             SOAKD_RUN=r-1\nSOAKD_COUNT=3\nSOAKD_ERROR=entity not found\n"
        );
    }

    #[test]
    fn a_value_of_several_lines_forges_no_field() {
        let text = sent(|| tracing::info!(profile = "x\nPRIORITY=0", "begun"));
        let length = "begun profile=x\nPRIORITY=0".len();
        let announced = |length: usize| String::from_utf8_lossy(&(length as u64).to_le_bytes()).into_owned();
        assert_eq!(
            text,
            format!(
                "PRIORITY=6\nSYSLOG_IDENTIFIER=soakd\nMESSAGE\n{}begun profile=x\nPRIORITY=0\nSOAKD_PROFILE\n{}x\nPRIORITY=0\n",
                announced(length),
                announced("x\nPRIORITY=0".len())
            )
        );
    }

    #[test]
    fn names_are_those_that_the_journal_takes() {
        assert_eq!(field_name("time_to.limit-s"), "SOAKD_TIME_TO_LIMIT_S");
        assert_eq!(field_name(&"é".repeat(100)).len(), LONGEST_NAME_BYTES);
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        let text = sent(|| tracing::error!("{}", "é".repeat(LONGEST_VALUE_BYTES)));
        assert!(text.len() < LONGEST_VALUE_BYTES + 100 && text.ends_with("é\n"));
    }

    #[test]
    fn only_the_very_stream_is_the_journal() {
        let stat = rustix::fs::fstat(rustix::stdio::stderr()).unwrap();
        assert!(is_standard_error(Some(&format!("{}:{}", stat.st_dev, stat.st_ino))));
        for other in [None, Some(""), Some("1"), Some("x:y"), Some("1:2:3")] {
            assert!(!is_standard_error(other), "{other:?}");
        }
        assert!(!is_standard_error(Some(&format!("{}:{}", stat.st_dev, stat.st_ino + 1))));
    }
}
