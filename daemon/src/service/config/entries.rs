//! `[[schedule]]` and `[[watch]]`: what runs at its times, and what is watched without end.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use regex::Regex;
use serde_json::{Value, json};
use soakd_profiles::document::{Field, Section, nearest};
use soakd_profiles::{Judge, Sample, units};

use super::api::absolute;
use super::{keys, word_of};
use crate::service::schedule::{Missed, When};
use crate::service::submission::Submission;

/// One `[[schedule]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleEntry {
    /// Its name, unlike that of any other schedule or watch.
    pub name: String,
    /// A file, relative to the profile folders, or the name of a shipped profile.
    pub profile: String,
    /// Size and length of the load.
    pub scenario: Option<String>,
    /// Whose budgets apply.
    pub environment: Option<String>,
    /// Gate of the delivery pipeline.
    pub stage: Option<String>,
    /// Planned length, in place of the profile's.
    pub duration: Option<Duration>,
    /// When it is due.
    pub when: When,
    /// The zone of its times; `None`: the system's.
    pub time_zone: Option<TimeZone>,
    /// A start is put off by up to this.
    pub jitter: Duration,
    /// What becomes of starts that were missed.
    pub missed: Missed,
    /// Not caught up when older than this; `None`: however old.
    pub late: Option<Duration>,
    /// Higher ones begin first when several wait.
    pub priority: i32,
    /// A run that has not ended by then is cancelled.
    pub timeout: Option<Duration>,
    /// How often a run that came to no verdict is tried again.
    pub retries: u32,
    /// Pause before that.
    pub retry_after: Duration,
    /// Whether nothing else may run meanwhile.
    pub is_exclusive: bool,
    /// Whether it is in force.
    pub is_enabled: bool,
}

impl ScheduleEntry {
    /// The pause before another attempt where nobody says.
    pub const USUAL_RETRY_AFTER: Duration = Duration::from_secs(300);

    /// What is queued when it is due.
    #[must_use]
    pub fn submission(&self) -> Submission {
        Submission {
            name: Some(self.name.clone()),
            profile: Some(self.profile.clone()),
            scenario: self.scenario.clone(),
            environment: self.environment.clone(),
            stage: self.stage.clone(),
            duration: self.duration.map(units::show),
            priority: self.priority,
            exclusive: self.is_exclusive,
            timeout: self.timeout.map(units::show),
            retries: self.retries,
            retry_after: Some(units::show(self.retry_after)),
            ..Submission::default()
        }
    }

    pub(super) fn shown(&self) -> Value {
        json!({
            "name": self.name,
            "profile": self.profile,
            "scenario": self.scenario,
            "environment": self.environment,
            "stage": self.stage,
            "for": self.duration.map(units::show),
            "when": self.when.as_str(),
            "time_zone": self.time_zone.as_ref().and_then(TimeZone::iana_name),
            "jitter": units::show(self.jitter),
            "missed": word_of(Missed::ALL, self.missed),
            "late": self.late.map(units::show),
            "priority": self.priority,
            "timeout": self.timeout.map(units::show),
            "retries": self.retries,
            "retry_after": units::show(self.retry_after),
            "exclusive": self.is_exclusive,
            "enabled": self.is_enabled,
        })
    }
}

/// What a watch watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchTarget {
    /// A systemd unit, with its suffix.
    Unit(String),
    /// The folder of a cgroup.
    Cgroup(PathBuf),
    /// The process whose name fits.
    Process(NamePattern),
    /// One process. When it has ended, the watch has.
    Pid(u32),
}

/// A regular expression for the whole of a name.
#[derive(Debug, Clone)]
pub struct NamePattern {
    text: String,
    whole: Regex,
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for NamePattern {}

impl NamePattern {
    /// The expression as in the file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `name` fits.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        self.whole.is_match(name)
    }
}

/// One `[[watch]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchEntry {
    /// Its name, unlike that of any other watch or schedule.
    pub name: String,
    /// What is watched.
    pub target: WatchTarget,
    /// A profile whose other settings apply.
    pub profile: Option<String>,
    /// Each period has a verdict of its own.
    pub period: Duration,
    /// Time from one sample to the next.
    pub interval: Duration,
}

