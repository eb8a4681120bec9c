//! The verdict as metrics, for a scraper that reads files: the text folder of node-exporter, or a pushed file.
//!
//! Gauges only, without timestamps, and each with its help, type and unit: such a file is OpenMetrics 1.0 and the older
//! Prometheus text format at once, which node-exporter reads. The run is named in `soakd_run_info` alone, so that a new
//! run makes no new series of the others.

use super::exposition::{Exposition, Family, Form, Kind, Labels};
use super::{RenderError, Renderer, Report};
use crate::budget::BudgetStatus;
use crate::outcome::Outcome;
use crate::sentence::judgement_word;
use crate::series::{Per, Role, Scope, SeriesVerdict};
use crate::verdict::Verdict;

/// The verdict for Prometheus.
#[derive(Debug, Clone, Copy)]
pub struct OpenMetrics;

impl Renderer for OpenMetrics {
    fn name(&self) -> &'static str {
        "openmetrics"
    }

    fn about(&self) -> &'static str {
        "metrics of the verdict, for the text folder of node-exporter"
    }

    fn file_name(&self) -> Option<&'static str> {
        Some("soakd.prom")
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        Ok(page(report.verdict).into_bytes())
    }
}

struct Page {
    exposition: Exposition,
}

impl Page {
    fn gauge(&mut self, name: &str, unit: &str, help: &str, samples: Vec<(Labels, f64)>) {
        self.exposition.family(Family { name, unit, help, kind: Kind::Gauge }, samples);
    }

    fn one(&mut self, name: &str, unit: &str, help: &str, value: Option<f64>) {
        self.gauge(name, unit, help, value.map(|value| (Vec::new(), value)).into_iter().collect());
    }
}

fn page(verdict: &Verdict) -> String {
    let run = &verdict.run;
    let named = [
        ("profile", Some(&run.profile)),
        ("scenario", run.scenario.as_ref()),
        ("stage", run.stage.as_ref()),
        ("environment", run.environment.as_ref()),
    ];
    let common = named.into_iter().filter_map(|(label, value)| value.map(|value| (label, value.clone()))).collect();
    let mut page = Page { exposition: Exposition::new(Form::OpenMetrics, common) };
    page.run(verdict);
    page.series(verdict);
    page.budgets(verdict);
    page.exposition.finish()
}

impl Page {
    fn run(&mut self, verdict: &Verdict) {
        let run = &verdict.run;
        let info = vec![
            ("run", run.id.clone()),
            ("commit", run.commit.clone().unwrap_or_default()),
            ("branch", run.branch.clone().unwrap_or_default()),
            ("host", run.host.name.clone().unwrap_or_default()),
            ("soakd_version", run.soakd_version.clone()),
        ];
        self.gauge("run_info", "", "The run that this file tells of.", vec![(info, 1.0)]);
        let outcomes = Outcome::ALL.into_iter().map(|outcome| {
            (vec![("outcome", outcome.as_str().to_owned())], f64::from(u8::from(outcome == verdict.outcome)))
        });
        self.gauge("outcome", "", "What the run came to: 1 for its outcome, 0 for the others.", outcomes.collect());
        let code = Some(f64::from(verdict.exit_code));
        self.one("exit_code", "", "Exit code of the verdict: 0 pass, 1 warn, 2 fail, 3 block, 4 inconclusive.", code);
        let severity = Some(f64::from(verdict.severity as u8));
        self.one("severity", "", "Severity: 0 none, 1 low, 2 medium, 3 high, 4 critical.", severity);
        let end_s = run.end.as_duration().as_secs_f64();
        self.one("run_end_timestamp", "seconds", "When the run ended, in seconds since 1970.", Some(end_s));
        self.one("run_duration", "seconds", "How long the run lasted.", Some(run.duration_s));
        self.one("run_planned", "seconds", "How long the run was to last.", Some(run.planned_s));
        self.one("samples", "", "Samples that were taken.", Some(count(verdict.samples.count)));
        let load = verdict.load.as_ref();
        let operations = load.and_then(|load| load.operations).map(count);
        self.one("load_operations", "", "Operations of the load.", operations);
        self.one("load_errors", "", "Operations that failed.", load.and_then(|load| load.errors).map(count));
        let throughput = load.and_then(|load| load.throughput_per_s);
        self.one("load_operations_per_second", "", "Operations in a second, over the run.", throughput);
        self.one("overhead_cpu_ratio", "", "What soakd took of one processor.", verdict.overhead.cpu_ratio);
    }

