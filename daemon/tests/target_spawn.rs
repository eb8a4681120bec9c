//! Targets that are started: real processes, kept by the real keeper.

mod target_helper;

use std::fs;
use std::time::Duration;

use regex::bytes::Regex;
use soakd::target::{
    AfterExit, ExitStatus, LimitedResource, LineCounter, OutputSpec, ReadySpec, ReadyWhen, ResourceLimit,
    RestartPolicy, RestartWhen, SpawnSpec, StopSpec, StopTook, TargetError, TargetEvent,
};
use target_helper::{eventually, gone, is_alive, line_ready, next_exit, patiently, shell, spawn};

#[tokio::test]
async fn a_target_runs_is_ready_and_stops_at_the_signal() {
    let mut target = spawn(line_ready(shell("echo up; exec sleep 600"), "^up$")).await;
    patiently(target.wait_ready()).await.unwrap();
    let process = target.process();
    assert!(is_alive(process.pid));
    let report = patiently(target.stop(StopSpec::default())).await.unwrap();
    assert_eq!(report.took, StopTook::Signal);
    assert_eq!(report.status, Some(ExitStatus::Signal(15)));
    assert!(report.killed.is_empty());
    assert!(!is_alive(process.pid));
    assert!(matches!(target.next_event().await, TargetEvent::Gone));
    assert_eq!(target.stop(StopSpec::default()).await.unwrap().took, StopTook::Nothing);
}

#[tokio::test]
async fn a_target_that_exits_at_once_is_told_with_its_status() {
    let mut target = spawn(shell("exit 3")).await;
    let (status, left, next) = next_exit(&mut target).await;
    assert_eq!((status, left, next), (ExitStatus::Code(3), 0, AfterExit::End));
    gone(&mut target).await;
    let report = patiently(target.stop(StopSpec::default())).await.unwrap();
    assert_eq!(report.took, StopTook::Nothing);
}

#[tokio::test]
async fn a_target_that_dies_of_a_signal_is_told_with_it() {
    let mut target = spawn(shell("kill -SEGV $$")).await;
    let (status, ..) = next_exit(&mut target).await;
    assert_eq!(status, ExitStatus::Signal(11));
    assert_eq!(status.to_string(), "signal SIGSEGV");
}

#[tokio::test]
async fn a_target_that_ends_before_it_is_ready_is_told_with_its_last_words() {
    let spec = line_ready(shell("echo reading config; echo 'no such file: app.conf' >&2; exit 7"), "never said");
    let mut target = spawn(spec).await;
    let error = patiently(target.wait_ready()).await.unwrap_err();
    match &error {
        TargetError::EndedBeforeReady { status, last_lines, .. } => {
            assert_eq!(*status, ExitStatus::Code(7));
            assert!(last_lines.contains(&"no such file: app.conf".to_owned()), "{last_lines:?}");
        }
        other => panic!("{other}"),
    }
    let text = error.to_string();
    assert!(text.starts_with("target ended with status 7 before it was ready; waited for a line of output"), "{text}");
}

#[tokio::test]
async fn a_target_that_is_never_ready_is_told_when_the_time_is_up() {
    let mut spec = shell("echo starting; exec sleep 600");
    let when = ReadyWhen::Http { url: "http://127.0.0.1:9/healthz".to_owned(), status: 200..=399 };
    spec.ready = Some(ReadySpec { when, timeout: Duration::from_millis(300) });
    let mut target = spawn(spec).await;
    match patiently(target.wait_ready()).await.unwrap_err() {
        TargetError::NotReadyInTime { last_answer, .. } => assert!(last_answer.unwrap().contains("cannot connect")),
        other => panic!("{other}"),
    }
    let report = patiently(target.stop(StopSpec::default())).await.unwrap();
    assert_eq!(report.took, StopTook::Signal);
}

#[tokio::test]
async fn a_port_that_accepts_is_ready() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut spec = shell("exec sleep 600");
    let when = ReadyWhen::Tcp(listener.local_addr().unwrap());
    spec.ready = Some(ReadySpec { when, timeout: Duration::from_secs(60) });
    let mut target = spawn(spec).await;
    patiently(target.wait_ready()).await.unwrap();
    patiently(target.stop(StopSpec::default())).await.unwrap();
}

