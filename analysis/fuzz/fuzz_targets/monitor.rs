//! Any samples, one by one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use soakd_analysis::{Monitor, Quantity, Question};

fuzz_target!(|input: (f64, Option<f64>, i8, i8, Vec<(u8, u16, i16)>)| {
    let (planned_s, warmup_s, time_scale, value_scale, samples) = input;
    let mut monitor = Monitor::new(Quantity::Bytes, Question { warmup_s, ..Question::new(planned_s) });
    // Numbers of one scale make a run that is looked at; now and then comes one of any bits.
    let mut now_s = 0.0;
    for (kind, step, value) in samples {
        let wild = f64::from_bits((u64::from(step) << 48) | (u64::from(value.unsigned_abs()) << 32));
        let next_s = now_s + (f64::from(step) + 1.0) * f64::from(time_scale).exp2();
        let value = f64::from(value) * f64::from(value_scale).exp2();
        let before = monitor.rate_per_hour();
        match kind {
            0..4 => monitor.restart(next_s),
            4 => drop(monitor.judgement()),
            5..9 => {
                if monitor.push(wild, value, None).is_err() {
                    assert_eq!(monitor.rate_per_hour(), before);
                }
            }
            9..13 => {
                if monitor.push(next_s, wild, Some(wild)).is_err() {
                    assert_eq!(monitor.rate_per_hour(), before);
                }
            }
            _ => {
                now_s = next_s;
                drop(monitor.push(next_s, value, (kind & 128 != 0).then_some(next_s)));
            }
        }
        drop(monitor.decision());
    }
});
