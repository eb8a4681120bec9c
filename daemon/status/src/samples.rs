//! Statuses for tests, as real daemons have them.

use jiff::{SignedDuration, Timestamp};
use soakd_analysis::{Estimate, JudgementKind, Quantity};
use soakd_reports::{Outcome, TrendChart, TrendPoint, TrendStep};

use crate::past::{DrawnRun, DrawnSeries, Nights, PastRun, Points, ProfileHistory};
use crate::status::{DaemonStatus, Job, JobState, LivePhase, LiveRun, LiveSeries, Planned, Status, WatchStatus};
use crate::submission::Submission;

const MIB: f64 = 1024.0 * 1024.0;

pub(crate) fn now() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().expect("a time")
}

fn before(hours: f64) -> Timestamp {
    now().checked_sub(SignedDuration::from_secs_f64(hours * 3600.0)).expect("a time")
}

fn after(hours: f64) -> Timestamp {
    before(-hours)
}

/// A daemon that has nothing to do.
pub(crate) fn idle() -> Status {
    Status {
        daemon: DaemonStatus {
            config: Some("/etc/soakd/soakd.toml".to_owned()),
            slots_count: 2,
            ..DaemonStatus::beginning("0.1.0", 812, before(77.0), "/var/lib/soakd".to_owned())
        },
        running: Vec::new(),
        queue: Vec::new(),
        schedule: Vec::new(),
        watches: Vec::new(),
    }
}

fn estimate(value: f64, low: f64, high: f64) -> Estimate {
    Estimate { value, low: Some(low), high: Some(high), confidence: 0.95 }
}

pub(crate) fn series(metric: &str, unit: Quantity, level: f64, judgement: JudgementKind) -> LiveSeries {
    LiveSeries {
        metric: metric.to_owned(),
        source: None,
        unit,
        level,
        rate_per_hour: None,
        tolerance_per_hour: None,
        judgement,
        time_to_limit_s: None,
        model: None,
    }
}

fn run(id: &str, profile: &str, target: &str, hours: f64, planned_hours: f64, series: Vec<LiveSeries>) -> LiveRun {
    LiveRun {
        id: id.to_owned(),
        profile: profile.to_owned(),
        job: None,
        watch: None,
        target: target.to_owned(),
        pid: Some(4711),
        started: before(hours),
        phase: LivePhase::Loaded,
        t_s: hours * 3600.0,
        planned_s: planned_hours * 3600.0,
        samples_count: (hours * 3600.0) as u64,
        series,
        warnings: Vec::new(),
    }
}

pub(crate) fn job(id: u64, name: &str, state: JobState) -> Job {
    Job {
        id,
        name: name.to_owned(),
        submission: Submission { profile: Some(name.to_owned()), ..Submission::default() },
        schedule: None,
        planned: None,
        state,
        attempts_count: 0,
        queued: before(0.4),
        not_before: None,
        started: None,
        ended: None,
        run: None,
        outcome: None,
        exit_code: None,
        message: None,
    }
}

/// A daemon with two soaks, a watch, jobs that wait and a schedule.
pub(crate) fn busy() -> Status {
    let mut status = idle();
    status.daemon = DaemonStatus {
        slots_taken_count: 2,
        queued_count: 2,
        ticks_count: 123_456,
        missed_ticks_count: 3,
        rss_bytes: Some(14_900_000),
        cpu_s: Some(812.4),
        open_files_count: Some(61),
        store_bytes: Some(183_500_000),
        ..status.daemon
    };
    let leak = LiveSeries {
        rate_per_hour: Some(estimate(3.1 * MIB, 2.8 * MIB, 3.4 * MIB)),
        tolerance_per_hour: Some(MIB),
        time_to_limit_s: Some(estimate(18_720.0, 16_920.0, 21_960.0)),
        model: Some("linear".to_owned()),
        ..series("anon_swap_bytes", Quantity::Bytes, 132.0 * MIB, JudgementKind::Leak)
    };
    let files = LiveSeries {
        rate_per_hour: Some(estimate(0.0, -0.2, 0.3)),
        tolerance_per_hour: Some(1.0),
        ..series("fds_count", Quantity::Count, 41.0, JudgementKind::NoLeak)
    };
    let heap = LiveSeries {
        source: Some("jvm".to_owned()),
        rate_per_hour: Some(estimate(0.4 * MIB, -0.3 * MIB, 1.2 * MIB)),
        tolerance_per_hour: Some(MIB),
        ..series("heap_live_bytes", Quantity::Bytes, 71.4 * MIB, JudgementKind::Inconclusive)
    };
    let calm = LiveSeries {
        rate_per_hour: Some(estimate(0.02 * MIB, -0.1 * MIB, 0.2 * MIB)),
        tolerance_per_hour: Some(MIB),
        ..series("rss_bytes", Quantity::Bytes, 212.0 * MIB, JudgementKind::NoLeak)
    };
    let fresh = series("rss_bytes", Quantity::Bytes, 48.2 * MIB, JudgementKind::Inconclusive);
    let mut leaking =
        run("20261126T095000Z-nightly-1", "nightly", "./orders --port 8080", 2.1, 8.0, vec![files, leak, heap]);
    leaking.job = Some(41);
    leaking.warnings = vec!["`pss_bytes` is not measured: permission denied on `/proc/4711/smaps_rollup`".to_owned()];
    let calm = run("20261126T110000Z-gateway-2", "gateway", "./gateway", 1.0, 2.0, vec![calm]);
    let mut watched = run("20261126T115500Z-nginx-3", "watch", "unit nginx.service", 0.05, 24.0, vec![fresh]);
    watched.watch = Some("nginx".to_owned());
    status.running = vec![leaking, calm, watched];
    let mut second = job(44, "search index", JobState::Queued);
    second.submission.priority = 5;
    second.submission.exclusive = true;
    second.not_before = Some(after(0.25));
    second.attempts_count = 1;
    second.schedule = Some("index".to_owned());
    second.message = Some("the target was not ready within 30 s".to_owned());
    status.queue = vec![job(43, "gateway", JobState::Queued), second];
    let planned = |name: &str, when: &str, hours: Option<f64>| Planned {
        name: name.to_owned(),
        when: when.to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        submission: Submission { profile: Some(name.to_owned()), ..Submission::default() },
        is_enabled: hours.is_some(),
        next: hours.map(after),
        last_job: Some(40),
    };
    status.schedule = vec![
        planned("nightly", "0 2 * * *", Some(13.0)),
        planned("weekend", "0 22 * * 6", Some(57.5)),
        planned("paused", "@nightly", None),
    ];
    let watch = |name: &str, judgement: Option<JudgementKind>| WatchStatus {
        name: name.to_owned(),
        target: format!("unit {name}.service"),
        run: None,
        judgement,
        summary: None,
        since: judgement.map(|_| before(30.0)),
        waiting: None,
    };
    let mut nginx = watch("nginx", Some(JudgementKind::NoLeak));
    nginx.run = Some("20261126T115500Z-nginx-3".to_owned());
    nginx.summary = Some("no_leak: `rss_bytes` grows less than 0.2 MiB/h (95 %), tolerance 1 MiB/h".to_owned());
    let mut redis = watch("redis", None);
    redis.waiting = Some("unit `redis.service` does not run".to_owned());
    status.watches = vec![nginx, redis];
    status
}

