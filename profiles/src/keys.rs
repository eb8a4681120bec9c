//! Every key of a profile, once: its name, its shape, what it is. Unknown keys and their nearest neighbours, the JSON
//! Schema and the tests of the reference profile all come from these tables.

use crate::checkpoint::{Checkpoint, CollectMethod, CollectOf, CollectSignal, Settle};
use crate::judge::{InconclusiveAs, Severity};
use crate::load::{LoadDriver, OutputStream};
use crate::source::JvmHeap;
use crate::target::{Restart, StopSignal};

/// One key of a file.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// One sentence, for the schema.
    pub about: &'static str,
}

/// What a key holds.
#[derive(Debug)]
pub enum Shape {
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// A list of strings, or one string that is split into words.
    Command,
    /// `true` or `false`.
    Boolean,
    /// An integer from the first number to the second.
    Integer(u64, u64),
    /// The same where numbers below zero mean something.
    Signed(i64, i64),
    /// A number with a fraction between the two, which are excluded.
    Fraction(f64, f64),
    /// A number from 0 to 1, both included.
    Share,
    /// A length of time.
    Duration,
    /// A size, or an integer of bytes.
    Size,
    /// A size or a plain number, for a metric of whichever unit.
    Amount,
    /// Growth, as in `1MiB/h`.
    Tolerance,
    /// Operations per time.
    Frequency,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of these words.
    Words(&'static [&'static str]),
    /// A shape, or this word.
    Or(&'static Shape, &'static str),
    /// An HTTP status, or a range of them.
    Status,
    /// A table with these keys.
    Section(&'static [Key]),
    /// Tables with these keys, one after the other: `[[key]]`.
    Sections(&'static [Key]),
    /// Tables with these keys, by a name that the user chooses.
    Named(&'static [Key]),
    /// Tables of tables with these keys, by two names that the user chooses.
    NamedTwice(&'static [Key]),
    /// Strings by a name that the user chooses.
    TextByName,
    /// Tolerances by metric.
    ToleranceByName,
    /// A section that a later version will have.
    NotYet,
}

/// The names in a table of words and their meaning. `N` is the length of the table.
#[must_use]
pub const fn words<T: Copy, const N: usize>(table: &'static [(&'static str, T)]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut index = 0;
    while index < N {
        names[index] = table[index].0;
        index += 1;
    }
    names
}

const RESTART: &[&str] = &words::<_, { Restart::ALL.len() }>(Restart::ALL);
const SIGNAL: &[&str] = &words::<_, { StopSignal::ALL.len() }>(StopSignal::ALL);
const STREAM: &[&str] = &words::<_, { OutputStream::ALL.len() }>(OutputStream::ALL);
const JVM: &[&str] = &words::<_, { JvmHeap::ALL.len() }>(JvmHeap::ALL);
const SEVERITY: &[&str] = &words::<_, { Severity::ALL.len() }>(Severity::ALL);
const COLLECT_SIGNAL: &[&str] = &words::<_, { CollectSignal::ALL.len() }>(CollectSignal::ALL);
const COLLECT_OF: &[&str] = &words::<_, { CollectOf::ALL.len() }>(CollectOf::ALL);
const COLLECT_METHOD: &[&str] = &words::<_, { CollectMethod::ALL.len() }>(CollectMethod::ALL);
const INCONCLUSIVE: &[&str] = &words::<_, { InconclusiveAs::ALL.len() }>(InconclusiveAs::ALL);

/// The largest integer that TOML holds.
const MOST: u64 = i64::MAX as u64;

/// A row of a table of keys.
#[must_use]
pub const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, about }
}

pub(crate) const PROFILE: &[Key] = &[
    key("name", Shape::Text, "Name of the profile; default: the stem of the file."),
    key("description", Shape::Text, "What the profile is for."),
    key(
        "extends",
        Shape::Text,
        "A profile whose values hold where this one has none: a path, or the name of a shipped profile.",
    ),
    key("target", Shape::Section(TARGET), "What is soaked."),
    key("load", Shape::Section(LOAD), "What keeps the target busy."),
    key("sample", Shape::Section(SAMPLE), "What is measured, and how often."),
    key("source", Shape::Named(SOURCE), "Endpoints and commands whose numbers are recorded too, by name."),
    key("judge", Shape::Section(JUDGE), "How long the run is, what is judged and what is tolerated."),
    key("checkpoint", Shape::Section(CHECKPOINT), "Moments at which the load pauses and a settled sample is taken."),
    key(
        "budget",
        Shape::NamedTwice(BUDGET),
        "Limits that a run must keep: an environment, in it a name for each limit. Those of `default` always apply.",
    ),
    key("scenario", Shape::Named(SCENARIO), "Sizes and lengths of the load, by name."),
    key("stage", Shape::Named(STAGE), "Gates of the delivery pipeline, by name."),
    key("report", Shape::Section(REPORT), "Where results go."),
    key("fault", Shape::NotYet, "Not available in this version."),
];

