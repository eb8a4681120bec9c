//! What soakd itself cost, and what its samplers could not do.

use std::time::Duration;

use procfs::process::Process;
use rustix::param::clock_ticks_per_second;
use soakd_reports::{Overhead, SourceCost, Warning};
use soakd_sampler::{CgroupLayout, ReadCost, SampleError, SamplerStatus};

use crate::policy::RunPolicy;
use crate::sampling::{CgroupReport, SamplingReport};

/// Pauses below this are no weaker answer: nobody asks for a descriptor count ten times a second.
const TOLD_PAUSE: Duration = Duration::from_secs(1);
/// Readings that may be left out before that is told: a handful in a run weakens no answer.
const UNTOLD_COUNT: u64 = 9;

/// How the metrics of the target's own cgroup begin.
const CGROUP_PREFIX: &str = "cgroup_";
/// What the files of a cgroup are called as a source.
const CGROUP_SOURCE: &str = "cgroup";

/// The cost of a run of `duration_s` seconds.
#[must_use]
pub fn of(report: &SamplingReport, duration_s: f64) -> Overhead {
    let this = Process::myself().ok();
    let stat = this.as_ref().and_then(|process| process.stat().ok());
    let cpu_s = stat.map(|stat| (stat.utime + stat.stime) as f64 / clock_ticks_per_second() as f64);
    let status = this.as_ref().and_then(|process| process.status().ok());
    let seconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs_f64());
    Overhead {
        cpu_s,
        cpu_ratio: cpu_s.filter(|_| duration_s > 0.0).map(|cpu_s| cpu_s / duration_s),
        rss_peak_bytes: status.and_then(|status| status.vmhwm).map(|kib| kib * 1024),
        read_p50_s: seconds(report.cost.quantile(0.5)),
        read_p99_s: seconds(report.cost.quantile(0.99)),
        read_max_s: Some(report.cost.longest().as_secs_f64()).filter(|_| report.cost.count() > 0),
        late_ticks_count: report.late_ticks_count,
        looks: None,
        sources: sources(report),
    }
}

fn sources(report: &SamplingReport) -> Vec<SourceCost> {
    let of_processes = report.samplers.iter().map(|sampler| SourceCost {
        target_faults_count: sampler.target_faults_count.map(|count| count as u64),
        ..source_cost(sampler.id.row().name, &sampler.cost, sampler.put_off_count, sampler.longest_pause)
    });
    let of_cgroup = report
        .cgroup
        .iter()
        .map(|cgroup| source_cost(CGROUP_SOURCE, &cgroup.cost, cgroup.put_off_count, cgroup.longest_pause));
    of_processes.chain(of_cgroup).filter(|source| source.reads_count > 0).collect()
}

fn source_cost(name: &str, cost: &ReadCost, put_off_count: u64, longest_pause: Duration) -> SourceCost {
    let seconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs_f64());
    SourceCost {
        name: name.to_owned(),
        reads_count: cost.count(),
        total_s: cost.total().as_secs_f64(),
        read_p50_s: seconds(cost.quantile(0.5)),
        read_p99_s: seconds(cost.quantile(0.99)),
        read_max_s: Some(cost.longest().as_secs_f64()),
        put_off_count,
        longest_pause_s: seconds(Some(longest_pause).filter(|_| put_off_count > 0)),
        target_faults_count: None,
    }
}

/// A source that got too dear to be read each time that it was due.
fn slowed(metrics: &str, source: &str, longest_pause: Duration, put_off_count: u64) -> Option<Warning> {
    if longest_pause < TOLD_PAUSE || put_off_count <= UNTOLD_COUNT {
        return None;
    }
    let pause_s = longest_pause.as_secs_f64();
    let text = format!(
        "{metrics} from `{source}`: read less often than asked for, down to once in {pause_s:.1} s ({put_off_count} times left \
         out), since each reading takes long"
    );
    let hint = Some(
        "soakd keeps its cost down; fewer processes, or fewer metrics in `[sample]`, are read more often".to_owned(),
    );
    Some(Warning { text, hint })
}

