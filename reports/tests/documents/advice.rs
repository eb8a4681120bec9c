//! Advice speaks where its evidence is in the verdict, and nowhere else.

use soakd_analysis::{JudgementKind, judgement::ModelScore};
use soakd_reports::{Ended, Findings, Verdict, advice};

use crate::cases;

fn rules(verdict: &Verdict) -> Vec<&'static str> {
    advice(verdict).iter().map(|advice| advice.rule).collect()
}

fn changed(name: &str, change: impl FnOnce(&mut Findings)) -> Verdict {
    let (_, mut findings) = cases::all().into_iter().find(|(example, _)| *example == name).unwrap();
    change(&mut findings);
    Verdict::new(findings).unwrap()
}

/// The example `fail`, with a leak of another metric or model.
fn leak(metric: &str, model: &str) -> Verdict {
    changed("fail", |findings| {
        let series = &mut findings.series[0];
        series.metric = metric.to_owned();
        let choice = series.judgement.model.as_mut().unwrap();
        choice.name = model.to_owned();
        choice.scores[0].name = model.to_owned();
        findings.series.truncate(1);
    })
}

#[test]
fn advice_on_every_example() {
    let told: Vec<String> = cases::all()
        .iter()
        .map(|(name, _)| {
            let given = advice(&cases::verdict(name));
            let lines: Vec<String> = given
                .iter()
                .map(|advice| format!("  {}: {} ({})", advice.rule, advice.title, advice.because))
                .collect();
            format!("{name}\n{}", lines.join("\n"))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_pass_needs_no_advice() {
    assert!(rules(&cases::verdict("pass")).is_empty());
}

#[test]
fn each_kind_of_leak_gets_its_own() {
    for (metric, model, rule) in [
        ("fds_count", "linear", "descriptors"),
        ("threads_count", "linear", "threads"),
        ("procs_count", "linear", "processes"),
        ("anon_swap_bytes", "exponential", "feeds_itself"),
        ("anon_swap_bytes", "late_onset", "late_onset"),
        ("anon_swap_bytes", "staircase", "staircase"),
        ("anon_swap_bytes", "linear", "one_process"),
    ] {
        assert_eq!(rules(&leak(metric, model)).first(), Some(&rule), "{metric} {model}");
    }
}

#[test]
fn a_shape_that_slows_down_and_fits_nearly_as_well_may_be_a_cache() {
    let scored = |behind: f64| {
        changed("fail", |findings| {
            let choice = findings.series[0].judgement.model.as_mut().unwrap();
            choice.scores.push(ModelScore { name: "saturating".to_owned(), behind });
        })
    };
    assert!(rules(&scored(4.0)).contains(&"cache"));
    assert!(!rules(&scored(38.0)).contains(&"cache"));
}

#[test]
fn growth_by_operation_and_by_the_clock_are_told_apart() {
    let by_op = changed("fail", |findings| {
        let judgement = &mut findings.series[0].judgement;
        judgement.tolerance_per_op = Some(16.0);
        judgement.rate_per_op = judgement.rate_per_hour.map(|rate| rate.scaled(1e-5));
    });
    assert!(rules(&by_op).contains(&"per_operation"));
    let by_clock = changed("fail", |findings| {
        let choice = findings.series[0].judgement.model.as_mut().unwrap();
        choice.scores.push(ModelScore { name: "linear_ops".to_owned(), behind: 55.0 });
    });
    assert!(rules(&by_clock).contains(&"by_the_clock"));
    // Under a steady load both fit, and the counter is the less exact clock: nobody can tell, so nothing is said.
    let either = changed("fail", |findings| {
        let judgement = &mut findings.series[0].judgement;
        judgement.tolerance_per_op = Some(16.0);
        judgement.rate_per_op = judgement.rate_per_hour.map(|rate| rate.scaled(1e-5));
        let choice = judgement.model.as_mut().unwrap();
        choice.scores.push(ModelScore { name: "linear_ops".to_owned(), behind: 55.0 });
    });
    assert!(!rules(&either).contains(&"per_operation") && !rules(&either).contains(&"by_the_clock"));
}

#[test]
fn connections_are_descriptors_and_threads_that_grow_together() {
    let both = changed("fail", |findings| {
        findings.series.truncate(2);
        let leaking = findings.series[0].judgement.clone();
        findings.series[0].metric = "threads_count".to_owned();
        findings.series[1].judgement = leaking;
    });
    assert_eq!(rules(&both).first(), Some(&"connections"));
}

#[test]
fn what_ended_or_troubled_a_run_is_explained() {
    let killed = changed("pass", |findings| {
        findings.run.ended = Ended::TargetExited { status: None, signal: Some(9) };
    });
    assert_eq!(rules(&killed), ["target_killed"]);
    let died = changed("pass", |findings| {
        findings.run.ended = Ended::TargetExited { status: Some(3), signal: None };
    });
    assert_eq!(rules(&died), ["target_died"]);
    let busy = changed("pass", |findings| findings.samples.missed_ticks_count = 600);
    assert_eq!(rules(&busy), ["busy_host"]);
    let blind = changed("inconclusive", |findings| {
        let judgement = &mut findings.series[0].judgement;
        judgement.points = 0;
        judgement.rate_per_hour = None;
    });
    assert!(rules(&blind).contains(&"not_measured"));
    let warm = changed("inconclusive", |findings| findings.series[0].judgement.warmup_s = 400.0);
    assert!(rules(&warm).contains(&"warmup_ate_the_run"));
    let resident = changed("pass", |findings| {
        findings.series[2].judgement.judgement = JudgementKind::Leak;
    });
    assert_eq!(rules(&resident), ["resident_only"]);
}
