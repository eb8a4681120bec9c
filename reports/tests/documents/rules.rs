//! The table of `conclude`, row by row.

use soakd_analysis::{Estimate, JudgementKind};
use soakd_reports::conclude::REACH;
use soakd_reports::{
    Bound, Budget, BudgetStatus, DecidedBy, Ended, Findings, InconclusiveAs, LimitSource, Outcome, Role, SeriesFinding,
    Severity, Verdict,
};

use crate::cases;

const HORIZON_S: f64 = 7.0 * 86_400.0;

/// An hour's run with one judged series, of which `change` makes what the case needs.
fn concluded(change: impl FnOnce(&mut Findings)) -> Verdict {
    let (_, mut findings) = cases::all().remove(0);
    findings.run.duration_s = 3600.0;
    findings.run.ended = Ended::PlannedEnd;
    findings.series.truncate(1);
    findings.series[0].decided_at_s = None;
    findings.budgets.clear();
    change(&mut findings);
    Verdict::new(findings).unwrap()
}

/// Makes `series` grow by `low` to `high` of its baseline over the projected time of an hour's run, which is a day.
fn grow(series: &mut SeriesFinding, kind: JudgementKind, low: f64, high: f64) {
    series.judgement.judgement = kind;
    series.judgement.warmup_s = 0.0;
    series.judgement.settled_baseline = Some(1e9);
    let per_hour = 1e9 / REACH;
    series.judgement.rate_per_hour = Some(Estimate {
        value: (low + high) / 2.0 * per_hour,
        low: Some(low * per_hour),
        high: Some(high * per_hour),
        confidence: 0.95,
    });
}

fn of_growth(kind: JudgementKind, low: f64, high: f64, change: impl FnOnce(&mut Findings)) -> (Outcome, Severity) {
    let verdict = concluded(|findings| {
        grow(&mut findings.series[0], kind, low, high);
        change(findings);
    });
    assert_eq!(verdict.exit_code, verdict.outcome.exit_code());
    assert!(!verdict.summary.is_empty());
    (verdict.outcome, verdict.severity)
}

#[test]
fn a_leak_fails_by_default_whatever_its_severity_and_blocks_when_critical() {
    let leak = |low| of_growth(JudgementKind::Leak, low, 2.0, |_| ());
    assert_eq!(leak(0.01), (Outcome::Fail, Severity::Low));
    assert_eq!(leak(0.1), (Outcome::Fail, Severity::Low));
    assert_eq!(leak(0.2), (Outcome::Fail, Severity::Medium));
    assert_eq!(leak(0.4), (Outcome::Fail, Severity::High));
    assert_eq!(leak(0.6), (Outcome::Block, Severity::Critical));
}

#[test]
fn thresholds_move_what_a_leak_comes_to() {
    let leak = |low, fail_on, block_on| {
        of_growth(JudgementKind::Leak, low, 2.0, |findings| {
            findings.policy.fail_on = fail_on;
            findings.policy.block_on = block_on;
        })
        .0
    };
    assert_eq!(leak(0.1, Severity::Medium, Severity::Critical), Outcome::Warn);
    assert_eq!(leak(0.2, Severity::Medium, Severity::Critical), Outcome::Fail);
    assert_eq!(leak(0.2, Severity::Low, Severity::Medium), Outcome::Block);
    assert_eq!(leak(0.6, Severity::Critical, Severity::Critical), Outcome::Block);
}

#[test]
fn only_what_the_interval_shows_counts() {
    let verdict = concluded(|findings| {
        grow(&mut findings.series[0], JudgementKind::Leak, 0.1, 9.0);
        findings.series[0].judgement.rate_per_hour.as_mut().unwrap().low = None;
    });
    assert_eq!((verdict.outcome, verdict.severity), (Outcome::Fail, Severity::Low));
}

#[test]
fn a_limit_is_critical_when_it_is_surely_reached_within_the_projection() {
    let leak = |latest_s: Option<f64>| {
        of_growth(JudgementKind::Leak, 0.01, 0.02, |findings| {
            let time = Some(Estimate { value: 3600.0, low: Some(1800.0), high: latest_s, confidence: 0.95 });
            (findings.series[0].judgement.time_to_limit_s, findings.series[0].judgement.time_to_stop_s) = (time, time);
        })
    };
    assert_eq!(leak(Some(REACH * 3600.0)), (Outcome::Block, Severity::Critical));
    assert_eq!(leak(Some(REACH * 3600.0 + 1.0)), (Outcome::Fail, Severity::Low));
    assert_eq!(leak(None), (Outcome::Fail, Severity::Low));
}