pub(crate) const TARGET: &[Key] = &[
    key(
        "command",
        Shape::Command,
        "Program and arguments to start, as a list or as one string that is split into words. No shell is involved.",
    ),
    key("attach", Shape::Section(ATTACH), "Something that runs already; in place of `command`."),
    key(
        "working_directory",
        Shape::Text,
        "Where the target starts, relative to the folder of the profile; default: that folder.",
    ),
    key("environment", Shape::TextByName, "Variables for the target, on top of the inherited ones."),
    key("clear_environment", Shape::Boolean, "Whether the target inherits no variables."),
    key("user", Shape::Text, "Name or number of the user to run as."),
    key("group", Shape::Text, "Name or number of the group to run as."),
    key("ready", Shape::Section(READY), "When the target is ready for its load; default: as soon as it has started."),
    key("stop", Shape::Section(STOP), "How the target is stopped."),
    key("restart", Shape::Word(RESTART), "What to do when the target ends by itself."),
    key(
        "restart_limit",
        Shape::Integer(0, u32::MAX as u64),
        "How often it is started again at most; 0 means without limit.",
    ),
    key("restart_delay", Shape::Duration, "Pause before it is started again."),
    key("follow", Shape::Boolean, "Whether an attached target is followed through its restart."),
    key("limits", Shape::Section(LIMITS), "What the target may use."),
    key("output_limit", Shape::Size, "How much of its output is kept; the newest stays."),
];

pub(crate) const ATTACH: &[Key] = &[
    key("pid", Shape::Integer(1, i32::MAX as u64), "Number of a process."),
    key("name", Shape::Text, "Command name of a process, at most 15 bytes."),
    key("unit", Shape::Text, "A systemd unit, with its suffix."),
    key("cgroup", Shape::Text, "A control group, as a path below /sys/fs/cgroup or in full."),
];

pub(crate) const READY: &[Key] = &[
    key("http", Shape::Text, "An http:// address that has to answer."),
    key("status", Shape::Status, "Statuses that count for `http`: 204, or \"200..399\" (the default)."),
    key("tcp", Shape::Text, "A host:port that has to accept a connection."),
    key("line", Shape::Text, "A regular expression that a line of its output has to match."),
    key("delay", Shape::Duration, "A time that has to pass."),
    key("timeout", Shape::Duration, "How long to wait before the run is given up; default 60s."),
];

pub(crate) const STOP: &[Key] = &[
    key("signal", Shape::Word(SIGNAL), "The signal that asks it to end."),
    key("grace", Shape::Duration, "How long it has before SIGKILL."),
];

pub(crate) const LIMITS: &[Key] = &[
    key(
        "memory",
        Shape::Size,
        "Memory of the whole target, through a control group of its own; where it cannot have one the run says so.",
    ),
    key("open_files", Shape::Integer(0, MOST), "Descriptors of each process."),
    key("processes", Shape::Integer(0, MOST), "Processes and threads of the target's user."),
    key("core_file", Shape::Size, "Size of a core file; 0 for none."),
    key("file_size", Shape::Size, "Size of a file that it writes."),
    key("stack", Shape::Size, "Stack of the main thread."),
    key("cpu_time", Shape::Duration, "Processor time of each process, in whole seconds."),
];

pub(crate) const LOAD: &[Key] = &[
    key("driver", Shape::Word(LoadDriver::NAMES), "Who makes the load."),
    key("start_delay", Shape::Duration, "Time between the target being ready and the start of the load."),
    key("command", Shape::Command, "For `command` and `repeat`: program and arguments."),
    key("times", Shape::Integer(0, MOST), "For `repeat`: how often; 0 means until the end of the run."),
    key("pause", Shape::Duration, "For `repeat`: pause between two runs."),
    key("parallel", Shape::Integer(1, 4096), "For `repeat` and `reference`: how many at the same time."),
    key("operation", Shape::Text, "For `reference`: name of the operation."),
    key("operations", Shape::Integer(0, MOST), "For `reference`: how many; 0 means until the end of the run."),
    key(
        "rate",
        Shape::Or(&Shape::Frequency, "max"),
        "For `reference`: operations per time; `max` means as fast as the target answers.",
    ),
    key("url", Shape::Text, "For `reference`: address of the service; default: what the target announces."),
    key("counter", Shape::Section(COUNTER), "Where the number of operations is read."),
];

