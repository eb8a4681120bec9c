//! What is left of a target whose keeper was killed: it has become ours, and we end it.

use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, waitpid};

use super::family::{Relative, all_processes, descendants_among};
use super::handle::living;
use super::own_cgroup::{kill_in, remove_tree};
use crate::target::{Leftover, Placement, StopTook};

/// How often they are looked for while they are being ended: they are not children whose exit we are told of.
const ROUND: Duration = Duration::from_millis(20);
/// How long SIGKILL may take.
const LONGEST_KILL: Duration = Duration::from_secs(10);

/// Asks the orphans to end, kills what is left after `grace`, and reaps them.
///
/// # Errors
/// With those that do not end.
pub(crate) async fn end_orphans(
    signal: Signal,
    grace: Duration,
    placement: Option<&Placement>,
) -> Result<(StopTook, Vec<Leftover>), Vec<Leftover>> {
    let orphans = orphans();
    if orphans.is_empty() {
        return Ok((StopTook::Nothing, Vec::new()));
    }
    for orphan in &orphans {
        let _ = orphan.signal(signal);
        let _ = orphan.signal(Signal::CONT);
    }
    let asked = tokio::time::timeout(grace, async {
        while !remaining().is_empty() {
            tokio::time::sleep(ROUND).await;
        }
    });
    let took = match asked.await {
        Ok(()) => (StopTook::Signal, Vec::new()),
        Err(_) => {
            let killed = remaining().iter().map(Leftover::from).collect();
            let kill = tokio::time::timeout(LONGEST_KILL, async {
                loop {
                    kill_in(placement.and_then(|placement| placement.cgroup_v2.as_deref()));
                    let left = remaining();
                    if left.is_empty() {
                        break;
                    }
                    for orphan in left {
                        let _ = orphan.signal(Signal::KILL);
                    }
                    tokio::time::sleep(ROUND).await;
                }
            });
            if kill.await.is_err() {
                return Err(remaining().iter().map(Leftover::from).collect());
            }
            (StopTook::Kill, killed)
        }
    };
    for folder in placement.iter().flat_map(|placement| placement.cgroup_v2.iter().chain(&placement.cgroup_v1_memory)) {
        remove_tree(folder);
    }
    Ok(took)
}

/// The orphans that have not ended, after those that have were reaped.
fn remaining() -> Vec<Relative> {
    let mut orphans = orphans();
    orphans.retain(|orphan| {
        if !orphan.has_ended() {
            return true;
        }
        if orphan.parent == std::process::id()
            && let Some(pid) = i32::try_from(orphan.pid).ok().and_then(Pid::from_raw)
        {
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
        false
    });
    orphans
}

/// Children of ours that are no keepers and belong to another session, with their descendants.
///
/// Whatever is started through a keeper is in the keeper's session or in one of its own, and what soakd starts in
/// another way (nothing that lasts) is in soakd's.
fn orphans() -> Vec<Relative> {
    let own = std::process::id();
    let own_session = Relative::read(own).map_or(own, |relative| relative.session);
    // In this order: a keeper that is started meanwhile is in the second list if it is in the first.
    let processes = all_processes();
    let keepers = living();
    let heads: Vec<Relative> = processes
        .iter()
        .filter(|process| process.parent == own && process.session != own_session && !keepers.contains(&process.pid))
        .cloned()
        .collect();
    let below = heads.iter().flat_map(|head| descendants_among(processes.clone(), head.pid)).collect::<Vec<_>>();
    heads.into_iter().chain(below).collect()
}