impl WatchEntry {
    /// The period where nobody says.
    pub const USUAL_PERIOD: Duration = Duration::from_secs(24 * 3600);
    /// The interval where nobody says.
    pub const USUAL_INTERVAL: Duration = Duration::from_secs(10);

    pub(super) fn shown(&self) -> Value {
        let target = &self.target;
        json!({
            "name": self.name,
            "unit": if let WatchTarget::Unit(unit) = target { json!(unit) } else { Value::Null },
            "cgroup": if let WatchTarget::Cgroup(path) = target { json!(path.display().to_string()) } else { Value::Null },
            "process": if let WatchTarget::Process(pattern) = target { json!(pattern.as_str()) } else { Value::Null },
            "pid": if let WatchTarget::Pid(pid) = target { json!(pid) } else { Value::Null },
            "profile": self.profile,
            "period": units::show(self.period),
            "interval": units::show(self.interval),
        })
    }
}

/// A name that can stand in addresses, in file names and beside metrics as it is.
pub(super) fn name(section: &Section<'_>) -> Option<String> {
    let Some(field) = section.get("name") else {
        section.missing("`name`");
        return None;
    };
    let name = field.text()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.len() <= LONGEST_NAME && name.chars().all(is_plain) {
        return Some(name);
    }
    field.unreadable("up to 64 letters, digits, `-`, `_` and `.`, the first of them a letter or a digit")
}

const LONGEST_NAME: usize = 64;

fn profile(field: &Field<'_>) -> Option<String> {
    let profile = field.text()?;
    if profile.contains('\0') {
        return field.unreadable("a file, or the name of a shipped profile");
    }
    Some(profile)
}

/// `zones` are the time zones that this host knows.
pub(super) fn schedule(section: &Section<'_>, zones: &TimeZoneDatabase) -> Option<ScheduleEntry> {
    let name = name(section);
    let profile = match section.get("profile") {
        Some(field) => profile(&field),
        None => {
            section.missing("`profile`");
            None
        }
    };
    let when = match section.get("when") {
        Some(field) => field.text().and_then(|text| match When::parse(&text) {
            Ok(when) => Some(when),
            Err(error) => field.refused("a time", error.to_string(), error.hint().map(str::to_owned)),
        }),
        None => {
            section.missing("`when`");
            None
        }
    };
    let text = |key| section.get(key).and_then(|field| field.text());
    let time = |key| section.get(key).and_then(|field| field.any_duration());
    let some_time = |key| section.get(key).and_then(|field| field.some_duration());
    let yes = |key, usual| section.get(key).and_then(|field| field.boolean()).unwrap_or(usual);
    let missed = section.get("missed").and_then(|field| field.word(Missed::ALL)).unwrap_or(Missed::Once);
    if missed == Missed::Skip {
        section.needs("late", "`missed = \"once\"`");
    }
    let retries = section.get("retries").and_then(|field| field.integer_u32(0, keys::MOST_RETRIES));
    if retries.unwrap_or(0) == 0 && !(section.has("retries") && retries.is_none()) {
        section.needs("retry_after", "`retries` above 0");
    }
    let priority = section.get("priority").and_then(|field| {
        let priority = field.signed(-keys::HIGHEST_PRIORITY, keys::HIGHEST_PRIORITY)?;
        i32::try_from(priority).ok()
    });
    // All of it is read before anything that is missing ends it, so that every fault is told.
    let entry = (
        text("scenario"),
        text("environment"),
        text("stage"),
        some_time("for"),
        section.get("time_zone").and_then(|field| time_zone(&field, zones)),
        section.get("jitter").and_then(|field| field.duration(Duration::ZERO, LONGEST_JITTER)).unwrap_or_default(),
        time("late"),
        some_time("timeout"),
        time("retry_after").unwrap_or(ScheduleEntry::USUAL_RETRY_AFTER),
        yes("exclusive", false),
        yes("enabled", true),
    );
    let (
        scenario,
        environment,
        stage,
        duration,
        time_zone,
        jitter,
        late,
        timeout,
        retry_after,
        is_exclusive,
        is_enabled,
    ) = entry;
    Some(ScheduleEntry {
        name: name?,
        profile: profile?,
        scenario,
        environment,
        stage,
        duration,
        when: when?,
        time_zone,
        jitter,
        missed,
        late,
        priority: priority.unwrap_or(0),
        timeout,
        retries: retries.unwrap_or(0),
        retry_after,
        is_exclusive,
        is_enabled,
    })
}

