//! What the examples could have recorded: made by rule, so that it is the same every time.

use soakd_analysis::{JudgementKind, Quantity};
use soakd_reports::{Origin, Recorded, Recording, Span, Verdict};

const COUNT: usize = 240;

/// Noise that repeats: -1 to 1.
fn noise(place: usize) -> f64 {
    let scrambled = (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((scrambled >> 40) as f64 / f64::from(1_u32 << 24)).mul_add(2.0, -1.0)
}

/// Samples that fit the judgements of a verdict: a warm-up, growth at its rate, some noise; operations beside.
pub(crate) fn of(verdict: &Verdict) -> Recording {
    let duration_s = verdict.run.duration_s;
    let t_s: Vec<f64> = (0..COUNT).map(|place| (duration_s * place as f64 / (COUNT - 1) as f64).round()).collect();
    let mut series: Vec<Recorded> = verdict
        .series
        .iter()
        .map(|series| {
            let judgement = &series.judgement;
            let baseline = judgement.settled_baseline.unwrap_or(40.0);
            let per_hour = judgement.rate_per_hour.map_or(0.0, |rate| rate.value);
            let tau_s = (judgement.warmup_s / 3.0).max(1.0);
            let value = |place: usize, t_s: f64| {
                let grown = per_hour * (t_s - judgement.onset_s.unwrap_or(judgement.warmup_s)).max(0.0) / 3600.0;
                let warm = 0.2 * baseline * (-t_s / tau_s).exp();
                let value = baseline - warm + grown;
                match series.unit {
                    Quantity::Bytes => ((value + 0.002 * baseline * noise(place)) / 4096.0).round() * 4096.0,
                    _ => value.round(),
                }
            };
            let values = t_s.iter().enumerate().map(|(place, t_s)| value(place, *t_s)).collect();
            Recorded {
                metric: series.metric.clone(),
                unit: series.unit,
                origin: Origin::Tree,
                t_s: t_s.clone(),
                values,
            }
        })
        .collect();
    if verdict.series.iter().any(|series| series.judgement.judgement == JudgementKind::Leak) {
        // Read now and then only.
        let rare: Vec<f64> = t_s.iter().copied().step_by(20).collect();
        let values = rare.iter().map(|t_s| 41_943_040.0 + t_s).collect();
        series.push(Recorded {
            metric: "pss_bytes".to_owned(),
            unit: Quantity::Bytes,
            origin: Origin::Tree,
            t_s: rare,
            values,
        });
    }
    let values = t_s.iter().map(|t_s| 200.0 * t_s).collect();
    series.push(Recorded {
        metric: "ops_count".to_owned(),
        unit: Quantity::Count,
        origin: Origin::Operations,
        t_s,
        values,
    });
    Recording { judged: Some(Span { from_s: 0.0, to_s: duration_s }), series }
}
