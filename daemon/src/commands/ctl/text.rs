//! Answers of the daemon for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use soakd_analysis::{Estimate, Quantity};
use soakd_reports::Charset;
use soakd_reports::render::escape::escape;
use soakd_reports::sentence::judgement_word;
use soakd_status::words::phase;

use crate::commands::table::table;
use crate::history::trend::short;
use crate::progress::clock_face;
use crate::service::api::documents::{
    ProfileDocument, ProfileSummary, Profiles, RecordState, Reloaded, RunDocument, RunEvents, Runs,
};
use crate::service::status::{
    DaemonStatus, Job, JobState, LiveEvent, LiveRun, LiveSeries, Planned, Status, WatchStatus,
};

/// Text from outside, made safe to show.
pub(super) fn safe(text: &str) -> String {
    escape(text, Charset::Unicode)
}

/// As [`safe`], but its lines stay lines: each after the first begins with `indent`.
pub(super) fn safe_lines(text: &str, indent: &str) -> String {
    text.lines().map(safe).collect::<Vec<_>>().join(&format!("\n{indent}"))
}

fn dash() -> String {
    "-".to_owned()
}

fn at(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn maybe_at(time: Option<Timestamp>, zone: &TimeZone) -> String {
    time.map_or_else(dash, |time| at(time, zone))
}

/// All that goes on.
pub(super) fn status(status: &Status, zone: &TimeZone) -> String {
    let mut text = daemon(&status.daemon, zone);
    let mut part = |title: &str, lines: String| {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}\n{lines}"));
        }
    };
    part("running", status.running.iter().map(live).collect());
    if !status.queue.is_empty() {
        part("queue", jobs(&status.queue, zone));
    }
    if !status.schedule.is_empty() {
        part("schedule", schedule(&status.schedule, zone));
    }
    if !status.watches.is_empty() {
        part("watches", watches(&status.watches, zone));
    }
    text
}

fn daemon(daemon: &DaemonStatus, zone: &TimeZone) -> String {
    let mut text = format!(
        "soakd {}, process {}, since {}, state {}\n",
        safe(&daemon.version),
        daemon.pid,
        at(daemon.started, zone),
        safe(&daemon.state)
    );
    let stopping = if daemon.is_stopping { "; it is stopping" } else { "" };
    text.push_str(&format!(
        "{} of {} slots taken, {} jobs wait{stopping}\n",
        daemon.slots_taken_count, daemon.slots_count, daemon.queued_count
    ));
    let bytes = |bytes: u64| Quantity::Bytes.show(bytes as f64).to_string();
    let costs = [
        daemon.rss_bytes.map(|rss| format!("memory {}", bytes(rss))),
        daemon.cpu_s.map(|cpu_s| format!("processor time {cpu_s:.1} s")),
        daemon.open_files_count.map(|count| format!("{count} files open")),
        daemon.store_bytes.map(|store| format!("store {}", bytes(store))),
        (daemon.missed_ticks_count > 0)
            .then(|| format!("{} of {} ticks missed", daemon.missed_ticks_count, daemon.ticks_count)),
    ];
    let costs: Vec<String> = costs.into_iter().flatten().collect();
    if !costs.is_empty() {
        text.push_str(&format!("{}\n", costs.join(", ")));
    }
    if let Some(why) = &daemon.held_back {
        text.push_str(&format!("nothing is started now: {}\n", safe(why)));
    }
    for remark in &daemon.remarks {
        text.push_str(&format!("remark: {}\n", safe(remark)));
    }
    text
}

/// A run that goes on, with its series.
fn live(run: &LiveRun) -> String {
    let of = match (&run.job, &run.watch) {
        (Some(job), _) => format!(", job {job}"),
        (None, Some(watch)) => format!(", watch {}", safe(watch)),
        (None, None) => String::new(),
    };
    let mut text = format!(
        "{}  {}{of}, {}, {} of {}, {} samples\n",
        safe(&run.id),
        safe(&run.target),
        phase(run.phase),
        clock_face(run.t_s),
        clock_face(run.planned_s),
        run.samples_count
    );
    text.extend(run.series.iter().map(live_series));
    text.extend(run.warnings.iter().map(|warning| format!("  warning: {}\n", safe(warning))));
    text
}

fn live_series(series: &LiveSeries) -> String {
    let source = series.source.as_deref().map(|source| format!(" of {}", safe(source))).unwrap_or_default();
    let growth = series.rate_per_hour.map(|rate| format!(", growth {}", interval(rate, series.unit)));
    let tolerance = series.tolerance_per_hour.map(|rate| format!(", tolerance {}/h", series.unit.show(rate)));
    let limit = series.time_to_limit_s.map(|time| format!(", limit in {}", clock_face(time.value)));
    format!(
        "  {}{source} {}{}{}: {} so far{}\n",
        safe(&series.metric),
        series.unit.show(series.level),
        growth.unwrap_or_default(),
        tolerance.unwrap_or_default(),
        judgement_word(series.judgement),
        limit.unwrap_or_default()
    )
}

