//! One segment of one series, or several lives of one target by their age: the evidence for and against sustained growth, and what follows from it.
//!
//! This is where the parts meet: [`crate::view`] finds the quietest blocks, [`crate::select`] the shapes,
//! [`crate::floors`] persistence, [`crate::level`] a part of the run that is level.

use crate::agreement::Contradiction;
use crate::fit::{Fit, Panel};
use crate::floors::{self, Floors, Persistence, Windows};
use crate::interval::{self, Rate};
use crate::judgement::JudgementKind;
use crate::jumps::{self, Jump};
use crate::level::{self, Lean, Level, Line};
use crate::lives::Lives;
use crate::models::{Basis, Family};
use crate::select::{Noise, Selection, UNIT_ROOT, select};
use crate::stats::least_squares::{Space, partial};
use crate::stats::{autoregression, student};
use crate::tolerance::Tolerated;
use crate::trace::View;
use crate::view::{self, Beside, Chosen};

/// How sure a decision must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rigour {
    /// Error rate of the rate interval on which a leak is found, two-sided.
    pub(crate) alpha: f64,
    /// Error rate of the interval on which there is none. It is not shared among series: a run is free of leaks only if
    /// all its witnesses are, so each test may use the whole (intersection-union test, Berger 1982).
    pub(crate) alpha_level: f64,
    /// Added to every margin between shapes.
    pub(crate) margin: f64,
    /// Confidence of the intervals that are reported.
    pub(crate) confidence: f64,
    pub(crate) depth: Depth,
}

/// How much of an answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// All that can be said at the end.
    Judgement,
    /// Whether it is a leak, while the run goes on, in so many blocks at most: coarser ones see a little less and cost a
    /// fraction.
    Look {
        /// Most blocks.
        blocks: usize,
    },
}

/// Most blocks of a judgement.
const BLOCKS: usize = 128;

impl Depth {
    pub(crate) fn most_blocks(self) -> usize {
        match self {
            Self::Judgement => BLOCKS,
            Self::Look { blocks } => blocks.min(BLOCKS),
        }
    }
}

/// Error rate of one decision on one series.
const ALPHA: f64 = 0.01;

impl Rigour {
    /// For one of `decisions` that share the error rate (series times looks): Bonferroni, which holds under any
    /// dependence. A likelihood margin is paid in the same currency.
    pub(crate) fn shared(decisions: usize, confidence: f64) -> Self {
        let k = decisions.max(1) as f64;
        Self {
            alpha: ALPHA / k,
            alpha_level: ALPHA,
            margin: 2.0 * k.ln(),
            confidence: confidence.clamp(0.5, 0.9999),
            depth: Depth::Judgement,
        }
    }
}

/// Why a segment was judged as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// New floors keep coming, and no bounded shape fits better.
    NewFloors,
    /// No bounded shape fits nearly as well.
    ShapeAlone,
    /// The upper bound of the rate is below the tolerance.
    RateBelow,
    /// A part of the run is shown to be level.
    LevelSince,
    /// It grows, but a bounded shape explains it about as well.
    Ambiguous,
    /// It grows, but not shown to go on: floors pause, slow down or come from one step.
    Unsteady,
    /// It grew, and gave half of it back.
    GivenBack,
    /// Some lives grow faster than others, and the slowest or the fastest does not fit the answer.
    Contradicted,
    /// The interval of the rate holds the tolerance.
    TooWide,
}

/// All that is known about one segment.
#[derive(Debug, Clone)]
pub(crate) struct Assessment {
    pub(crate) kind: JudgementKind,
    pub(crate) reason: Reason,
    pub(crate) rate: Rate,
    /// How far the best bounded shape lies behind the best sustained one.
    pub(crate) margin: f64,
    pub(crate) selection: Selection,
    pub(crate) chosen: Chosen,
    pub(crate) level: Option<Level>,
    pub(crate) floors: Floors,
    pub(crate) jumps: Vec<Jump>,
    /// Lives that grow at different rates.
    pub(crate) contradiction: Option<Contradiction>,
    /// What was assessed, without its first moments.
    pub(crate) lives: Lives,
    /// Seconds of age that it covers.
    pub(crate) length: f64,
    /// Mean rate of operations, where they were counted.
    pub(crate) ops_per_s: Option<f64>,
}