#[test]
fn a_budget_that_is_reached_within_the_projection_is_not_critical() {
    let outcome = of_growth(JudgementKind::Leak, 0.01, 0.02, |findings| {
        let soon = Estimate { value: 60.0, low: Some(50.0), high: Some(70.0), confidence: 0.95 };
        findings.series[0].limit_source = Some(LimitSource::Budget { name: "most".to_owned() });
        findings.series[0].judgement.time_to_limit_s = Some(soon);
    });
    assert_eq!(outcome, (Outcome::Fail, Severity::Low));
}

#[test]
fn a_short_run_does_not_speak_for_a_week() {
    let severity_after = |duration_s: f64| {
        concluded(|findings| {
            findings.run.duration_s = duration_s;
            let judgement = &mut findings.series[0].judgement;
            judgement.judgement = JudgementKind::Leak;
            judgement.warmup_s = 0.0;
            judgement.settled_baseline = Some(1e9);
            // A tenth of the baseline an hour.
            judgement.rate_per_hour = Some(Estimate { value: 1e8, low: Some(1e8), high: Some(1e8), confidence: 0.95 });
        })
        .severity
    };
    assert_eq!(severity_after(60.0), Severity::Low);
    assert_eq!(severity_after(600.0), Severity::High);
    assert_eq!(severity_after(3600.0), Severity::Critical);
}

#[test]
fn growth_counts_from_its_onset_and_the_horizon_is_the_end_of_it() {
    let over_s = |duration_s: f64, warmup_s: f64, onset_s: Option<f64>| {
        let verdict = concluded(|findings| {
            findings.run.duration_s = duration_s;
            findings.series[0].judgement.warmup_s = warmup_s;
            findings.series[0].judgement.onset_s = onset_s;
        });
        verdict.series[0].projection.map(|projection| projection.over_s)
    };
    assert_eq!(over_s(3600.0, 600.0, None), Some(REACH * 3000.0));
    assert_eq!(over_s(3600.0, 600.0, Some(1600.0)), Some(REACH * 2000.0));
    assert_eq!(over_s(3600.0, 600.0, Some(100.0)), Some(REACH * 3000.0), "warm-up is no evidence of growth");
    assert_eq!(over_s(1e9, 0.0, None), Some(HORIZON_S));
    assert_eq!(over_s(60.0, 60.0, None), None);
}

#[test]
fn the_curve_of_the_model_is_used_over_the_whole_horizon_only() {
    let ratio = |duration_s: f64| {
        let verdict = concluded(|findings| {
            grow(&mut findings.series[0], JudgementKind::Leak, 0.1, 0.1);
            findings.run.duration_s = duration_s;
            findings.series[0].judgement.growth_over_horizon_ratio =
                Some(Estimate { value: 42.0, low: Some(41.0), high: None, confidence: 0.95 });
        });
        verdict.series[0].projection.unwrap().growth_ratio.unwrap().value
    };
    assert!((ratio(3600.0) - 0.1).abs() < 1e-9);
    assert!((ratio(HORIZON_S) - 42.0).abs() < 1e-9);
}

#[test]
fn a_series_without_a_level_has_the_least_severity_of_its_judgement() {
    let leak = of_growth(JudgementKind::Leak, 0.9, 0.9, |findings| {
        findings.series[0].judgement.settled_baseline = Some(0.0);
    });
    assert_eq!(leak, (Outcome::Fail, Severity::Low));
}

#[test]
fn retention_warns() {
    assert_eq!(of_growth(JudgementKind::Retention, 0.2, 0.3, |_| ()), (Outcome::Warn, Severity::Medium));
    assert_eq!(of_growth(JudgementKind::Retention, 0.6, 0.9, |_| ()), (Outcome::Warn, Severity::Critical));
}

