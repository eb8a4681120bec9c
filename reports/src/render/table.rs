//! The series of a run, one line each.

use soakd_analysis::JudgementKind;

use super::layout::{shorten, width};
use crate::amount::{amount, amount_beside, estimate};
use crate::outcome::Severity;
use crate::sentence::{judged_rate, judgement_word};
use crate::series::{Role, Scope, SeriesVerdict};

/// Narrower, names cannot be told from each other.
const LEAST_NAME: usize = 16;

/// One line of the table.
pub(crate) struct Row {
    pub(crate) cells: [String; 4],
}

impl Row {
    /// What is said of `series`; `show` makes text from outside safe.
    pub(crate) fn of(series: &SeriesVerdict, show: &dyn Fn(&str) -> String) -> Self {
        let name = match &series.scope {
            Scope::Tree => show(&series.metric),
            Scope::Process { pid, name, .. } => show(&format!("{} {name}[{pid}]", series.metric)),
            Scope::Host => show(&format!("{} host", series.metric)),
            Scope::Source { name } => show(&format!("{} {name}", series.metric)),
        };
        let mut judgement = judgement_word(series.judgement.judgement).to_owned();
        if series.role == Role::Witness {
            judgement = format!("({judgement})");
        }
        if series.severity > Severity::None {
            judgement = format!("{judgement}, {}", series.severity);
        }
        let tolerance = amount(series.unit, series.tolerance.value, Some(series.tolerance.per));
        Self { cells: [name, judgement, growth(series), tolerance] }
    }
}

fn growth(series: &SeriesVerdict) -> String {
    let per = Some(series.tolerance.per);
    let Some(rate) = judged_rate(series) else {
        return match series.judgement.points {
            0 => "not measured".to_owned(),
            points => format!("{points} points, too few"),
        };
    };
    match rate.high {
        Some(high) if series.judgement.judgement == JudgementKind::NoLeak => match high > 0.0 {
            true => format!("< {}", amount_beside(series.unit, high, series.tolerance.value, per)),
            false => "does not grow".to_owned(),
        },
        _ => {
            // The confidence is the same throughout, and told with the deciding series.
            let text = estimate(series.unit, &rate, per);
            match text.rsplit_once(", ") {
                Some((text, _)) => format!("{text})"),
                None => text,
            }
        }
    }
}

/// The rows in columns, with a heading; `None` where they do not fit.
pub(crate) fn lines(rows: &[Row], columns: usize, mark: &str) -> Option<Vec<String>> {
    let heading = ["series", "judgement", "growth", "tolerance"].map(str::to_owned);
    let all = || std::iter::once(&heading).chain(rows.iter().map(|row| &row.cells));
    let mut widths = [0_usize; 4];
    for cells in all() {
        for (width_of, cell) in widths.iter_mut().zip(cells) {
            *width_of = (*width_of).max(width(cell));
        }
    }
    let fixed: usize = widths[1..].iter().map(|width| width + 2).sum();
    let room = columns.checked_sub(fixed + 2)?;
    if widths[0] > room {
        if room < LEAST_NAME {
            return None;
        }
        widths[0] = room;
    }
    // The heading stands at the edge, as all headings do, and its columns over those of the rows.
    let line = |indent: usize, cells: &[String; 4]| {
        let name = shorten(&cells[0], widths[0], mark);
        let mut line = format!("{:indent$}{name:<1$}", "", widths[0] + 2 - indent);
        for (cell, width) in cells[1..].iter().zip(&widths[1..]) {
            line.push_str(&format!("  {cell:<width$}"));
        }
        line.trim_end().to_owned()
    };
    let rows = rows.iter().map(|row| line(2, &row.cells));
    Some(std::iter::once(line(0, &heading)).chain(rows).collect())
}