#[tokio::test]
async fn a_target_that_ignores_the_signal_is_killed_after_the_grace_period() {
    let spec = line_ready(shell("trap '' TERM; echo deaf; while :; do sleep 600; done"), "deaf");
    let mut target = spawn(spec).await;
    patiently(target.wait_ready()).await.unwrap();
    let process = target.process();
    let stop = StopSpec { grace: Duration::from_millis(200), ..StopSpec::default() };
    let report = patiently(target.stop(stop)).await.unwrap();
    assert_eq!(report.took, StopTook::Kill);
    assert!(report.killed.iter().any(|killed| killed.pid == process.pid), "{report:?}");
    assert_eq!(report.status, Some(ExitStatus::Signal(9)));
    assert!(!is_alive(process.pid));
}

#[tokio::test]
async fn the_grace_period_can_be_skipped() {
    let spec = line_ready(shell("trap '' TERM; echo deaf; while :; do sleep 600; done"), "deaf");
    let mut target = spawn(spec).await;
    patiently(target.wait_ready()).await.unwrap();
    let skip = target.skip_grace();
    // Far longer than the patience of this test.
    let stop = StopSpec { grace: Duration::from_secs(86_400), ..StopSpec::default() };
    let (report, ()) = tokio::join!(patiently(target.stop(stop)), async { skip.skip() });
    assert_eq!(report.unwrap().took, StopTook::KillAtOnce);
}

#[tokio::test]
async fn a_stopped_target_ends_at_the_signal_all_the_same() {
    let spec = line_ready(shell("echo up; kill -STOP $$; sleep 600"), "up");
    let mut target = spawn(spec).await;
    patiently(target.wait_ready()).await.unwrap();
    let pid = target.process().pid;
    eventually("it is stopped", || target_helper::state(pid) == Some('T')).await;
    assert_eq!(patiently(target.stop(StopSpec::default())).await.unwrap().took, StopTook::Signal);
}

#[tokio::test]
async fn a_daemon_that_forks_away_goes_on_and_is_stopped() {
    // Twice forked and in a session of its own, with the parent gone: as far away as a daemon can get.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script =
        format!("(setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600' &) ; exit 0", file.display());
    let mut target = spawn(shell(&script)).await;
    let (status, left, next) = next_exit(&mut target).await;
    assert_eq!(status, ExitStatus::Code(0));
    assert!(left > 0);
    assert_eq!(next, AfterExit::GoesOn);
    eventually("the daemon has said who it is", || file.exists()).await;
    let daemon: u32 = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    assert!(is_alive(daemon));
    let report = patiently(target.stop(StopSpec::default())).await.unwrap();
    assert_eq!(report.took, StopTook::Signal);
    assert!(!is_alive(daemon));
}

#[tokio::test]
async fn a_daemon_that_ends_later_is_gone_then() {
    let script = "(setsid sh -c 'read line < /dev/stdin; sleep 0.2' &) ; exit 0";
    let mut target = spawn(shell(script)).await;
    let (_, _, next) = next_exit(&mut target).await;
    assert!(matches!(next, AfterExit::GoesOn | AfterExit::End));
    gone(&mut target).await;
}

#[tokio::test]
async fn every_process_of_a_family_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let script = format!(
        "trap '' TERM; for i in 1 2 3 4 5; do (trap '' TERM; sh -c 'echo $$ >> {0}; exec sleep 600') & \
         setsid sh -c \"trap '' TERM; echo \\$\\$ >> {0}; while :; do sleep 600; done\" & done; wait",
        file.display()
    );
    let mut target = spawn(shell(&script)).await;
    let pids = || -> Vec<u32> {
        fs::read_to_string(&file).unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect()
    };
    eventually("all have said who they are", || pids().len() == 10).await;
    let stop = StopSpec { grace: Duration::from_millis(100), ..StopSpec::default() };
    let report = patiently(target.stop(stop)).await.unwrap();
    assert_eq!(report.took, StopTook::Kill);
    assert_eq!(pids().into_iter().filter(|pid| is_alive(*pid)).collect::<Vec<_>>(), [0_u32; 0]);
}

#[tokio::test]
async fn a_family_that_forks_all_the_time_is_ended() {
    // Each one starts the next and exits, with the signal ignored: by the time it is seen it may be another.
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("next");
    fs::write(&script, "trap '' TERM\necho alive\nsleep 0.01\nsh \"$0\" &\n").unwrap();
    let counter = LineCounter::new(Regex::new("alive").unwrap());
    let mut spec = SpawnSpec::command("sh", [&script]);
    spec.counters = vec![counter.clone()];
    let mut target = spawn(spec).await;
    eventually("it has gone on for a while", || counter.count() > 20).await;
    let stop = StopSpec { grace: Duration::from_millis(50), ..StopSpec::default() };
    let report = patiently(target.stop(stop)).await.unwrap();
    assert_eq!(report.took, StopTook::Kill);
    // All output has been read when a stop is over: nothing can be added.
    let count = counter.count();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(counter.count(), count);
}