pub(crate) const COUNTER: &[Key] = &[
    key("line", Shape::Text, "A regular expression; each line of the target's output that matches is one operation."),
    key("stream", Shape::Word(STREAM), "For `line`: which output is read."),
    key("file", Shape::Text, "A file whose first word is the number."),
    key("prometheus", Shape::Section(PROMETHEUS), "A counter of a Prometheus endpoint."),
    key(
        "driver",
        Shape::Boolean,
        "The driver's own count; the default of `repeat` and `reference`. `false` for no count at all.",
    ),
];

pub(crate) const PROMETHEUS: &[Key] = &[
    key("url", Shape::Text, "An http:// address."),
    key("metric", Shape::Text, "Name of the metric; series that have the labels are added up."),
    key("labels", Shape::TextByName, "Labels that a series must have."),
];

pub(crate) const SAMPLE: &[Key] = &[
    key("interval", Shape::Duration, "Time from one sample to the next, 10ms to 10m."),
    key(
        "slow_interval",
        Shape::Duration,
        "Time from one expensive reading (PSS and USS, kinds of descriptors, sockets) to the next.",
    ),
    key("metrics", Shape::Texts, "Metrics to record; empty means all."),
    key("per_process", Shape::Boolean, "Whether each process has series of its own."),
    key("looks", Shape::Boolean, "Whether mappings, descriptors and threads are looked at, to name what grew."),
    key("touched", Shape::Boolean, "Whether such a look may clear the referenced bits, to tell what is touched."),
    key(
        "disk",
        Shape::Texts,
        "Files and folders whose disk space is measured and judged, relative to the profile's folder.",
    ),
];

pub(crate) const SOURCE: &[Key] = &[
    key("prometheus", Shape::Text, "An http:// address in the text format of Prometheus or OpenMetrics."),
    key("expvar", Shape::Text, "An http:// address of Go's expvar, such as http://127.0.0.1:8080/debug/vars."),
    key("json", Shape::Text, "An http:// address that answers with a JSON document."),
    key("command", Shape::Command, "Program and arguments that print a number, or lines of `name=number`."),
    key(
        "jvm",
        Shape::Word(JVM),
        "The heap of the target's Java virtual machines, asked as jcmd asks them: what is `used`, or what is `live` after a full \
         collection at each reading.",
    ),
    key("interval", Shape::Duration, "Time from one reading to the next, 100ms to 1h."),
    key("timeout", Shape::Duration, "How long an answer may take, 10ms to 10m."),
    key("record", Shape::Texts, "What is recorded, by the source's own names; `*` stands for any characters."),
    key("labels", Shape::TextByName, "For `prometheus`: labels that a sample must have."),
    key("series", Shape::Named(SOURCE_SERIES), "Single numbers under names of your choice, which end in their unit."),
    key("judge", Shape::Texts, "Series that are judged; the others are context."),
];

pub(crate) const SOURCE_SERIES: &[Key] = &[
    key(
        "metric",
        Shape::Text,
        "For `prometheus` and `command`: its name there; samples of the same name are added up.",
    ),
    key("labels", Shape::TextByName, "For `prometheus`: labels that a sample must have besides."),
    key("pointer", Shape::Text, "For `json` and `expvar`: a JSON pointer (RFC 6901)."),
];

pub(crate) const JUDGE: &[Key] = &[
    key("duration", Shape::Duration, "Planned length of the run, warm-up included."),
    key(
        "warmup",
        Shape::Or(&Shape::Duration, "auto"),
        "What is left out at the start; `auto` means as much as the analysis finds.",
    ),
    key(
        "tolerance",
        Shape::Or(&Shape::Tolerance, "default"),
        "Growth that is accepted of every metric with this unit.",
    ),
    key("tolerances", Shape::ToleranceByName, "Growth that is accepted, by metric."),
    key("metrics", Shape::Texts, "Metrics that are judged; empty means the witnesses of a leak."),
    key("confidence", Shape::Fraction(0.5, 1.0), "Confidence of the reported intervals."),
    key("horizon", Shape::Duration, "How far ahead growth is projected for its severity."),
    key(
        "fail_on",
        Shape::Word(SEVERITY),
        "A leak is `fail` from this severity on, `warn` below; `low` means every leak.",
    ),
    key("block_on", Shape::Word(SEVERITY), "A leak is `block` from this severity on."),
    key("inconclusive", Shape::Word(INCONCLUSIVE), "What becomes of an inconclusive run."),
    key(
        "early_stop",
        Shape::Or(&Shape::Boolean, "auto"),
        "Whether the run ends as soon as the evidence decides; `auto` means in `soakd check` only.",
    ),
    key(
        "memory_limit",
        Shape::Or(&Shape::Size, "auto"),
        "Memory that must not be reached; `auto` means the limit that holds for the target.",
    ),
    key("regressions", Shape::Boolean, "Whether the run is held against earlier ones of the profile."),
    key("regression_threshold", Shape::Fraction(0.0, 1.0), "The least change, as a share, that is a regression."),
];