/// A rate with its interval.
fn interval(rate: Estimate, unit: Quantity) -> String {
    let between = match (rate.low, rate.high) {
        (Some(low), Some(high)) => format!("{} to {}, ", unit.show(low), unit.show(high)),
        (Some(low), None) => format!("at least {}, ", unit.show(low)),
        (None, Some(high)) => format!("at most {}, ", unit.show(high)),
        (None, None) => String::new(),
    };
    format!("{}/h ({between}{:.0} %)", unit.show(rate.value), 100.0 * rate.confidence)
}

/// Jobs as a table.
pub(super) fn jobs(jobs: &[Job], zone: &TimeZone) -> String {
    if jobs.is_empty() {
        return "no job fits; `soakd ctl submit PROFILE` queues one\n".to_owned();
    }
    let mut rows = vec![["job", "state", "outcome", "name", "queued", "run"].map(str::to_owned)];
    rows.extend(jobs.iter().map(|job| {
        [
            job.id.to_string(),
            job.state.as_str().to_owned(),
            job.outcome.map_or_else(dash, |outcome| outcome.to_string()),
            safe(&job.name),
            at(job.queued, zone),
            job.run.as_deref().map_or_else(dash, safe),
        ]
    }));
    table(&rows)
}

/// One job.
pub(super) fn job(job: &Job, zone: &TimeZone) -> String {
    let mut text = format!("job {}: {}, {}", job.id, safe(&job.name), job.state.as_str());
    if let Some(outcome) = job.outcome {
        text.push_str(&format!(", {outcome}"));
    }
    text.push('\n');
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("  {name}: {value}\n"));
        }
    };
    line("message", job.message.as_deref().map(|message| safe_lines(message, "    ")));
    line("profile", job.submission.profile.as_deref().map(safe));
    line("command", (!job.submission.command.is_empty()).then(|| safe(&job.submission.command.join(" "))));
    line("schedule", job.schedule.as_deref().map(safe));
    line("queued", Some(at(job.queued, zone)));
    line("not before", job.not_before.filter(|_| job.state == JobState::Queued).map(|time| at(time, zone)));
    line("started", job.started.map(|time| at(time, zone)));
    line("ended", job.ended.map(|time| at(time, zone)));
    line("attempts", (job.attempts_count > 1).then(|| job.attempts_count.to_string()));
    line("run", job.run.as_deref().map(safe));
    text
}

/// The schedule as a table.
pub(super) fn schedule(schedule: &[Planned], zone: &TimeZone) -> String {
    if schedule.is_empty() {
        return "nothing is scheduled\n".to_owned();
    }
    let mut rows = vec![["entry", "next", "when", "profile", "last job"].map(str::to_owned)];
    rows.extend(schedule.iter().map(|entry| {
        [
            safe(&entry.name),
            if entry.is_enabled { maybe_at(entry.next, zone) } else { "off".to_owned() },
            format!("{} {}", safe(&entry.when), safe(&entry.time_zone)),
            entry.submission.profile.as_deref().map_or_else(dash, safe),
            entry.last_job.map_or_else(dash, |job| job.to_string()),
        ]
    }));
    table(&rows)
}

/// Watches as a table.
pub(super) fn watches(watches: &[WatchStatus], zone: &TimeZone) -> String {
    if watches.is_empty() {
        return "nothing is watched\n".to_owned();
    }
    let mut rows = vec![["watch", "judgement", "since", "target", "run"].map(str::to_owned)];
    rows.extend(watches.iter().map(|watch| {
        [
            safe(&watch.name),
            watch.judgement.map_or_else(dash, |kind| judgement_word(kind).to_owned()),
            maybe_at(watch.since, zone),
            safe(&watch.target),
            match (&watch.run, &watch.waiting) {
                (Some(run), _) => safe(run),
                (None, Some(waiting)) => safe(waiting),
                (None, None) => dash(),
            },
        ]
    }));
    table(&rows)
}

/// Runs as a table.
pub(super) fn runs(runs: &Runs, zone: &TimeZone) -> String {
    if runs.runs.is_empty() {
        return "no run fits\n".to_owned();
    }
    let mut rows = vec![["run", "outcome", "started", "length", "commit", "branch"].map(str::to_owned)];
    rows.extend(runs.runs.iter().map(|run| {
        [
            safe(&run.id),
            run.outcome.map_or_else(|| state(run.state).to_owned(), |outcome| outcome.to_string()),
            at(run.started, zone),
            run.duration_s.map_or_else(dash, clock_face),
            run.commit.as_deref().map_or_else(dash, |commit| safe(&short(commit))),
            run.branch.as_deref().map_or_else(dash, safe),
        ]
    }));
    table(&rows)
}

