//! A flexible smooth trend. It is never reported: it only shows what noise is left when the trend is gone.

/// Time constants, as shares of the run, of the two warm-ups in the trend.
const FAST: f64 = 0.03;
const SLOW: f64 = 0.12;

/// Intercept, line, parabola, two decays; fewer columns where there are fewer than 24 values.
pub(crate) fn flexible(x: &[f64]) -> Vec<Vec<f64>> {
    let column = |of: &dyn Fn(f64) -> f64| x.iter().map(|x| of(*x)).collect::<Vec<f64>>();
    let mut columns = vec![column(&|_| 1.0), column(&|x| x), column(&|x| (-x / SLOW).exp())];
    if x.len() >= 12 {
        columns.push(column(&|x| x * x));
    }
    if x.len() >= 24 {
        columns.push(column(&|x| (-x / FAST).exp()));
    }
    columns
}
