//! Spreads operations over time at a rate.

/// Says how many operations are due, without ever catching up more than a short backlog.
#[derive(Debug)]
pub(crate) struct Pacer {
    per_s: f64,
    last_s: f64,
    owed: f64,
}

/// What was missed for longer than this, because the host or the work was slow, is left out.
const LONGEST_BACKLOG_S: f64 = 0.25;

impl Pacer {
    /// Nothing is due at time 0.
    pub(crate) fn new(per_s: f64) -> Self {
        Self { per_s, last_s: 0.0, owed: 0.0 }
    }

    /// Takes the operations that are due at `elapsed_s`.
    pub(crate) fn take_due(&mut self, elapsed_s: f64) -> u64 {
        let most = (self.per_s * LONGEST_BACKLOG_S).max(1.0);
        self.owed = (self.owed + (elapsed_s - self.last_s).max(0.0) * self.per_s).min(most);
        self.last_s = elapsed_s;
        let due = self.owed.floor();
        self.owed -= due;
        due as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_whatever_the_steps() {
        let mut pacer = Pacer::new(30.0);
        let due: u64 = (0..=1000).map(|step| pacer.take_due(f64::from(step) * 0.01)).sum();
        assert!((299..=300).contains(&due), "{due}");
    }

    #[test]
    fn a_pause_is_not_caught_up() {
        let mut pacer = Pacer::new(128.0);
        assert_eq!(pacer.take_due(60.0), 32);
        assert_eq!(pacer.take_due(60.0 + 1.0 / 64.0), 2);
        let mut slow = Pacer::new(0.1);
        assert_eq!(slow.take_due(60.0), 1);
    }
}
