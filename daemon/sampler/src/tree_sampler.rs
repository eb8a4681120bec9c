//! Reads a whole tree at each tick: who is there, what each member has, and the sums.

use std::time::Duration;

use crate::descriptor_look::DescriptorLook;
use crate::descriptors::size_is_a_count;
use crate::error::SampleError;
use crate::fields::as_reading;
use crate::metric::{Detail, METRICS, MetricId, Scope, TreeSum};
use crate::open_member::OpenMember;
use crate::pace::Pace;
use crate::proc_root::ProcRoot;
use crate::process_id::{ProcessId, read_stat};
use crate::reading::Reading;
use crate::sampler::{SAMPLERS, SamplerId, SamplerRow};
use crate::sampler_status::{SamplerReport, SamplerStatus};
use crate::swap_areas::SwapAreas;
use crate::tree::{Member, Membership, ProcessTree};
use crate::tree_reading::{MemberReading, TreeReading};

/// Time since any fixed point, on a clock that does not jump. The sampler reads no clock of its own: whoever makes it hands one
/// in, and a test hands in any time it likes.
pub type Clock = Box<dyn FnMut() -> Duration + Send>;

/// What to read, and within which bounds.
#[derive(Debug, Clone)]
pub struct TreeOptions {
    /// What is read as `/proc`.
    pub root: ProcRoot,
    /// Who belongs to the target.
    pub membership: Membership,
    /// What is asked for; sources of nothing that is asked for stay off. By default all metrics of processes and trees.
    pub metrics: Vec<MetricId>,
    /// Resident size of a process above which its address space is not walked (`pss_bytes`, `uss_bytes`, `swap_pss_bytes`).
    pub walk_limit_bytes: u64,
    /// Largest share of time, 0 to 1, in which a member's address space may be walked, and of this process's own time for
    /// the look at descriptors and sockets of all members.
    pub walk_share_ratio: f64,
    /// Most members whose files stay open; each takes two descriptors, five with [`Detail::Full`]. The others are opened
    /// at each tick, which costs some ten times as much. By default an eighth of the limit on open files.
    pub kept_members_max_count: usize,
}

/// 4 GiB: a walk of some 50 ms.
const WALK_LIMIT_BYTES: u64 = 4 << 30;
/// One part in a thousand.
const WALK_SHARE_RATIO: f64 = 0.001;

impl TreeOptions {
    /// The defaults for a target.
    #[must_use]
    pub fn new(root: ProcRoot, membership: Membership) -> Self {
        let files_limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1024);
        Self {
            root,
            membership,
            metrics: METRICS.iter().filter(|row| row.scope != Scope::Host).map(|row| row.id).collect(),
            walk_limit_bytes: WALK_LIMIT_BYTES,
            walk_share_ratio: WALK_SHARE_RATIO,
            kept_members_max_count: usize::try_from(files_limit / 8).unwrap_or(usize::MAX),
        }
    }
}

/// Samples a tree. Once the members stay the same, a tick allocates nothing.
pub struct TreeSampler {
    root: ProcRoot,
    clock: Clock,
    tree: ProcessTree,
    /// Generation of the tree that `open` and the members of `reading` reflect.
    generation: u64,
    open: Vec<OpenMember>,
    reading: TreeReading,
    reports: Vec<SamplerReport>,
    is_wanted: [bool; MetricId::COUNT],
    swap_areas: SwapAreas,
    /// Sums of the counts since the start of the members that ended.
    departed: Reading,
    walk_limit_bytes: u64,
    walk_pace: Pace,
    look: DescriptorLook,
    look_pace: Pace,
    /// Connections that linger, as of the last look, if that was in this tick.
    lingering_count: Option<u64>,
    kept_members_max_count: usize,
}

impl std::fmt::Debug for TreeSampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TreeSampler").field("tree", &self.tree).field("reports", &self.reports).finish_non_exhaustive()
    }
}

