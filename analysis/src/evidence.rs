//! What led to the answer, in sentences for people.

use crate::assess::{Assessment, Reason};
use crate::floors::Floors;
use crate::judgement::{Judgement, JudgementKind};
use crate::level::Line;
use crate::models::Family;
use crate::quantity::Quantity;
use crate::span::Seconds;
use crate::tolerance::Tolerated;
use crate::trace::View;
use crate::view::Beside;

const S_PER_HOUR: f64 = 3600.0;

/// Said where the bound that is shown is coarser than the tolerance.
const WANDERING: &str = "its ordinary wandering is wider than the tolerance; a finer bound needs a longer run";

/// The sentences, the decision first.
pub(crate) fn sentences(
    judgement: &Judgement,
    found: &Assessment,
    quantity: Quantity,
    tolerated: &Tolerated,
    of: usize,
    decision_confidence: f64,
) -> Vec<String> {
    let hourly = |per_s: f64| format!("{}/h", quantity.show(per_s * S_PER_HOUR));
    let percent = |share: f64| format!("{} %", (share * 1e4).round() / 1e2);
    let sure = percent(decision_confidence);
    let rate = found.rate;
    let tolerance = match tolerated.per_op {
        Some(per_op) => format!("{}/op, here {}", quantity.show(per_op), hourly(tolerated.per_s)),
        None => hourly(tolerated.per_s),
    };
    let interval = format!(
        "{} ({} to {}, {})",
        hourly(rate.value),
        hourly(rate.low),
        hourly(rate.high),
        percent(judgement.rate_per_hour.map_or(0.95, |rate| rate.confidence))
    );
    let sustained = found.selection.best(Family::Sustained).map_or("linear", |fit| fit.name());
    let bounded = found.selection.best(Family::Bounded).map_or("constant", |fit| fit.name());
    let margin = found.margin;
    let mut out = Vec::new();
    match found.reason {
        Reason::NewFloors => {
            out.push(format!("it grows {interval}; tolerated is {tolerance}"));
            out.push(new_floors(&found.floors));
        }
        Reason::ShapeAlone => {
            out.push(format!("it grows {interval}; tolerated is {tolerance}"));
            out.push(format!(
                "no shape that slows down explains it: the best one, `{bounded}`, is {margin:.0} behind `{sustained}`"
            ));
        }
        Reason::RateBelow => {
            out.push(format!("it grows less than {} ({sure}); tolerated is {tolerance}", hourly(rate.high)));
            if rate.high > tolerated.per_s {
                out.push(WANDERING.to_owned());
            }
        }
        Reason::LevelSince => {
            if let Some(level) = &found.level {
                let line = &level.line;
                let from = match found.lives.count() {
                    1 => format!("from {} on", Seconds(found.lives.newest().start_s + level.cut * found.length)),
                    _ => format!("from an age of {} on", Seconds(level.cut * found.length)),
                };
                let view = match line.view {
                    View::Middle => "medians",
                    View::Troughs => "troughs",
                };
                let high = line.rate + line.half_width;
                out.push(format!(
                    "{from} it grows less than {} ({sure}), by the {view} of {} blocks; tolerated is {tolerance}",
                    hourly(high),
                    line.blocks
                ));
                for jump in &line.jumps {
                    let event = found.lives.event(jump);
                    out.push(format!(
                        "a step of {} at {} is taken as an event, not as growth",
                        quantity.show(event.change),
                        Seconds(event.t_s)
                    ));
                }
                if high > tolerated.per_s {
                    out.push(WANDERING.to_owned());
                }
            }
        }
        Reason::Ambiguous => {
            out.push(format!("it grows {interval}; tolerated is {tolerance}"));
            out.push(if margin < 0.0 {
                format!("`{bounded}`, which slows down, explains it better than `{sustained}` ({:.1} ahead)", -margin)
            } else {
                format!(
                    "`{bounded}`, which slows down, explains it about as well as `{sustained}` ({margin:.1} behind)"
                )
            });
        }
        Reason::Unsteady => {
            out.push(format!("it grows {interval}; tolerated is {tolerance}"));
            out.push(format!("that growth goes on is not shown: {}", pauses(&found.floors)));
        }
        Reason::GivenBack => {
            out.push(format!("it grows {interval}, and gave back at least half of that in one step"));
        }
        Reason::Contradicted => {
            out.push(format!(
                "its growth is {interval}; tolerated is {tolerance}, and its processes contradict each other"
            ));
        }
        Reason::TooWide => {
            out.push(format!("its growth is {interval}; tolerated is {tolerance}, which cannot be told from it"));
        }
    }
    if found.kind == JudgementKind::NoLeak && rate.decision_low > 0.0 {
        let below = if rate.high < tolerated.per_s { ": below the tolerance" } else { "" };
        out.push(format!("it does grow, by {interval}{below}"));
    }
    out.extend(lives(found, quantity, of));
    out.extend(circumstances(found, quantity));
    if found.kind == JudgementKind::Inconclusive {
        if let Some(mde) = judgement.mde_per_hour {
            out.push(format!("the smallest leak that this series could have shown is {}/h", quantity.show(mde)));
        }
        if let Some(needed_s) = judgement.needed_s {
            out.push(format!("a decision needs about {} more", Seconds(needed_s)));
        }
    }
    out
}

