//! Levels that a target must not reach, for the time until it does.

use std::collections::BTreeMap;

use soakd_profiles::{Plan, TargetSource};
use soakd_sampler::{LimitSource, METRICS, MemoryLimit, ProcRoot, memory_limits};

/// The limit of each metric of `plan`, in units of the metric: what the profile names, else the smallest that holds for
/// what this process starts (or for the attached process): its own limits, its cgroup, the host.
#[must_use]
pub fn of(plan: &Plan) -> BTreeMap<String, f64> {
    let profile = &plan.profile;
    let named = profile.judge.memory_limit_bytes.or(match profile.target.source {
        Some(TargetSource::Command(_)) => profile.target.limits.memory_bytes,
        Some(TargetSource::Attach(_)) | None => None,
    });
    let pid = match profile.target.source {
        Some(TargetSource::Attach(soakd_profiles::Attach::Pid(pid))) => pid,
        _ => std::process::id(),
    };
    let kernel = memory_limits(&ProcRoot::default(), pid).unwrap_or_default();
    let mut limits = BTreeMap::new();
    for row in METRICS {
        // What each process may have says nothing about the sum over several.
        let stops = |limit: &&MemoryLimit| limit.source.stops(row.id) && !limit.source.is_for_each_process();
        let found = kernel.iter().filter(stops).map(|limit| limit.bytes).min();
        let is_memory = LimitSource::Host.stops(row.id);
        if let Some(bytes) = named.filter(|_| is_memory).or(found) {
            limits.insert(row.name.to_owned(), bytes as f64);
        }
    }
    limits
}
