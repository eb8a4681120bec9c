//! `/etc/soakd/soakd.toml`: what the service is told.
//!
//! A file is read as profiles are: unknown keys are faults, and all the faults of a file are told at once, each with its
//! line. An empty file is a working service, and so is none. `daemon/config/soakd.toml` has every key with its default.
//!
//! | module | what it holds |
//! |---|---|
//! | `keys` | every key once |
//! | [`api`](mod@api), [`limits`], [`entries`], [`alert`] | the sections: types, defaults, reading |
//! | [`difference`](mod@difference) | what a new file changes |

pub mod alert;
pub mod api;
pub mod difference;
pub mod entries;
mod keys;
pub mod limits;

use std::io;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZoneDatabase;
use serde_json::{Value, json};
use soakd_profiles::document::{self, Field, Section};
use soakd_profiles::{FaultKind, Faults};

pub use alert::{AlertEntry, News, Way};
pub use api::{Api, Socket, TokenFile};
pub use difference::Change;
pub use entries::{NamePattern, ScheduleEntry, WatchEntry, WatchTarget};
pub use limits::{Commands, Daemon, Limits, Retention, Target, UnitsWhen};

/// Where the file is where nobody names one.
pub const USUAL_PATH: &str = "/etc/soakd/soakd.toml";

/// What a service is told. [`Config::default`] is that of an empty file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// `[daemon]`.
    pub daemon: Daemon,
    /// `[api]`.
    pub api: Api,
    /// `[limits]`.
    pub limits: Limits,
    /// `[retention]`.
    pub retention: Retention,
    /// `[target]`.
    pub target: Target,
    /// `[[schedule]]`, in the order of the file; those that are switched off too.
    pub schedules: Vec<ScheduleEntry>,
    /// `[[watch]]`, in the order of the file.
    pub watches: Vec<WatchEntry>,
    /// `[[alert]]`, in the order of the file.
    pub alerts: Vec<AlertEntry>,
}

/// What a file that is not there means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenMissing {
    /// The defaults: for a path that nobody asked for.
    Usual,
    /// A fault: for one that was named.
    Fault,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration `{}`: {}", .path.display(), document::reason(.source))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It can be read, but it is not right.
    #[error(transparent)]
    Invalid(#[from] Faults),
}

impl Config {
    /// Reads the text of a file; `origin` is its name in messages. Time zones are those of this host.
    ///
    /// # Errors
    /// All the faults of the text.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Faults> {
        Self::parse_with(text.as_bytes(), origin, jiff::tz::db())
    }

    /// As [`Config::parse`], with other time zones.
    ///
    /// # Errors
    /// All the faults of the text, one of them where it is no text.
    pub fn parse_with(bytes: &[u8], origin: &str, zones: &TimeZoneDatabase) -> Result<Self, Faults> {
        document::read(bytes, origin, keys::CONFIG, |top| decode(top, zones))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(path: &Path, when_missing: WhenMissing) -> Result<Self, ConfigError> {
        match document::read_file(path) {
            Ok(bytes) => Ok(Self::parse_with(&bytes, &path.display().to_string(), jiff::tz::db())?),
            Err(error) if error.kind() == io::ErrorKind::NotFound && when_missing == WhenMissing::Usual => {
                Ok(Self::default())
            }
            Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
        }
    }

    /// What `new` changes, in the order of the file; nothing where both mean the same.
    #[must_use]
    pub fn difference(old: &Self, new: &Self) -> Vec<Change> {
        difference::difference(old, new)
    }

    /// The configuration with every default filled in, by the keys of the file and in its words; what is unset is null.
    #[must_use]
    pub fn shown(&self) -> Value {
        json!({
            "daemon": self.daemon.shown(),
            "api": self.api.shown(),
            "limits": self.limits.shown(),
            "retention": self.retention.shown(),
            "target": self.target.shown(),
            "schedule": self.schedules.iter().map(ScheduleEntry::shown).collect::<Vec<_>>(),
            "watch": self.watches.iter().map(WatchEntry::shown).collect::<Vec<_>>(),
            "alert": self.alerts.iter().map(AlertEntry::shown).collect::<Vec<_>>(),
        })
    }
}

/// The JSON Schema (draft 2020-12) of the file. It knows keys, types and words; what concerns several keys, and what cron
/// expressions and time zones there are, is left to [`Config::parse`].
#[must_use]
pub fn schema() -> Value {
    document::schema(keys::CONFIG, "soakd configuration")
}

fn decode(top: &Section<'_>, zones: &TimeZoneDatabase) -> Config {
    let listed = |key, keys| top.get(key).map(|field| field.sections(keys)).unwrap_or_default();
    let schedules = listed("schedule", keys::SCHEDULE);
    let watches = listed("watch", keys::WATCH);
    let names = names(schedules.iter().chain(&watches));
    Config {
        daemon: limits::daemon(&top.section("daemon", keys::DAEMON)),
        api: api::decode(&top.section("api", keys::API)),
        limits: limits::limits(&top.section("limits", keys::LIMITS)),
        retention: limits::retention(&top.section("retention", keys::RETENTION)),
        target: limits::target(&top.section("target", keys::TARGET)),
        schedules: schedules.iter().filter_map(|section| entries::schedule(section, zones)).collect(),
        watches: watches.iter().filter_map(entries::watch).collect(),
        alerts: listed("alert", keys::ALERT).iter().filter_map(|section| alert::decode(section, &names)).collect(),
    }
}

/// The names of schedules and watches. Reports each that is taken already.
fn names<'a>(sections: impl Iterator<Item = &'a Section<'a>>) -> Vec<String> {
    let mut names: Vec<(String, Field<'_>)> = Vec::new();
    for section in sections {
        let Some(field) = section.get("name") else { continue };
        let Some(name) = entries::name(section) else { continue };
        match names.iter().find(|(known, _)| *known == name) {
            Some((_, first)) => field.report(FaultKind::Taken { name, first: first.line() }),
            None => names.push((name, field)),
        }
    }
    names.into_iter().map(|(name, _)| name).collect()
}

/// The word of `value` in the table of its type.
fn word_of<T: Copy + PartialEq>(table: &[(&'static str, T)], value: T) -> &'static str {
    table.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| *word)
}

/// Bytes as they could stand in the file: `256MiB`, `1500B`.
fn show_bytes(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = units.iter().find(|(power, _)| bytes > 0 && bytes.trailing_zeros() >= *power);
    whole.map_or_else(|| format!("{bytes}B"), |(power, unit)| format!("{}{unit}", bytes >> power))
}

#[cfg(test)]
mod tests;
