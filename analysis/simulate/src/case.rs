//! A series with its truth.

/// What a series truly does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// It grows for ever, faster than tolerated.
    Leak,
    /// It is bounded, or its growth fades.
    NoLeak,
    /// It grows for ever, at or below the tolerance: anything but `leak` is a right answer.
    SubTolerance,
}

/// The truth about a [`Case`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    /// What the series does.
    pub label: Label,
    /// Growth per second at the end of the run; of growth in waves or batches the mean.
    pub rate_per_s: f64,
    /// The tolerated growth per second that the label is measured by. For counts there is no common default: the label
    /// then takes one thing per hundredth of the run.
    pub tolerance_per_s: f64,
    /// When a fill that looks like a leak while it lasts is over, in seconds.
    pub fills_until_s: Option<f64>,
}

/// A series, all that a judge may know about it, and the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Name of the mechanism.
    pub mechanism: &'static str,
    /// The seed that made it.
    pub seed: u64,
    /// Name of the metric with its unit: `rss_bytes` or `fds_count`.
    pub metric: &'static str,
    /// Times in seconds, strictly growing.
    pub t_s: Vec<f64>,
    /// Values, one for each time.
    pub values: Vec<f64>,
    /// Cumulative operations, where they are counted; they start anew with the process.
    pub ops: Option<Vec<f64>>,
    /// Times at which the process was replaced.
    pub restarts_s: Vec<f64>,
    /// Planned length of the run, in seconds.
    pub planned_s: f64,
    /// The truth.
    pub truth: Truth,
}
