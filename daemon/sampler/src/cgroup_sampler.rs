//! The target's own cgroup: memory by kind, kernel memory, swap, events, tasks, pressure; v1, v2 and hybrid.
//!
//! A cgroup counts whoever is in it, so nothing is given unless the target is in it alone: the smallest cgroup that holds all
//! members, with nobody else in it or below it. That is checked when it is found and every [`CHECK_EVERY`]; sooner when the number of
//! tasks in it has changed, which it does when somebody joins, and when somebody was there at the last check who does not belong there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cgroup::{Cgroup, CgroupController, CgroupLayout, CgroupMounts};
use crate::cgroup_files::{MemoryFiles, PidsFile, open_pressure};
use crate::cgroup_owner::CgroupOwner;
use crate::cost::ReadCost;
use crate::duty::{Duty, Purpose};
use crate::error::SampleError;
use crate::metric::MetricId;
use crate::pace::Pace;
use crate::pressure::Pressure;
use crate::proc_root::ProcRoot;
use crate::reading::Reading;
use crate::sampler_status::SamplerStatus;
use crate::tree_reading::MemberReading;

/// How often it is checked whose the cgroup is, and a cgroup of the target's own looked for where there is none.
pub const CHECK_EVERY: Duration = Duration::from_secs(10);

/// How soon it is checked again where somebody may have joined.
pub const CHECK_SOON: Duration = Duration::from_secs(1);

/// Largest share of time that finding out whose it is may take: as much as reading it may.
const CHECK_SHARE_RATIO: f64 = 0.002;

/// The cgroup of the target, with what is open in it.
#[derive(Debug)]
struct Own {
    path: PathBuf,
    owner: CgroupOwner,
    memory: MemoryFiles,
    pids: Option<PidsFile>,
    pressure: Option<Pressure>,
}

/// Reads the target's own cgroup, where it has one.
#[derive(Debug)]
pub struct CgroupSampler {
    root: ProcRoot,
    mounts: CgroupMounts,
    own: Option<Own>,
    /// When it was checked last; `None` before the first time.
    checked_at: Option<Duration>,
    /// Somebody may have joined since.
    is_doubtful: bool,
    /// Tasks in it when it was read last.
    tasks_count: Option<f64>,
    duty: Duty,
    check_pace: Pace,
    status: SamplerStatus,
    cost: ReadCost,
    put_off_count: u64,
    longest_pause: Duration,
    /// Processes that the kernel had killed for want of memory when the cgroup was read first.
    kills_at_first: Option<f64>,
}

impl CgroupSampler {
    /// For the hierarchies that are mounted here.
    ///
    /// # Errors
    /// When it cannot be read which these are.
    pub fn new(root: &ProcRoot) -> Result<Self, SampleError> {
        Ok(Self {
            mounts: CgroupMounts::read(root)?,
            root: root.clone(),
            own: None,
            checked_at: None,
            is_doubtful: false,
            tasks_count: None,
            duty: Duty::of_cgroup(),
            check_pace: Pace::new(CHECK_SHARE_RATIO),
            status: SamplerStatus::Waiting,
            cost: ReadCost::default(),
            put_off_count: 0,
            longest_pause: Duration::ZERO,
            kills_at_first: None,
        })
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> SamplerStatus {
        self.status
    }

    /// Which hierarchies there are on this host.
    #[must_use]
    pub fn layout(&self) -> CgroupLayout {
        self.mounts.layout()
    }

    /// What it costs.
    #[must_use]
    pub fn cost(&self) -> &ReadCost {
        &self.cost
    }

    /// Times that it was due and was left out, so as not to take more than its share of time.
    #[must_use]
    pub fn put_off_count(&self) -> u64 {
        self.put_off_count
    }

    /// The longest pause that its cost led to.
    #[must_use]
    pub fn longest_pause(&self) -> Duration {
        self.longest_pause
    }

    /// The folder of the target's own cgroup as far as memory goes; `None` where it has none.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.own.as_ref().map(|own| own.path.as_path())
    }

    /// Processes that the kernel has killed for want of memory since the cgroup was read first, asked now: also when no
    /// process is left. `None` where that is not known.
    pub fn oom_kills(&mut self) -> Option<f64> {
        let mut reading = Reading::default();
        self.own.as_mut()?.memory.read(&mut reading).ok()?;
        Some(reading.get(MetricId::CgroupOomKill)? - self.kills_at_first?)
    }

