//! How the numbers of runs are compared.

/// What a change is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Of the value before: sizes, times, throughput. Compared by their logarithms, in which +25 % and -20 % are equally
    /// far. Only values above zero can be compared so.
    Ratio,
    /// Values are shares already and may be zero or below: their difference is the change.
    Share,
}

impl Scale {
    /// The value on the axis on which noise is alike everywhere; `None` where it has no place there.
    pub(crate) fn place(self, value: f64) -> Option<f64> {
        match self {
            Self::Ratio => (value.is_finite() && value > 0.0).then(|| value.ln()),
            Self::Share => value.is_finite().then_some(value),
        }
    }

    /// Undoes [`Scale::place`].
    pub(crate) fn value(self, place: f64) -> f64 {
        match self {
            Self::Ratio => place.exp(),
            Self::Share => place,
        }
    }

    /// The change that a distance on that axis comes to, as a share.
    pub(crate) fn change(self, distance: f64) -> f64 {
        match self {
            Self::Ratio => distance.exp_m1(),
            Self::Share => distance,
        }
    }

    /// The distance on that axis that a change (a share, above -1) comes to.
    pub(crate) fn distance(self, change: f64) -> f64 {
        match self {
            Self::Ratio => change.max(-0.999).ln_1p(),
            Self::Share => change,
        }
    }
}

/// In which direction a number gets worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worse {
    /// More is worse: memory, latency, growth.
    Up,
    /// Less is worse: throughput.
    Down,
}

impl Worse {
    /// 1 where more is worse, -1 where less is.
    pub(crate) fn sign(self) -> f64 {
        match self {
            Self::Up => 1.0,
            Self::Down => -1.0,
        }
    }
}
