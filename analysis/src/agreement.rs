//! Do the lives of a target grow at one rate? Each is held against the others by a line of its own.

use crate::level::{self, Line};
use crate::lives::{Life, Lives};

/// The slowest and the fastest of lives whose rates contradict each other: their difference is beyond what both intervals
/// allow. A target that was repaired or loaded otherwise between two lives is of that kind.
#[derive(Debug, Clone)]
pub(crate) struct Contradiction {
    pub(crate) slowest: Line,
    pub(crate) slowest_start_s: f64,
    pub(crate) fastest: Line,
    pub(crate) fastest_start_s: f64,
}

/// The contradiction among whole lives at the error rate `alpha` for all pairs of them together (Bonferroni).
pub(crate) fn contradiction(lives: &[Life], rounding: f64, alpha: f64) -> Option<Contradiction> {
    let pairs = 0.5 * lives.len() as f64 * (lives.len() as f64 - 1.0);
    let lines: Vec<(Line, f64)> = lives
        .iter()
        .filter_map(|life| {
            let alone = Lives::new(vec![life.clone()])?;
            Some((level::recent(&alone, rounding, alpha / pairs.max(1.0))?, life.start_s))
        })
        .collect();
    let by_rate = |a: &&(Line, f64), b: &&(Line, f64)| a.0.rate.total_cmp(&b.0.rate);
    let (slowest, fastest) = (lines.iter().min_by(by_rate)?, lines.iter().max_by(by_rate)?);
    let apart = fastest.0.rate - slowest.0.rate;
    (apart > fastest.0.half_width.hypot(slowest.0.half_width)).then(|| Contradiction {
        slowest: slowest.0.clone(),
        slowest_start_s: slowest.1,
        fastest: fastest.0.clone(),
        fastest_start_s: fastest.1,
    })
}

impl Contradiction {
    /// What even the slowest life grows, and what even the fastest does not exceed, per second.
    pub(crate) fn bounds(&self) -> (f64, f64) {
        (self.slowest.rate - self.slowest.half_width, self.fastest.rate + self.fastest.half_width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::trace::Trace;

    fn life(slope: f64, seed: usize) -> Life {
        let mut digest = Digest::default();
        for i in 0..400 {
            let noise = ((i * 7919 + seed * 104_729 + i / 3 * 31) % 97) as f64;
            let taken = digest.push(i as f64, slope * i as f64 + noise, None);
            assert!(taken.is_ok());
        }
        let cells = digest.segments().remove(0).cells;
        Life { trace: Trace::new(&cells, 0.0, 0.0), start_s: 1000.0 * seed as f64, level: 0.0 }
    }

    #[test]
    fn lives_that_grow_alike_do_not_contradict_each_other_and_one_that_does_not_grow_does() {
        let alike: Vec<Life> = (0..6).map(|seed| life(0.5, seed)).collect();
        assert!(contradiction(&alike, 0.0, 0.01).is_none());
        let mut repaired = alike;
        repaired[4] = life(0.0, 4);
        let found = contradiction(&repaired, 0.0, 0.01);
        let (low, high) = found.as_ref().map(Contradiction::bounds).unwrap_or_default();
        assert!(low < 0.0 && high > 0.5, "{low} {high}");
        assert_eq!(found.map(|found| found.slowest_start_s), Some(4000.0));
        assert!(contradiction(&repaired[..1], 0.0, 0.01).is_none());
    }
}