#[tokio::test]
async fn a_target_that_fails_is_started_again_as_often_as_allowed() {
    let mut spec = shell("exit 1");
    spec.restart =
        RestartPolicy { when: RestartWhen::OnFailure, limit_count: Some(2), delay: Duration::from_millis(10) };
    let mut target = spawn(spec).await;
    let mut processes = vec![target.process()];
    let mut exits = Vec::new();
    loop {
        match patiently(target.next_event()).await {
            TargetEvent::Restarted { old, new, restart_count } => {
                assert_eq!(Some(&old), processes.last());
                assert_ne!(old, new);
                assert_eq!(restart_count as usize, processes.len());
                processes.push(new);
            }
            TargetEvent::Exited { next, .. } => exits.push(next),
            TargetEvent::Gone => break,
            TargetEvent::Ready { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(processes.len(), 3);
    assert_eq!(exits, [AfterExit::Restart, AfterExit::Restart, AfterExit::RestartsUsedUp]);
}

#[tokio::test]
async fn what_a_failed_target_leaves_behind_is_ended_before_it_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("worker");
    let script = format!(
        "if [ -e {0} ]; then exec sleep 600; fi; sleep 600 & echo $! > {0}.new; mv {0}.new {0}; exit 1",
        file.display()
    );
    let mut spec = shell(&script);
    spec.restart = RestartPolicy { when: RestartWhen::OnFailure, limit_count: None, delay: Duration::ZERO };
    let mut target = spawn(spec).await;
    let (_, left, next) = next_exit(&mut target).await;
    assert_eq!((left, next), (1, AfterExit::Restart));
    let worker: u32 = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    loop {
        match patiently(target.next_event()).await {
            TargetEvent::Restarted { .. } => break,
            TargetEvent::Ready { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(!is_alive(worker));
    assert_eq!(patiently(target.stop(StopSpec::default())).await.unwrap().took, StopTook::Signal);
}

#[tokio::test]
async fn success_is_not_started_again_on_failure_but_always() {
    let policy = |when| RestartPolicy { when, limit_count: Some(1), delay: Duration::ZERO };
    let mut spec = shell("exit 0");
    spec.restart = policy(RestartWhen::OnFailure);
    assert_eq!(next_exit(&mut spawn(spec.clone()).await).await.2, AfterExit::End);
    spec.restart = policy(RestartWhen::Always);
    assert_eq!(next_exit(&mut spawn(spec).await).await.2, AfterExit::Restart);
}

#[tokio::test]
async fn a_stop_ends_the_wait_for_a_restart() {
    let mut spec = shell("exit 1");
    spec.restart = RestartPolicy { when: RestartWhen::Always, limit_count: None, delay: Duration::from_secs(86_400) };
    let mut target = spawn(spec).await;
    next_exit(&mut target).await;
    assert_eq!(patiently(target.stop(StopSpec::default())).await.unwrap().took, StopTook::Nothing);
    gone(&mut target).await;
}

#[tokio::test]
async fn environment_folder_limits_and_group_are_as_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("target.log");
    let mut spec = shell("echo A=$A; pwd -P; ulimit -n; ulimit -c; ps -o pid=,pgid= -p $$ | tr -s ' '; cat; echo B=$B");
    spec.environment.insert("A".into(), "b c".into());
    spec.working_folder = Some(folder.path().to_owned());
    spec.limits = vec![
        ResourceLimit { resource: LimitedResource::OpenFiles, soft: Some(123), hard: Some(200) },
        ResourceLimit { resource: LimitedResource::Core, soft: Some(0), hard: Some(0) },
    ];
    spec.output = OutputSpec { file: Some(log.clone()), ..OutputSpec::default() };
    let mut target = spawn(spec).await;
    let pid = target.process().pid;
    gone(&mut target).await;
    patiently(target.stop(StopSpec::default())).await.unwrap();
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let here = folder.path().canonicalize().unwrap();
    assert_eq!(lines, ["A=b c", here.to_str().unwrap(), "123", "0", &format!("{pid} {pid}"), "B="]);
}

#[tokio::test]
async fn a_target_inherits_three_descriptors_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("target.log");
    // Not closed on exec, as a careless library would leave it.
    let open = fs::File::open("/dev/null").unwrap();
    let careless = rustix::io::fcntl_dupfd_cloexec(&open, 50).unwrap();
    rustix::io::fcntl_setfd(&careless, rustix::io::FdFlags::empty()).unwrap();
    let mut spec = shell("ls /proc/$$/fd; :");
    spec.output = OutputSpec { file: Some(log.clone()), ..OutputSpec::default() };
    let mut target = spawn(spec).await;
    gone(&mut target).await;
    patiently(target.stop(StopSpec::default())).await.unwrap();
    let text = fs::read_to_string(&log).unwrap();
    let mut descriptors: Vec<&str> = text.lines().collect();
    descriptors.sort_unstable();
    assert_eq!(descriptors, ["0", "1", "2"]);
}

#[tokio::test]
async fn output_is_bounded_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("target.log");
    let mut spec = shell("i=0; while [ $i -lt 5000 ]; do echo \"line $i\"; i=$((i+1)); done");
    spec.output = OutputSpec { file: Some(log.clone()), limit_bytes: 4096 };
    let counter = LineCounter::new(Regex::new("^line ").unwrap());
    spec.counters = vec![counter.clone()];
    let mut target = spawn(spec).await;
    let mut truncated = 0;
    loop {
        match patiently(target.next_event()).await {
            TargetEvent::OutputTruncated { file } => {
                assert_eq!(file, log);
                truncated += 1;
            }
            TargetEvent::Gone => break,
            _ => {}
        }
    }
    patiently(target.stop(StopSpec::default())).await.unwrap();
    assert_eq!(truncated, 1);
    assert_eq!(counter.count(), 5000);
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.len() < 5000, "{} bytes", text.len());
    assert!(text.starts_with("line 0\n") && text.ends_with("line 4999\n"));
}

#[tokio::test]
async fn another_user_runs_it_or_is_named_in_the_error() {
    let mut spec = shell("id -u; id -G");
    spec.user = Some("nobody".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("target.log");
    spec.output = OutputSpec { file: Some(log.clone()), ..OutputSpec::default() };
    if rustix::process::geteuid().is_root() {
        let mut target = spawn(spec).await;
        gone(&mut target).await;
        patiently(target.stop(StopSpec::default())).await.unwrap();
        let text = fs::read_to_string(&log).unwrap();
        assert_eq!(text.lines().next(), Some("65534"), "{text}");
        assert!(!text.lines().nth(1).unwrap().split(' ').any(|group| group == "0"), "{text}");
    } else {
        let error = target_helper::try_spawn(spec).await.unwrap_err();
        assert!(matches!(error, TargetError::AccountNotPermitted { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_command_that_does_not_exist_leaves_nothing() {
    let error = target_helper::try_spawn(SpawnSpec::command("./no-such-server", [""; 0])).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot start target `./no-such-server`: no such file or directory");
}

#[tokio::test]
async fn a_limit_that_cannot_be_set_is_named() {
    let mut spec = shell("exit 0");
    spec.limits = vec![ResourceLimit { resource: LimitedResource::OpenFiles, soft: Some(20), hard: Some(10) }];
    let error = target_helper::try_spawn(spec).await.unwrap_err();
    assert!(matches!(error, TargetError::Limit { .. }), "{error}");
}

#[tokio::test]
async fn a_memory_limit_is_set_or_said_not_to_be() {
    let mut spec = line_ready(shell("echo up; exec sleep 600"), "up");
    spec.memory_limit_bytes = Some(256 << 20);
    let mut target = spawn(spec).await;
    patiently(target.wait_ready()).await.unwrap();
    let placement = target.placement().unwrap().clone();
    let limit = placement.memory_limit.clone().expect("a limit was asked for");
    let folders: Vec<_> = placement.cgroup_v2.iter().chain(&placement.cgroup_v1_memory).cloned().collect();
    match limit {
        soakd::target::LimitOutcome::Set => {
            let files =
                folders.iter().flat_map(|folder| ["memory.max", "memory.limit_in_bytes"].map(|file| folder.join(file)));
            let limits: Vec<String> = files.filter_map(|file| fs::read_to_string(file).ok()).collect();
            assert!(limits.iter().any(|limit| limit.trim() == (256_u64 << 20).to_string()), "{limits:?}");
        }
        soakd::target::LimitOutcome::NotSet { why } => assert!(!why.is_empty()),
    }
    for folder in &folders {
        let pids = fs::read_to_string(folder.join("cgroup.procs")).unwrap();
        assert!(pids.lines().any(|pid| pid == target.process().pid.to_string()), "{}: {pids}", folder.display());
    }
    patiently(target.stop(StopSpec::default())).await.unwrap();
    assert!(folders.iter().all(|folder| !folder.exists()), "{folders:?}");
}
