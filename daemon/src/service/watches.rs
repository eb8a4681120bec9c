//! Targets that are watched without end, a period after the other.
//!
//! Each period is a run with a verdict of its own. What stands for a watch is the judgement of the period that goes on as soon as that
//! decides, until then that of the last one: an estimate that is looked at all the time changes nothing by itself, so that watching for
//! a year raises no more alarms than its periods do.

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use soakd_profiles::units;

use super::config::{Config, NamePattern, WatchEntry, WatchTarget};
use super::standing::Standing;
use super::status::WatchStatus;
use super::submission::{Attach, Submission};

/// Pauses between two looks for a target that is not there.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How a watch stands.
#[derive(Debug, Clone, PartialEq)]
enum State {
    /// Its period goes on.
    Running,
    /// The target is looked for again at this time.
    Waiting { until: Timestamp, pause: Duration, why: Option<String> },
    /// It is no longer in the configuration, and its period is about to end.
    Ending,
}

/// One watch.
#[derive(Debug)]
struct Watch {
    entry: WatchEntry,
    state: State,
    standing: Standing,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Watches {
    watches: Vec<Watch>,
}

/// A period that is to begin.
#[derive(Debug)]
pub struct Period {
    /// Name of the watch.
    pub name: String,
    /// What is soaked, and for how long.
    pub submission: Submission,
}

impl Watches {
    /// Takes the configuration. Gives the names of those that are no longer in it and whose periods are to be ended.
    pub fn configure(&mut self, config: &Config, now: Timestamp, standing: impl Fn(&str) -> Standing) -> Vec<String> {
        let mut gone = Vec::new();
        self.watches.retain_mut(|watch| {
            match config.watches.iter().find(|entry| entry.name == watch.entry.name) {
                // The period that goes on is left alone; the next one is as configured now.
                Some(entry) => watch.entry = entry.clone(),
                None if watch.state == State::Running => {
                    watch.state = State::Ending;
                    gone.push(watch.entry.name.clone());
                }
                None => return watch.state == State::Ending,
            }
            true
        });
        for entry in &config.watches {
            if !self.watches.iter().any(|watch| watch.entry.name == entry.name) {
                let state = State::Waiting { until: now, pause: FIRST_PAUSE, why: None };
                self.watches.push(Watch { entry: entry.clone(), state, standing: standing(&entry.name) });
            }
        }
        gone
    }

    /// Periods that are to begin at `now`. A target that is named by a pattern and is not there is looked for again later.
    pub fn due(&mut self, now: Timestamp) -> Vec<Period> {
        let mut due = Vec::new();
        for watch in &mut self.watches {
            let State::Waiting { until, pause, .. } = watch.state else { continue };
            if until > now {
                continue;
            }
            match attach(&watch.entry.target) {
                Ok(attach) => due.push(Period {
                    name: watch.entry.name.clone(),
                    submission: Submission {
                        name: Some(watch.entry.name.clone()),
                        profile: watch.entry.profile.clone(),
                        attach: Some(attach),
                        duration: Some(units::show(watch.entry.period)),
                        interval: Some(units::show(watch.entry.interval)),
                        ..Submission::default()
                    },
                }),
                Err(why) => watch.state = waiting(now, pause, why),
            }
        }
        due
    }

    /// The period `run` of a watch has begun, or goes on.
    pub fn began(&mut self, name: &str, run: &str) -> Option<Standing> {
        let watch = self.find(name)?;
        watch.state = State::Running;
        watch.standing.run = Some(run.to_owned());
        Some(watch.standing.clone())
    }

