//! Every key of `soakd.toml`, once: its name, its shape, what it is. Unknown keys and their nearest neighbours, the JSON
//! Schema and the tests of the example file come from these tables.

use soakd_profiles::document::{Key, Shape, key, words};

use super::alert::News;
use super::{Commands, UnitsWhen};
use crate::service::schedule::Missed;

const COMMANDS: &[&str] = &words::<_, { Commands::ALL.len() }>(Commands::ALL);
const UNITS: &[&str] = &words::<_, { UnitsWhen::ALL.len() }>(UnitsWhen::ALL);
const MISSED: &[&str] = &words::<_, { Missed::ALL.len() }>(Missed::ALL);
const NEWS: &[&str] = &words::<_, { News::ALL.len() }>(News::ALL);

/// The most runs at once.
pub(super) const MOST_SLOTS: u32 = 1024;
/// The most runs that may wait.
pub(super) const MOST_QUEUED: u32 = 1_000_000;
/// The most attempts after the first.
pub(super) const MOST_RETRIES: u32 = 100;
/// Priorities go from minus this to this.
pub(super) const HIGHEST_PRIORITY: i64 = 1000;

/// The top level.
pub(super) const CONFIG: &[Key] = &[
    key("daemon", Shape::Section(DAEMON), "The service itself."),
    key("api", Shape::Section(API), "Who may talk to it, and how."),
    key("limits", Shape::Section(LIMITS), "How much runs at once."),
    key("retention", Shape::Section(RETENTION), "How long the runs of the past are kept."),
    key("target", Shape::Section(TARGET), "How targets are started."),
    key("schedule", Shape::Sections(SCHEDULE), "Runs that begin at their times."),
    key("watch", Shape::Sections(WATCH), "What runs for ever and is watched without end."),
    key("alert", Shape::Sections(ALERT), "Who is told when something changes."),
];

pub(super) const DAEMON: &[Key] = &[
    key("stop_timeout", Shape::Duration, "How long a stop waits for the runs under way to be judged; default 60s."),
    key(
        "profiles",
        Shape::Texts,
        "Folders whose profiles may run commands, and in which profiles are looked for; default /etc/soakd/profiles.",
    ),
    key(
        "commands",
        Shape::Word(COMMANDS),
        "Which profiles may run commands: `folders`, only those in the folders above and shipped ones; `any`, also those \
         that come in over the API.",
    ),
];

pub(super) const API: &[Key] = &[
    key(
        "socket",
        Shape::Text,
        "The Unix socket: a path, `off`, or `auto`: soakd.sock in the runtime folder of the service, else in the state folder.",
    ),
    key(
        "listen",
        Shape::Text,
        "Address and port for HTTP, or `off`; default 127.0.0.1:7625. On another than a loopback address everything needs the token.",
    ),
    key(
        "token_file",
        Shape::Text,
        "The file with the token: a path, or `auto`: api-token in the state folder, made at the first start.",
    ),
    key("hosts", Shape::Texts, "Further names by which the service may be asked (`Host` header)."),
    key("longest_body", Shape::Size, "The longest request that is read; default 1MiB."),
    key("timeout", Shape::Duration, "How long a client may take for a request or for reading the answer; default 30s."),
];

pub(super) const LIMITS: &[Key] = &[
    key("slots", Shape::Integer(1, MOST_SLOTS as u64), "Runs at once, watches not counted; default 2."),
    key("memory_headroom", Shape::Size, "A run begins only while this much memory is available; default 256MiB."),
    key(
        "cpu_headroom",
        Shape::Share,
        "And while this share of the processors is idle, by the load average; default 0.",
    ),
    key("queued", Shape::Integer(1, MOST_QUEUED as u64), "Runs that may wait; default 10000."),
];

pub(super) const RETENTION: &[Key] = &[
    key("short", Shape::Duration, "How long samples of runs planned below an hour are kept in full; default 30d."),
    key("normal", Shape::Duration, "How long samples of other runs are kept in full; default 90d."),
    key("reports", Shape::Duration, "How long verdicts are kept, and samples as minutes; default 365d."),
    key("max_size", Shape::Size, "What the store may take before the oldest goes early; default: without limit."),
];

pub(super) const TARGET: &[Key] = &[
    key(
        "units",
        Shape::Word(UNITS),
        "Whether targets run in transient systemd units: `auto`, where soakd itself is a service of systemd; `always`; `never`.",
    ),
    key("user", Shape::Text, "User of such units where the profile names none; default: that of the service."),
];

pub(super) const SCHEDULE: &[Key] = &[
    key("name", Shape::Text, "Its name, unlike any other schedule's or watch's."),
    key("profile", Shape::Text, "A file, relative to the profile folders, or the name of a shipped profile."),
    key("scenario", Shape::Text, "Size and length of the load, as named in the profile."),
    key("environment", Shape::Text, "Whose budgets apply, as named in the profile."),
    key("stage", Shape::Text, "Gate of the delivery pipeline, as named in the profile."),
    key("for", Shape::Duration, "Planned length of the run, in place of the profile's."),
    key(
        "when",
        Shape::Text,
        "A cron expression of five fields (six with seconds in front), or @hourly, @nightly, @daily, @weekly or @monthly.",
    ),
    key("time_zone", Shape::Text, "The zone of its times, such as Europe/Berlin; default: the system's."),
    key("jitter", Shape::Duration, "A start is put off by up to this, the same for each time and host; default 0s."),
    key(
        "missed",
        Shape::Word(MISSED),
        "What becomes of starts that were missed: `once`, one run for all of them; `skip`, none.",
    ),
    key("late", Shape::Duration, "Not caught up when older than this; default: however old."),
    key(
        "priority",
        Shape::Signed(-HIGHEST_PRIORITY, HIGHEST_PRIORITY),
        "Higher ones begin first when several wait; default 0.",
    ),
    key("timeout", Shape::Duration, "A run that has not ended by then is cancelled; default: none."),
    key(
        "retries",
        Shape::Integer(0, MOST_RETRIES as u64),
        "How often a run that came to no verdict is tried again; a leak is a verdict. Default 0.",
    ),
    key("retry_after", Shape::Duration, "Pause before it is tried again; default 5m."),
    key("exclusive", Shape::Boolean, "Whether nothing else may run meanwhile."),
    key("enabled", Shape::Boolean, "Whether it is in force."),
];

pub(super) const WATCH: &[Key] = &[
    key("name", Shape::Text, "Its name, unlike any other watch's or schedule's."),
    key("unit", Shape::Text, "What is watched: a systemd unit, with its suffix."),
    key("cgroup", Shape::Text, "Or the folder of a cgroup."),
    key("process", Shape::Text, "Or the process whose name this regular expression matches as a whole."),
    key("pid", Shape::Integer(1, i32::MAX as u64), "Or one process, by its number."),
    key("profile", Shape::Text, "A profile whose other settings apply."),
    key("period", Shape::Duration, "Each period has a verdict of its own; default 24h."),
    key("interval", Shape::Duration, "Time from one sample to the next; default 10s."),
];

pub(super) const ALERT: &[Key] = &[
    key("command", Shape::Command, "A program that gets the news as JSON on standard input."),
    key("webhook", Shape::Text, "Or an http:// address to which it is posted."),
    key("on", Shape::Words(NEWS), "Which news; default: leak, recovered, failed and lost."),
    key("timeout", Shape::Duration, "How long telling it may take; default 10s."),
    key("repeat", Shape::Duration, "The same news is not told again within this; default 24h."),
    key("profiles", Shape::Texts, "Only of the schedules and watches with these names; empty: of all."),
];