#[test]
fn tolerated_growth_warns_where_the_run_speaks_for_the_horizon_and_it_will_matter() {
    let tolerated = |low: f64, horizon_s: f64| {
        of_growth(JudgementKind::NoLeak, low, 0.9, |findings| findings.policy.horizon_s = horizon_s)
    };
    let reached_s = REACH * 3600.0;
    assert_eq!(tolerated(0.1, HORIZON_S), (Outcome::Pass, Severity::None));
    assert_eq!(tolerated(0.1, reached_s), (Outcome::Warn, Severity::Low));
    assert_eq!(tolerated(0.04, reached_s), (Outcome::Pass, Severity::None));
    assert_eq!(tolerated(-0.1, reached_s), (Outcome::Pass, Severity::None));
}

#[test]
fn an_undecided_series_leaves_the_run_undecided_unless_it_is_mapped() {
    let open = |inconclusive| {
        of_growth(JudgementKind::Inconclusive, -0.1, 0.9, |findings| findings.policy.inconclusive = inconclusive).0
    };
    assert_eq!(open(InconclusiveAs::Inconclusive), Outcome::Inconclusive);
    assert_eq!(open(InconclusiveAs::Pass), Outcome::Pass);
    assert_eq!(open(InconclusiveAs::Warn), Outcome::Warn);
    assert_eq!(open(InconclusiveAs::Fail), Outcome::Fail);
}

#[test]
fn missing_data_is_never_a_pass() {
    type Change = fn(&mut Findings);
    let missing: [(&str, Change); 5] = [
        ("no series", |findings| findings.series.clear()),
        ("witnesses only", |findings| findings.series[0].role = Role::Witness),
        ("no points", |findings| {
            findings.series[0].judgement.judgement = JudgementKind::Inconclusive;
            findings.series[0].judgement.points = 0;
        }),
        ("a budget that was not measured", |findings| {
            findings.budgets =
                vec![Budget::observed("peak", "rss_bytes", Bound::AtMost, 1.0, Err("not read".to_owned()))];
        }),
        ("cut short", |findings| findings.run.ended = Ended::Interrupted { signal: 2 }),
    ];
    for (name, change) in missing {
        let outcome = |inconclusive| {
            concluded(|findings| {
                findings.policy.inconclusive = inconclusive;
                change(findings);
            })
            .outcome
        };
        assert_eq!(outcome(InconclusiveAs::Inconclusive), Outcome::Inconclusive, "{name}");
        assert_eq!(outcome(InconclusiveAs::Pass), Outcome::Warn, "{name}");
        assert_eq!(outcome(InconclusiveAs::Warn), Outcome::Warn, "{name}");
        assert_eq!(outcome(InconclusiveAs::Fail), Outcome::Fail, "{name}");
    }
}

#[test]
fn budgets_fail_when_violated_and_are_silent_when_kept() {
    let with = |observed: f64| {
        concluded(|findings| {
            findings.budgets = vec![Budget::observed("peak", "rss_bytes", Bound::AtMost, 1.0, Ok(observed))];
        })
    };
    assert_eq!(with(1.0).outcome, Outcome::Pass);
    let violated = with(2.0);
    assert_eq!((violated.outcome, violated.severity), (Outcome::Fail, Severity::None));
    assert_eq!(violated.decided_by, [DecidedBy::Budget { index: 0, name: "peak".to_owned() }]);
}

#[test]
fn what_was_seen_once_warns_and_says_what_would_confirm_it() {
    let verdict = concluded(|findings| {
        let mut budget = Budget::observed("history: throughput", "ops_count", Bound::AtLeast, 2.0, Ok(1.0));
        budget.status = BudgetStatus::Unconfirmed;
        budget.reason = Some("50.0 % below the level of the last 20 good runs, seen once".to_owned());
        findings.budgets = vec![budget];
    });
    assert_eq!((verdict.outcome, verdict.exit_code), (Outcome::Warn, 1));
    assert!(verdict.summary.contains("seen once"), "{}", verdict.summary);
    let text = String::from_utf8(crate::formats::rendered(&verdict, "text")).unwrap();
    assert!(text.contains("unconfirmed: budget `history: throughput`"), "{text}");
    assert!(text.contains("run it again"), "{text}");
}

#[test]
fn a_target_that_dies_fails_the_run() {
    let after =
        |status, signal| concluded(|findings| findings.run.ended = Ended::TargetExited { status, signal }).outcome;
    assert_eq!(after(Some(0), None), Outcome::Pass);
    assert_eq!(after(None, None), Outcome::Pass);
    assert_eq!(after(Some(3), None), Outcome::Fail);
    assert_eq!(after(None, Some(9)), Outcome::Fail);
}

