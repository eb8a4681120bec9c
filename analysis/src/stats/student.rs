//! Quantiles of Student's t distribution.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Half width, in standard errors, of a two-sided interval that holds `1 - alpha` of the t distribution.
///
/// `freedom` may be a fraction (effective degrees of freedom) and is taken as at least 1.
pub(crate) fn two_sided(alpha: f64, freedom: f64) -> f64 {
    quantile(1.0 - alpha / 2.0, freedom)
}

/// The value below which the share `p` (0.5 to 1) of the t distribution lies.
pub(crate) fn quantile(p: f64, freedom: f64) -> f64 {
    let freedom = freedom.clamp(1.0, 1e6);
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2: critical values of Student's t.
    #[test]
    fn quantiles_agree_with_the_published_table() {
        for (p, freedom, expected) in [
            (0.975, 1.0, 12.706),
            (0.975, 5.0, 2.571),
            (0.975, 30.0, 2.042),
            (0.995, 3.0, 5.841),
            (0.995, 10.0, 3.169),
            (0.995, 60.0, 2.660),
            (0.95, 100.0, 1.660),
            (0.999, 20.0, 3.552),
        ] {
            assert!((quantile(p, freedom) - expected).abs() < 6e-4, "t({p}, {freedom}) = {}", quantile(p, freedom));
        }
    }
}
