//! Reads a whole tree at each tick: who is there, what each member has, and the sums.

mod turns;

use std::time::Duration;

use crate::descriptor_look::DescriptorLook;
use crate::descriptors::size_is_a_count;
use crate::duty::{Duty, Purpose};
use crate::error::SampleError;
use crate::fields::as_reading;
use crate::file_budget::FileBudget;
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
use crate::tick_room::TickRoom;
use crate::tree::{Member, ProcessTree};
use crate::tree_options::TreeOptions;
use crate::tree_reading::{MemberReading, TreeReading};
use crate::tree_sum::TreeSums;
use crate::walk_round::{Round, WalkRound};

/// The look at descriptors and sockets may take this much of the time that walks may.
const LOOK_SHARE_OF_WALKS: f64 = 0.2;

/// Time since any fixed point, on a clock that does not jump. The sampler reads no clock of its own: whoever makes it hands one
/// in, and a test hands in any time it likes.
pub type Clock = Box<dyn FnMut() -> Duration + Send>;

/// Samples a tree. Once the members stay the same, a tick allocates nothing.
pub struct TreeSampler {
    root: ProcRoot,
    clock: Clock,
    first_tick_at: Option<Duration>,
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
    /// What this tick has put into the readings of the members: all that the next one has to take back.
    given: Vec<MetricId>,
    /// Sources that were asked for and wait for a tick with room for them.
    owed: [bool; SamplerId::COUNT],
    /// Where among [`SAMPLERS`] the next tick begins with those that are not read always.
    turn: usize,
    /// What is asked for and counts since the start of each process.
    counts: Vec<MetricId>,
    swap_areas: SwapAreas,
    /// Sums of the counts since the start of the members that ended.
    departed: Reading,
    sums: TreeSums,
    rounds: [(WalkRound, Pace); Round::COUNT],
    walk_limit_bytes: u64,
    walk_share_ratio: f64,
    look: DescriptorLook,
    look_pace: Pace,
    files: FileBudget,
    tick_reads_max_count: usize,
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
        Self {
            clock,
            first_tick_at: None,
            tree: ProcessTree::with_births(options.root.clone(), options.membership, options.births),
            generation: 0,
            open: Vec::new(),
            reading: TreeReading::default(),
            reports,
            duties: std::array::from_fn(|place| Duty::of(&SAMPLERS[place])),
            has_failures: false,
            given: Vec::with_capacity(MetricId::COUNT),
            owed: [false; SamplerId::COUNT],
            turn: 0,
            counts: METRICS
                .iter()
                .filter(|row| row.scope == Scope::Process)
                .filter(|row| row.tree_sum == TreeSum::Cumulative && wanted.contains(row.id))
                .map(|row| row.id)
                .collect(),
            wanted,
            swap_areas: SwapAreas::open(&options.root),
            departed: Reading::default(),
            sums: TreeSums::default(),
            rounds: [Round::Pages, Round::Mappings]
                .map(|round| (WalkRound::new(round), round.pace(options.walk_share_ratio))),
            walk_limit_bytes: options.walk_limit_bytes,
            walk_share_ratio: options.walk_share_ratio,
            look: DescriptorLook::new(wants_sockets),
            look_pace: Pace::new(options.walk_share_ratio * LOOK_SHARE_OF_WALKS),
            files: options.files,
            tick_reads_max_count: options.tick_reads_max_count,
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
    ///
    /// Of a tree of hundreds a tick reads some of what is due, and the next ones the rest, whatever their own level of detail:
    /// [`TreeReading::due`] says what it was. [`TreeSampler::tick_at_once`] leaves nothing for later.
    pub fn tick(&mut self, detail: Detail) -> &TreeReading {
        self.tick_within(detail, TickRoom::of(self.tick_reads_max_count))
    }

    /// As [`TreeSampler::tick`], for one who waits for the values and for whom no other tick comes: also in a large tree all sources
    /// are read that have not used up their share of time. Walks and looks go on for no longer than in any other tick.
    pub fn tick_at_once(&mut self, detail: Detail) -> &TreeReading {
        self.tick_within(detail, TickRoom::without_end())
    }

    fn tick_within(&mut self, detail: Detail, mut room: TickRoom) -> &TreeReading {
        let now = (self.clock)();
        self.first_tick_at.get_or_insert(now);
        self.reading.arrivals.clear();
        self.reading.departures.clear();
        self.reading.marks.clear();
        self.reading.membership_failure = self.tree.refresh(now).err();
        self.follow_tree();
        self.forget_values();
        let swap_is_idle = self.wants_swap() && self.swap_areas.are_idle();
        let is_needed_for_swap = self.wants_swap() && !swap_is_idle;
        for row in SAMPLERS.iter().filter(|row| is_read_always(row)) {
            if row.detail <= detail {
                self.sweep(row, Purpose::Witness);
            }
        }
        let status_was_read = is_needed_for_swap && self.sweep_if_due(SamplerId::Status.row(), Purpose::Witness, now);
        self.note_owed(detail, is_needed_for_swap);
        let lingering_count = self.take_turns(&mut room, now);
        let swap_is_known = swap_is_idle || status_was_read || self.given.contains(&MetricId::Swap);
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
            self.open.insert(place, OpenMember::new(&self.root, *member, &self.files));
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
            for metric in &self.given {
                member.reading.unset(*metric);
            }
        }
        self.given.clear();
        if std::mem::take(&mut self.has_failures) {
            for member in &mut self.reading.members {
                member.failures = [None; SamplerId::COUNT];
            }
        }
        self.reading.due = MetricSet::default();
        self.note_due(&[MetricId::Procs]);
    }

    fn is_off(&self, source: SamplerId) -> bool {
        self.reports[source as usize].status == SamplerStatus::Off
    }

    /// Reads one source of all members.
    fn sweep(&mut self, row: &SamplerRow, purpose: Purpose) {
        if self.is_off(row.id) {
            return;
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
        self.note_given(row.metrics);
    }

    /// Takes the phases that members said they began.
    fn take_marks(&mut self) {
        if self.is_off(SamplerId::Probe) {
            return;
        }
        for open in &mut self.open {
            open.take_marks(SamplerId::Probe.row(), &mut self.reading.marks);
        }
    }

    /// The readings of the members hold `metrics` from now on.
    fn note_given(&mut self, metrics: &[MetricId]) {
        self.given.extend_from_slice(metrics);
        self.note_due(metrics);
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
        self.given.extend([MetricId::Swap, MetricId::AnonSwap]);
        for metric in self.given.iter().filter(|metric| !self.wanted.contains(**metric)) {
            for member in &mut self.reading.members {
                member.reading.unset(*metric);
            }
        }
    }
}

/// Whether the source gives a witness of a leak, at what it costs where there is something to read: no pause, no turns.
fn is_read_always(row: &SamplerRow) -> bool {
    matches!(row.id, SamplerId::Statm | SamplerId::Probe)
}

/// Notes that a member went, and keeps what it had counted.
fn depart(open: &OpenMember, departed: &mut Reading, departures: &mut Vec<Member>) {
    departures.push(open.member);
    for (metric, value) in open.counters.iter() {
        departed.set(metric, departed.get(metric).unwrap_or(0.0) + value);
    }
}