/// What was sampled of [`busy`].
pub(crate) fn drawn() -> Vec<DrawnRun> {
    let draw = |run: &LiveRun| DrawnRun {
        run: run.id.clone(),
        series: run.series.iter().map(|series| drawn_series(series, run.t_s)).collect(),
        gaps: if run.t_s > 3300.0 { vec![(3000.0, 3300.0)] } else { Vec::new() },
    };
    busy().running.iter().map(draw).collect()
}

fn drawn_series(series: &LiveSeries, t_s: f64) -> DrawnSeries {
    let slope = series.rate_per_hour.map_or(0.0, |rate| rate.value) / 3600.0;
    let mut points = Points::default();
    for place in 0..200_u32 {
        let at_s = t_s * f64::from(place) / 199.0;
        if 3000.0 < at_s && at_s < 3300.0 {
            continue;
        }
        // A warm-up, the growth, and a wobble that is the same in every test.
        let warm = -0.1 * series.level * (-at_s / 200.0).exp();
        let wobble = series.level * 0.004 * (f64::from(place) * 1.7).sin();
        let value = series.level - slope * (t_s - at_s) + warm + wobble;
        points.t_s.push(at_s);
        points.low.push(value);
        points.high.push(value + series.level * 0.003 * (1.0 + (f64::from(place) * 0.9).cos()));
    }
    DrawnSeries { metric: series.metric.clone(), source: series.source.clone(), unit: series.unit, points }
}

/// Nights of two profiles.
pub(crate) fn nights() -> Vec<Nights> {
    let outcomes = [
        Some(Outcome::Pass),
        Some(Outcome::Pass),
        Some(Outcome::Warn),
        Some(Outcome::Pass),
        Some(Outcome::Fail),
        Some(Outcome::Pass),
        Some(Outcome::Inconclusive),
        None,
        Some(Outcome::Block),
        Some(Outcome::Pass),
    ];
    let of = |profile: &str, count: u32, offset: usize| Nights {
        profile: profile.to_owned(),
        runs: (0..count)
            .map(|night| PastRun {
                id: format!("{profile}-{night}"),
                started: before(24.0 * f64::from(count - night)),
                duration_s: Some(28_800.0),
                outcome: outcomes[(night as usize * 3 + offset) % outcomes.len()],
                summary: Some("no_leak: `rss_bytes` grows less than 0.4 MiB/h (95 %), tolerance 1 MiB/h".to_owned()),
                commit: Some("0c18295d1f".to_owned()),
            })
            .collect(),
    };
    vec![of("nightly", 34, 0), of("gateway", 9, 1)]
}

/// What is known of the profile `nightly`.
pub(crate) fn history() -> ProfileHistory {
    let points = (0..30).map(|night| TrendPoint {
        label: format!("{} Nov", night + 1),
        value: (if night < 18 { 120.0 } else { 134.0 } + f64::from(night % 5) * 0.7) * MIB,
    });
    let baseline = TrendChart {
        title: "baseline of anon_swap_bytes".to_owned(),
        about: "last 136 MiB".to_owned(),
        unit: Quantity::Bytes,
        points: points.collect(),
        steps: vec![TrendStep { at: 18, label: "+11.6 %".to_owned() }],
    };
    let rate = TrendChart {
        title: "growth of anon_swap_bytes per hour".to_owned(),
        steps: Vec::new(),
        points: baseline
            .points
            .iter()
            .map(|point| TrendPoint { value: point.value / 400.0, ..point.clone() })
            .collect(),
        ..baseline.clone()
    };
    ProfileHistory {
        nights: nights().swap_remove(0),
        description: "The order service under the recorded load of a Monday.".to_owned(),
        trends: vec![baseline, rate],
        changes: vec![
            "baseline of anon_swap_bytes rose 11.6 % between 0c18295 and 1d2e3f4: 121 MiB to 135 MiB; worse".to_owned(),
        ],
    }
}
