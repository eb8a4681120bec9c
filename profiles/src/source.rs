//! What the target or its surroundings tell by themselves: `[source.NAME]`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `[source.NAME]`: an endpoint or a command whose numbers are recorded beside the samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What is asked.
    pub kind: SourceKind,
    /// Time from one reading to the next.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// What is recorded of all that the source offers, by its own names; `*` stands for any characters.
    pub record: Vec<String>,
    /// Labels that a sample of an exposition must have.
    pub labels: BTreeMap<String, String>,
    /// Series with a name of the user's choice.
    pub series: BTreeMap<String, Pick>,
    /// Names of the series that are judged; see [`series_name`](crate::series_name()).
    pub judge: Vec<String>,
}

impl Source {
    /// The shortest `interval` there is.
    pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
    /// The longest `interval` there is.
    pub const LONGEST_INTERVAL: Duration = Duration::from_secs(3600);
    /// The default of `timeout`.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
    /// The longest `timeout` there is.
    pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(600);

    /// A source with everything but its kind at its default.
    #[must_use]
    pub fn new(kind: SourceKind) -> Self {
        Self {
            interval: kind.default_interval(),
            kind,
            timeout: Self::DEFAULT_TIMEOUT,
            record: vec!["*".to_owned()],
            labels: BTreeMap::new(),
            series: BTreeMap::new(),
            judge: Vec::new(),
        }
    }
}

/// What a source is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// An endpoint in the text format of Prometheus or OpenMetrics.
    Prometheus {
        /// An `http://` address.
        url: String,
    },
    /// An endpoint of Go's expvar.
    Expvar {
        /// An `http://` address.
        url: String,
    },
    /// An endpoint that answers with a JSON document.
    Json {
        /// An `http://` address.
        url: String,
    },
    /// A command that prints a number, or lines of `name=number`.
    Command {
        /// Program and arguments; never empty.
        command: Vec<String>,
    },
    /// The heap of the Java virtual machines of the target, asked as `jcmd` asks them.
    Jvm(JvmHeap),
}

impl SourceKind {
    /// The keys that choose a kind in a file.
    pub const NAMES: &[&str] = &["prometheus", "expvar", "json", "command", "jvm"];

    /// The key that chooses this kind in a file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Prometheus { .. } => "prometheus",
            Self::Expvar { .. } => "expvar",
            Self::Json { .. } => "json",
            Self::Command { .. } => "command",
            Self::Jvm(_) => "jvm",
        }
    }

    /// The default of `interval`: what starts a process for each reading, or may stop the target, is asked less often.
    #[must_use]
    pub fn default_interval(&self) -> Duration {
        match self {
            Self::Prometheus { .. } | Self::Expvar { .. } | Self::Json { .. } | Self::Jvm(JvmHeap::Used) => {
                Duration::from_secs(1)
            }
            Self::Command { .. } | Self::Jvm(JvmHeap::Live) => Duration::from_secs(5),
        }
    }
}

/// What is read of a Java heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JvmHeap {
    /// What is used, garbage included; its troughs are what lives. Costs the target next to nothing.
    Used,
    /// What lives, exactly: each reading collects all garbage first, which stops the target for that long.
    Live,
}

impl JvmHeap {
    /// Every choice with its name in a file.
    pub const ALL: &[(&str, Self)] = &[("used", Self::Used), ("live", Self::Live)];
}

/// One number out of what a source offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// By its name there.
    Metric {
        /// The name; samples with the same name are added up.
        metric: String,
        /// Labels that a sample must have, besides those of the source.
        labels: BTreeMap<String, String>,
    },
    /// By a JSON pointer (RFC 6901).
    Pointer(String),
}
