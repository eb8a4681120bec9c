//! Any samples, one by one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use soakd_analysis::{Monitor, Quantity, Question};

fuzz_target!(|input: (f64, Vec<(u8, f64, f64)>)| {
    let (planned_s, samples) = input;
    let mut monitor = Monitor::new(Quantity::Bytes, Question::new(planned_s));
    for (kind, t_s, value) in samples {
        match kind % 8 {
            0 => monitor.restart(t_s),
            1 => drop(monitor.decision()),
            2 => drop(monitor.judgement()),
            3 => {
                let before = monitor.rate_per_hour();
                if monitor.push(t_s, value, Some(value)).is_err() {
                    assert_eq!(monitor.rate_per_hour(), before);
                }
            }
            _ => drop(monitor.push(t_s, value, None)),
        }
    }
});
