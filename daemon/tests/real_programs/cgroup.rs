//! Attaching to a cgroup: watched until it is empty, followed when it fills again; and to a process whose cgroup holds others too.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use soakd::store::Store;
use soakd::target::{
    AttachSpec, AttachTo, Follow, Membership, RestartPolicy, RestartWhen, StopSpec, Target, TargetEvent,
};

use crate::harness::{Case, OWN_CGROUP};
use crate::soak::{Soak, said};
use crate::target_helper::{Child, eventually, gone, patiently, shell, spawn};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_cgroup_is_watched_until_it_is_empty_and_followed_when_it_fills_again",
        needs: &[OWN_CGROUP],
        test: watched_and_followed,
    },
    Case {
        name: "a_target_that_is_attached_to_and_shares_its_cgroup_is_told_that_it_is_not_measured",
        needs: &[OWN_CGROUP],
        test: shared_from_the_start,
    },
    Case { name: "a_cgroup_that_comes_to_hold_others_is_told_as_it_happens", needs: &[OWN_CGROUP], test: shared_later },
];

/// A witness on v2 and context on v1, where nothing of a cgroup is recorded unless it is asked for.
const PROFILE: &str = "[sample]\nmetrics = ['anon_swap_bytes', 'cgroup_anon_bytes']\n";

fn watched_and_followed() {
    within_runtime(both());
}

async fn attach(to: AttachTo, follow: Follow) -> Target {
    let mut target = patiently(Target::attach(AttachSpec { to, follow })).await.expect("attached");
    patiently(target.wait_ready()).await.expect("ready");
    target
}

async fn restarted(target: &mut Target) -> (u32, u32) {
    loop {
        match patiently(target.next_event()).await {
            TargetEvent::Restarted { old, new, .. } => return (old.pid, new.pid),
            TargetEvent::Gone => panic!("gone without a successor"),
            _ => {}
        }
    }
}

async fn both() {
    let mut spec = shell("exec sleep 600");
    spec.restart = RestartPolicy { when: RestartWhen::Always, limit_count: Some(1), delay: Duration::from_millis(500) };
    let mut spawned = spawn(spec).await;
    let placement = spawned.placement().expect("a placement").clone();
    let folder = placement.cgroup_v2.or(placement.cgroup_v1_memory).expect("a cgroup of its own");
    let to = AttachTo::Cgroup(folder.clone());
    let mut followed = attach(to.clone(), Follow::Successor { within: None }).await;
    let mut watched = attach(to, Follow::No).await;
    let first = spawned.process();
    assert_eq!((followed.process(), watched.process()), (first, first));
    assert_eq!(followed.membership(), Membership::Cgroup(folder));
    let pid = i32::try_from(first.pid).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("ended");
    gone(&mut watched).await;
    let (old, new) = restarted(&mut followed).await;
    let (spawned_old, spawned_new) = restarted(&mut spawned).await;
    assert_eq!((old, new), (spawned_old, spawned_new));
    patiently(spawned.stop(StopSpec::default())).await.expect("stopped");
}

fn within_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test);
}

/// A target alone in its cgroup.
async fn alone() -> Target {
    spawn(shell("exec sleep 600")).await
}

/// A process that has nothing to do with `target` and is put into its cgroup.
fn stranger_beside(target: &Target) -> Child {
    let stranger = Child::start("sleep", &["600"]);
    let placement = target.placement().expect("a placement");
    for folder in placement.cgroup_v2.iter().chain(&placement.cgroup_v1_memory) {
        std::fs::write(folder.join("cgroup.procs"), stranger.0.id().to_string()).expect("it is its parent's to move");
    }
    stranger
}

fn profile_in(folder: &Path) -> String {
    let profile = folder.join("cgroup.toml");
    std::fs::write(&profile, PROFILE).expect("a profile");
    profile.display().to_string()
}

fn shared_from_the_start() {
    within_runtime(async {
        let mut target = alone().await;
        let _stranger = stranger_beside(&target);
        let folder = tempfile::tempdir().expect("a folder");
        let (pid, profile) = (target.process().pid.to_string(), profile_in(folder.path()));
        let attach = ["attach", "--pid", &pid, "--profile", &profile, "--for", "2s", "--interval", "50ms"];
        let soak = Soak::run(folder.path(), attach, &[]);
        let warnings = soak.verdict["warnings"].to_string();
        let expected = "metrics of the target's cgroup are not measured: other processes are in its cgroup too";
        assert!(warnings.contains(expected), "{warnings}\n{}", said(&soak.output));
        let series = soak.verdict["series"].as_array().expect("a list of series");
        assert!(series.iter().all(|series| series["metric"] != "cgroup_anon_bytes"), "{series:#?}");
        patiently(target.stop(StopSpec::default())).await.expect("stopped");
    });
}

fn shared_later() {
    within_runtime(async {
        let mut target = alone().await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut attach = Command::new(env!("CARGO_BIN_EXE_soakd"));
        attach.args(["attach", "--pid", &target.process().pid.to_string(), "--profile", &profile_in(folder.path())]);
        attach.args(["--for", "10m", "--interval", "50ms", "--state"]).arg(folder.path());
        attach.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let _soakd = Child(attach.spawn().expect("soakd starts"));
        let store = Store::open(folder.path()).expect("the store can be opened").store;
        let of_last = |is_so: &dyn Fn(&Store, soakd::store::RunKey) -> bool| {
            store.run("last").is_ok_and(|run| is_so(&store, run.key))
        };
        eventually("its cgroup is read", || {
            of_last(&|store, run| {
                let series = store.series(run).expect("the store can be read");
                series.iter().any(|series| series.metric == "cgroup_anon_bytes")
            })
        })
        .await;
        let _stranger = stranger_beside(&target);
        eventually("that it is shared is told", || {
            of_last(&|store, run| {
                let events = store.events(run).expect("the store can be read");
                events.iter().any(|event| event.text.starts_with("the target's cgroup came to hold others as well"))
            })
        })
        .await;
        patiently(target.stop(StopSpec::default())).await.expect("stopped");
    });
}
