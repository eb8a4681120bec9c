//! The judgement while a run goes on: a monitor for each judged series, and what it says for people.

use soakd_analysis::{Estimate, Judgement, Monitor, Quantity};
use soakd_sampler::{Detail, METRICS, MetricId};

use crate::policy::RunPolicy;
use crate::progress::clock_face;
use crate::sampling::Sample;

/// Follows the judged series of one run.
#[derive(Debug)]
pub struct Watch {
    followed: Vec<Followed>,
    started: bool,
}

#[derive(Debug)]
struct Followed {
    metric: MetricId,
    quantity: Quantity,
    monitor: Monitor,
    level: Option<f64>,
    undecided: bool,
}

/// The evidence has decided one series before the planned end.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// Its metric.
    pub metric: String,
    /// What was decided, in words.
    pub text: String,
}

impl Watch {
    /// A watch on the metrics that `policy` judges. Which of them can be read shows later.
    #[must_use]
    pub fn new(policy: &RunPolicy) -> Self {
        // What is read now and then is judged at the end, where it has come to enough points.
        let judged = policy.judged(|row| row.detail != Detail::Slow);
        let family = judged.len();
        let followed = METRICS
            .iter()
            .filter(|row| judged.contains(&row.name))
            .map(|row| {
                let quantity = Quantity::of_metric(row.name);
                let monitor = Monitor::new(quantity, policy.question(row.name, family));
                Followed { metric: row.id, quantity, monitor, level: None, undecided: true }
            })
            .collect();
        Self { followed, started: false }
    }

    /// Takes one sample of the judged part of the run.
    pub fn push(&mut self, sample: &Sample) {
        self.started = true;
        for followed in &mut self.followed {
            let Some(value) = sample.totals.get(followed.metric) else { continue };
            followed.level = Some(value);
            if let Err(error) = followed.monitor.push(sample.t_s, value, sample.operations) {
                tracing::debug!(metric = followed.metric.name(), %error, "a sample was left out of the estimate");
            }
        }
    }

    /// The target was replaced.
    pub fn restart(&mut self, t_s: f64) {
        for followed in &mut self.followed {
            followed.monitor.restart(t_s);
        }
    }

    /// The first series that the evidence decides by now and had not before.
    pub fn decision(&mut self) -> Option<Decided> {
        let (followed, judgement) = self
            .followed
            .iter_mut()
            .filter(|followed| followed.undecided)
            .find_map(|followed| followed.monitor.decision().map(|judgement| (followed, judgement)))?;
        followed.undecided = false;
        let text = format!("`{}` {}", followed.metric.name(), described(followed.quantity, &judgement));
        Some(Decided { metric: followed.metric.name().to_owned(), text })
    }

    /// Level and estimate of the most important series, short enough for a progress bar.
    #[must_use]
    pub fn state(&self, sample: &Sample) -> String {
        let shown = self.followed.iter().find_map(|followed| Some((followed, sample.totals.get(followed.metric)?)));
        let Some((followed, level)) = shown else {
            return String::new();
        };
        let level = format!("{} {}", short(followed.metric.name()), followed.quantity.show(level));
        match followed.monitor.rate_per_hour() {
            Some(rate) if self.started => format!("{level}, {}", rate_text(followed.quantity, &rate)),
            _ => level,
        }
    }

    /// The current estimate of every series, a line each.
    #[must_use]
    pub fn estimate(&self, t_s: f64) -> String {
        let mut text = format!("estimate at {}:", clock_face(t_s));
        for followed in &self.followed {
            let Some(level) = followed.level else { continue };
            let rate = match followed.monitor.rate_per_hour() {
                Some(rate) => rate_text(followed.quantity, &rate),
                None => "too few samples for a rate".to_owned(),
            };
            text.push_str(&format!("\n  {:<18} {:>10}  {rate}", followed.metric.name(), followed.quantity.show(level)));
        }
        if self.followed.iter().all(|followed| followed.level.is_none()) {
            text.push_str(" no samples yet");
        }
        text
    }
}

/// A metric's name without its unit.
fn short(metric: &str) -> &str {
    metric.rsplit_once('_').map_or(metric, |(name, _)| name)
}

fn rate_text(quantity: Quantity, rate: &Estimate) -> String {
    let sign = if rate.value >= 0.0 { "+" } else { "" };
    match (rate.low, rate.high) {
        (Some(low), Some(high)) => {
            format!("{sign}{}/h ({} to {})", quantity.show(rate.value), quantity.show(low), quantity.show(high))
        }
        _ => format!("{sign}{}/h", quantity.show(rate.value)),
    }
}

fn described(quantity: Quantity, judgement: &Judgement) -> String {
    let rate = judgement.rate_per_hour.map_or_else(String::new, |rate| rate_text(quantity, &rate));
    format!("grows {rate}, tolerance {}/h", quantity.show(judgement.tolerance_per_hour))
}
