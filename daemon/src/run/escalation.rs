//! The expensive look, taken by itself: early for a base, when a series becomes suspicious, once more to see what was touched since,
//! and at the end. It is taken on a thread of its own, and no more than a small share of the time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use soakd_profiles::{Profile, Warmup};
use soakd_reports::{Looks, Warning};
use soakd_sampler::{DiskUsage, ProcessId};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::Active;
use crate::clock::RunClock;
use crate::look_findings;
use crate::looks::{Look, LookOrder, LookWhy, LookedAtPath, Taken, TouchedBy};
use crate::suspicion::Suspicion;

/// When the base is looked at, as a share of the planned length, where the profile names no warm-up.
const BASE_SHARE: f64 = 0.1;
const BASE_LATEST_S: f64 = 600.0;
/// Looks for suspicions in one run.
const MOST_SUSPICIONS: u32 = 5;
/// Share of the time that looks for suspicions may take.
const TIME_SHARE: f64 = 0.001;
/// How long it is waited until what was touched is read, as a share of the planned length, and within which bounds.
const TOUCH_SHARE: f64 = 0.1;
const TOUCH_SOONEST_S: f64 = 2.0;
const TOUCH_LATEST_S: f64 = 60.0;
/// Share of the planned length, beyond the first seconds, after which no look is taken any more for what was touched, or at the end. The
/// base is taken in any case: without one no later look could name who grew.
const OTHER_TIME_SHARE: f64 = 0.01;
/// See [`OTHER_TIME_SHARE`]. A busy host makes a look of milliseconds last for a second.
const OTHER_LEAST_S: f64 = 3.0;
/// How long the last look may take.
const LAST_WITHIN: Duration = Duration::from_secs(10);

/// What escalation waited for.
#[derive(Debug)]
pub(super) enum Woken {
    /// A look is due.
    Due(LookWhy),
    /// A look is there; nothing where its thread has panicked.
    Taken(Option<Box<Taken>>),
}

/// The looks of one run.
#[derive(Debug)]
pub(super) struct Escalation {
    is_on: bool,
    resets_referenced: bool,
    touched_by: TouchedBy,
    base_after_s: f64,
    touch_after_s: f64,
    base_due_s: Option<f64>,
    touch_due_s: Option<f64>,
    pending: Option<JoinHandle<Taken>>,
    base: Option<Look>,
    cleared: Vec<(ProcessId, f64)>,
    /// What the named paths took when they were last counted.
    paths: Vec<LookedAtPath>,
    suspicions_count: u32,
    /// A series is suspicious and has not been looked at.
    is_wanted: bool,
    not_before_s: f64,
    is_over: bool,
    planned_s: f64,
    cost: Looks,
}

impl Escalation {
    /// Those of a run of `planned_s` seconds by `profile`.
    pub(super) fn new(profile: &Profile, planned_s: f64) -> Self {
        let base_after_s = match profile.judge.warmup {
            Warmup::Auto => (BASE_SHARE * planned_s).min(BASE_LATEST_S),
            Warmup::Fixed(warmup) => warmup.as_secs_f64(),
        };
        Self {
            is_on: profile.sample.looks,
            resets_referenced: profile.sample.touched,
            touched_by: TouchedBy::of_host(Path::new("/sys")),
            base_after_s,
            touch_after_s: (TOUCH_SHARE * planned_s).clamp(TOUCH_SOONEST_S, TOUCH_LATEST_S),
            base_due_s: None,
            touch_due_s: None,
            pending: None,
            base: None,
            cleared: Vec::new(),
            paths: Vec::new(),
            suspicions_count: 0,
            is_wanted: false,
            not_before_s: 0.0,
            is_over: false,
            planned_s,
            cost: Looks::default(),
        }
    }

    /// Whether another look like the longest one would take more time than looks may have.
    fn is_too_dear(&self) -> bool {
        self.cost.count > 0
            && self.cost.total_s + self.cost.longest_s > OTHER_LEAST_S.max(OTHER_TIME_SHARE * self.planned_s)
    }