pub(crate) const CHECKPOINT: &[Key] = &[
    key("every", Shape::Duration, "Time from one checkpoint to the next."),
    key(
        "count",
        Shape::Integer(1, Checkpoint::MOST as u64),
        "How many checkpoints, evenly over the planned length; in place of `every`.",
    ),
    key(
        "collect",
        Shape::Section(COLLECT),
        "How the target is asked to collect its garbage; default: it is not asked.",
    ),
    key(
        "settle",
        Shape::Or(&Shape::Duration, Settle::QUIET),
        "How long the target has to come to rest; `quiet` means until its memory stands still.",
    ),
];

pub(crate) const COLLECT: &[Key] = &[
    key(
        "command",
        Shape::Command,
        "A command that has done it when it ends with status 0; `{pid}` in its words is the process.",
    ),
    key("signal", Shape::Word(COLLECT_SIGNAL), "A signal that the target handles."),
    key("http", Shape::Text, "An http:// address that answers when it is done."),
    key("method", Shape::Word(COLLECT_METHOD), "For `http`: the method; default POST."),
    key("of", Shape::Word(COLLECT_OF), "For `command` and `signal`: the main process, or all processes of the target."),
    key("timeout", Shape::Duration, "How long it may take before the checkpoint is given up; default 10s."),
];

pub(crate) const BUDGET: &[Key] = &[
    key("metric", Shape::Text, "The metric; default anon_swap_bytes."),
    key("growth", Shape::Amount, "Growth over the run, or for every `per_operations`, at most this."),
    key("per_operations", Shape::Integer(1, MOST), "For `growth`: for how many operations it is meant."),
    key("rate", Shape::Tolerance, "Growth per time at most this."),
    key("peak", Shape::Amount, "Highest sample at most this."),
    key("level", Shape::Amount, "Level at the end at most this."),
    key("cleanup", Shape::Amount, "Level after the load at most this above the level before it."),
    key("settle", Shape::Duration, "For `cleanup`: how long the target has to clean up; default 30s."),
];

pub(crate) const SCENARIO: &[Key] = &[
    key("description", Shape::Text, "What it is for."),
    key("duration", Shape::Duration, "Planned length of the run."),
    key("interval", Shape::Duration, "Time from one sample to the next."),
    key(
        "operations",
        Shape::Integer(0, MOST),
        "How many operations the driver makes: `times` of `repeat`, `operations` of `reference`.",
    ),
    key("load", Shape::Section(LOAD), "What differs from the load of the profile."),
];

pub(crate) const STAGE: &[Key] = &[
    key("scenario", Shape::Text, "The scenario it runs."),
    key("environment", Shape::Text, "The environment whose budgets apply."),
    key("fail_on", Shape::Word(SEVERITY), "Replaces that of `[judge]`."),
    key("block_on", Shape::Word(SEVERITY), "Replaces that of `[judge]`."),
    key("inconclusive", Shape::Word(INCONCLUSIVE), "Replaces that of `[judge]`."),
];

pub(crate) const REPORT: &[Key] = &[
    key("out", Shape::Text, "Folder of the results; default: a new one in the state folder."),
    key("formats", Shape::Texts, "Reports that are written into the folder beside the verdict: html, junit, …"),
];

/// The section of a file with the keys `root` in which a key with this name stands, with a dot behind it, if it stands in
/// exactly one.
pub(crate) fn elsewhere(root: &[Key], name: &str) -> Option<String> {
    let mut sections = root.iter().filter_map(|section| match &section.shape {
        Shape::Section(keys) if keys.iter().any(|key| key.name == name) => Some(section.name),
        _ => None,
    });
    match (sections.next(), sections.next()) {
        (Some(section), None) => Some(format!("{section}.{name}")),
        _ => None,
    }
}
