//! Noise between runs, for the studies that compare runs. Shared by the examples; no example by itself.

use rand::RngExt;
use rand_pcg::Pcg64;

/// A kind of noise between runs: its name, and the logarithms of `count` successive runs.
pub(crate) type Kind = (&'static str, fn(&mut Pcg64, usize) -> Vec<f64>);

/// Box & Muller (1958).
pub(crate) fn normal(random: &mut Pcg64) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Student's t with three degrees of freedom.
pub(crate) fn heavy(random: &mut Pcg64) -> f64 {
    let squares: f64 = (0..3).map(|_| normal(random).powi(2)).sum();
    normal(random) / (squares / 3.0).sqrt()
}

/// Noise of the size `sigma` in which each run keeps `share` of what the one before was off.
pub(crate) fn remembering(random: &mut Pcg64, count: usize, sigma: f64, share: f64) -> Vec<f64> {
    let mut last = sigma * normal(random);
    (0..count)
        .map(|_| {
            last = share * last + sigma * (1.0 - share * share).sqrt() * normal(random);
            last
        })
        .collect()
}