impl TreeSampler {
    /// A sampler that has read nothing yet.
    #[must_use]
    pub fn new(options: TreeOptions, clock: Clock) -> Self {
        let mut is_wanted = [false; MetricId::COUNT];
        for metric in &options.metrics {
            is_wanted[*metric as usize] = true;
        }
        let needs = |metric: &MetricId| {
            is_wanted[*metric as usize] || (is_wanted[MetricId::AnonSwap as usize] && *metric == MetricId::Swap)
        };
        let reports = SAMPLERS.iter().map(|row| {
            // `statm` is always read: it tells who is still there.
            let is_on = row.id == SamplerId::Statm
                || row.metrics.iter().any(needs)
                || (row.id == SamplerId::Sockets && needs(&MetricId::SocketsTimeWait));
            let fallback = (row.id == SamplerId::Descriptors && !size_is_a_count()).then_some(
                "descriptors are listed one by one, since this kernel does not give their number (Linux 6.2 does)",
            );
            let status = if is_on { SamplerStatus::Waiting } else { SamplerStatus::Off };
            SamplerReport::new(row.id, status, fallback)
        });
        let reports: Vec<SamplerReport> = reports.collect();
        let wants_sockets = reports[SamplerId::Sockets as usize].status != SamplerStatus::Off;
        Self {
            clock,
            tree: ProcessTree::new(options.root.clone(), options.membership),
            generation: 0,
            open: Vec::new(),
            reading: TreeReading::default(),
            reports,
            is_wanted,
            swap_areas: SwapAreas::open(&options.root),
            departed: Reading::default(),
            walk_limit_bytes: options.walk_limit_bytes,
            walk_pace: Pace::new(options.walk_share_ratio),
            look: DescriptorLook::new(wants_sockets),
            look_pace: Pace::new(options.walk_share_ratio),
            lingering_count: None,
            kept_members_max_count: options.kept_members_max_count,
            root: options.root,
        }
    }

    /// Leaves `process` and its descendants out; see [`ProcessTree::exclude`].
    pub fn exclude(&mut self, process: ProcessId) {
        self.tree.exclude(process);
    }

    /// Reads the tree once, at the given level of detail.
    ///
    /// What goes wrong is said in the reading and in [`TreeSampler::reports`]; the rest is read all the same. Metrics of a
    /// higher level of detail are `None`, except that swap is read at any level where the host has swapped anything out.
    pub fn tick(&mut self, detail: Detail) -> &TreeReading {
        let now = (self.clock)();
        self.reading.arrivals.clear();
        self.reading.departures.clear();
        self.reading.marks.clear();
        self.reading.membership_failure = self.tree.refresh(now).err();
        self.follow_tree();
        for member in &mut self.reading.members {
            member.reading.clear();
            member.failures = [None; SamplerId::COUNT];
            member.is_copy_of_parent = false;
        }
        let swap_is_idle = self.wants_swap() && self.swap_areas.are_idle();
        for row in SAMPLERS {
            if self.reports[row.id as usize].status == SamplerStatus::Off {
                continue;
            }
            let is_needed_for_swap = row.id == SamplerId::Status && self.wants_swap() && !swap_is_idle;
            if row.id == SamplerId::SmapsRollup {
                if detail == Detail::Slow {
                    self.walk(row);
                }
            } else if row.open.is_some() && (row.detail <= detail || is_needed_for_swap) {
                self.sweep(row);
            }
        }
        self.lingering_count = None;
        if detail == Detail::Slow {
            self.look_at_descriptors();
        }
        self.take_marks();
        self.drop_gone();
        self.complete(swap_is_idle);
        self.sum();
        &self.reading
    }

    /// The last reading.
    #[must_use]
    pub fn reading(&self) -> &TreeReading {
        &self.reading
    }

    /// How each source is doing and what it costs, in the order of [`SAMPLERS`].
    #[must_use]
    pub fn reports(&self) -> &[SamplerReport] {
        &self.reports
    }

    /// Members whose files are opened at each tick, because descriptors are short.
    #[must_use]
    pub fn reopened_members_count(&self) -> usize {
        self.open.iter().filter(|open| !open.keeps_files()).count()
    }

    /// Processes that could not be looked into when members were searched (`hidepid`); some may belong to the target.
    #[must_use]
    pub fn unreadable_count(&self) -> usize {
        self.tree.unreadable_count()
    }

    fn wants_swap(&self) -> bool {
        self.is_wanted[MetricId::AnonSwap as usize] || self.is_wanted[MetricId::Swap as usize]
    }

    /// Opens who came and closes who went.
    fn follow_tree(&mut self) {
        if self.tree.generation() == self.generation {
            return;
        }
        self.generation = self.tree.generation();
        let members = std::mem::take(&mut self.reading.members);
        let mut known = std::mem::take(&mut self.open).into_iter().zip(members).peekable();
        // Both lists are sorted, so one pass over the two is enough.
        for member in self.tree.members() {
            while let Some((open, _)) = known.next_if(|(open, _)| open.member.id < member.id) {
                depart(&open, &mut self.departed, &mut self.reading.departures);
            }
            let (open, reading) = known.next_if(|(open, _)| open.member.id == member.id).unwrap_or_else(|| {
                self.reading.arrivals.push(*member);
                let keep = self.open.len() < self.kept_members_max_count;
                (OpenMember::new(&self.root, *member, keep), MemberReading::new(member))
            });
            self.open.push(open);
            self.reading.members.push(reading);
        }
        for (open, _) in known {
            depart(&open, &mut self.departed, &mut self.reading.departures);
        }
    }

