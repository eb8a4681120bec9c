//! What soakd itself cost, and what its samplers could not do.

use procfs::process::Process;
use rustix::param::clock_ticks_per_second;
use soakd_reports::{Overhead, Warning};
use soakd_sampler::SamplerStatus;

use crate::sampling::SamplingReport;

/// The cost of a run of `duration_s` seconds.
#[must_use]
pub fn of(report: &SamplingReport, duration_s: f64) -> Overhead {
    let this = Process::myself().ok();
    let stat = this.as_ref().and_then(|process| process.stat().ok());
    let cpu_s = stat.map(|stat| (stat.utime + stat.stime) as f64 / clock_ticks_per_second() as f64);
    let status = this.as_ref().and_then(|process| process.status().ok());
    let seconds = |duration: Option<std::time::Duration>| duration.map(|duration| duration.as_secs_f64());
    Overhead {
        cpu_s,
        cpu_ratio: cpu_s.filter(|_| duration_s > 0.0).map(|cpu_s| cpu_s / duration_s),
        rss_peak_bytes: status.and_then(|status| status.vmhwm).map(|kib| kib * 1024),
        read_p50_s: seconds(report.cost.quantile(0.5)),
        read_p99_s: seconds(report.cost.quantile(0.99)),
        read_max_s: Some(report.cost.longest().as_secs_f64()).filter(|_| report.cost.count() > 0),
        late_ticks_count: report.late_ticks_count,
        looks: None,
    }
}

/// What the samplers could not do, so that the answer is weaker than was asked for.
#[must_use]
pub fn warnings(report: &SamplingReport) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for sampler in &report.samplers {
        let row = sampler.id.row();
        let metrics: Vec<String> = row.metrics.iter().map(|metric| format!("`{}`", metric.name())).collect();
        let (text, hint) = match sampler.status {
            SamplerStatus::Failed(why) | SamplerStatus::Partly(why) => (
                format!("{} from `{}`: {} ({why})", metrics.join(", "), row.name, "not measured for all processes"),
                "run soakd as the user of the target, or as root",
            ),
            SamplerStatus::Unsupported => (
                format!("{} from `{}`: not supported by this kernel", metrics.join(", "), row.name),
                "`soakd doctor` says what this host lets soakd measure",
            ),
            SamplerStatus::Off | SamplerStatus::Waiting | SamplerStatus::Active | SamplerStatus::Slowed { .. } => {
                continue;
            }
        };
        warnings.push(Warning { text, hint: Some(hint.to_owned()) });
    }
    if report.unreadable_count > 0 {
        warnings.push(Warning {
            text: format!("{} processes cannot be looked into; some may belong to the target", report.unreadable_count),
            hint: Some("run soakd as root where /proc is mounted with hidepid".to_owned()),
        });
    }
    warnings
}
