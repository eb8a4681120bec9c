//! From the clock on the wall to moments: what a cron expression means in a zone whose clocks change.
//!
//! The library that reads cron expressions knows zones too, but takes `0 2,14 * * *` for something that goes on all the time,
//! so that its run of the night would be lost where clocks are set forward and made twice where they are set back. It is asked
//! about the clock on the wall alone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::When;

/// How many changes of clocks are looked past: a hundred years of summer times. What does not come until then, such as all of
/// an hour that is left out each year, does not come.
const MOST_CHANGES: usize = 200;

/// The first moment after `time` that `when` names in `zone`.
pub(super) fn after(when: &When, zone: &TimeZone, time: Timestamp) -> Option<Timestamp> {
    let time = floor(time);
    if when.goes_on() { going_on(when, zone, time) } else { fixed(when, zone, time) }
}

/// The second in which `time` lies, since expressions know no smaller ones.
fn floor(time: Timestamp) -> Timestamp {
    // Before 1970 seconds are counted towards it.
    let seconds = time.as_second() - i64::from(time.subsec_nanosecond() < 0);
    Timestamp::from_second(seconds).unwrap_or(time)
}

/// Times on the wall in their order: their moments are in the same order, though several may be one.
fn fixed(when: &When, zone: &TimeZone, time: Timestamp) -> Option<Timestamp> {
    let mut wall = zone.to_datetime(time);
    loop {
        wall = when.next_on_wall(wall, false)?;
        // Of a time that exists twice the first may be past already.
        if let Some(moment) = moment(zone, wall).filter(|moment| *moment > time) {
            return Some(moment);
        }
    }
}

/// The moment of a time on the wall: the first of two, and the end of the gap in which it would be.
fn moment(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(wall);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
        AmbiguousOffset::Gap { after, .. } => {
            let before_the_change = after.to_timestamp(wall).ok()?;
            zone.following(before_the_change).next().map(|change| change.timestamp())
        }
    }
}

/// From one change of the clocks to the next, between which the wall keeps step with time.
fn going_on(when: &When, zone: &TimeZone, time: Timestamp) -> Option<Timestamp> {
    let mut from = time;
    let mut is_from_included = false;
    for _ in 0..MOST_CHANGES {
        let offset = zone.to_offset(from);
        let change = zone.following(from).next().map(|change| change.timestamp());
        let wall = when.next_on_wall(offset.to_datetime(from), is_from_included)?;
        let moment = offset.to_timestamp(wall).ok()?;
        match change {
            Some(change) if moment >= change => {
                from = change;
                is_from_included = true;
            }
            _ => return Some(moment),
        }
    }
    None
}
