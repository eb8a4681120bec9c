//! Reads a whole tree at each tick: who is there, what each member has, and the sums.

use std::time::Duration;

use crate::descriptor_look::DescriptorLook;
use crate::descriptors::size_is_a_count;
use crate::duty::{Duty, Purpose};
use crate::error::SampleError;
use crate::fields::as_reading;
use crate::inheritance;
use crate::metric::{Detail, METRICS, MetricId, Scope, TreeSum};
use crate::metric_set::MetricSet;
use crate::open_member::OpenMember;
use crate::pace::Pace;
use crate::proc_root::ProcRoot;
use crate::process_id::ProcessId;
use crate::reading::Reading;
use crate::sampler::{SAMPLERS, SamplerId, SamplerRow};
use crate::sampler_status::{SamplerReport, SamplerStatus};
use crate::swap_areas::SwapAreas;
use crate::tree::{Member, ProcessTree};
use crate::tree_options::TreeOptions;
use crate::tree_reading::{MemberReading, TreeReading};
use crate::tree_sum::TreeSums;
use crate::walk_round::{WalkRound, Walking};

/// The look at descriptors and sockets may take this much of the time that walks may.
const LOOK_SHARE_OF_WALKS: f64 = 0.5;

/// Time since any fixed point, on a clock that does not jump. The sampler reads no clock of its own: whoever makes it hands one
/// in, and a test hands in any time it likes.
pub type Clock = Box<dyn FnMut() -> Duration + Send>;

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
    duties: [Duty; SamplerId::COUNT],
    /// Some member has a failure in its reading, which the next tick takes back.
    has_failures: bool,
    wanted: MetricSet,
    /// What sources give beside what is asked for.
    unwanted: Vec<MetricId>,
    /// What is asked for and counts since the start of each process.
    counts: Vec<MetricId>,
    swap_areas: SwapAreas,
    /// Sums of the counts since the start of the members that ended.
    departed: Reading,
    sums: TreeSums,
    walk_round: WalkRound,
    walk_limit_bytes: u64,
    walk_pace: Pace,
    walk_share_ratio: f64,
    look: DescriptorLook,
    look_pace: Pace,
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
        let wanted: MetricSet = options.metrics.iter().copied().collect();
        let needs = |metric: &MetricId| {
            wanted.contains(*metric) || (wanted.contains(MetricId::AnonSwap) && *metric == MetricId::Swap)
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
        let of_processes = || METRICS.iter().filter(|row| row.scope == Scope::Process);
        Self {
            clock,
            tree: ProcessTree::new(options.root.clone(), options.membership),
            generation: 0,
            open: Vec::new(),
            reading: TreeReading::default(),
            reports,
            duties: Default::default(),
            has_failures: false,
            unwanted: of_processes().filter(|row| !wanted.contains(row.id)).map(|row| row.id).collect(),
            counts: of_processes()
                .filter(|row| row.tree_sum == TreeSum::Cumulative && wanted.contains(row.id))
                .map(|row| row.id)
                .collect(),
            wanted,
            swap_areas: SwapAreas::open(&options.root),
            departed: Reading::default(),
            sums: TreeSums::default(),
            walk_round: WalkRound::default(),
            walk_limit_bytes: options.walk_limit_bytes,
            walk_pace: Pace::new(options.walk_share_ratio),
            walk_share_ratio: options.walk_share_ratio,
            look: DescriptorLook::new(wants_sockets),
            look_pace: Pace::new(options.walk_share_ratio * LOOK_SHARE_OF_WALKS),
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
        self.forget_values();
        let swap_is_idle = self.wants_swap() && self.swap_areas.are_idle();
        let mut swap_is_known = swap_is_idle;
        for row in SAMPLERS {
            if self.reports[row.id as usize].status == SamplerStatus::Off {
                continue;
            }
            let is_needed_for_swap = row.id == SamplerId::Status && self.wants_swap() && !swap_is_idle;
            if row.id == SamplerId::SmapsRollup {
                self.walk(row, detail, now);
            } else if row.open.is_some() && (row.detail <= detail || is_needed_for_swap) {
                let purpose = if is_needed_for_swap { Purpose::Witness } else { Purpose::Asked };
                let was_read = self.sweep(row, purpose, now);
                swap_is_known |= was_read && row.id == SamplerId::Status;
            }
        }
        let lingering_count = self.look_at_descriptors(detail, now);
        self.take_marks();
        self.drop_gone();
        if swap_is_known {
            self.note_due(&[MetricId::Swap, MetricId::AnonSwap]);
        }
        self.complete(swap_is_idle);
        self.sums.sum(&mut self.reading, &self.departed);
        if self.wanted.contains(MetricId::Procs) && self.reading.membership_failure.is_none() {
            self.reading.totals.set(MetricId::Procs, as_reading(self.reading.members.len() as u64));
        }
        if self.wanted.contains(MetricId::SocketsTimeWait)
            && let Some(count) = lingering_count
        {
            self.reading.totals.set(MetricId::SocketsTimeWait, as_reading(count));
        }
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
        self.wanted.contains(MetricId::AnonSwap) || self.wanted.contains(MetricId::Swap)
    }

    /// Opens who came and closes who went.
    fn follow_tree(&mut self) {
        if self.tree.generation() == self.generation {
            return;
        }
        self.generation = self.tree.generation();
        // In place, so that one that comes or goes costs what it takes itself, and not all the others anew.
        let members = self.tree.members();
        let has_left = |id: ProcessId| members.binary_search_by_key(&id, |member| member.id).is_err();
        self.reading.members.retain(|reading| !has_left(reading.id));
        let gone: Vec<OpenMember> = self.open.extract_if(.., |open| has_left(open.member.id)).collect();
        // Both lists are sorted, and those that stayed are among the members: each belongs where it stands there.
        for (place, member) in members.iter().enumerate() {
            if self.open.get(place).is_some_and(|open| open.member.id == member.id) {
                continue;
            }
            self.reading.arrivals.push(*member);
            let keep = self.open.len() < self.kept_members_max_count;
            self.open.insert(place, OpenMember::new(&self.root, *member, keep));
            self.reading.members.insert(place, MemberReading::from(member));
        }
        for gone in gone {
            depart(&gone, &mut self.departed, &mut self.reading.departures);
            inheritance::owner_left(&mut self.open, gone.member.id, gone.inheritance);
        }
    }

    /// Takes the values of the last tick back.
    fn forget_values(&mut self) {
        for member in &mut self.reading.members {
            member.reading.clear();
        }
        if std::mem::take(&mut self.has_failures) {
            for member in &mut self.reading.members {
                member.failures = [None; SamplerId::COUNT];
            }
        }
        self.reading.due = MetricSet::default();
        self.note_due(&[MetricId::Procs]);
    }

    /// Reads one source of all members, unless it has had its share of time; whether it did.
    fn sweep(&mut self, row: &SamplerRow, purpose: Purpose, now: Duration) -> bool {
        // These two give the witnesses of a leak, at what they cost where there is something to read.
        let is_read_always = matches!(row.id, SamplerId::Statm | SamplerId::Probe);
        if !is_read_always && let Err(pause) = self.duties[row.id as usize].may_start(now) {
            // No failure of the members: that would be more to write than what the pause saves.
            self.reports[row.id as usize].note_put_off(pause);
            return false;
        }
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
                    self.has_failures = true;
                    failures += 1;
                    last = Some((open.member.id, why));
                }
            }
        }
        let end = (self.clock)();
        let took = end.saturating_sub(begin);
        let report = &mut self.reports[row.id as usize];
        report.cost.record(reads + failures, took);
        report.note_sweep(reads, failures, last);
        self.duties[row.id as usize].ended(end, took, purpose);
        self.note_due(row.metrics);
        true
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

    /// Begins a round of walks through the address spaces, or goes on with it.
    fn walk(&mut self, row: &'static SamplerRow, detail: Detail, now: Duration) {
        if !self.walk_round.is_going_on {
            if detail < Detail::Slow {
                return;
            }
            if let Err(pause) = self.walk_pace.may_start(now) {
                self.put_off(row.id, pause);
                return;
            }
            self.walk_round.begin(&mut self.open);
        }
        let mut walking = Walking {
            root: &self.root,
            row,
            clock: &mut self.clock,
            limit_bytes: self.walk_limit_bytes,
            report: &mut self.reports[row.id as usize],
        };
        let members = &mut self.reading.members;
        if let Some(cost) = self.walk_round.go_on(&mut walking, &mut self.open, members, self.walk_share_ratio) {
            // Failures are told in this tick alone.
            self.has_failures = true;
            self.walk_pace.ended((self.clock)(), cost);
            self.note_due(row.metrics);
        }
    }

    /// Says of `sampler` that it was due, and is put off.
    fn put_off(&mut self, sampler: SamplerId, pause: Duration) {
        for member in &mut self.reading.members {
            member.failures[sampler as usize] = Some(SampleError::PutOff);
        }
        self.has_failures = true;
        self.reports[sampler as usize].note_put_off(pause);
    }

    /// Begins to look at the descriptors and sockets of all members, unless that was done too recently, or goes on with it. When
    /// everybody was looked at, the number of connections that linger.
    fn look_at_descriptors(&mut self, detail: Detail, now: Duration) -> Option<u64> {
        if detail < Detail::Slow && !self.look.is_going_on {
            return None;
        }
        let on = [SamplerId::DescriptorKinds, SamplerId::Sockets]
            .map(|id| (id, self.reports[id as usize].status != SamplerStatus::Off));
        let (payer, _) = on.into_iter().find(|(_, is_on)| *is_on)?;
        if !self.look.is_going_on {
            if let Err(pause) = self.look_pace.may_start(now) {
                for (id, _) in on.into_iter().filter(|(_, is_on)| *is_on) {
                    self.put_off(id, pause);
                }
                return None;
            }
            self.look.begin(&mut self.open);
        }
        if !self.look.go_on(&self.root, &mut self.clock, &mut self.open) {
            return None;
        }
        let begin = (self.clock)();
        let lingering_count = self.look.tell(&self.root, &mut self.open, &mut self.reading.members);
        self.has_failures = true;
        let end = (self.clock)();
        let took = self.look.took + end.saturating_sub(begin);
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
            self.note_due(id.row().metrics);
        }
        self.note_due(&[MetricId::SocketsTimeWait]);
        lingering_count
    }

    /// What is wanted of `metrics` was read in this tick.
    fn note_due(&mut self, metrics: &[MetricId]) {
        for metric in metrics.iter().filter(|metric| self.wanted.contains(**metric)) {
            self.reading.due.insert(*metric);
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
            inheritance::owner_left(&mut self.open, open.member.id, open.inheritance);
        }
        self.generation = self.tree.generation();
    }

    /// Works out what follows from what was read.
    fn complete(&mut self, swap_is_idle: bool) {
        let has_counts = self.counts.iter().any(|metric| self.reading.due.contains(*metric));
        for (open, member) in self.open.iter_mut().zip(&mut self.reading.members) {
            open.age_ticks += 1;
            member.age_ticks = open.age_ticks;
            let anon = member.reading.get(MetricId::Anon);
            if swap_is_idle && anon.is_some() {
                member.reading.set(MetricId::Swap, 0.0);
            }
            if let (Some(anon), Some(swap)) = (anon, member.reading.get(MetricId::Swap)) {
                member.reading.set(MetricId::AnonSwap, anon + swap);
            }
            if has_counts {
                for metric in &self.counts {
                    if let Some(value) = member.reading.get(*metric) {
                        open.counters.set(*metric, value);
                    }
                }
            }
        }
        inheritance::follow(&self.root, &mut self.open, &mut self.reading.members);
        for member in &mut self.reading.members {
            for metric in &self.unwanted {
                member.reading.unset(*metric);
            }
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