impl Assessment {
    /// The smallest leak that this segment would have shown with 80 % power, per second: a line in the noise of the
    /// view, or wider where the shape is not certain.
    pub(crate) fn detectable_per_s(&self) -> Option<f64> {
        if let Some(level) = &self.level {
            return Some(level.line.half_width + student::quantile(view::POWER, 30.0) * level.line.error);
        }
        let line = self.chosen.detectable * self.selection.ratio.sqrt() / self.length;
        let rate = &self.rate;
        let shapes = if self.kind == JudgementKind::NoLeak {
            0.5 * (rate.decision_high - rate.decision_low)
        } else {
            // Nothing smaller than what is not known of the rate could have been shown.
            0.5 * (rate.high - rate.low).max(rate.decision_high - rate.decision_low)
        };
        let power = self.chosen.detectable / self.chosen.half_width;
        Some(if power.is_finite() { line.max(shapes * power) } else { line })
    }

    /// An answer stands beside lives that contradict each other only if it holds for each of them: even the slowest leaks,
    /// even the fastest does not. The reported interval holds the rates of all.
    pub(crate) fn is_contradicted_by(&mut self, contradiction: Contradiction, tolerated: &Tolerated) {
        let (low, high) = contradiction.bounds();
        let stands = match self.kind {
            JudgementKind::Leak => low > tolerated.per_s,
            JudgementKind::NoLeak => high < tolerated.coarse_per_s,
            _ => true,
        };
        if !stands {
            (self.kind, self.reason) = (JudgementKind::Inconclusive, Reason::Contradicted);
            self.level = None;
        }
        self.rate.low = self.rate.low.min(low);
        self.rate.high = self.rate.high.max(high);
        self.contradiction = Some(contradiction);
    }

    /// Half width of the interval of a line in the noise of the view.
    pub(crate) fn line_half_width_per_s(&self) -> f64 {
        self.chosen.half_width / self.length
    }

    /// Further time after which a decision can be expected, in seconds; `None` where it is decided.
    pub(crate) fn needed_s(&self, tolerated: &Tolerated) -> Option<f64> {
        if self.kind != JudgementKind::Inconclusive {
            return None;
        }
        // What a run can see shrinks as T^1.5, in the noise of a random walk as T^0.5.
        let exponent = if self.selection.rho > UNIT_ROOT { 2.0 } else { 2.0 / 3.0 };
        let noise = (self.detectable_per_s()? / tolerated.per_s).powf(exponent) - 1.0;
        // A bounded shape and a sustained one part within another run.
        let shape = if self.reason == Reason::TooWide { 0.25 } else { 1.0 };
        let needed = self.length * noise.max(shape);
        needed.is_finite().then_some(needed)
    }

    /// Share of its length that is warm-up.
    pub(crate) fn warm_up_share(&self) -> f64 {
        if let Some(level) = &self.level {
            return level.cut;
        }
        let family =
            if self.kind == JudgementKind::Leak || self.margin > 0.0 { Family::Sustained } else { Family::Bounded };
        let columns = self.selection.best(family).map(Fit::columns);
        let ends = columns.iter().flat_map(|columns| columns.iter()).map(|basis| match basis {
            // After three time constants 95 % of the way is done.
            Basis::Saturation(tau) => 3.0 * tau,
            Basis::DelayedSaturation(from, tau) => from + 3.0 * tau * (1.0 - from),
            Basis::Ramp(_, to) => *to,
            _ => 0.0,
        });
        ends.fold(0.0, f64::max).min(0.9)
    }

    /// Share of its length at which its growth began.
    pub(crate) fn onset_share(&self) -> f64 {
        let columns = self.selection.best(Family::Sustained).map(Fit::columns);
        let late = columns.iter().flat_map(|columns| columns.iter()).find_map(|basis| match basis {
            Basis::Hinge(from) => Some(*from),
            _ => None,
        });
        late.unwrap_or_else(|| self.warm_up_share())
    }

    /// Operations during the segment; 1 where none were counted.
    pub(crate) fn operations(&self) -> f64 {
        self.ops_per_s.map_or(1.0, |ops_per_s| ops_per_s * self.length)
    }
}

