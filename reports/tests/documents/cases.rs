//! One run for each outcome, as a daemon would hand it in. The verdicts in `examples/` are made from these.

use std::collections::BTreeMap;

use soakd_analysis::judgement::{ModelChoice, ModelScore};
use soakd_analysis::{Estimate, Judgement, JudgementKind, Quantity};
use soakd_reports::{
    Attribution, Bound, Budget, Ended, Event, Findings, Gap, Heap, HeapFrom, Host, LimitSource, Load, Looks, Overhead,
    Policy, Role, Run, Samples, Scope, SeriesFinding, Source, SourceCost, SourceFailures, SourceStatus, Verdict,
    Warning,
};

const MIB: f64 = 1024.0 * 1024.0;

/// Every example: its name, and what was found.
pub(crate) fn all() -> Vec<(&'static str, Findings)> {
    vec![
        ("pass", pass()),
        ("warn", warn()),
        ("fail", fail()),
        ("block", block()),
        ("inconclusive", inconclusive()),
        ("interrupted", interrupted()),
        ("budget", budget()),
    ]
}

/// The verdict of an example.
pub(crate) fn verdict(name: &str) -> Verdict {
    let findings = all().into_iter().find(|(example, _)| *example == name).map(|(_, findings)| findings);
    Verdict::new(findings.expect("an example of that name")).expect("finite numbers")
}

fn estimate(value: f64, low: f64, high: f64) -> Estimate {
    Estimate { value, low: Some(low), high: Some(high), confidence: 0.95 }
}

fn run(duration_s: f64, planned_s: f64, ended: Ended) -> Run {
    let start: jiff::Timestamp = "2026-11-20T01:00:00Z".parse().unwrap();
    let length = jiff::SignedDuration::from_secs_f64(duration_s);
    Run {
        id: "20261120-010000-quiet-otter".to_owned(),
        soakd_version: "0.1.0".to_owned(),
        profile: "nightly".to_owned(),
        scenario: Some("steady".to_owned()),
        stage: None,
        environment: Some("test".to_owned()),
        command: vec!["./server".to_owned(), "--port".to_owned(), "8080".to_owned()],
        attached: None,
        host: Host {
            name: Some("soak-1".to_owned()),
            os: Some("Debian GNU/Linux 13".to_owned()),
            kernel: Some("6.18.5".to_owned()),
            arch: Some("x86_64".to_owned()),
            cpus_count: Some(8),
            memory_bytes: Some(16_777_216_000),
            swap_bytes: Some(0),
        },
        commit: Some("9f1c2d7".to_owned()),
        branch: Some("main".to_owned()),
        start,
        end: start + length,
        duration_s,
        planned_s,
        ended,
    }
}

/// A judgement of a series around 40 MiB, judged for a tolerance of 1 MiB/h, in MiB per hour.
fn judgement(kind: JudgementKind, rate: f64, low: f64, high: f64) -> Judgement {
    Judgement {
        judgement: kind,
        rate_per_hour: Some(estimate(rate * MIB, low * MIB, high * MIB)),
        rate_per_op: None,
        tolerance_per_hour: MIB,
        tolerance_per_op: None,
        mde_per_hour: Some(0.5 * MIB),
        mde_per_op: None,
        needed_s: None,
        model: Some(ModelChoice {
            name: if kind == JudgementKind::NoLeak { "constant" } else { "linear" }.to_owned(),
            parameters: match kind {
                JudgementKind::NoLeak => BTreeMap::new(),
                _ => {
                    BTreeMap::from([("growth_bytes_per_hour".to_owned(), estimate(rate * MIB, low * MIB, high * MIB))])
                }
            },
            turns: Vec::new(),
            scores: match kind {
                JudgementKind::NoLeak => scores(["constant", "linear"]),
                _ => scores(["linear", "constant"]),
            },
        }),
        settled_baseline: Some(40.0 * MIB),
        final_level: Some((40.0 + rate) * MIB),
        warmup_s: 60.0,
        onset_s: None,
        time_to_limit_s: None,
        time_to_stop_s: None,
        growth_over_horizon_ratio: None,
        events: Vec::new(),
        points: 3540,
        evidence: vec!["the first minute was left out as warm-up".to_owned()],
    }
}

fn series(metric: &str, role: Role, judgement: Judgement) -> SeriesFinding {
    SeriesFinding {
        metric: metric.to_owned(),
        unit: Quantity::of_metric(metric),
        scope: Scope::Tree,
        role,
        limit: None,
        limit_source: None,
        decided_at_s: None,
        judgement,
    }
}

/// Two models that were fitted, best first.
fn scores(names: [&str; 2]) -> Vec<ModelScore> {
    names.into_iter().zip([0.0, 214.3]).map(|(name, behind)| ModelScore { name: name.to_owned(), behind }).collect()
}

/// Descriptors that do not grow, for a tolerance of 2 an hour.
fn descriptors() -> SeriesFinding {
    let mut calm = judgement(JudgementKind::NoLeak, 0.0, 0.0, 0.0);
    calm.rate_per_hour = Some(estimate(0.0, -0.4, 0.4));
    calm.tolerance_per_hour = 2.0;
    calm.mde_per_hour = Some(0.9);
    calm.settled_baseline = Some(23.0);
    calm.final_level = Some(23.0);
    series("fds_count", Role::Judged, calm)
}

