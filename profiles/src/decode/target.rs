//! Reads `[target]`.

use std::time::Duration;

use crate::field::Field;
use crate::keys;
use crate::section::Section;
use crate::target::{Attach, Limits, Ready, ReadyWhen, Restart, Stop, StopSignal, Target, TargetSource};

pub(super) fn target(section: &Section<'_>) -> Target {
    let default = Target::default();
    let command = section.get("command").and_then(|field| field.command()).map(TargetSource::Command);
    let attach = section.get("attach").and_then(|field| attach(&field)).map(TargetSource::Attach);
    section.one_of(&["command", "attach"]);
    if section.has("attach") {
        for key in ["working_directory", "environment", "clear_environment", "user", "group", "limits", "stop"] {
            section.needs(key, "a `command`; an attached target is left as it is");
        }
        for key in ["restart", "restart_limit", "restart_delay"] {
            section.needs(key, "a `command`; an attached target is followed through restarts by `follow = true`");
        }
    } else if section.has("command") {
        section.needs("follow", "`attach`; a started target has `restart`");
    }
    Target {
        source: command.or(attach),
        working_directory: section.get("working_directory").and_then(|field| field.path()),
        environment: section.get("environment").map(|field| environment(&field)).unwrap_or_default(),
        clear_environment: flag(section, "clear_environment", default.clear_environment),
        user: section.get("user").and_then(|field| field.text()),
        group: section.get("group").and_then(|field| field.text()),
        ready: section.get("ready").and_then(|field| ready(&field)),
        stop: section.get("stop").map_or(default.stop, |field| stop(&field)),
        restart: section.get("restart").and_then(|field| field.word(Restart::ALL)).unwrap_or_default(),
        restart_limit: section
            .get("restart_limit")
            .and_then(|field| field.integer_u32(0, u32::MAX))
            .unwrap_or(default.restart_limit),
        restart_delay: section
            .get("restart_delay")
            .and_then(|field| field.any_duration())
            .unwrap_or(default.restart_delay),
        follow: flag(section, "follow", default.follow),
        limits: section.get("limits").map(|field| limits(&field)).unwrap_or_default(),
        output_limit_bytes: section
            .get("output_limit")
            .and_then(|field| field.size())
            .unwrap_or(default.output_limit_bytes),
    }
}

pub(super) fn flag(section: &Section<'_>, key: &str, default: bool) -> bool {
    section.get(key).and_then(|field| field.boolean()).unwrap_or(default)
}

fn environment(field: &Field<'_>) -> std::collections::BTreeMap<String, String> {
    for (name, entry) in field.entries() {
        if name.is_empty() || name.contains(['=', '\0']) {
            entry.unreadable::<()>("a variable whose name is not empty and has no `=`");
        } else if matches!(&entry.node.value, crate::tree::Value::Text { text, .. } if text.contains('\0')) {
            entry.unreadable::<()>("a value without NUL characters");
        }
    }
    field.text_by_name()
}

fn attach(field: &Field<'_>) -> Option<Attach> {
    let section = field.section(keys::ATTACH, "target.attach")?;
    let choices = ["pid", "name", "unit", "cgroup"];
    let Some(choice) = section.one_of(&choices) else {
        section.missing("`pid`, `name`, `unit` or `cgroup`");
        return None;
    };
    let field = section.get(choice)?;
    match choice {
        "pid" => field.integer_u32(1, i32::MAX.unsigned_abs()).map(Attach::Pid),
        "name" => field.text().map(Attach::Name),
        "unit" => {
            let unit = field.text()?;
            if unit.contains('.') {
                Some(Attach::Unit(unit))
            } else {
                field.unreadable("a unit with its suffix, such as `nginx.service`")
            }
        }
        _ => field.text().map(|path| Attach::Cgroup(path.into())),
    }
}

fn ready(field: &Field<'_>) -> Option<Ready> {
    let section = field.section(keys::READY, "target.ready")?;
    let shortest = Duration::from_millis(1);
    let timeout = section.get("timeout").and_then(|field| field.duration(shortest, Duration::from_secs(86_400)));
    let choice = section.one_of(&["http", "tcp", "line", "delay"]);
    let status = section.get("status").and_then(|field| status(&field));
    if choice != Some("http") {
        section.needs("status", "`http`");
    }
    let Some(choice) = choice else {
        section.missing("`http`, `tcp`, `line` or `delay`");
        return None;
    };
    let field = section.get(choice)?;
    let when = match choice {
        "http" => {
            let (status_low, status_high) = status.unwrap_or((200, 399));
            ReadyWhen::Http { url: field.http_url()?, status_low, status_high }
        }
        "tcp" => ReadyWhen::Tcp(host_and_port(&field)?),
        "line" => ReadyWhen::Line(field.pattern()?),
        _ => ReadyWhen::Delay(field.any_duration()?),
    };
    Some(Ready { when, timeout: timeout.unwrap_or(Ready::DEFAULT_TIMEOUT) })
}

fn host_and_port(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let valid = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(char::is_whitespace) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if valid { Some(text) } else { field.unreadable("a host and port such as `127.0.0.1:6379`") }
}

/// `204` or `"200..399"`, both ends included.
fn status(field: &Field<'_>) -> Option<(u16, u16)> {
    const LOOKS: &str = "a status such as `204`, or a range such as `\"200..399\"`";
    let (low, high) = match &field.node.value {
        crate::tree::Value::Integer(status) => (u16::try_from(*status).ok(), u16::try_from(*status).ok()),
        crate::tree::Value::Text { text, .. } => {
            let (low, high) = text.split_once("..").unwrap_or((text, text));
            (low.trim().parse().ok(), high.trim().parse().ok())
        }
        _ => (None, None),
    };
    match (low, high) {
        (Some(low), Some(high)) if 100 <= low && low <= high && high <= 599 => Some((low, high)),
        _ => field.unreadable(LOOKS),
    }
}

fn stop(field: &Field<'_>) -> Stop {
    let default = Stop::default();
    let Some(section) = field.section(keys::STOP, "target.stop") else { return default };
    let signal = section.get("signal").and_then(|field| {
        // Both usual ways to write a signal.
        let long = |(name, signal): &(&str, StopSignal)| field.is_word(&format!("SIG{name}")).then_some(*signal);
        StopSignal::ALL.iter().find_map(long).or_else(|| field.word(StopSignal::ALL))
    });
    Stop {
        signal: signal.unwrap_or(default.signal),
        grace: section.get("grace").and_then(|field| field.any_duration()).unwrap_or(default.grace),
    }
}

fn limits(field: &Field<'_>) -> Limits {
    let Some(section) = field.section(keys::LIMITS, "target.limits") else { return Limits::default() };
    let size = |key| section.get(key).and_then(|field| field.size());
    let count = |key| section.get(key).and_then(|field| field.integer(0, i64::MAX.unsigned_abs()));
    Limits {
        memory_bytes: size("memory"),
        open_files_count: count("open_files"),
        processes_count: count("processes"),
        core_file_bytes: size("core_file"),
        file_size_bytes: size("file_size"),
        stack_bytes: size("stack"),
        cpu_time: section
            .get("cpu_time")
            .and_then(|field| field.duration(Duration::from_secs(1), Duration::from_secs(u32::MAX.into()))),
    }
}
