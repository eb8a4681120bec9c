//! `[[alert]]`: who is told when something changes.

use std::time::Duration;

use serde_json::{Value, json};
use soakd_profiles::document::Section;
use soakd_profiles::units;

use crate::http::HttpUrl;

/// A change that is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum News {
    /// A run or a period of a watch leaks, or breaks a budget (`fail` and `block`), and the one before did not.
    Leak,
    /// What was told as [`News::Leak`], [`News::Failed`] or [`News::Lost`] is over: a run passed, or the target is back.
    Recovered,
    /// A run ended with `warn`, and the one before did not.
    Warning,
    /// A run ended `inconclusive`, and the one before did not.
    Inconclusive,
    /// A run came to no verdict, after all its retries: the target did not start, the profile is faulty, time ran out.
    Failed,
    /// A watched target is gone, and nothing has taken its place.
    Lost,
    /// A planned start was missed, and is not caught up.
    Missed,
}

impl News {
    /// The words of the file.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("leak", Self::Leak),
        ("recovered", Self::Recovered),
        ("warning", Self::Warning),
        ("inconclusive", Self::Inconclusive),
        ("failed", Self::Failed),
        ("lost", Self::Lost),
        ("missed", Self::Missed),
    ];

    /// What is told where nobody chooses: what somebody has to look at, and that it is over. A warning, an inconclusive run
    /// and a host that was switched off over the weekend wake nobody.
    pub const USUAL: &'static [Self] = &[Self::Leak, Self::Recovered, Self::Failed, Self::Lost];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        super::word_of(Self::ALL, self)
    }
}

/// How news is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A program, with its arguments; the news is on its standard input.
    Command(Vec<String>),
    /// A `POST` to this address.
    Webhook(HttpUrl),
}

/// One `[[alert]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertEntry {
    /// How.
    pub way: Way,
    /// Of which news, without repetition.
    pub on: Vec<News>,
    /// How long telling it may take.
    pub timeout: Duration,
    /// The same news is not told again within this.
    pub repeat: Duration,
    /// Names of schedules and watches; empty for all.
    pub only: Vec<String>,
}

impl AlertEntry {
    /// How long telling may take where nobody says.
    pub const USUAL_TIMEOUT: Duration = Duration::from_secs(10);
    /// How long the same news is kept back where nobody says.
    pub const USUAL_REPEAT: Duration = Duration::from_secs(24 * 3600);

    /// Whether this news of the schedule or watch `name` is told here.
    #[must_use]
    pub fn tells(&self, news: News, name: &str) -> bool {
        self.on.contains(&news) && (self.only.is_empty() || self.only.iter().any(|only| only == name))
    }

    /// What tells it from other alerts, for people.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.way {
            Way::Command(words) => words.join(" "),
            Way::Webhook(url) => url.to_string(),
        }
    }

    pub(super) fn shown(&self) -> Value {
        let (command, webhook) = match &self.way {
            Way::Command(words) => (json!(words), Value::Null),
            Way::Webhook(url) => (Value::Null, json!(url.to_string())),
        };
        json!({
            "command": command,
            "webhook": webhook,
            "on": self.on.iter().map(|news| news.word()).collect::<Vec<_>>(),
            "timeout": units::show(self.timeout),
            "repeat": units::show(self.repeat),
            "profiles": self.only,
        })
    }
}

/// `names` are those of the schedules and watches of the file.
pub(super) fn decode(section: &Section<'_>, names: &[String]) -> Option<AlertEntry> {
    let way = match section.one_of(&["command", "webhook"]) {
        Some("command") => section.get("command").and_then(|field| field.command()).map(Way::Command),
        Some(_) => section.get("webhook").and_then(|field| {
            let text = field.text()?;
            match text.parse::<HttpUrl>() {
                Ok(url) => Some(Way::Webhook(url)),
                Err(error) => field.refused(
                    "an address that news can be posted to",
                    error.to_string(),
                    Some("it looks like `http://127.0.0.1:9093/hook`; a `command` can speak anything else".to_owned()),
                ),
            }
        }),
        None => {
            section.missing("`command` or `webhook`");
            None
        }
    };
    let mut on = section.get("on").and_then(|field| {
        let words = field.words(News::ALL)?;
        if words.is_empty() {
            return field.unreadable("at least one kind of news");
        }
        Some(words)
    });
    if let Some(on) = &mut on {
        on.sort_unstable();
        on.dedup();
    }
    let shortest = Duration::from_millis(100);
    let timeout = section.get("timeout").and_then(|field| field.duration(shortest, Duration::from_secs(3600)));
    let repeat = section.get("repeat").and_then(|field| field.any_duration());
    let only = section.get("profiles").and_then(|field| field.names_of("schedule or watch", names));
    Some(AlertEntry {
        way: way?,
        on: on.unwrap_or_else(|| News::USUAL.to_vec()),
        timeout: timeout.unwrap_or(AlertEntry::USUAL_TIMEOUT),
        repeat: repeat.unwrap_or(AlertEntry::USUAL_REPEAT),
        only: only.unwrap_or_default(),
    })
}
