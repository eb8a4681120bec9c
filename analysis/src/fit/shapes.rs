//! All models on the same bench, and their scores.

use super::around::Interval;
use super::bench::{Bench, Drawn, Trial};
use super::{Fit, Panel};
use crate::models::{Clock, Family, Form, GrowthModel, Layout, MODELS};

/// One form of a model at its best place.
pub(super) struct Candidate {
    pub(super) model: &'static dyn GrowthModel,
    pub(super) form: &'static Form,
    pub(super) best: Trial,
    /// Coefficients, shape parameters, rho and sigma.
    parameters: usize,
    score: f64,
}

/// The most promising forms of each family are refined.
const REFINED: usize = 4;
/// Residual degrees of freedom that a fit needs.
const LEAST_FREEDOM: usize = 3;

/// Every form of every model at one rho, in the order of [`MODELS`]: where each fits best.
pub(crate) struct Fitted<'a> {
    bench: Bench<'a>,
    layout: Layout,
    layout_ops: Option<Layout>,
    candidates: Vec<Candidate>,
}

/// What the fit that explains most leaves.
pub(crate) struct Left {
    /// Whitened residuals.
    pub(crate) residuals: Vec<f64>,
    /// Coefficients, shape parameters, rho and sigma.
    pub(crate) parameters: usize,
}

/// How well a fit with this sum of squares explains `m` blocks, as if all of them were independent (Schwarz 1978): less is better.
fn raw_score(squares: f64, parameters: usize, m: f64) -> f64 {
    m * (squares / m).max(f64::MIN_POSITIVE).ln() + parameters as f64 * m.ln()
}

/// Schwarz (1978) on the effective blocks, with the small-sample term of Hurvich & Tsai (1989).
fn score(squares: f64, parameters: usize, m: f64, ratio: f64) -> f64 {
    let p = parameters as f64;
    m / ratio * (squares / m).max(f64::MIN_POSITIVE).ln() + p * m.ln() + 2.0 * p * (p + 1.0) / (m - p - 1.0).max(1.0)
}

impl<'a> Fitted<'a> {
    /// Fits all models to `panel`, whose columns are kept in `drawn` for the next rho.
    pub(crate) fn of(panel: &'a Panel, rho: f64, drawn: &'a mut Drawn) -> Self {
        let m = panel.x.len();
        let mut bench = Bench::new(panel, rho, drawn);
        let layout = Layout::of(&panel.x);
        let layout_ops = panel.x_ops.as_deref().map(Layout::of);
        let n = m as f64;
        let mut candidates = Vec::new();
        for model in MODELS {
            let by_ops = model.clock() == Clock::Operations;
            let Some(layout) = (if by_ops { layout_ops.as_ref() } else { Some(&layout) }) else { continue };
            for form in model.forms() {
                let mut best = None;
                if m >= form.min_blocks {
                    bench.search(form, by_ops, (form.grid)(layout), &mut best);
                }
                let Some(best) = best else { continue };
                let count = (form.columns)(&best.place).as_slice().len();
                let parameters = count + form.parameters.len() + 1 + panel.nuisance.len() + 2;
                if m < parameters + LEAST_FREEDOM {
                    continue;
                }
                let score = raw_score(best.squares + n * panel.rounding, parameters, n);
                candidates.push(Candidate { model: *model, form, best, parameters, score });
            }
        }
        for family in [Family::Sustained, Family::Bounded] {
            let mut order: Vec<usize> = (0..candidates.len())
                .filter(|&i| candidates[i].model.family() == family && candidates[i].form.refined)
                .filter(|&i| !candidates[i].form.parameters.is_empty())
                .collect();
            order.sort_by(|&a, &b| candidates[a].score.total_cmp(&candidates[b].score));
            for &i in order.iter().take(REFINED) {
                let (model, form) = (candidates[i].model, candidates[i].form);
                let start = candidates[i].best.place;
                let mut best = None;
                let by_ops = model.clock() == Clock::Operations;
                bench.search(form, by_ops, [start], &mut best);
                bench.refine(form, by_ops, &mut best);
                if let Some(best) = best {
                    candidates[i].best = best;
                }
            }
        }
        Self { bench, layout, layout_ops, candidates }
    }

    /// What the best of all leaves; `None` without any.
    pub(crate) fn left(&self) -> Option<Left> {
        let m = self.bench.panel.x.len() as f64;
        let all = self.candidates.iter().filter_map(|candidate| {
            let (residuals, squares) = self.bench.residuals(candidate)?;
            let parameters = candidate.parameters;
            Some((raw_score(squares, parameters, m), Left { residuals, parameters }))
        });
        all.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, left)| left)
    }

    /// The fits with their scores and intervals, where one of `ratio` blocks is independent. `plausible` says how far behind the best
    /// sustained shape others count as plausible: of those the whole interval is found.
    pub(crate) fn finish(self, ratio: f64, plausible: f64) -> Vec<Fit> {
        let Self { mut bench, layout, layout_ops, candidates } = self;
        let m = bench.panel.x.len() as f64;
        let scored: Vec<(Candidate, f64, f64)> = candidates
            .into_iter()
            .filter_map(|candidate| {
                let (_, squares) = bench.residuals(&candidate)?;
                let score = score(squares, candidate.parameters, m, ratio);
                Some((candidate, squares, score))
            })
            .collect();
        let is_sustained = |candidate: &Candidate| candidate.model.family() == Family::Sustained;
        let best = scored.iter().filter(|(candidate, ..)| is_sustained(candidate)).map(|(.., score)| *score);
        let best = best.fold(f64::INFINITY, f64::min);
        scored
            .into_iter()
            .map(|(candidate, squares, score)| {
                let by_ops = candidate.model.clock() == Clock::Operations;
                let layout = layout_ops.as_ref().filter(|_| by_ops).unwrap_or(&layout);
                let is_plausible = is_sustained(&candidate) && score <= best + plausible;
                let interval = if is_plausible { Interval::ByProfile } else { Interval::AtBest };
                Fit { score, ..bench.finish(candidate, squares, layout, interval) }
            })
            .collect()
    }
}
