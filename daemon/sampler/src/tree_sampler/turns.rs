//! Whose turn it is: what is read now and then, as far as a tick has room for it and the source has not used up its share of time.

use std::time::Duration;

use super::{TreeSampler, is_read_always};
use crate::duty::Purpose;
use crate::error::SampleError;
use crate::metric::{Detail, MetricId};
use crate::sampler::{SAMPLERS, SamplerId, SamplerRow};
use crate::tick_room::TickRoom;
use crate::walk_round::{Round, Walking};

impl TreeSampler {
    /// The source under which the look at descriptors and sockets goes, if anything of it is asked for.
    fn look_payer(&self) -> Option<SamplerId> {
        [SamplerId::DescriptorKinds, SamplerId::Sockets].into_iter().find(|id| !self.is_off(*id))
    }

    /// Notes what is due at this level of detail. What a tick owes still from an earlier one stays.
    pub(super) fn note_owed(&mut self, detail: Detail, status_is_taken: bool) {
        let payer = self.look_payer();
        for row in SAMPLERS.iter().filter(|row| row.detail <= detail && !is_read_always(row)) {
            let is_taken = status_is_taken && row.id == SamplerId::Status;
            let is_on = if row.open.is_some() { !self.is_off(row.id) } else { payer == Some(row.id) };
            self.owed[row.id as usize] |= is_on && !is_taken;
        }
    }

    /// Reads what is due and not read always, by turns, as far as there is room. The number of connections that linger, if all
    /// sockets were looked at.
    pub(super) fn take_turns(&mut self, room: &mut TickRoom, now: Duration) -> Option<u64> {
        let members_count = self.open.len();
        let (from, mut lingering_count, mut was_refused) = (self.turn, None, false);
        for place in (from..SamplerId::COUNT).chain(0..from) {
            let row = &SAMPLERS[place];
            let round = Round::of(row.id).map(|round| round as usize);
            let is_going_on = match round {
                Some(round) => self.rounds[round].0.is_going_on,
                None => row.open.is_none() && self.look.is_going_on && self.look_payer() == Some(row.id),
            };
            if !(self.owed[place] || is_going_on) {
                continue;
            }
            let pause = match round {
                _ if is_going_on => Ok(()),
                Some(round) => self.may_begin(round, now),
                None if row.open.is_none() => self.look_pace.may_start(now),
                None => self.duties[place].may_start(now),
            };
            if let Err(pause) = pause {
                self.owed[place] = false;
                self.put_off(row, pause);
                continue;
            }
            let is_sliced = round.is_some() || row.open.is_none();
            let has_room = if is_sliced { room.takes_slice(members_count) } else { room.takes_sweep(members_count) };
            if !has_room {
                if !std::mem::replace(&mut was_refused, true) {
                    self.turn = place;
                }
                continue;
            }
            self.owed[place] = false;
            match round {
                Some(round) => self.walk(row, round),
                None if row.open.is_none() => lingering_count = self.look_at_descriptors(row.id).or(lingering_count),
                None => self.sweep(row, Purpose::Asked),
            }
        }
        lingering_count
    }

    /// Whether a round of walks may begin at `now`; if not, how long it pauses at present.
    fn may_begin(&self, round: usize, now: Duration) -> Result<(), Duration> {
        let (walks, pace) = &self.rounds[round];
        let passed = now.saturating_sub(self.first_tick_at.unwrap_or(now));
        let members = &self.reading.members;
        pace.may_start(now)
            .and_then(|()| walks.may_be_first(members, self.walk_limit_bytes, self.walk_share_ratio, passed))
    }

    /// Reads one source of all members, unless it has had its share of time; whether it did.
    pub(super) fn sweep_if_due(&mut self, row: &'static SamplerRow, purpose: Purpose, now: Duration) -> bool {
        match self.duties[row.id as usize].may_start(now) {
            Ok(()) => self.sweep(row, purpose),
            Err(pause) => {
                self.put_off(row, pause);
                return false;
            }
        }
        true
    }

    /// Begins a round of walks through the address spaces, or goes on with it.
    fn walk(&mut self, row: &'static SamplerRow, round: usize) {
        let (walks, pace) = &mut self.rounds[round];
        if !walks.is_going_on {
            walks.begin(&mut self.open);
        }
        let mut walking = Walking {
            root: &self.root,
            row,
            clock: &mut self.clock,
            limit_bytes: self.walk_limit_bytes,
            report: &mut self.reports[row.id as usize],
        };
        let members = &mut self.reading.members;
        if let Some(cost) = walks.go_on(&mut walking, &mut self.open, members, self.walk_share_ratio) {
            // Failures are told in this tick alone.
            self.has_failures = true;
            pace.ended((self.clock)(), cost);
            self.note_given(row.metrics);
        }
    }

    /// Says of the source of `row` that it was due, and is put off.
    fn put_off(&mut self, row: &SamplerRow, pause: Duration) {
        // Of what is swept no failure of the members: that would be more to write than what the pause saves.
        let is_swept = row.open.is_some() && Round::of(row.id).is_none();
        let told: &[SamplerId] = match row.id {
            _ if is_swept => &[],
            SamplerId::DescriptorKinds => &[SamplerId::DescriptorKinds, SamplerId::Sockets],
            _ => &[row.id],
        };
        for source in told {
            if self.is_off(*source) {
                continue;
            }
            for member in &mut self.reading.members {
                member.failures[*source as usize] = Some(SampleError::PutOff);
            }
            self.has_failures = true;
            self.reports[*source as usize].note_put_off(pause);
        }
        if is_swept {
            self.reports[row.id as usize].note_put_off(pause);
        }
    }

    /// Begins to look at the descriptors and sockets of all members, or goes on with it. When
    /// everybody was looked at, the number of connections that linger.
    fn look_at_descriptors(&mut self, payer: SamplerId) -> Option<u64> {
        if !self.look.is_going_on {
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
        for id in [SamplerId::DescriptorKinds, SamplerId::Sockets] {
            if self.is_off(id) {
                continue;
            }
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
            self.note_given(id.row().metrics);
        }
        self.note_due(&[MetricId::SocketsTimeWait]);
        lingering_count
    }
}