    /// A period has ended, or could not begin: the next one begins at once, or where `why` tells that the target is not there, after a
    /// pause.
    pub fn ended(&mut self, name: &str, why: Option<String>, now: Timestamp) {
        if let Some(watch) = self.find(name) {
            let pause = match watch.state {
                State::Waiting { pause, .. } => pause,
                State::Running | State::Ending => FIRST_PAUSE,
            };
            watch.state = match why {
                _ if watch.state == State::Ending => State::Ending,
                Some(why) => waiting(now, pause, why),
                None => State::Waiting { until: now, pause: FIRST_PAUSE, why: None },
            };
        }
        self.watches.retain(|watch| watch.entry.name != name || watch.state != State::Ending);
    }

    /// What stands for a watch now.
    pub fn stands(&mut self, name: &str, mut standing: Standing) {
        if let Some(watch) = self.find(name) {
            standing.run = watch.standing.run.take();
            watch.standing = standing;
        }
    }

    /// What stands for a watch.
    #[must_use]
    pub fn standing(&self, name: &str) -> Option<&Standing> {
        self.watches.iter().find(|watch| watch.entry.name == name).map(|watch| &watch.standing)
    }

    /// Whether `name` is configured.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.watches.iter().any(|watch| watch.entry.name == name)
    }

    /// When a target is looked for next.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        let waiting = |watch: &Watch| match watch.state {
            State::Waiting { until, .. } => Some(until),
            State::Running | State::Ending => None,
        };
        self.watches.iter().filter_map(waiting).min()
    }

    /// What is shown of them.
    #[must_use]
    pub fn shown(&self) -> Vec<WatchStatus> {
        self.watches.iter().map(shown).collect()
    }

    fn find(&mut self, name: &str) -> Option<&mut Watch> {
        self.watches.iter_mut().find(|watch| watch.entry.name == name)
    }
}

fn waiting(now: Timestamp, pause: Duration, why: String) -> State {
    let until = SignedDuration::try_from(pause).ok().and_then(|pause| now.checked_add(pause).ok()).unwrap_or(now);
    State::Waiting { until, pause: (2 * pause).min(LONGEST_PAUSE), why: Some(why) }
}

fn shown(watch: &Watch) -> WatchStatus {
    let is_running = matches!(watch.state, State::Running | State::Ending);
    WatchStatus {
        name: watch.entry.name.clone(),
        target: match &watch.entry.target {
            WatchTarget::Unit(unit) => format!("unit {unit}"),
            WatchTarget::Cgroup(folder) => format!("cgroup {}", folder.display()),
            WatchTarget::Process(pattern) => format!("processes named {}", pattern.as_str()),
            WatchTarget::Pid(pid) => format!("pid {pid}"),
        },
        run: watch.standing.run.clone().filter(|_| is_running),
        judgement: watch.standing.judgement,
        summary: watch.standing.summary.clone(),
        since: watch.standing.since,
        waiting: match &watch.state {
            State::Waiting { why, .. } => why.clone(),
            State::Running | State::Ending => None,
        },
    }
}

/// What the period attaches to.
fn attach(target: &WatchTarget) -> Result<Attach, String> {
    match target {
        WatchTarget::Unit(unit) => Ok(Attach::Unit(unit.clone())),
        WatchTarget::Cgroup(folder) => Ok(Attach::Cgroup(folder.clone())),
        WatchTarget::Pid(pid) => Ok(Attach::Pid(*pid)),
        WatchTarget::Process(pattern) => oldest_named(Path::new("/proc"), pattern)
            .map(Attach::Pid)
            .ok_or_else(|| format!("no process has a name like `{}`", pattern.as_str())),
    }
}

/// The oldest process whose name fits.
fn oldest_named(proc: &Path, pattern: &NamePattern) -> Option<u32> {
    let own = std::process::id();
    let pids = fs::read_dir(proc).ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != own)
        .filter(|pid| {
            let name = fs::read(proc.join(pid.to_string()).join("comm"));
            name.is_ok_and(|name| pattern.fits(String::from_utf8_lossy(&name).trim_end_matches('\n')))
        })
        .min_by_key(|pid| (crate::store::Owner::of(proc, *pid).start_ticks, *pid))
}