    /// Reads the cgroup of `members` into `reading`, at the time that `clock` tells. Without members or an own cgroup, and
    /// where that was done too recently, nothing is set; [`CgroupSampler::status`] says why.
    pub fn read(&mut self, members: &[MemberReading], reading: &mut Reading, clock: &mut dyn FnMut() -> Duration) {
        if members.is_empty() {
            return;
        }
        let now = clock();
        if let Err(pause) = self.duty.may_start(now) {
            self.put_off_count += 1;
            self.longest_pause = self.longest_pause.max(pause);
            if self.status == SamplerStatus::Active {
                self.status = SamplerStatus::Slowed { pause };
            }
            return;
        }
        let pause = if self.is_doubtful { CHECK_SOON } else { CHECK_EVERY };
        let is_due = self.checked_at.is_none_or(|at| now.saturating_sub(at) >= pause);
        if is_due && self.check_pace.may_start(now).is_ok() {
            self.checked_at = Some(now);
            self.is_doubtful = false;
            if let Err(why) = self.check(members) {
                self.own = None;
                self.fail(why);
            }
            let checked = clock();
            self.check_pace.ended(checked, checked.saturating_sub(now));
        }
        let Some(own) = &mut self.own else { return };
        let begin = clock();
        let result = own.memory.read(reading);
        if let Some(pids) = &mut own.pids {
            pids.read(reading);
        }
        let tasks_count = reading.get(MetricId::CgroupPids);
        self.is_doubtful |= own.owner.saw_stranger() || tasks_count != self.tasks_count;
        self.tasks_count = tasks_count;
        if let Some(pressure) = &mut own.pressure {
            pressure.read(reading);
        }
        let end = clock();
        let took = end.saturating_sub(begin);
        self.cost.record(1, took);
        self.duty.ended(end, took, Purpose::Witness);
        match result {
            Ok(()) => {
                self.status = SamplerStatus::Active;
                self.kills_at_first = self.kills_at_first.or(reading.get(MetricId::CgroupOomKill));
            }
            Err(why) => {
                self.own = None;
                self.fail(why);
            }
        }
    }

    fn fail(&mut self, why: SampleError) {
        self.status = match why {
            SampleError::Unsupported => SamplerStatus::Unsupported,
            why => SamplerStatus::Failed(why),
        };
    }

    /// Makes sure that the cgroup is the target's own, or looks for one that is.
    fn check(&mut self, members: &[MemberReading]) -> Result<(), SampleError> {
        if let Some(own) = &mut self.own {
            match own.owner.check(&self.root, members, false) {
                // Somebody moved out: another one may hold all.
                Err(SampleError::Vanished) => {}
                other => return other,
            }
        }
        let memory = self.common(members, CgroupController::Memory)?;
        let mut owner = CgroupOwner::new(memory.path.clone());
        owner.check(&self.root, members, true)?;
        let others = [CgroupController::Pids, CgroupController::Pressure];
        let [pids, pressure] = others.map(|controller| {
            let cgroup = self.common(members, controller).ok()?;
            // Another hierarchy may put the target beside others.
            let is_own = cgroup.path == memory.path
                || CgroupOwner::new(cgroup.path.clone()).check(&self.root, members, true).is_ok();
            is_own.then_some(cgroup.path)
        });
        self.own = Some(Own {
            memory: MemoryFiles::open(&memory.path, memory.version)?,
            path: memory.path,
            owner,
            pids: pids.as_deref().and_then(PidsFile::open),
            pressure: pressure.as_deref().and_then(open_pressure),
        });
        Ok(())
    }

    /// The smallest cgroup that holds all of `members`. Those that ended meanwhile are left out.
    fn common(&self, members: &[MemberReading], controller: CgroupController) -> Result<Cgroup, SampleError> {
        let mut common: Option<Cgroup> = None;
        for member in members {
            let text = match std::fs::read(self.root.process_file(member.id.pid, "cgroup")).map_err(SampleError::from) {
                Ok(text) => text,
                Err(SampleError::Vanished) => continue,
                Err(error) => return Err(error),
            };
            let cgroup = self.mounts.cgroup_in(&text, controller).ok_or(SampleError::Unsupported)?;
            common = Some(match common {
                None => cgroup,
                Some(before) => before.common_with(cgroup),
            });
        }
        common.ok_or(SampleError::Unsupported)
    }
}