fn findings(run: Run, series: Vec<SeriesFinding>) -> Findings {
    Findings {
        samples: Samples {
            count: run.duration_s as u64,
            interval_s: 1.0,
            missed_ticks_count: 0,
            gaps: Vec::new(),
            file: Some("/var/lib/soakd/soakd.sqlite".to_owned()),
        },
        run,
        policy: Policy::default(),
        series,
        budgets: Vec::new(),
        load: Some(Load {
            driver: "command".to_owned(),
            operations: Some(720_000),
            errors: Some(0),
            throughput_per_s: Some(200.0),
        }),
        attribution: Vec::new(),
        heap: None,
        sources: Vec::new(),
        overhead: Overhead {
            cpu_s: Some(1.9),
            cpu_ratio: Some(0.0005),
            rss_peak_bytes: Some(13_000_000),
            read_p50_s: Some(0.000_021),
            read_p99_s: Some(0.000_24),
            read_max_s: Some(0.0031),
            late_ticks_count: 0,
            looks: Some(Looks {
                count: 4,
                total_s: 0.021,
                longest_s: 0.008,
                ratio: Some(0.000_006),
                referenced_reset_bytes: 91 << 20,
            }),
            sources: vec![
                SourceCost {
                    name: "statm".to_owned(),
                    reads_count: 3600,
                    total_s: 0.0036,
                    read_p50_s: Some(0.000_001),
                    read_p99_s: Some(0.000_002),
                    read_max_s: Some(0.000_04),
                    ..SourceCost::default()
                },
                SourceCost {
                    name: "smaps_rollup".to_owned(),
                    reads_count: 120,
                    total_s: 0.24,
                    read_p50_s: Some(0.0019),
                    read_p99_s: Some(0.0028),
                    read_max_s: Some(0.0031),
                    put_off_count: 12,
                    longest_pause_s: Some(34.9),
                    target_faults_count: Some(4),
                },
            ],
        },
        warnings: Vec::new(),
        events: vec![Event { t_s: 0.8, kind: "ready".to_owned(), text: "port 8080 answers".to_owned() }],
    }
}

fn pass() -> Findings {
    let calm = judgement(JudgementKind::NoLeak, 0.1, -0.2, 0.4);
    let mut findings = findings(
        run(1260.0, 3600.0, Ended::DecidedEarly),
        vec![
            series("anon_swap_bytes", Role::Judged, calm),
            descriptors(),
            series("rss_bytes", Role::Witness, judgement(JudgementKind::Inconclusive, 0.6, -0.3, 1.5)),
        ],
    );
    findings.series[0].decided_at_s = Some(1260.0);
    findings.series[1].decided_at_s = Some(900.0);
    let mut cache = series("app_cache_bytes", Role::Witness, judgement(JudgementKind::NoLeak, 0.1, -0.2, 0.4));
    cache.scope = Scope::Source { name: "app".to_owned() };
    findings.series.push(cache);
    findings.sources = vec![Source {
        name: "app".to_owned(),
        kind: "prometheus".to_owned(),
        asked: Some("http://127.0.0.1:8080/metrics".to_owned()),
        status: SourceStatus::Partly,
        reads_count: 252,
        failures: vec![SourceFailures {
            why: "timed_out".to_owned(),
            count: 2,
            last: "no full answer within 5 s".to_owned(),
        }],
        series_count: 34,
        left_out_count: 0,
        interval_s: 5.0,
        slowed_to_s: None,
        read_p50_s: Some(0.0021),
        read_max_s: Some(5.0),
    }];
    findings.heap = Some(Heap {
        from: HeapFrom::Runtime,
        source: Some("app".to_owned()),
        metric: Some("go_memstats_heap_alloc_bytes".to_owned()),
        whole_target: false,
    });
    findings.budgets = vec![Budget::observed("peak", "rss_bytes", Bound::AtMost, 100.0 * MIB, Ok(48.0 * MIB))];
    findings
}

fn warn() -> Findings {
    let mut retained = judgement(JudgementKind::Retention, 2.0, 1.6, 2.4);
    retained.evidence =
        vec!["`rss_bytes` grows while `heap_live_bytes` does not: the allocator keeps what was given back".to_owned()];
    findings(
        run(28_800.0, 28_800.0, Ended::PlannedEnd),
        vec![
            series("rss_bytes", Role::Judged, retained),
            series("heap_live_bytes", Role::Judged, judgement(JudgementKind::NoLeak, 0.0, -0.1, 0.1)),
        ],
    )
}