fn new_floors(floors: &Floors) -> String {
    format!(
        "new floors keep coming: {:.0} % of its windows raise the level that is never undercut again, in the last third \
         at {:.2} times the pace of the middle third",
        floors.share * 100.0,
        floors.pace.min(9.0)
    )
}

fn pauses(floors: &Floors) -> String {
    if floors.share <= 0.0 {
        "no level is reached that is not undercut again".to_owned()
    } else {
        format!(
            "{:.0} % of its windows raise the level that is never undercut again, in the last third at {:.2} times the \
             pace of the middle third, {:.0} % of the growth in one window",
            floors.share * 100.0,
            floors.pace.min(9.0),
            floors.largest * 100.0
        )
    }
}

/// Which processes the answer stands on, and whether they agree.
fn lives(found: &Assessment, quantity: Quantity, of: usize) -> Vec<String> {
    let count = found.lives.count();
    let mut out = Vec::new();
    if count > 1 {
        out.push(format!(
            "{count} of {of} processes are judged together, {} of the age of each; each has a level and a warm-up of its own",
            Seconds(found.length)
        ));
    } else if of > 1 {
        out.push(format!("the longest of {of} processes is judged: it tells more than all of them together"));
    }
    if let Some(contradiction) = &found.contradiction {
        let rate = |line: &Line| format!("{}/h", quantity.show(line.rate * S_PER_HOUR));
        out.push(format!(
            "the processes contradict each other: the one from {} on grows {}, the one from {} on {}",
            Seconds(contradiction.slowest_start_s),
            rate(&contradiction.slowest),
            Seconds(contradiction.fastest_start_s),
            rate(&contradiction.fastest)
        ));
    }
    out
}

/// What was taken out or must be known to read the answer.
fn circumstances(found: &Assessment, quantity: Quantity) -> Vec<String> {
    let mut out = Vec::new();
    for jump in &found.jumps {
        let event = found.lives.event(jump);
        let sign = if event.change > 0.0 { "+" } else { "" };
        out.push(format!("{sign}{} at {}, kept", quantity.show(event.change), Seconds(event.t_s)));
    }
    match (found.chosen.beside, found.chosen.cycles) {
        (Beside::Cycle, Some(cycles)) => {
            out.push(format!("a cycle of {} is taken out", Seconds(found.length / cycles)));
        }
        (Beside::Load, _) => out.push("what follows the rate of operations is taken out".to_owned()),
        _ => {}
    }
    if found.selection.rho > crate::select::UNIT_ROOT {
        out.push("its noise wanders like a random walk: slow changes may be its own".to_owned());
    }
    out
}