/// Share of a segment that is left out at its start: loader, first touches.
pub(crate) const BURN_IN: f64 = 0.02;
/// Samples inside transitions may be dropped while this share is kept.
const KEPT: f64 = 0.8;

/// Margin that is enough where new floors keep coming: the upper end of what Kass & Raftery (1995) call positive evidence (2 to
/// 6). A recorded program whose batches raise the floor by smaller and smaller steps comes to 3.9.
const MARGIN_PERSISTENT: f64 = 5.0;
/// Where nearly every window raises the floor, shapes may even lean to bounded by this much: steps and waves fit no shape
/// well.
const MARGIN_STRONG: f64 = -8.0;
/// Margin of a plain line over every bounded shape that is enough without persistence.
const MARGIN_LINE: f64 = 3.0;
/// Margin of any other sustained shape that is enough without persistence.
const MARGIN_ALONE: f64 = 36.0;
/// Margin that the last half must show where a warm-up came before.
const MARGIN_TAIL: f64 = 3.0;
/// Margin for persistence that shows only after a cycle or the load was removed.
const MARGIN_CLEANED: f64 = 12.0;
/// The shapes lean to bounded.
const MARGIN_CALM: f64 = -3.0;
/// They leave no doubt, either way: the better family is e^8 times as likely.
const MARGIN_SURE: f64 = 16.0;
/// Shares of the operations at each block, unless they follow time.
fn operations(lives: &Lives, x: &[f64]) -> Option<Vec<f64>> {
    let total = lives.ops();
    if !(total > 0.0) {
        return None;
    }
    let shares: Vec<f64> = x.iter().map(|x| lives.ops_at(lives.start() + x * lives.length()) / total).collect();
    let steps: Vec<f64> = shares.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let n = steps.len() as f64;
    let mean = steps.iter().sum::<f64>() / n;
    let spread = (steps.iter().map(|step| (step - mean) * (step - mean)).sum::<f64>() / n).sqrt();
    (spread >= 1e-3 * mean.abs()).then_some(shares)
}

/// The same shapes on the last half alone: margin there. `None` where it is too short.
fn tail_margin(panel: &Panel, rho: f64) -> Option<f64> {
    let from = panel.x.partition_point(|x| *x < 0.5);
    let rest = panel.x.len() - from;
    if rest < 9 {
        return None;
    }
    let rescaled = |column: &[f64]| -> Option<Vec<f64>> {
        let (first, last) = (column[from], column[column.len() - 1]);
        (last > first).then(|| column[from..].iter().map(|x| (x - first) / (last - first)).collect())
    };
    let varies = |column: &&Vec<f64>| column[from..].iter().any(|value| (value - column[from]).abs() > 1e-9);
    let tail = Panel {
        x: rescaled(&panel.x)?,
        v: panel.v[from..].to_vec(),
        nuisance: panel.nuisance.iter().filter(varies).map(|column| column[from..].to_vec()).collect(),
        x_ops: panel.x_ops.as_deref().and_then(rescaled),
        rounding: panel.rounding,
    };
    select(&tail, rho, Noise::Given).map(|selection| selection.margin())
}

/// The blocks less the fitted cycle or load; jumps stay in.
fn cleaned(chosen: &Chosen, rho: f64) -> Vec<f64> {
    let panel = &chosen.panel;
    let square: Vec<f64> = panel.x.iter().map(|x| x * x).collect();
    let ones = vec![1.0; panel.x.len()];
    let all: Vec<Vec<f64>> = [&ones, &panel.x, &square]
        .into_iter()
        .chain(&panel.nuisance)
        .map(|column| autoregression::whitened(column, rho))
        .collect();
    let white = autoregression::whitened(&panel.v, rho);
    let mut out = panel.v.clone();
    for i in 0..chosen.beside_columns {
        let others = all.iter().enumerate().filter(|(j, _)| *j != i + 3).map(|(_, column)| column.as_slice());
        if let Some(fit) = partial(&Space::of(others), &all[i + 3], &white) {
            for (value, part) in out.iter_mut().zip(&panel.nuisance[i]) {
                *value -= fit.coefficient * part;
            }
        }
    }
    out
}