fn fail() -> Findings {
    let mut leak = judgement(JudgementKind::Leak, 3.1, 2.8, 3.4);
    leak.onset_s = Some(760.0);
    leak.tolerance_per_hour = MIB;
    leak.settled_baseline = Some(180.0 * MIB);
    leak.final_level = Some(182.4 * MIB);
    leak.time_to_limit_s = Some(estimate(382_600.0, 348_900.0, 423_600.0));
    leak.evidence = vec![
        "it grows 3.1 MiB/h (2.8 MiB/h to 3.4 MiB/h, 95 %); tolerated is 1 MiB/h".to_owned(),
        "no shape that slows down explains it: the best one, `saturating`, is 38 behind `linear`".to_owned(),
    ];
    let mut findings = findings(
        run(3600.0, 3600.0, Ended::PlannedEnd),
        vec![
            series("anon_swap_bytes", Role::Judged, leak.clone()),
            descriptors(),
            series("rss_bytes", Role::Witness, leak),
        ],
    );
    findings.series[0].limit = Some(512.0 * MIB);
    findings.series[0].limit_source = Some(LimitSource::Budget { name: "most".to_owned() });
    findings.attribution = vec![
        Attribution { what: "worker[4712]".to_owned(), share: 0.93 },
        Attribution { what: "server[4711]".to_owned(), share: 0.07 },
    ];
    findings.samples.missed_ticks_count = 4;
    findings.samples.gaps = vec![Gap { from_s: 1800.0, to_s: 1804.0, why: "the host was suspended".to_owned() }];
    findings.warnings = vec![Warning {
        text: "`pss_bytes` is not measured: permission denied on `/proc/4711/smaps_rollup`".to_owned(),
        hint: Some("run soakd as the user of the target, or drop `pss_bytes` from `[sample]`".to_owned()),
    }];
    findings
}

fn block() -> Findings {
    let mut leak = judgement(JudgementKind::Leak, 420.0, 390.0, 450.0);
    leak.model = Some(ModelChoice {
        name: "exponential".to_owned(),
        parameters: BTreeMap::from([
            ("e_foldings".to_owned(), estimate(0.5, 0.5, 1.1)),
            ("growth_bytes".to_owned(), estimate(8.4 * MIB, 7.9 * MIB, 8.9 * MIB)),
        ]),
        turns: Vec::new(),
        scores: scores(["exponential", "linear"]),
    });
    leak.time_to_limit_s = Some(estimate(3840.0, 3580.0, 4140.0));
    leak.time_to_stop_s = leak.time_to_limit_s;
    leak.evidence = vec!["it grows 420 MiB/h (390 MiB/h to 450 MiB/h, 95 %); tolerated is 15.4 MiB/h".to_owned()];
    leak.tolerance_per_hour = 15.36 * MIB;
    leak.points = 480;
    let mut descriptors = descriptors();
    descriptors.judgement.judgement = JudgementKind::Leak;
    descriptors.judgement.model = Some(ModelChoice {
        name: "linear".to_owned(),
        parameters: BTreeMap::from([("growth_count_per_hour".to_owned(), estimate(3600.0, 3550.0, 3650.0))]),
        turns: Vec::new(),
        scores: scores(["linear", "constant"]),
    });
    descriptors.judgement.rate_per_hour = Some(estimate(3600.0, 3550.0, 3650.0));
    let mut findings = findings(
        run(90.0, 120.0, Ended::DecidedEarly),
        vec![series("anon_swap_bytes", Role::Judged, leak), descriptors],
    );
    for series in &mut findings.series {
        series.judgement.warmup_s = 20.0;
        series.decided_at_s = Some(90.0);
    }
    findings.series[0].limit = Some(512.0 * MIB);
    findings.series[0].limit_source = Some(LimitSource::MemoryLimit);
    findings
}

fn inconclusive() -> Findings {
    let mut open = judgement(JudgementKind::Inconclusive, 0.9, -0.8, 2.6);
    open.mde_per_hour = Some(3.4 * MIB);
    open.needed_s = Some(4300.0);
    open.evidence = vec!["the interval of the rate (-0.8 MiB/h to 2.6 MiB/h) holds the tolerance, 1 MiB/h".to_owned()];
    findings(run(600.0, 600.0, Ended::PlannedEnd), vec![series("anon_swap_bytes", Role::Judged, open), descriptors()])
}

fn interrupted() -> Findings {
    findings(
        run(1260.0, 28_800.0, Ended::Interrupted { signal: 15 }),
        vec![series("anon_swap_bytes", Role::Judged, judgement(JudgementKind::NoLeak, 0.1, -0.2, 0.4)), descriptors()],
    )
}

fn budget() -> Findings {
    let mut findings = findings(
        run(3600.0, 3600.0, Ended::OperationsDone { operations: 100_000 }),
        vec![series("anon_swap_bytes", Role::Judged, judgement(JudgementKind::NoLeak, 0.1, -0.2, 0.4))],
    );
    findings.budgets = vec![
        Budget::observed("growth", "anon_swap_bytes", Bound::AtMost, 50.0 * MIB, Ok(62.5 * MIB)),
        Budget::observed("peak", "rss_bytes", Bound::AtMost, 100.0 * MIB, Ok(98.0 * MIB)),
        Budget::observed(
            "cleanup",
            "anon_swap_bytes",
            Bound::AtMost,
            10.0 * MIB,
            Err("there are no samples before or after the load".to_owned()),
        ),
    ];
    findings
}
