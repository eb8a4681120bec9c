//! `[daemon]`, `[limits]`, `[retention]` and `[target]`: how much runs at once, and what becomes of it.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use soakd_profiles::document::Section;
use soakd_profiles::units;

use super::api::absolute;
use super::{keys, word_of};
use crate::history::retention;

/// Which profiles may run commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commands {
    /// Those in the profile folders, and shipped ones.
    Folders,
    /// Any, also those that come in over the API.
    Any,
}

impl Commands {
    /// The words of the file.
    pub const ALL: &'static [(&'static str, Self)] = &[("folders", Self::Folders), ("any", Self::Any)];
}

/// The whole of `[daemon]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// How long a stop waits for the runs under way to be judged.
    pub stop_timeout: Duration,
    /// Folders, absolute, whose profiles may run commands, and in which profiles are looked for, in this order.
    pub profiles: Vec<PathBuf>,
    /// Which profiles may run commands.
    pub commands: Commands,
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            stop_timeout: Duration::from_secs(60),
            profiles: vec![PathBuf::from("/etc/soakd/profiles")],
            commands: Commands::Folders,
        }
    }
}

impl Daemon {
    pub(super) fn shown(&self) -> Value {
        json!({
            "stop_timeout": units::show(self.stop_timeout),
            "profiles": self.profiles.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>(),
            "commands": word_of(Commands::ALL, self.commands),
        })
    }
}

pub(super) fn daemon(section: &Section<'_>) -> Daemon {
    let usual = Daemon::default();
    let profiles = section.get("profiles").and_then(|field| {
        const LOOKS: &str = "a list of absolute paths, such as `[\"/etc/soakd/profiles\"]`";
        let folders = field.texts(LOOKS)?;
        folders.iter().map(|folder| absolute(&field, folder, LOOKS)).collect()
    });
    Daemon {
        stop_timeout: section.get("stop_timeout").and_then(|field| field.any_duration()).unwrap_or(usual.stop_timeout),
        profiles: profiles.unwrap_or(usual.profiles),
        commands: section.get("commands").and_then(|field| field.word(Commands::ALL)).unwrap_or(usual.commands),
    }
}

/// The whole of `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Runs at once, watches not counted; at least 1.
    pub slots: u32,
    /// A run begins only while this much memory is available.
    pub memory_headroom_bytes: u64,
    /// And while this share of the processors is idle by the load average; 0 to 1.
    pub cpu_headroom_ratio: f64,
    /// Runs that may wait; at least 1.
    pub queued: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { slots: 2, memory_headroom_bytes: 256 * 1024 * 1024, cpu_headroom_ratio: 0.0, queued: 10_000 }
    }
}

impl Limits {
    pub(super) fn shown(&self) -> Value {
        json!({
            "slots": self.slots,
            "memory_headroom": super::show_bytes(self.memory_headroom_bytes),
            "cpu_headroom": self.cpu_headroom_ratio,
            "queued": self.queued,
        })
    }
}

pub(super) fn limits(section: &Section<'_>) -> Limits {
    let usual = Limits::default();
    Limits {
        slots: section.get("slots").and_then(|field| field.integer_u32(1, keys::MOST_SLOTS)).unwrap_or(usual.slots),
        memory_headroom_bytes: section
            .get("memory_headroom")
            .and_then(|field| field.size())
            .unwrap_or(usual.memory_headroom_bytes),
        cpu_headroom_ratio: section
            .get("cpu_headroom")
            .and_then(|field| field.share())
            .unwrap_or(usual.cpu_headroom_ratio),
        queued: section.get("queued").and_then(|field| field.integer_u32(1, keys::MOST_QUEUED)).unwrap_or(usual.queued),
    }
}

/// The whole of `[retention]`. What it does not say, the environment and the defaults of [`retention`] do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Samples of short runs in full.
    pub short: Option<Duration>,
    /// Samples of other runs in full.
    pub normal: Option<Duration>,
    /// Verdicts, and samples as minutes.
    pub reports: Option<Duration>,
    /// What the store may take.
    pub most_bytes: Option<u64>,
}

impl Retention {
    /// What holds where `environment` is what the environment says.
    #[must_use]
    pub fn over(&self, environment: retention::Retention) -> retention::Retention {
        retention::Retention {
            short: self.short.unwrap_or(environment.short),
            normal: self.normal.unwrap_or(environment.normal),
            reports: self.reports.unwrap_or(environment.reports),
            most_bytes: self.most_bytes.or(environment.most_bytes),
        }
    }

    pub(super) fn shown(&self) -> Value {
        json!({
            "short": self.short.map(units::show),
            "normal": self.normal.map(units::show),
            "reports": self.reports.map(units::show),
            "max_size": self.most_bytes.map(super::show_bytes),
        })
    }
}

pub(super) fn retention(section: &Section<'_>) -> Retention {
    let age = |key| section.get(key).and_then(|field| field.any_duration());
    Retention {
        short: age("short"),
        normal: age("normal"),
        reports: age("reports"),
        most_bytes: section.get("max_size").and_then(|field| field.size()),
    }
}

/// Whether targets run in transient units of systemd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitsWhen {
    /// Where soakd itself is a service of systemd.
    Auto,
    /// Always; where there is no systemd, a run cannot begin.
    Always,
    /// Never; targets run in the cgroup and the sandbox of the service.
    Never,
}

impl UnitsWhen {
    /// The words of the file.
    pub const ALL: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("always", Self::Always), ("never", Self::Never)];
}

/// The whole of `[target]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether targets run in units of their own.
    pub units: UnitsWhen,
    /// User of such units where the profile names none; `None`: that of the service.
    pub user: Option<String>,
}

impl Default for Target {
    fn default() -> Self {
        Self { units: UnitsWhen::Auto, user: None }
    }
}

impl Target {
    pub(super) fn shown(&self) -> Value {
        json!({
            "units": word_of(UnitsWhen::ALL, self.units),
            "user": self.user.as_deref().unwrap_or_default(),
        })
    }
}

pub(super) fn target(section: &Section<'_>) -> Target {
    let usual = Target::default();
    let user = section.get("user").and_then(|field| {
        let user = field.free_text()?;
        if user.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/' || c == ':') {
            return field.unreadable("the name or number of a user, or an empty string");
        }
        Some(user)
    });
    Target {
        units: section.get("units").and_then(|field| field.word(UnitsWhen::ALL)).unwrap_or(usual.units),
        user: user.filter(|user| !user.is_empty()),
    }
}