    /// Reads one source of all members.
    fn sweep(&mut self, row: &SamplerRow) {
        let begin = (self.clock)();
        let (mut reads, mut failures, mut last) = (0, 0, None);
        for (open, member) in self.open.iter_mut().zip(&mut self.reading.members) {
            if open.is_gone {
                continue;
            }
            match open.read(&self.root, row, &mut member.reading) {
                Ok(()) => reads += 1,
                Err(SampleError::Vanished) => open.is_gone = true,
                Err(why) => {
                    member.failures[row.id as usize] = Some(why);
                    failures += 1;
                    last = Some((open.member.id, why));
                }
            }
        }
        let end = (self.clock)();
        let report = &mut self.reports[row.id as usize];
        report.cost.record(reads + failures, end.saturating_sub(begin));
        report.note_sweep(reads, failures, last);
    }

    /// Takes the phases that members said they began.
    fn take_marks(&mut self) {
        if self.reports[SamplerId::Probe as usize].status == SamplerStatus::Off {
            return;
        }
        for open in &mut self.open {
            open.take_marks(SamplerId::Probe.row(), &mut self.reading.marks);
        }
    }

    /// Walks the address spaces of all members, unless that was done too recently for the share of time it may take.
    fn walk(&mut self, row: &SamplerRow) {
        let begin = (self.clock)();
        if let Err(pause) = self.walk_pace.may_start(begin) {
            self.put_off(row.id, pause);
            return;
        }
        let report = &mut self.reports[row.id as usize];
        let (mut reads, mut failures, mut last) = (0, 0, None);
        let mut longest = Duration::ZERO;
        for (open, member) in self.open.iter_mut().zip(&mut self.reading.members) {
            if open.is_gone {
                continue;
            }
            let is_too_large =
                member.reading.get(MetricId::Rss).is_some_and(|bytes| bytes > as_reading(self.walk_limit_bytes));
            let result = if is_too_large {
                Err(SampleError::TooLarge)
            } else {
                let begin = (self.clock)();
                let result = open.read(&self.root, row, &mut member.reading);
                let took = (self.clock)().saturating_sub(begin);
                report.cost.record(1, took);
                longest = longest.max(took);
                result
            };
            match result {
                Ok(()) => reads += 1,
                Err(SampleError::Vanished) => open.is_gone = true,
                Err(why) => {
                    member.failures[row.id as usize] = Some(why);
                    failures += 1;
                    last = Some((open.member.id, why));
                }
            }
        }
        report.note_sweep(reads, failures, last);
        // Each address space is walked once in a sweep, so it is the longest walk that sets the pause.
        self.walk_pace.ended((self.clock)(), longest);
    }

    /// Says of `sampler` that it was due, and is put off.
    fn put_off(&mut self, sampler: SamplerId, pause: Duration) {
        for member in &mut self.reading.members {
            member.failures[sampler as usize] = Some(SampleError::PutOff);
        }
        let report = &mut self.reports[sampler as usize];
        if report.status == SamplerStatus::Active {
            report.status = SamplerStatus::Slowed { pause };
        }
    }

    /// Looks at the descriptors and sockets of all members, unless that was done too recently.
    fn look_at_descriptors(&mut self) {
        let on = [SamplerId::DescriptorKinds, SamplerId::Sockets]
            .map(|id| (id, self.reports[id as usize].status != SamplerStatus::Off));
        let Some((payer, _)) = on.into_iter().find(|(_, is_on)| *is_on) else { return };
        let begin = (self.clock)();
        if let Err(pause) = self.look_pace.may_start(begin) {
            for (id, _) in on.into_iter().filter(|(_, is_on)| *is_on) {
                self.put_off(id, pause);
            }
            return;
        }
        self.lingering_count = self.look.take(&self.root, &mut self.reading.members);
        let end = (self.clock)();
        let took = end.saturating_sub(begin);
        self.look_pace.ended(end, took);
        for (id, _) in on.into_iter().filter(|(_, is_on)| *is_on) {
            let (mut reads, mut failures, mut last) = (0, 0, None);
            for (open, member) in self.open.iter_mut().zip(&self.reading.members).filter(|(open, _)| !open.is_gone) {
                match member.failure(id) {
                    None => reads += 1,
                    Some(SampleError::Vanished) => open.is_gone = true,
                    Some(why) => {
                        failures += 1;
                        last = Some((member.id, why));
                    }
                }
            }
            let report = &mut self.reports[id as usize];
            report.note_sweep(reads, failures, last);
            if id == payer {
                report.cost.record(reads + failures, took);
            }
        }
    }