/// What the samplers could not do, so that the answer is weaker than was asked for.
#[must_use]
pub fn warnings(report: &SamplingReport, policy: &RunPolicy) -> Vec<Warning> {
    let mut warnings: Vec<Warning> =
        report.cgroup.as_ref().and_then(|cgroup| cgroup_warning(cgroup, policy)).into_iter().collect();
    warnings.extend(report.disk_faults.iter().map(|fault| Warning {
        text: format!("`disk_bytes` and `disk_files_count` are not measured: {fault}"),
        hint: Some("see `disk` in `[sample]` of the profile".to_owned()),
    }));
    for sampler in &report.samplers {
        let row = sampler.id.row();
        let metrics: Vec<String> = row.metrics.iter().map(|metric| format!("`{}`", metric.name())).collect();
        // What nobody asked for explains, and is told with the cost alone.
        let weakens = row.metrics.iter().any(|id| id.row().judged_by_default || policy.names_metric(id.name()));
        let slowed = slowed(&metrics.join(", "), row.name, sampler.longest_pause, sampler.put_off_count);
        warnings.extend(slowed.filter(|_| weakens));
        let (text, hint) = match sampler.status {
            SamplerStatus::Failed(why) | SamplerStatus::Partly(why) => (
                format!("{} from `{}`: {} ({why})", metrics.join(", "), row.name, "not measured for all processes"),
                "run soakd as the user of the target, or as root".to_owned(),
            ),
            SamplerStatus::Unsupported => (
                format!("{} from `{}`: not supported by this kernel", metrics.join(", "), row.name),
                "`soakd doctor` says what this host lets soakd measure".to_owned(),
            ),
            SamplerStatus::Waiting if weakens && sampler.put_off_count > 0 => (
                format!(
                    "{} from `{}`: not measured: reading holds the target up for longer than a run of this length can bear",
                    metrics.join(", "),
                    row.name
                ),
                format!("run for more than {:.0} s", sampler.longest_pause.as_secs_f64().ceil()),
            ),
            SamplerStatus::Off | SamplerStatus::Waiting | SamplerStatus::Active | SamplerStatus::Slowed { .. } => {
                continue;
            }
        };
        warnings.push(Warning { text, hint: Some(hint) });
    }
    if report.unreadable_count > 0 {
        warnings.push(Warning {
            text: format!("{} processes cannot be looked into; some may belong to the target", report.unreadable_count),
            hint: Some("run soakd as root where /proc is mounted with hidepid".to_owned()),
        });
    }
    warnings
}