/// Whether new floors keep coming, surely enough for what the shapes say.
fn keeps_rising(chosen: &Chosen, selection: &Selection, windows: &Windows, rigour: &Rigour) -> bool {
    let margin = selection.margin() - rigour.margin;
    let needed = match floors::persistence(windows) {
        Persistence::Strong => MARGIN_STRONG,
        Persistence::Fair => MARGIN_PERSISTENT,
        Persistence::None => f64::INFINITY,
    };
    if margin > needed {
        return true;
    }
    if margin <= MARGIN_CLEANED || chosen.beside == Beside::Nothing || chosen.panel.x.len() < 40 {
        return false;
    }
    let windows = floors::windows_of_blocks(&chosen.panel.x, &cleaned(chosen, selection.rho));
    floors::persistence(&windows) >= Persistence::Fair
}

/// Whether the shapes decide without persistence.
fn stands_alone(chosen: &Chosen, selection: &Selection, rigour: &Rigour) -> bool {
    let (Some(sustained), Some(bounded)) = (selection.best(Family::Sustained), selection.best(Family::Bounded)) else {
        return false;
    };
    let is_line = |fit: &&Fit| matches!(fit.name(), "linear" | "linear_ops");
    let line = selection.fits.iter().filter(is_line).map(|fit| fit.score).fold(f64::INFINITY, f64::min);
    if bounded.score - line > MARGIN_LINE + rigour.margin {
        return true;
    }
    if selection.margin() <= MARGIN_ALONE + rigour.margin || sustained.name() == "step_linear" {
        return false;
    }
    // A warm-up that fits no shape well looks like growth: then the last half must show it by itself.
    let warmed_up = sustained.columns().iter().any(|basis| matches!(basis, Basis::Saturation(_)));
    !warmed_up || tail_margin(&chosen.panel, selection.rho).is_none_or(|tail| tail > MARGIN_TAIL)
}

/// The whole run as its own level part, where a cycle or the load was taken out and nothing but a level is left.
fn flat_beside(
    chosen: &Chosen,
    selection: &Selection,
    tolerated: &Tolerated,
    rigour: &Rigour,
    length: f64,
) -> Option<Level> {
    if chosen.beside == Beside::Nothing || selection.best(Family::Bounded)?.name() != "constant" {
        return None;
    }
    let line = selection.fits.iter().find(|fit| fit.name() == "linear")?;
    let (rate, error) = (line.slope / length, line.error / length);
    let half_width = student::two_sided(rigour.alpha_level, line.freedom) * error;
    let shown = rate + half_width < tolerated.coarse_per_s && rate - half_width < tolerated.per_s;
    let line = Line { rate, error, half_width, view: chosen.view, blocks: chosen.panel.x.len(), jumps: Vec::new() };
    shown.then_some(Level { cut: 0.0, line })
}