fn state(state: RecordState) -> &'static str {
    match state {
        RecordState::Running => "running",
        RecordState::Finished => "finished",
        RecordState::Interrupted => "interrupted",
    }
}

/// One run.
pub(super) fn run(document: &RunDocument, zone: &TimeZone) -> String {
    let run = &document.run;
    let word = run.outcome.map_or_else(|| state(run.state).to_owned(), |outcome| outcome.to_string());
    let mut text = format!("run {}: profile {}, {word}\n", safe(&run.id), safe(&run.profile));
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("  {name}: {value}\n"));
        }
    };
    line("summary", run.summary.as_deref().map(safe));
    line("command", (!run.command.is_empty()).then(|| safe(&run.command.join(" "))));
    line("scenario", run.scenario.as_deref().map(safe));
    line("environment", run.environment.as_deref().map(safe));
    line("stage", run.stage.as_deref().map(safe));
    line("commit", run.commit.as_deref().map(safe));
    line("branch", run.branch.as_deref().map(safe));
    line("started", Some(at(run.started, zone)));
    line("length", run.duration_s.map(clock_face));
    line("ended", run.ended_why.as_deref().map(safe));
    line("samples", Some(document.samples_count.to_string()));
    let names: Vec<String> = document.series.iter().map(|series| safe(&series.name)).collect();
    line("series", (!names.is_empty()).then(|| names.join(", ")));
    if let Some(run) = &document.live {
        text.push_str(&live(run));
    }
    text
}

/// What happened during a run, in order of time.
pub(super) fn events(events: &RunEvents) -> String {
    let happened = events.events.iter().map(|event| (event.t_s, safe(&event.kind), safe(&event.text)));
    let gaps = events.gaps.iter().map(|gap| {
        (
            gap.from_s,
            "gap".to_owned(),
            format!("nothing was read for {:.1} s: {}", gap.to_s - gap.from_s, safe(&gap.why)),
        )
    });
    let mut all: Vec<_> = happened.chain(gaps).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    if all.is_empty() {
        return "nothing happened\n".to_owned();
    }
    let rows: Vec<[String; 3]> = all.into_iter().map(|(t_s, kind, text)| [clock_face(t_s), kind, text]).collect();
    table(&rows)
}

/// Profiles as a table.
pub(super) fn profiles(profiles: &Profiles) -> String {
    let mut rows = vec![["profile", "from", "what it is for"].map(str::to_owned)];
    rows.extend(profiles.profiles.iter().map(|profile| {
        let about = match &profile.fault {
            Some(_) => "(it has faults)".to_owned(),
            None => safe(&profile.description),
        };
        [safe(&profile.name), profile.file.as_deref().map_or_else(|| "shipped".to_owned(), safe), about]
    }));
    table(&rows)
}

/// One profile: its text, after what is wrong with it.
pub(super) fn profile(document: &ProfileDocument) -> String {
    let lines = |text: &str| text.lines().map(|line| safe(line) + "\n").collect::<String>();
    let ProfileSummary { fault, .. } = &document.profile;
    // As comments, so that what is printed can be saved as it is.
    let faults: String =
        fault.iter().flat_map(|fault| fault.lines()).map(|line| format!("# {}\n", safe(line))).collect();
    faults + &lines(&document.text)
}

/// What a new configuration changed.
pub(super) fn reloaded(reloaded: &Reloaded) -> String {
    if reloaded.changes.is_empty() {
        return "the configuration was read again; nothing has changed\n".to_owned();
    }
    let changes: String = reloaded.changes.iter().map(|change| format!("  {}\n", safe(change))).collect();
    format!("the configuration was read again\n{changes}")
}

/// What has just happened.
pub(super) fn event(event: &LiveEvent) -> String {
    match event {
        LiveEvent::Run { run } => live(run),
        LiveEvent::RunEnded { id } => format!("run {} has ended\n", safe(id)),
        LiveEvent::Reloaded => "the configuration was read again\n".to_owned(),
        LiveEvent::Job { job } => {
            let outcome = job.outcome.map(|outcome| format!(", {outcome}")).unwrap_or_default();
            let message =
                job.message.as_deref().map(|message| format!(": {}", safe_lines(message, "  "))).unwrap_or_default();
            format!("job {} ({}) is {}{outcome}{message}\n", job.id, safe(&job.name), job.state.as_str())
        }
        LiveEvent::Watch { watch } => {
            let stands = watch.judgement.map_or("not judged yet", judgement_word);
            let why = watch.waiting.as_ref().or(watch.summary.as_ref());
            let why = why.map(|why| format!(": {}", safe(why))).unwrap_or_default();
            format!("watch {} is {stands}{why}\n", safe(&watch.name))
        }
    }
}

#[cfg(test)]
mod tests;