/// What is said of the target's cgroup. That one which soakd started has none of its own is usual, and said only to who asks for its
/// metrics; one that is attached to could be in one, and what would be judged of it is missing.
fn cgroup_warning(cgroup: &CgroupReport, policy: &RunPolicy) -> Option<Warning> {
    let is_asked_for = policy.names_metric(CGROUP_PREFIX);
    let would_be_judged =
        cgroup.layout == CgroupLayout::V2 && policy.judged(|_| true).iter().any(|name| name.starts_with(CGROUP_PREFIX));
    let was_read = cgroup.cost.count() > 0;
    let (why, hint) = match cgroup.status {
        // That it came to hold others is an event, which is told as such.
        SamplerStatus::Failed(SampleError::CgroupShared) if was_read => return None,
        SamplerStatus::Failed(SampleError::CgroupShared)
            if is_asked_for || (policy.attached.is_some() && would_be_judged) =>
        {
            (
                SampleError::CgroupShared.to_string(),
                "attach to a unit or a cgroup that holds the target alone, or let soakd start it",
            )
        }
        SamplerStatus::Unsupported if is_asked_for => (
            "the memory controller is not at work in its cgroup".to_owned(),
            "`soakd doctor` says how a target gets a cgroup of its own here",
        ),
        SamplerStatus::Failed(SampleError::CgroupShared) | SamplerStatus::Unsupported => return None,
        SamplerStatus::Failed(why) | SamplerStatus::Partly(why) => {
            (why.to_string(), "run soakd as root, or leave the metrics of cgroups out of `[sample]`")
        }
        SamplerStatus::Active | SamplerStatus::Slowed { .. } if is_asked_for || would_be_judged => {
            return slowed("metrics of the target's cgroup", CGROUP_SOURCE, cgroup.longest_pause, cgroup.put_off_count);
        }
        SamplerStatus::Off | SamplerStatus::Waiting | SamplerStatus::Active | SamplerStatus::Slowed { .. } => {
            return None;
        }
    };
    Some(Warning {
        text: format!("metrics of the target's cgroup are not measured: {why}"),
        hint: Some(hint.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use soakd_sampler::{SamplerId, SamplerReport};

    use super::*;
    use crate::policy::test_policy;

    fn of_cgroup(status: SamplerStatus, reads_count: u32, layout: CgroupLayout) -> CgroupReport {
        let mut cost = ReadCost::default();
        for _ in 0..reads_count {
            cost.record(1, Duration::from_micros(20));
        }
        CgroupReport { status, cost, put_off_count: 0, longest_pause: Duration::ZERO, layout }
    }

    #[test]
    fn what_a_short_run_does_not_read_for_the_target_s_sake_is_told() {
        let mut sampler = SamplerReport {
            id: SamplerId::SmapsRollup,
            status: SamplerStatus::Waiting,
            failures_count: 0,
            last_failure: None,
            fallback: None,
            put_off_count: 3,
            longest_pause: Duration::from_millis(209_716),
            target_faults_count: None,
            cost: ReadCost::default(),
        };
        let told = |sampler: &SamplerReport| {
            let report = SamplingReport {
                samplers: vec![sampler.clone()],
                cgroup: None,
                oom_kills: None,
                disk_faults: Vec::new(),
                cost: ReadCost::default(),
                late_ticks_count: 0,
                unreadable_count: 0,
            };
            warnings(&report, &test_policy(""))
        };
        let warnings = told(&sampler);
        assert!(warnings[0].text.contains("`uss_bytes`") && warnings[0].text.contains("not measured"), "{warnings:?}");
        assert_eq!(warnings[0].hint.as_deref(), Some("run for more than 210 s"));
        sampler.put_off_count = 0;
        assert!(told(&sampler).is_empty(), "nobody has asked yet");
    }

    #[test]
    fn a_cgroup_that_is_read_less_often_than_asked_for_is_told() {
        let slowed = CgroupReport {
            put_off_count: 40,
            longest_pause: Duration::from_secs(12),
            ..of_cgroup(SamplerStatus::Active, 4, CgroupLayout::V2)
        };
        let text = cgroup_warning(&slowed, &test_policy("")).map(|told| told.text);
        assert_eq!(
            text.as_deref(),
            Some(
                "metrics of the target's cgroup from `cgroup`: read less often than asked for, down to once in 12.0 s (40 \
                 times left out), since each reading takes long"
            )
        );
        let quick = CgroupReport { longest_pause: Duration::from_millis(30), ..slowed };
        assert!(cgroup_warning(&quick, &test_policy("")).is_none());
    }

    #[test]
    fn an_attached_target_that_shares_its_cgroup_is_told_what_is_not_judged() {
        let shared = SamplerStatus::Failed(SampleError::CgroupShared);
        let mut policy = test_policy("");
        let warning = |policy: &RunPolicy, was_read| {
            let cgroup = of_cgroup(shared, u32::from(was_read), CgroupLayout::V2);
            cgroup_warning(&cgroup, policy).map(|told| told.text)
        };
        assert_eq!(warning(&policy, false), None, "soakd started it");
        policy.attached = Some("pid 4711".to_owned());
        let text = warning(&policy, false).expect("a warning");
        assert_eq!(text, "metrics of the target's cgroup are not measured: other processes are in its cgroup too");
        assert_eq!(warning(&policy, true), None, "that is an event");
        let on_v1 = of_cgroup(shared, 0, CgroupLayout::V1);
        assert!(cgroup_warning(&on_v1, &policy).is_none(), "nothing of it is judged there");
        let attached = policy.attached.clone();
        let other = RunPolicy { attached, ..test_policy("[judge]\nmetrics = ['fds_count']") };
        assert_eq!(warning(&other, false), None, "nobody would judge it");
        assert!(warning(&test_policy("[sample]\nmetrics = ['cgroup_bytes']"), false).is_some(), "it was asked for");
    }
}