/// Longer than this, and a start would better be planned for another day.
const LONGEST_JITTER: Duration = Duration::from_secs(7 * 24 * 3600);

fn time_zone(field: &Field<'_>, zones: &TimeZoneDatabase) -> Option<TimeZone> {
    const WHAT: &str = "a time zone of this host";
    let name = field.text()?;
    if name.eq_ignore_ascii_case("UTC") {
        return Some(TimeZone::UTC);
    }
    if let Ok(zone) = zones.get(&name) {
        return Some(zone);
    }
    let known: Vec<String> = zones.available().map(|name| name.as_str().to_owned()).collect();
    if known.is_empty() {
        let hint = "install them (package `tzdata`), or leave `time_zone` out, or use `UTC`".to_owned();
        return field.refused(WHAT, "this host has no time zone files", Some(hint));
    }
    let lower: Vec<String> = known.iter().map(|zone| zone.to_lowercase()).collect();
    let near = nearest(&name, lower.iter().map(String::as_str));
    let hint = match known.iter().find(|zone| near.as_ref().is_some_and(|near| zone.eq_ignore_ascii_case(near))) {
        Some(zone) => format!("did you mean `{zone}`?"),
        None => "zones are named as in `Europe/Berlin`".to_owned(),
    };
    field.refused(WHAT, "no such zone", Some(hint))
}

pub(super) fn watch(section: &Section<'_>) -> Option<WatchEntry> {
    let name = name(section);
    let target = match section.one_of(&["unit", "cgroup", "process", "pid"]) {
        Some("unit") => section.get("unit").and_then(|field| unit(&field)),
        Some("cgroup") => section.get("cgroup").and_then(|field| {
            let path = field.text()?;
            absolute(&field, &path, "an absolute path, such as `/sys/fs/cgroup/system.slice/postgresql.service`")
                .map(WatchTarget::Cgroup)
        }),
        Some("process") => section.get("process").and_then(|field| {
            let text = field.pattern()?;
            match Regex::new(&format!("^(?:{text})$")) {
                Ok(whole) => Some(WatchTarget::Process(NamePattern { text, whole })),
                Err(_) => field.unreadable("a regular expression for a whole name"),
            }
        }),
        Some(_) => {
            section.get("pid").and_then(|field| field.integer_u32(1, i32::MAX.unsigned_abs()).map(WatchTarget::Pid))
        }
        None => {
            section.missing("`unit`, `cgroup`, `process` or `pid`");
            None
        }
    };
    let profile = section.get("profile").and_then(|field| profile(&field));
    let interval = section
        .get("interval")
        .and_then(|field| field.duration(Sample::SHORTEST_INTERVAL, Sample::LONGEST_INTERVAL))
        .unwrap_or(WatchEntry::USUAL_INTERVAL);
    let shortest = interval.saturating_mul(Judge::FEWEST_INTERVALS);
    let period = section.get("period").and_then(|field| {
        let period = field.some_duration()?;
        if period < shortest {
            let reason = format!("{} samples are needed for a judgement", Judge::FEWEST_INTERVALS);
            let hint = format!("at an `interval` of {} that takes {}", units::show(interval), units::show(shortest));
            return field.refused("long enough", reason, Some(hint));
        }
        Some(period)
    });
    Some(WatchEntry {
        name: name?,
        target: target?,
        profile,
        period: period.unwrap_or(WatchEntry::USUAL_PERIOD),
        interval,
    })
}

fn unit(field: &Field<'_>) -> Option<WatchTarget> {
    let unit = field.text()?;
    if unit.contains('.') && !unit.contains(|c: char| c.is_whitespace() || c == '/' || c == '\0') {
        return Some(WatchTarget::Unit(unit));
    }
    field.unreadable("a unit with its suffix, such as `postgresql.service`")
}