    pub(super) fn load_started(&mut self, t_s: f64) {
        self.base_due_s = self.is_on.then_some(t_s + self.base_after_s);
    }

    /// The named paths were counted.
    pub(super) fn see_disk(&mut self, profile: &Profile, usages: &[DiskUsage]) {
        if usages.is_empty() {
            return;
        }
        let of = |(path, usage): (&PathBuf, &DiskUsage)| LookedAtPath {
            path: path.clone(),
            bytes: usage.bytes,
            files_count: usage.files_count,
        };
        self.paths = profile.sample.disk.iter().zip(usages).map(of).collect();
    }

    /// Waits for the next look that is due or done; for ever where there is none. Cancel-safe.
    pub(super) async fn next(&mut self, clock: &RunClock) -> Woken {
        if let Some(pending) = &mut self.pending {
            let taken = pending.await;
            self.pending = None;
            return Woken::Taken(taken.ok().map(Box::new));
        }
        let (due_s, why) = match (self.base_due_s, self.touch_due_s) {
            (Some(due_s), _) => (due_s, LookWhy::Base),
            (None, Some(due_s)) => (due_s, LookWhy::Touched),
            (None, None) => return std::future::pending().await,
        };
        sleep_until(Instant::from_std(clock.instant(due_s))).await;
        Woken::Due(why)
    }
}

