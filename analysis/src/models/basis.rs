//! The columns that shapes are made of.

/// One column: a function of a share of the run (0 to 1), of height about 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Basis {
    /// The share itself.
    Line,
    /// A power of it.
    Power(f64),
    /// Exponential growth with this many e-foldings over the run.
    Exponential(f64),
    /// Saturation with this time constant.
    Saturation(f64),
    /// Saturation that starts at a place, with a time constant in shares of what is left.
    DelayedSaturation(f64, f64),
    /// Saturation by a power law: half of the way at the first parameter, exponent the second.
    PowerSaturation(f64, f64),
    /// Logarithmic growth with this scale.
    Logarithm(f64),
    /// A step at a place.
    Step(f64),
    /// A line that starts at a place.
    Hinge(f64),
    /// A line from the first place to the second.
    Ramp(f64, f64),
}

fn power_scale(half: f64, exponent: f64) -> f64 {
    half / ((1.0 / exponent).exp2() - 1.0)
}

impl Basis {
    /// Its value at the share `x`.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        match *self {
            Self::Line => x,
            Self::Power(p) => x.max(0.0).powf(p),
            Self::Exponential(g) => (g * x).exp_m1() / g.exp_m1(),
            Self::Saturation(tau) => 1.0 - (-x / tau).exp(),
            Self::DelayedSaturation(from, tau) => 1.0 - (-(x - from).max(0.0) / (tau * (1.0 - from))).exp(),
            Self::PowerSaturation(half, p) => 1.0 - (1.0 + x.max(0.0) / power_scale(half, p)).powf(-p),
            Self::Logarithm(scale) => (x.max(0.0) / scale).ln_1p(),
            Self::Step(at) => f64::from(u8::from(x >= at)),
            Self::Hinge(from) => (x - from).max(0.0),
            Self::Ramp(from, to) => x.clamp(from, to.max(from + 1e-3)),
        }
    }

    /// Its slope at the end of the run.
    #[must_use]
    pub fn slope_at_end(&self) -> f64 {
        match *self {
            Self::Line | Self::Hinge(_) => 1.0,
            Self::Power(p) => p,
            Self::Exponential(g) => g * g.exp() / g.exp_m1(),
            Self::Saturation(tau) => (-1.0 / tau).exp() / tau,
            Self::DelayedSaturation(from, tau) => (-1.0 / tau).exp() / tau / (1.0 - from),
            Self::PowerSaturation(half, p) => {
                let scale = power_scale(half, p);
                p / scale * (1.0 + 1.0 / scale).powf(-p - 1.0)
            }
            Self::Logarithm(scale) => 1.0 / (1.0 + scale),
            Self::Step(_) | Self::Ramp(..) => 0.0,
        }
    }

    /// A number for the kind and the parameters as bits: equal columns have equal keys.
    pub(crate) fn key(&self) -> (u8, u64, u64) {
        let (kind, a, b) = match *self {
            Self::Line => (0, 0.0, 0.0),
            Self::Power(p) => (1, p, 0.0),
            Self::Exponential(g) => (2, g, 0.0),
            Self::Saturation(tau) => (3, tau, 0.0),
            Self::DelayedSaturation(from, tau) => (4, from, tau),
            Self::PowerSaturation(half, p) => (5, half, p),
            Self::Logarithm(scale) => (6, scale, 0.0),
            Self::Step(at) => (7, at, 0.0),
            Self::Hinge(from) => (8, from, 0.0),
            Self::Ramp(from, to) => (9, from, to),
        };
        (kind, a.to_bits(), b.to_bits())
    }
}

/// Up to three columns.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    columns: [Basis; 3],
    count: usize,
}

impl Columns {
    /// These columns; what is beyond three is left out.
    #[must_use]
    pub fn new(of: &[Basis]) -> Self {
        let mut columns = [Basis::Line; 3];
        let count = of.len().min(3);
        columns[..count].copy_from_slice(&of[..count]);
        Self { columns, count }
    }

    /// The columns as a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[Basis] {
        &self.columns[..self.count]
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Basis> {
        self.as_slice().iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_at_the_end_agree_with_differences() {
        let all = [
            Basis::Line,
            Basis::Power(1.7),
            Basis::Exponential(3.0),
            Basis::Saturation(0.3),
            Basis::DelayedSaturation(0.4, 0.5),
            Basis::PowerSaturation(0.1, 0.6),
            Basis::Logarithm(0.05),
            Basis::Step(0.5),
            Basis::Hinge(0.6),
            Basis::Ramp(0.2, 0.7),
        ];
        for basis in all {
            let difference = (basis.at(1.0 + 1e-6) - basis.at(1.0 - 1e-6)) / 2e-6;
            assert!((difference - basis.slope_at_end()).abs() < 1e-4, "{basis:?}");
        }
    }
}
