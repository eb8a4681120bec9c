//! Answers as people read them.

use soakd_analysis::JudgementKind;

use super::*;
use crate::service::handle::tests::idle;
use crate::service::status::LivePhase;
use crate::service::submission::Submission;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn a_job(id: u64) -> Job {
    Job {
        id,
        name: "nightly\u{1b}[31m".to_owned(),
        submission: Submission { profile: Some("demo".to_owned()), ..Submission::default() },
        schedule: Some("nightly".to_owned()),
        planned: None,
        state: JobState::Queued,
        attempts_count: 0,
        queued: time("2026-11-26T01:00:00Z"),
        not_before: Some(time("2026-11-26T01:01:00Z")),
        started: None,
        ended: None,
        run: None,
        outcome: None,
        exit_code: None,
        message: None,
    }
}

fn busy() -> Status {
    let mut status = idle();
    status.daemon.slots_taken_count = 1;
    status.daemon.queued_count = 1;
    status.daemon.rss_bytes = Some(23 << 20);
    status.daemon.held_back = Some("too little memory".to_owned());
    status.daemon.remarks = vec!["the store was damaged and is kept aside".to_owned()];
    status.running = vec![LiveRun {
        id: "20261126-005500-demo-3f9a".to_owned(),
        profile: "demo".to_owned(),
        job: Some(1),
        watch: None,
        target: "./server".to_owned(),
        pid: Some(4711),
        started: time("2026-11-26T00:55:00Z"),
        phase: LivePhase::Loaded,
        t_s: 300.0,
        planned_s: 28_800.0,
        samples_count: 300,
        series: vec![LiveSeries {
            metric: "anon_bytes".to_owned(),
            source: None,
            unit: Quantity::Bytes,
            level: 64.0 * 1024.0 * 1024.0,
            rate_per_hour: Some(Estimate { value: 4194304.0, low: Some(2097152.0), high: None, confidence: 0.95 }),
            tolerance_per_hour: Some(1048576.0),
            judgement: JudgementKind::Leak,
            time_to_limit_s: Some(Estimate { value: 7200.0, low: None, high: None, confidence: 0.95 }),
            model: Some("linear".to_owned()),
        }],
        warnings: vec!["`pss_bytes` is not measured".to_owned()],
    }];
    status.queue = vec![a_job(2)];
    status.schedule = vec![Planned {
        name: "nightly".to_owned(),
        when: "@nightly".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        submission: Submission { profile: Some("demo".to_owned()), ..Submission::default() },
        is_enabled: true,
        next: Some(time("2026-11-26T23:00:00Z")),
        last_job: Some(1),
    }];
    status.watches = vec![WatchStatus {
        name: "web".to_owned(),
        target: "nginx.service".to_owned(),
        run: None,
        judgement: Some(JudgementKind::NoLeak),
        summary: None,
        since: Some(time("2026-11-25T00:00:00Z")),
        waiting: Some("it is not running".to_owned()),
    }];
    status
}

#[test]
fn all_that_goes_on_is_told_in_one_page() {
    insta::assert_snapshot!(status(&busy(), &TimeZone::UTC));
    insta::assert_snapshot!(status(&idle(), &TimeZone::UTC));
}

#[test]
fn a_job_tells_what_became_of_it() {
    let ended = Job {
        state: JobState::Done,
        outcome: Some(soakd_reports::Outcome::Fail),
        started: Some(time("2026-11-26T01:02:00Z")),
        ended: Some(time("2026-11-26T02:02:00Z")),
        run: Some("20261126-010200-demo-3f9a".to_owned()),
        message: Some("leak: `anon_bytes` grows 4 MiB/h".to_owned()),
        attempts_count: 2,
        ..a_job(2)
    };
    insta::assert_snapshot!(job(&ended, &TimeZone::UTC));
    insta::assert_snapshot!(event(&LiveEvent::Job { job: Box::new(ended) }));
}

#[test]
fn what_there_is_not_is_told_as_well() {
    for text in [jobs(&[], &TimeZone::UTC), schedule(&[], &TimeZone::UTC), watches(&[], &TimeZone::UTC)] {
        assert!(text.starts_with("no") && text.ends_with('\n'), "{text}");
    }
}
