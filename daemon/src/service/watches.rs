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
use crate::{target, target_spec};

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

/// What the period attaches to. A target that is not there begins no period: it would leave a run that never was.
fn attach(target: &WatchTarget) -> Result<Attach, String> {
    let attach = match target {
        WatchTarget::Unit(unit) => Attach::Unit(unit.clone()),
        WatchTarget::Cgroup(folder) => Attach::Cgroup(folder.clone()),
        WatchTarget::Pid(pid) => Attach::Pid(*pid),
        WatchTarget::Process(pattern) => oldest_named(Path::new("/proc"), pattern)
            .map(Attach::Pid)
            .ok_or_else(|| format!("no process has a name like `{}`", pattern.as_str()))?,
    };
    match target::head_of(&target_spec::attach_to(&(&attach).into())) {
        Ok(_) => Ok(attach),
        // It may well run: that could not be found out.
        Err(error @ target::TargetError::Watch { .. }) => Err(error.to_string()),
        Err(_) => Err("nothing of it is running".to_owned()),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text, "test").expect("a valid configuration")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn watches(text: &str) -> Watches {
        let mut watches = Watches::default();
        assert!(watches.configure(&config(text), at(0), |_| Standing::default()).is_empty());
        watches
    }

    /// A process that is there as long as this lives.
    struct Neighbour(std::process::Child);

    impl Neighbour {
        fn new() -> Self {
            Self(std::process::Command::new("sleep").arg("604").spawn().expect("sleep is there"))
        }

        /// It, and a process that cannot be.
        fn and_nobody(&self) -> String {
            let (here, gone) = (self.0.id(), i32::MAX);
            format!("[[watch]]\nname = 'here'\npid = {here}\n[[watch]]\nname = 'gone'\npid = {gone}\n")
        }
    }

    impl Drop for Neighbour {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn periods_follow_each_other_and_a_target_that_is_gone_is_looked_for_ever_more_rarely() {
        let neighbour = Neighbour::new();
        let mut watches = watches(&neighbour.and_nobody());
        let names = |due: Vec<Period>| due.into_iter().map(|period| period.name).collect::<Vec<_>>();
        let mut looks = Vec::new();
        assert_eq!(names(watches.due(at(0))), ["here"]);
        watches.began("here", "run-1");
        while looks.len() < 8 {
            let next = watches.next().expect("somebody is looked for");
            looks.push(next.as_second());
            assert!(watches.due(next).is_empty());
        }
        assert_eq!(looks, [2, 6, 14, 30, 62, 122, 182, 242], "seconds");
        assert!(watches.shown()[1].waiting.as_deref().is_some_and(|why| why.contains("running")));
        watches.ended("here", None, at(300));
        assert_eq!(names(watches.due(at(300))), ["here"], "the next period begins at once");
    }

    #[test]
    fn a_watch_that_is_no_longer_configured_ends_with_its_period() {
        let neighbour = Neighbour::new();
        let mut watches = watches(&neighbour.and_nobody());
        watches.due(at(0));
        watches.began("here", "run-1");
        assert_eq!(watches.configure(&config(""), at(1), |_| Standing::default()), ["here"]);
        assert_eq!(watches.shown().len(), 1, "the one that was looked for is forgotten at once");
        assert_eq!(watches.shown()[0].run.as_deref(), Some("run-1"));
        watches.ended("here", None, at(2));
        assert!(watches.shown().is_empty() && watches.next().is_none());
    }

    #[test]
    fn the_oldest_process_with_a_fitting_name_is_found() {
        let me = std::fs::read_to_string("/proc/self/comm").expect("a name");
        let entry = |process: &str| {
            let config = config(&format!("[[watch]]\nname = 'w'\nprocess = '{process}'\n"));
            config.watches[0].target.clone()
        };
        // Never the daemon itself.
        assert!(attach(&entry(&format!("no-such-{}", me.trim()))).is_err());
        let _neighbour = Neighbour::new();
        // It has its name once it is the program that was asked for, a moment after it was forked.
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        let mut found = attach(&entry("sle+p"));
        while found.is_err() && std::time::Instant::now() < deadline {
            std::thread::yield_now();
            found = attach(&entry("sle+p"));
        }
        assert!(matches!(found, Ok(Attach::Pid(_))), "{found:?}");
    }
}