    fn series(&mut self, verdict: &Verdict) {
        let each = |value: &dyn Fn(&SeriesVerdict) -> Vec<(Labels, f64)>| -> Vec<(Labels, f64)> {
            verdict
                .series
                .iter()
                .flat_map(|series| {
                    value(series).into_iter().map(|(more, value)| {
                        let mut labels = labels_of(series);
                        labels.extend(more);
                        (labels, value)
                    })
                })
                .collect()
        };
        let one = |value: Option<f64>| value.map(|value| (Vec::new(), value)).into_iter().collect::<Vec<_>>();
        self.gauge(
            "series_judgement",
            "",
            "What a series was found to do: always 1, the judgement is a label.",
            each(&|series| {
                let word = judgement_word(series.judgement.judgement);
                vec![(vec![("judgement", word.to_owned()), ("severity", series.severity.to_string())], 1.0)]
            }),
        );
        let ends = |rate: Option<soakd_analysis::Estimate>| -> Vec<(Labels, f64)> {
            let Some(rate) = rate else { return Vec::new() };
            [("value", Some(rate.value)), ("low", rate.low), ("high", rate.high)]
                .into_iter()
                .filter_map(|(end, value)| value.map(|value| (vec![("end", end.to_owned())], value)))
                .collect()
        };
        let hourly = "Growth in an hour, in units of the series, with the ends of its interval.";
        self.gauge("series_rate_per_hour", "", hourly, each(&|series| ends(series.judgement.rate_per_hour)));
        let by_op = "Growth with an operation, in units of the series, with the ends of its interval.";
        self.gauge("series_rate_per_op", "", by_op, each(&|series| ends(series.judgement.rate_per_op)));
        let tolerated =
            |wanted: Per| each(&|series| one((series.tolerance.per == wanted).then_some(series.tolerance.value)));
        self.gauge("series_tolerance_per_hour", "", "Growth in an hour that is accepted.", tolerated(Per::Hour));
        self.gauge("series_tolerance_per_op", "", "Growth with an operation that is accepted.", tolerated(Per::Op));
        self.gauge(
            "series_mde_per_hour",
            "",
            "The smallest growth in an hour that the series could have shown.",
            each(&|series| one(series.judgement.mde_per_hour)),
        );
        self.gauge(
            "series_settled_baseline",
            "",
            "Level after warm-up, in units of the series.",
            each(&|series| one(series.judgement.settled_baseline)),
        );
        self.gauge(
            "series_final_level",
            "",
            "Level at the end, in units of the series.",
            each(&|series| one(series.judgement.final_level)),
        );
        self.gauge(
            "series_time_to_limit",
            "seconds",
            "Time from the end of the run until the nearest limit or budget of the series is reached.",
            each(&|series| one(series.judgement.time_to_limit_s.map(|time| time.value))),
        );
    }

    fn budgets(&mut self, verdict: &Verdict) {
        let each = |value: &dyn Fn(&crate::budget::Budget) -> Option<f64>| -> Vec<(Labels, f64)> {
            let labels = |budget: &crate::budget::Budget| {
                vec![("budget", budget.name.clone()), ("metric", budget.metric.clone())]
            };
            verdict.budgets.iter().filter_map(|budget| value(budget).map(|value| (labels(budget), value))).collect()
        };
        self.gauge("budget_limit", "", "Limit of a budget.", each(&|budget| Some(budget.limit)));
        self.gauge("budget_observed", "", "What was observed of a budget.", each(&|budget| budget.observed));
        self.gauge(
            "budget_kept",
            "",
            "Whether a budget was kept: 1 yes or not confirmed to be violated, 0 no or not measured.",
            each(&|budget| {
                let is_kept = matches!(budget.status, BudgetStatus::Ok | BudgetStatus::Unconfirmed);
                Some(f64::from(u8::from(is_kept)))
            }),
        );
    }
}

fn labels_of(series: &SeriesVerdict) -> Labels {
    let role = match series.role {
        Role::Judged => "judged",
        Role::Witness => "witness",
    };
    let scope = match &series.scope {
        Scope::Tree => "tree".to_owned(),
        Scope::Process { pid, name, .. } => format!("{name}[{pid}]"),
        Scope::Host => "host".to_owned(),
        Scope::Source { name } => name.clone(),
    };
    vec![("metric", series.metric.clone()), ("scope", scope), ("role", role.to_owned())]
}

/// A count as a sample; beyond 2^53 its rounding does not matter.
#[expect(clippy::cast_precision_loss, reason = "samples are floats")]
fn count(count: u64) -> f64 {
    count as f64
}
