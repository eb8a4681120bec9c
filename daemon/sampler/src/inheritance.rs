//! What a `fork` shares is counted once.
//!
//! A child begins with every anonymous page of its parent in its own count, though there is one copy of each. So what a child
//! had in common with its parent at birth is left out of the sums, for as long as the one it was inherited from lives:
//! a new worker of a prefork server adds what it allocates and nothing else. Pages that either side writes to later are
//! copied, which no cheap file shows; that growth ends at what was inherited, and `uss_bytes` and `pss_bytes` see it. The live heap
//! that a probe in the target tells is counted in the same way: of what both have in theirs there is one copy.
//!
//! Descriptors are not: each is a place in the table of one process, which has a limit of its own, and what it stands for is kept
//! until the last of them is closed.
//!
//! Whether a process is a copy tells the address at which its stack begins: `exec` draws it at random, `fork` hands it on.

use crate::metric::MetricId;
use crate::open_member::OpenMember;
use crate::proc_root::ProcRoot;
use crate::process_id::{ProcessId, read_stat};
use crate::tree::Member;
use crate::tree_reading::MemberReading;

/// Addresses are drawn from gigabytes. One this close below a power of two, where address spaces end, was not drawn.
const NOT_DRAWN_BYTES: u64 = 1 << 20;

/// The metrics of which a copy counts once.
pub(crate) const SHARED: [MetricId; 4] = [MetricId::Anon, MetricId::AnonSwap, MetricId::HeapLive, MetricId::HeapBlocks];

type Common = [Option<f64>; SHARED.len()];

/// The smaller one of each; what is known of one alone is taken as it is.
fn smaller(one: &Common, other: &Common) -> Common {
    std::array::from_fn(|place| match (one[place], other[place]) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    })
}

/// What a member shares with the one that it was forked from. By default nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Inheritance {
    /// Whom it is shared with.
    from: Option<ProcessId>,
    /// What the other one's count holds as well of each of [`SHARED`]; `None` as long as one of the two has not told.
    common: Common,
    /// It cannot be told whether it has called `exec` since, so this holds for one tick.
    is_a_guess: bool,
}

/// Whether two processes come out of one `exec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kinship {
    Copies,
    Apart,
    /// Their addresses are hidden, or were not drawn.
    Unknown,
}

fn kinship(one: u64, other: u64) -> Kinship {
    let is_drawn = |address: u64| {
        address != 0 && address.checked_next_power_of_two().unwrap_or(u64::MAX) - address > NOT_DRAWN_BYTES
    };
    match (is_drawn(one) && is_drawn(other), one == other) {
        (false, _) => Kinship::Unknown,
        (true, true) => Kinship::Copies,
        (true, false) => Kinship::Apart,
    }
}

/// Brings what is inherited up to date after all members were read, and tells it in their readings.
///
/// Names and addresses, which `exec` changes, are read at ages that are powers of two: it mostly follows soon after the birth.
pub(crate) fn follow(root: &ProcRoot, open: &mut [OpenMember], members: &mut [MemberReading]) {
    for index in 0..open.len() {
        let age_ticks = open[index].age_ticks;
        if age_ticks.is_power_of_two() {
            look_again(root, open, index);
            members[index].comm = open[index].member.comm;
        }
        if age_ticks == 1 {
            open[index].inheritance = of_newcomer(root, open, members, index);
        } else if open[index].inheritance.from.is_some() {
            still_shared(root, open, members, index);
        }
        members[index].inherited = open[index].inheritance.common.map(|common| common.unwrap_or(0.0));
    }
}

/// The member with `id` is about to leave, or has replaced its memory: what it shared is now its children's alone. The oldest
/// of them takes its place, so that the pages stay counted once.
pub(crate) fn owner_left(open: &mut [OpenMember], id: ProcessId, its: Inheritance) {
    let mut heir: Option<(ProcessId, Inheritance)> = None;
    for child in open.iter_mut().filter(|open| !open.is_gone && open.inheritance.from == Some(id)) {
        let common = |with: &Inheritance, of: &Inheritance| Inheritance {
            from: with.from,
            common: smaller(&with.common, &of.common),
            is_a_guess: of.is_a_guess,
        };
        match heir {
            // What the one that left had inherited itself is still held by whom it had it from.
            None => {
                heir = Some((child.member.id, child.inheritance));
                child.inheritance =
                    if its.from.is_some() { common(&its, &child.inheritance) } else { Inheritance::default() };
            }
            Some((heir, held)) => {
                child.inheritance = Inheritance { from: Some(heir), ..common(&held, &child.inheritance) };
            }
        }
    }
}