/// Assesses lives whose burn-in is already cut. `None` where there are too few blocks for any shape, and at a look where no leak
/// can come of it.
pub(crate) fn assess(
    lives: Lives,
    has_ops: bool,
    tolerated: &Tolerated,
    rounding: f64,
    rigour: &Rigour,
    ops_per_s: Option<f64>,
) -> Option<Assessment> {
    let length = lives.length();
    let most = rigour.depth.most_blocks().min(lives.finest());
    let mut jumps = jumps::find(&lives.blocks(&lives.ranges(most), View::Middle));
    let settled = lives.filtered(|t| !jumps.iter().any(|jump| t > jump.from && t < jump.to));
    let mut chosen = None;
    if settled.finest() >= 20 && settled.finest() as f64 >= KEPT * lives.finest() as f64 {
        chosen = view::choose(&settled, has_ops, &jumps, rounding, rigour);
    }
    if chosen.is_none() {
        jumps.clear();
        chosen = view::choose(&lives, has_ops, &jumps, rounding, rigour);
    }
    let mut chosen = chosen?;
    if has_ops {
        chosen.panel.x_ops = operations(&lives, &chosen.panel.x);
    }
    let mut selection = select(&chosen.panel, chosen.rho, Noise::Estimated)?;
    if let Some(ops_per_s) = ops_per_s {
        // Growth per operation becomes growth per time at the mean load of all that was judged.
        let here = lives.ops() / length;
        if here > 0.0 {
            selection.scale_by_ops(ops_per_s / here);
        }
    }
    let margin = selection.margin();
    let sustained = selection.best(Family::Sustained)?;

    if rigour.depth != Depth::Judgement && !(interval::lowest(&selection, rigour, length) > tolerated.per_s) {
        return None;
    }
    let mut rate = Rate::of(&chosen, &selection, rigour, length)?;
    let raised = jumps.iter().map(|jump| jump.height.max(0.0)).sum::<f64>() + interval::raised_by(sustained);
    let dropped = jumps.iter().map(|jump| jump.height.min(0.0)).sum::<f64>() + sustained.down;
    let given_back = dropped < -0.5 * rate.value * length;
    let windows = floors::windows(&lives);
    let floors = Floors::of(&windows.middles);
    // The interval decides. The reported one holds more: rates that come in random portions, shapes less plausible. What is
    // called a leak has none that holds no growth at all.
    let above = rate.decision_low > tolerated.per_s && rate.low > 0.0;
    let persistent = above && keeps_rising(&chosen, &selection, &windows, rigour);
    let alone = above && stands_alone(&chosen, &selection, rigour);

    // Where growth explains the series better than what slows down, one reading of it that ends slowly acquits nothing: the bound is
    // the one that is reported of growth, over more shapes and kinds of noise, and a step that only a shape sees is a portion of it.
    let bound = match margin > 0.0 {
        true => rate.level_high.max(rate.high + interval::raised_by(sustained) / length),
        false => rate.level_high,
    };

    let mut level = None;
    let (kind, reason) = if above && !given_back && (persistent || alone) {
        (JudgementKind::Leak, if persistent { Reason::NewFloors } else { Reason::ShapeAlone })
    } else if margin > -interval::REPORTED
        && jumps::are_events(&jumps)
        && rate.level_high < tolerated.per_s
        && bound < tolerated.coarse_per_s
        && rate.value > -tolerated.coarse_per_s
    {
        // Sustained shapes that do not fit bound nothing, and one that falls like this is the flank of something.
        rate.is_below(bound);
        (JudgementKind::NoLeak, Reason::RateBelow)
    } else {
        if !(persistent || alone) && rigour.depth == Depth::Judgement {
            let lean = match selection.lean() {
                _ if margin > MARGIN_SURE => Lean::Growing,
                lean if lean < -MARGIN_SURE => Lean::Settled,
                lean if lean < MARGIN_CALM && margin < MARGIN_PERSISTENT => Lean::Calm,
                _ => Lean::Open,
            };
            level = level::find(&lives, tolerated.per_s, tolerated.coarse_per_s, rounding, rigour.alpha_level, lean);
            if level.is_none() && lean >= Lean::Calm {
                level = flat_beside(&chosen, &selection, tolerated, rigour, length);
            }
        }
        if let Some(level) = &level {
            // What was shown is an upper bound, by the level part; a shape over the warm-up says nothing beside it.
            rate.value = level.line.rate;
            rate.low = rate.low.min(level.line.rate - level.line.half_width);
            rate.is_below(level.line.rate + level.line.half_width);
            (JudgementKind::NoLeak, Reason::LevelSince)
        } else if rate.decision_low > 0.0 && given_back {
            (JudgementKind::Inconclusive, Reason::GivenBack)
        } else if rate.decision_low > 0.0 && margin <= MARGIN_PERSISTENT + rigour.margin {
            (JudgementKind::Inconclusive, Reason::Ambiguous)
        } else if above {
            (JudgementKind::Inconclusive, Reason::Unsteady)
        } else {
            (JudgementKind::Inconclusive, Reason::TooWide)
        }
    };
    if kind != JudgementKind::NoLeak {
        // Beside growth, a step may be a portion of it, or take some of it back.
        rate.high += raised / length;
        if given_back {
            rate.low += dropped / length;
        }
    }
    Some(Assessment {
        kind,
        reason,
        rate,
        margin,
        selection,
        chosen,
        level,
        floors,
        jumps,
        contradiction: None,
        lives,
        length,
        ops_per_s,
    })
}
