//! Levels that a target must not reach, for the time until it does.

use std::collections::BTreeMap;

use soakd_profiles::{Plan, TargetSource};
use soakd_reports as reports;
use soakd_sampler::{Limit, LimitSource, METRICS, ProcRoot};

use crate::policy::RunPolicy;
use crate::target::AttachTo;
use crate::{open_files, target, target_spec, verdict};

/// Limits by metric, in units of the metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// For all processes of the target together.
    pub of_all: BTreeMap<String, f64>,
    /// For each of them; they say nothing about the sum over several.
    pub of_each: BTreeMap<String, f64>,
    /// What sets those for all.
    pub sources_of_all: BTreeMap<String, reports::LimitSource>,
    /// What sets those for each.
    pub sources_of_each: BTreeMap<String, reports::LimitSource>,
}

/// A limit as a report names it.
fn told(source: &LimitSource) -> reports::LimitSource {
    match source {
        LimitSource::Cgroup(_) => reports::LimitSource::Cgroup,
        LimitSource::AddressSpace | LimitSource::DataSegment => reports::LimitSource::MemoryOfProcess,
        LimitSource::OpenFiles => reports::LimitSource::OpenFiles,
        LimitSource::Tasks(_) => reports::LimitSource::Tasks,
        LimitSource::Host => reports::LimitSource::Host,
    }
}

/// What is asked of a run by `plan`, with its limits as they are now. Of which commit the target is remains open.
#[must_use]
pub fn policy(plan: Plan) -> RunPolicy {
    let attached = match &plan.profile.target.source {
        Some(TargetSource::Attach(attach)) => Some(verdict::attached_name(attach)),
        Some(TargetSource::Command(_)) | None => None,
    };
    let limits = of(&plan);
    RunPolicy {
        limits: limits.of_all,
        limits_of_each_process: limits.of_each,
        limit_sources: limits.sources_of_all,
        limit_sources_of_each_process: limits.sources_of_each,
        commit: None,
        branch: None,
        attached,
        plan,
    }
}

/// The limits on the target of `plan`: what the profile names, else the smallest that holds for what this process starts (or for
/// the process that is attached to): its own limits, its cgroup, the host. A target that cannot be found has none; attaching to it
/// says why.
#[must_use]
pub fn of(plan: &Plan) -> Limits {
    let profile = &plan.profile;
    let own = &profile.target.limits;
    let (pid, started) = match &profile.target.source {
        Some(TargetSource::Attach(attach)) => match target_spec::attach_to(attach) {
            AttachTo::Pid(pid) => (Some(pid), None),
            other => (target::head_of(&other).ok(), None),
        },
        Some(TargetSource::Command(_)) | None => (Some(std::process::id()), Some(own)),
    };
    let found = pid.and_then(|pid| soakd_sampler::limits(&ProcRoot::default(), pid).ok()).unwrap_or_default();
    let named_bytes = profile.judge.memory_limit_bytes.or(started.and_then(|own| own.memory_bytes));
    // What is started gets back the limit that this process was started with itself.
    let named_files = started.and_then(|own| own.open_files_count.or_else(open_files::given_back));
    let mut limits = Limits::default();
    for row in METRICS {
        let smallest = |is_for_each: bool| {
            let counts =
                |limit: &&Limit| limit.source.stops(row.id) && limit.source.is_for_each_process() == is_for_each;
            let smallest = found.iter().filter(counts).min_by_key(|limit| limit.amount)?;
            Some((smallest.amount, told(&smallest.source)))
        };
        let named_bytes = named_bytes.filter(|_| LimitSource::Host.stops(row.id));
        let named_files = named_files.filter(|_| LimitSource::OpenFiles.stops(row.id));
        let of_all = named_bytes.map(|amount| (amount, reports::LimitSource::MemoryLimit)).or_else(|| smallest(false));
        let of_each = named_files.map(|amount| (amount, reports::LimitSource::OpenFiles)).or_else(|| smallest(true));
        if let Some((amount, source)) = of_all {
            limits.of_all.insert(row.name.to_owned(), amount as f64);
            limits.sources_of_all.insert(row.name.to_owned(), source);
        }
        if let Some((amount, source)) = of_each {
            limits.of_each.insert(row.name.to_owned(), amount as f64);
            limits.sources_of_each.insert(row.name.to_owned(), source);
        }
    }
    limits
}
