//! What has changed between two moments, in lines: for who follows without a terminal.

use soakd_analysis::JudgementKind;

use crate::status::{LiveRun, Status};
use crate::words;

/// What is new in `after`: runs that began and ended, judgements that changed, jobs that came, watches that stand
/// otherwise. Names are as they are: who prints them makes them safe.
#[must_use]
pub fn news(before: &Status, after: &Status) -> Vec<String> {
    let mut lines = Vec::new();
    for run in &after.running {
        match before.running.iter().find(|known| known.id == run.id) {
            None => lines.push(began(run)),
            Some(known) => changed(known, run, &mut lines),
        }
    }
    for run in before.running.iter().filter(|run| after.running.iter().all(|still| still.id != run.id)) {
        lines.push(format!("{}: run `{}` has ended", words::run_name(run), run.id));
    }
    for job in after.queue.iter().filter(|job| before.queue.iter().all(|known| known.id != job.id)) {
        lines.push(format!("{}: job {} waits", job.name, job.id));
    }
    for watch in &after.watches {
        let known = before.watches.iter().find(|known| known.name == watch.name);
        if known.is_none_or(|known| known.judgement != watch.judgement)
            && let Some(judgement) = watch.judgement
        {
            lines.push(format!("{}: {} stands", watch.name, words::judgement(judgement)));
        }
        if known.is_none_or(|known| known.waiting != watch.waiting)
            && let Some(why) = &watch.waiting
        {
            lines.push(format!("{}: not watched, {why}", watch.name));
        }
    }
    lines
}

fn began(run: &LiveRun) -> String {
    format!("{}: run `{}` goes on, {}: {}", words::run_name(run), run.id, words::phase(run.phase), run.target)
}

fn changed(known: &LiveRun, run: &LiveRun, lines: &mut Vec<String>) {
    let name = words::run_name(run);
    if known.phase != run.phase {
        lines.push(format!("{name}: {}", words::phase(run.phase)));
    }
    for series in &run.series {
        let before =
            known.series.iter().find(|before| before.metric == series.metric && before.source == series.source);
        let judged = before.map_or(JudgementKind::Inconclusive, |before| before.judgement);
        if judged != series.judgement {
            lines.push(format!("{name}: {}: {}", words::judgement(series.judgement), words::series_line(series)));
        }
    }
    for warning in run.warnings.iter().filter(|warning| !known.warnings.contains(warning)) {
        lines.push(format!("{name}: warning: {warning}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn only_what_has_changed_is_told() {
        let (idle, busy) = (samples::idle(), samples::busy());
        assert!(news(&busy, &busy).is_empty());
        insta::assert_snapshot!(news(&idle, &busy).join("\n"));
        let mut later = busy.clone();
        later.running.remove(1);
        later.running[1].series[0].judgement = JudgementKind::Leak;
        later.watches[1].waiting = None;
        later.watches[1].judgement = Some(JudgementKind::Retention);
        insta::assert_snapshot!(news(&busy, &later).join("\n"));
    }
}