impl Active<'_> {
    pub(super) fn escalate(&mut self, woken: Woken) {
        match woken {
            Woken::Due(why) => {
                match why {
                    LookWhy::Base => self.escalation.base_due_s = None,
                    LookWhy::Touched | LookWhy::Suspicion | LookWhy::End => self.escalation.touch_due_s = None,
                }
                self.begin_look(why);
            }
            Woken::Taken(taken) => self.take_look(taken),
        }
    }

    /// A series has become suspicious.
    pub(super) fn suspect(&mut self, suspicion: &Suspicion) {
        self.recording.event(self.clock.t_s(), "suspicion", &suspicion.text);
        self.escalation.is_wanted = true;
    }

    /// Looks at what is suspicious, as soon as that may be.
    pub(super) fn look_where_wanted(&mut self) {
        let t_s = self.clock.t_s();
        let escalation = &mut self.escalation;
        if !escalation.is_wanted {
            return;
        }
        let is_due = escalation.base.is_some() && escalation.pending.is_none() && t_s >= escalation.not_before_s;
        if escalation.is_on && is_due && escalation.suspicions_count < MOST_SUSPICIONS {
            escalation.suspicions_count += 1;
            escalation.is_wanted = false;
            self.begin_look(LookWhy::Suspicion);
        }
    }

    fn begin_look(&mut self, why: LookWhy) {
        if matches!(why, LookWhy::Touched | LookWhy::End) && self.escalation.is_too_dear() {
            let text = "no further look: those before took more than a hundredth of the planned time, and seconds";
            self.recording.event(self.clock.t_s(), "look", text);
            return;
        }
        let escalation = &mut self.escalation;
        let known = escalation.base.iter().flat_map(|base| &base.processes);
        let order = LookOrder {
            why,
            membership: self.target.membership(),
            known: known.map(|process| ProcessId { pid: process.pid, start_ticks: process.start_ticks }).collect(),
            cleared: escalation.cleared.clone(),
            // Once: what was touched is told over one stretch of time.
            clears: why == LookWhy::Suspicion && escalation.resets_referenced && escalation.cleared.is_empty(),
            touched_by: escalation.touched_by.clone(),
            paths: escalation.paths.clone(),
        };
        let clock = self.clock;
        escalation.pending = Some(tokio::task::spawn_blocking(move || order.take(clock)));
    }

    fn take_look(&mut self, taken: Option<Box<Taken>>) {
        let Some(taken) = taken else {
            tracing::warn!("a look at the target was given up");
            return;
        };
        let Taken { look, cleared, clear_failure, touched_by } = *taken;
        let escalation = &mut self.escalation;
        escalation.touched_by = touched_by;
        escalation.cost.count += 1;
        escalation.cost.total_s += look.took_s;
        escalation.cost.longest_s = escalation.cost.longest_s.max(look.took_s);
        if look.why == LookWhy::Suspicion {
            escalation.not_before_s = look.t_s + look.took_s / TIME_SHARE;
        }
        if !cleared.is_empty() {
            let cleared_s = look.t_s + look.took_s;
            escalation.cost.referenced_reset_bytes += cleared.iter().map(|(_, bytes)| bytes).sum::<u64>();
            escalation.cleared = cleared.into_iter().map(|(id, _)| (id, cleared_s)).collect();
            escalation.touch_due_s = Some(cleared_s + escalation.touch_after_s);
        }
        if look.processes.is_empty() {
            return;
        }
        let text = match &escalation.base {
            None => format!("{} looked at for a base", processes(look.processes.len())),
            Some(base) => grown(base, &look),
        };
        match serde_json::to_string(&look) {
            Ok(document) => self.recording.look(look.t_s, document),
            Err(error) => tracing::warn!(%error, "a look cannot be kept"),
        }
        self.recording.event(look.t_s, "look", &text);
        let failures = look.processes.iter().flat_map(|process| {
            process.failures.iter().map(move |why| format!("process {} `{}`: {why}", process.pid, process.name))
        });
        let mut failures: Vec<String> = failures.collect();
        failures.extend(clear_failure.map(|why| format!("what is touched cannot be told: {why}")));
        escalation.base.get_or_insert(look);
        for text in failures {
            let warning = Warning { text: format!("who grew is not fully known: {text}"), hint: None };
            if !self.aside.warnings.contains(&warning) {
                self.aside.warnings.push(warning);
            }
        }
    }

    /// The look at the end of the load, while the target is still there.
    pub(super) async fn last_look(&mut self) {
        if self.escalation.is_over || !self.escalation.is_on {
            return;
        }
        self.escalation.is_over = true;
        self.escalation.base_due_s = None;
        self.escalation.touch_due_s = None;
        if let Some(pending) = self.escalation.pending.take() {
            match timeout(LAST_WITHIN, pending).await {
                Ok(Ok(taken)) => self.take_look(Some(Box::new(taken))),
                Ok(Err(_)) => {}
                Err(_) => return,
            }
            self.escalation.touch_due_s = None;
        }
        if self.escalation.base.is_none() {
            return;
        }
        self.begin_look(LookWhy::End);
        if let Some(pending) = self.escalation.pending.take()
            && let Ok(Ok(taken)) = timeout(LAST_WITHIN, pending).await
        {
            self.take_look(Some(Box::new(taken)));
        }
    }

    /// What the looks of the run cost.
    pub(super) fn looks_cost(&self, duration_s: f64) -> Option<Looks> {
        let cost = &self.escalation.cost;
        let ratio = (duration_s > 0.0).then(|| cost.total_s / duration_s);
        (cost.count > 0).then(|| Looks { ratio, ..cost.clone() })
    }
}

fn processes(count: usize) -> String {
    if count == 1 { "one process".to_owned() } else { format!("{count} processes") }
}

/// What has grown most since the base, of memory, descriptors and threads.
fn grown(base: &Look, look: &Look) -> String {
    let looks = [base.clone(), look.clone()];
    let most = |metric| look_findings::of(&looks, metric).attribution.into_iter().next().map(|most| most.what);
    let most: Vec<String> = ["anon_swap_bytes", "fds_count", "threads_count"].into_iter().filter_map(most).collect();
    let since = crate::progress::clock_face(base.t_s);
    if most.is_empty() {
        format!("nothing has grown since {since}")
    } else {
        format!("since {since}: {}", most.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_took_a_hundredth_of_the_run_and_seconds_are_the_last_ones() {
        let mut escalation = Escalation::new(&Profile::default(), 600.0);
        assert!(!escalation.is_too_dear());
        escalation.cost = Looks { count: 2, total_s: 3.0, longest_s: 2.9, ..Looks::default() };
        assert!(!escalation.is_too_dear());
        escalation.cost = Looks { count: 2, total_s: 4.0, longest_s: 2.9, ..Looks::default() };
        assert!(escalation.is_too_dear());
    }
}