    /// Takes out those that were found to have ended.
    fn drop_gone(&mut self) {
        if !self.open.iter().any(|open| open.is_gone) {
            return;
        }
        let mut index = 0;
        while let Some(open) = self.open.get(index) {
            if !open.is_gone {
                index += 1;
                continue;
            }
            let open = self.open.remove(index);
            self.reading.members.remove(index);
            self.tree.forget(open.member.id);
            // Came and went within one tick: neither an arrival nor a departure for the caller.
            match self.reading.arrivals.iter().position(|member| member.id == open.member.id) {
                Some(arrival) => drop(self.reading.arrivals.remove(arrival)),
                None => depart(&open, &mut self.departed, &mut self.reading.departures),
            }
        }
        self.generation = self.tree.generation();
    }

    /// Works out what follows from what was read.
    fn complete(&mut self, swap_is_idle: bool) {
        for (index, open) in self.open.iter_mut().enumerate() {
            open.age_ticks += 1;
            let (id, parent_pid) = (open.member.id, open.member.parent_pid);
            let is_new = open.age_ticks == 1;
            let size = self.reading.members[index].reading.get(MetricId::Virtual);
            let is_copy = is_new
                && size.is_some()
                && self.reading.members.iter().any(|parent| {
                    parent.id.pid == parent_pid && parent.id < id && parent.reading.get(MetricId::Virtual) == size
                });
            let member = &mut self.reading.members[index];
            member.is_copy_of_parent = is_copy;
            // `exec` changes the name; it mostly follows soon after the birth.
            if open.age_ticks.is_power_of_two()
                && let Ok(stat) = read_stat(&self.root, id.pid)
                && stat.start_ticks == id.start_ticks
            {
                member.comm = stat.comm;
            }
            let anon = member.reading.get(MetricId::Anon);
            if swap_is_idle && anon.is_some() {
                member.reading.set(MetricId::Swap, 0.0);
            }
            if let (Some(anon), Some(swap)) = (anon, member.reading.get(MetricId::Swap)) {
                member.reading.set(MetricId::AnonSwap, anon + swap);
            }
            for row in METRICS.iter().filter(|row| row.tree_sum == TreeSum::Cumulative) {
                if let Some(value) = member.reading.get(row.id) {
                    open.counters.set(row.id, value);
                }
            }
            for metric in MetricId::all().filter(|metric| !self.is_wanted[*metric as usize]) {
                member.reading.unset(metric);
            }
        }
    }

    /// Sums over the members, in one pass over them.
    fn sum(&mut self) {
        let totals = &mut self.reading.totals;
        totals.clear();
        let mut sums = [Some(0.0); MetricId::COUNT];
        let mut has_any = [false; MetricId::COUNT];
        for member in &self.reading.members {
            let has_no_memory = member.failure(SamplerId::Statm) == Some(SampleError::NoMemory);
            for row in METRICS {
                let index = row.id as usize;
                match (member.reading.get(row.id), row.is_memory()) {
                    (Some(_), true) if member.is_copy_of_parent => {}
                    (Some(value), _) => {
                        sums[index] = sums[index].map(|sum| sum + value);
                        has_any[index] = true;
                    }
                    (None, _) if row.is_offered() && member.failure(SamplerId::Probe).is_none() => {}
                    // A process without memory adds none.
                    (None, true) if has_no_memory => {}
                    // Part of a sum is no sum.
                    (None, _) => sums[index] = None,
                }
            }
        }
        for row in METRICS {
            let Some(sum) = sums[row.id as usize] else { continue };
            let departed = if row.tree_sum == TreeSum::Cumulative { self.departed.get(row.id) } else { None };
            // What the last one that counted operations has done stays done.
            let is_past = row.is_offered() && departed.is_some();
            if !has_any[row.id as usize] && !is_past {
                continue;
            }
            totals.set(row.id, sum + departed.unwrap_or(0.0));
        }
        if self.is_wanted[MetricId::Procs as usize] && self.reading.membership_failure.is_none() {
            totals.set(MetricId::Procs, as_reading(self.reading.members.len() as u64));
        }
        if self.is_wanted[MetricId::SocketsTimeWait as usize]
            && let Some(count) = self.lingering_count
        {
            totals.set(MetricId::SocketsTimeWait, as_reading(count));
        }
    }
}

/// Notes that a member went, and keeps what it had counted.
fn depart(open: &OpenMember, departed: &mut Reading, departures: &mut Vec<Member>) {
    departures.push(open.member);
    for (metric, value) in open.counters.iter() {
        departed.set(metric, departed.get(metric).unwrap_or(0.0) + value);
    }
}