#[test]
fn a_run_cut_short_passes_only_where_every_series_was_decided_before() {
    for ended in [
        Ended::Interrupted { signal: 15 },
        Ended::Stopped { reason: "taken back".to_owned() },
        Ended::SoakdKilled,
        Ended::LoadEnded { status: Some(0), signal: None },
        Ended::RecordingFailed { error: "the disk is full".to_owned() },
        Ended::Failed { error: "the target was never ready".to_owned() },
    ] {
        let outcome = |decided_at_s| {
            concluded(|findings| {
                findings.run.ended = ended.clone();
                findings.series[0].decided_at_s = decided_at_s;
            })
            .outcome
        };
        assert_eq!(outcome(None), Outcome::Inconclusive, "{ended:?}");
        assert_eq!(outcome(Some(60.0)), Outcome::Pass, "{ended:?}");
        let undecided = concluded(|findings| {
            findings.run.ended = ended.clone();
            grow(&mut findings.series[0], JudgementKind::Inconclusive, 0.0, 0.9);
        });
        assert_eq!(undecided.decided_by[0], DecidedBy::RunEnded, "it is why nothing else is decided");
    }
    let leak = of_growth(JudgementKind::Leak, 0.2, 0.3, |findings| {
        findings.run.ended = Ended::Interrupted { signal: 15 };
    });
    assert_eq!(leak.0, Outcome::Fail, "a leak that was seen stays one");
}

#[test]
fn witnesses_decide_nothing() {
    let verdict = concluded(|findings| {
        let mut witness = findings.series[0].clone();
        grow(&mut witness, JudgementKind::Leak, 0.9, 0.9);
        witness.role = Role::Witness;
        witness.metric = "minor_faults_count".to_owned();
        findings.series.push(witness);
    });
    assert_eq!((verdict.outcome, verdict.severity), (Outcome::Pass, Severity::None));
}

#[test]
fn the_worst_finding_decides_and_comes_first() {
    let verdict = concluded(|findings| {
        let first = findings.series[0].clone();
        for (metric, kind, low) in [
            ("threads_count", JudgementKind::Inconclusive, -0.1),
            ("fds_count", JudgementKind::Leak, 0.1),
            ("procs_count", JudgementKind::Leak, 0.4),
        ] {
            let mut series = SeriesFinding { metric: metric.to_owned(), ..first.clone() };
            grow(&mut series, kind, low, 0.9);
            findings.series.push(series);
        }
    });
    assert_eq!((verdict.outcome, verdict.severity), (Outcome::Fail, Severity::High));
    let series = |index, metric: &str| DecidedBy::Series { index, metric: metric.to_owned() };
    assert_eq!(verdict.decided_by, [series(3, "procs_count"), series(2, "fds_count")]);
}

#[test]
fn what_is_undecided_outweighs_a_warning() {
    let beside = |kind: JudgementKind| {
        concluded(|findings| {
            let mut other = findings.series[0].clone();
            grow(&mut findings.series[0], JudgementKind::Retention, 0.1, 0.2);
            other.metric = "fds_count".to_owned();
            grow(&mut other, kind, -0.1, 0.9);
            findings.series.insert(0, other);
        })
        .outcome
    };
    assert_eq!(beside(JudgementKind::Inconclusive), Outcome::Inconclusive);
    assert_eq!(beside(JudgementKind::NoLeak), Outcome::Warn);
}

#[test]
fn what_sees_more_clearly_speaks_for_what_does_not() {
    let beside = |kind: JudgementKind, points: usize| {
        concluded(|findings| {
            findings.series[0].metric = "anon_swap_bytes".to_owned();
            let mut resident = findings.series[0].clone();
            resident.metric = "rss_bytes".to_owned();
            grow(&mut resident, kind, 0.1, 0.9);
            resident.judgement.points = points;
            findings.series.push(resident);
        })
    };
    let leaking = beside(JudgementKind::Leak, 100);
    assert_eq!(leaking.outcome, Outcome::Warn);
    assert_eq!(leaking.series[1].judgement.judgement, JudgementKind::Retention);
    assert_eq!(beside(JudgementKind::Inconclusive, 100).outcome, Outcome::Pass);
    assert_eq!(beside(JudgementKind::Inconclusive, 0).outcome, Outcome::Inconclusive, "missing data is missing");
}
