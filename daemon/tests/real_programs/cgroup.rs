//! Attaching to a cgroup: watched until it is empty, followed when it fills again.

use std::time::Duration;

use soakd::target::{
    AttachSpec, AttachTo, Follow, Membership, RestartPolicy, RestartWhen, StopSpec, Target, TargetEvent,
};

use crate::harness::{Case, OWN_CGROUP};
use crate::target_helper::{gone, patiently, shell, spawn};

pub(crate) const CASES: &[Case] = &[Case {
    name: "a_cgroup_is_watched_until_it_is_empty_and_followed_when_it_fills_again",
    needs: &[OWN_CGROUP],
    test: watched_and_followed,
}];

fn watched_and_followed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(both());
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