/// Reads name and address of a member anew.
fn look_again(root: &ProcRoot, open: &mut [OpenMember], index: usize) {
    let Member { id, start_stack, .. } = open[index].member;
    let Ok(stat) = read_stat(root, id.pid) else { return };
    if stat.start_ticks != id.start_ticks {
        return;
    }
    open[index].member.comm = stat.comm;
    open[index].member.start_stack = stat.start_stack;
    if kinship(start_stack, stat.start_stack) == Kinship::Apart {
        let its = std::mem::take(&mut open[index].inheritance);
        owner_left(open, id, its);
    }
}

/// What the member at `index`, which is here for the first time, has inherited, and from whom.
fn of_newcomer(root: &ProcRoot, open: &mut [OpenMember], members: &[MemberReading], index: usize) -> Inheritance {
    let Member { parent_pid, start_stack, .. } = open[index].member;
    // Those before it are older: members are sorted by their start.
    let parent = open[..index].iter().position(|open| open.member.id.pid == parent_pid && !open.is_gone);
    if let Some(parent) = parent {
        look_again(root, open, parent);
    }
    let is_as_large_as = |parent: usize| {
        let size = |index: usize| members[index].reading.get(MetricId::Virtual);
        size(index).is_some() && size(index) == size(parent)
    };
    let from_parent = parent.map(|parent| (parent, kinship(start_stack, open[parent].member.start_stack)));
    let (owner, is_a_guess) = match from_parent {
        Some((parent, Kinship::Copies)) => (parent, false),
        // As large as its parent: it has not called `exec` yet.
        Some((parent, Kinship::Unknown)) if is_as_large_as(parent) => (parent, true),
        // The one that forked it may have ended. Another copy holds the same pages.
        _ => {
            let is_copy =
                |open: &OpenMember| !open.is_gone && kinship(start_stack, open.member.start_stack) == Kinship::Copies;
            let Some(brother) = open[..index].iter().position(is_copy) else { return Inheritance::default() };
            (brother, false)
        }
    };
    let mut common = held_by_both(members, index, owner);
    // Swap that was not read at its birth: what is resident is shared at the least.
    let [anon, anon_swap, ..] = &mut common;
    *anon_swap = anon_swap.or(*anon);
    Inheritance { from: Some(open[owner].member.id), common, is_a_guess }
}

/// What the members at these places both hold of each of [`SHARED`], as far as both have told.
fn held_by_both(members: &[MemberReading], one: usize, other: usize) -> Common {
    SHARED.map(|metric| Some(members[one].reading.get(metric)?.min(members[other].reading.get(metric)?)))
}

/// Where either side holds less than what they shared, that much is not shared any more: it was given back, or was replaced by
/// `exec`. A heap that one of them tells for the first time is shared from then on.
fn still_shared(root: &ProcRoot, open: &mut [OpenMember], members: &[MemberReading], index: usize) {
    let Inheritance { from: Some(from), common, is_a_guess: false } = open[index].inheritance else {
        open[index].inheritance = Inheritance::default();
        return;
    };
    let Ok(owner) = open.binary_search_by_key(&from, |open| open.member.id) else { return };
    let both = held_by_both(members, index, owner);
    // What one of them was not asked for may still be all there, and the other may hold less all the same.
    let held = |index: usize| SHARED.map(|metric| members[index].reading.get(metric));
    let least = smaller(&held(index), &held(owner));
    let left: Common = std::array::from_fn(|place| match common[place] {
        Some(shared) => Some(shared.min(least[place].unwrap_or(f64::INFINITY))),
        // A probe is found a few ticks after the birth. Memory that was not read then may be the child's own by now.
        None if matches!(SHARED[place], MetricId::HeapLive | MetricId::HeapBlocks) => both[place],
        None => None,
    });
    if left != common {
        let is_less = left
            .iter()
            .zip(&common)
            .any(|(left, common)| left.zip(*common).is_some_and(|(left, common)| left < common));
        if is_less {
            look_again(root, open, index);
        }
        // It may have turned out to have called `exec`.
        if open[index].inheritance.from.is_some() {
            open[index].inheritance.common = left;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_were_drawn_tell_copies_apart() {
        let drawn = 140_726_139_310_768;
        assert_eq!(kinship(drawn, drawn), Kinship::Copies);
        assert_eq!(kinship(drawn, drawn + 4096), Kinship::Apart);
        assert_eq!(kinship(0, 0), Kinship::Unknown, "hidden");
        let top = 0x7fff_ffff_f000 - 3000;
        assert_eq!(kinship(top, top), Kinship::Unknown, "the same in every process of a host that draws none");
        assert_eq!(kinship(u64::MAX, u64::MAX), Kinship::Unknown);
    }
}
