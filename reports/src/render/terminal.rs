//! The verdict for a person at a terminal: the outcome first, then what decided it and what to do, then the rest.

use soakd_analysis::{Judgement, JudgementKind};

use super::escape::escape;
use super::layout::{shorten, width, wrap};
use super::table::{self, Row};
use super::{Charset, Colour, Look, RenderError, Renderer, Report};
use crate::advice::advice;
use crate::amount::{amount, clock, percent, span};
use crate::next::next_steps;
use crate::outcome::{Outcome, Severity};
use crate::record::{HeapFrom, SourceCost};
use crate::sentence::{budget_line, could_have_seen, ended, ended_for, heap_line, outlook, series_line, source_line};
use crate::series::Role;
use crate::verdict::{DecidedBy, Verdict};

/// The verdict as text.
#[derive(Debug, Clone, Copy)]
pub struct Terminal;

impl Renderer for Terminal {
    fn name(&self) -> &'static str {
        "text"
    }

    fn about(&self) -> &'static str {
        "a summary for people"
    }

    fn file_name(&self) -> Option<&'static str> {
        Some("report.txt")
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        let mut page = Page::new(report.look);
        page.banner(report.verdict);
        page.decided(report.verdict);
        page.run(report.verdict);
        page.series(report.verdict);
        page.budgets(report.verdict);
        page.beside(report.verdict);
        page.warnings(report.verdict);
        page.advice(report.verdict);
        page.files(report);
        Ok(page.text.into_bytes())
    }
}

/// Findings beyond the first that are told in full; the table has them all.
const MOST_DECIDERS: usize = 4;
/// Sentences of evidence that are told.
const MOST_EVIDENCE: usize = 4;
/// How evidence begins that says again what the line above it says: the rate and its tolerance.
const RATE_AGAIN: &str = "it grows ";
/// How the kinds of the events of checkpoints begin; this is the one of a settled sample.
const CHECKPOINT: &str = "checkpoint";
/// The kind of the event of a checkpoint that gave none.
const CHECKPOINT_FAILED: &str = "checkpoint_failed";
/// Events that are told; the document has them all.
const MOST_EVENTS: usize = 8;
/// So many readings of a source may be left out before it is told.
const FEW_PUT_OFF: u64 = 9;

/// Text that grows line by line. Everything that enters it comes through [`Page::show`] or is ours.
struct Page {
    look: Look,
    columns: usize,
    text: String,
}

impl Page {
    fn new(look: Look) -> Self {
        Self { look, columns: look.columns.max(Look::LEAST_COLUMNS), text: String::new() }
    }

    /// Text from outside, made safe.
    fn show(&self, text: &str) -> String {
        escape(text, self.look.charset)
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn wrapped(&mut self, text: &str, first: &str, rest: &str) {
        let text = self.show(text);
        for line in wrap(&text, self.columns, first, rest) {
            self.line(&line);
        }
    }

    /// A part with its name in front; what is under it is indented.
    fn heading(&mut self, name: &str) {
        self.line("");
        self.line(name);
    }

    fn item(&mut self, text: &str) {
        self.wrapped(text, "  ", "    ");
    }

    fn banner(&mut self, verdict: &Verdict) {
        let bar = match self.look.charset {
            Charset::Unicode => "━",
            Charset::Ascii => "=",
        };
        let word = format!(" {} ", verdict.outcome.as_str().to_uppercase());
        let severity = match verdict.severity {
            Severity::None => String::new(),
            severity => format!("severity {severity}, "),
        };
        let code = format!(" {severity}exit code {} ", verdict.exit_code);
        let fixed = 4 + width(&word) + width(&code);
        let (line, below) = match self.columns.checked_sub(fixed + 1) {
            Some(more) => (format!("{}{word}{}{code}{}", bar.repeat(2), bar.repeat(more + 1), bar.repeat(2)), None),
            None => (format!("{}{word}{}", bar.repeat(2), bar.repeat(2)), Some(code)),
        };
        let line = match self.look.colour {
            Colour::Never => line,
            Colour::Always => format!("\u{1b}[1;{}m{line}\u{1b}[0m", colour_code(verdict.outcome)),
        };
        self.line(&line);
        if let Some(code) = below {
            self.line(code.trim());
        }
    }

    fn decided(&mut self, verdict: &Verdict) {
        for (place, by) in verdict.decided_by.iter().enumerate() {
            // All that passed are in the table.
            if place > MOST_DECIDERS || (place > 0 && verdict.outcome == Outcome::Pass) {
                break;
            }
            match by {
                DecidedBy::Series { index, .. } => {
                    let Some(series) = verdict.series.get(*index) else { continue };
                    self.wrapped(&series_line(series), "", "  ");
                    if let Some(outlook) = outlook(series) {
                        self.wrapped(&format!("ahead: {outlook}"), "  ", "    ");
                    }
                    if let Some(seen) = could_have_seen(series) {
                        self.item(&seen);
                    }
                    if place == 0 {
                        self.evidence(&series.judgement);
                    }
                }
                DecidedBy::Budget { index, .. } => {
                    let Some(budget) = verdict.budgets.get(*index) else { continue };
                    self.wrapped(&budget_line(budget), "", "  ");
                }
                DecidedBy::RunEnded => self.wrapped(&ended_for(&verdict.run), "", "  "),
                DecidedBy::NothingJudged => self.line("no series was judged"),
            }
        }
        for (place, step) in next_steps(verdict).iter().enumerate() {
            self.wrapped(step, if place == 0 { "next: " } else { "      " }, "        ");
        }
    }

    fn evidence(&mut self, judgement: &Judgement) {
        let told = |sentence: &&String| !sentence.starts_with(RATE_AGAIN);
        let mut sentences: Vec<&String> = judgement.evidence.iter().filter(told).collect();
        if judgement.judgement == JudgementKind::Retention {
            // What made it retention is known last.
            sentences.reverse();
        }
        for sentence in sentences.into_iter().take(MOST_EVIDENCE) {
            self.wrapped(sentence, "  - ", "    ");
        }
    }

    fn run(&mut self, verdict: &Verdict) {
        let run = &verdict.run;
        self.heading("run");
        let target = match (&run.attached, run.command.as_slice()) {
            (Some(attached), _) => format!("attached to {attached}"),
            (None, []) => "no target of its own".to_owned(),
            (None, command) => shorten(&command.join(" "), 3 * self.columns, "..."),
        };
        let named = [("scenario", &run.scenario), ("stage", &run.stage), ("environment", &run.environment)];
        let named: String = named
            .into_iter()
            .filter_map(|(what, name)| name.as_ref().map(|name| format!(", {what} `{name}`")))
            .collect();
        self.item(&format!("`{}`, profile `{}`{named}: {target}", run.id, run.profile));
        let samples = &verdict.samples;
        let mut text = format!("{}; {} samples, one every {}", ended(run), samples.count, span(samples.interval_s));
        if samples.missed_ticks_count > 0 {
            text.push_str(&format!(", {} missed", samples.missed_ticks_count));
        }
        self.item(&text);
        for gap in samples.gaps.iter().take(MOST_EVENTS) {
            self.item(&format!("no data from {} to {}: {}", clock(gap.from_s), clock(gap.to_s), gap.why));
        }
        // The beginning of a run is no news; the rest of what happened may explain a series.
        let is_told = |kind: &str| kind != "ready" && !kind.starts_with(CHECKPOINT);
        let events: Vec<_> = verdict.events.iter().filter(|event| is_told(&event.kind)).collect();
        for event in events.iter().take(MOST_EVENTS) {
            self.item(&format!("{} {}: {}", clock(event.t_s), event.kind, event.text));
        }
        if events.len() > MOST_EVENTS {
            self.item(&format!("and {} more events", events.len() - MOST_EVENTS));
        }
        self.checkpoints(verdict);
    }

    /// Checkpoints come by the hundred: how many, and what became of the last of each kind.
    fn checkpoints(&mut self, verdict: &Verdict) {
        for (kind, what) in [(CHECKPOINT, "settled samples"), (CHECKPOINT_FAILED, "checkpoints that failed")] {
            let events: Vec<_> = verdict.events.iter().filter(|event| event.kind == kind).collect();
            if let Some(last) = events.last() {
                self.item(&format!("{what}: {}, the last at {}: {}", events.len(), clock(last.t_s), last.text));
            }
        }
    }

    fn series(&mut self, verdict: &Verdict) {
        if verdict.series.is_empty() {
            return;
        }
        self.line("");
        let rows: Vec<Row> = verdict.series.iter().map(|series| Row::of(series, &|text| self.show(text))).collect();
        let mark = match self.look.charset {
            Charset::Unicode => "…",
            Charset::Ascii => "...",
        };
        match table::lines(&rows, self.columns, mark) {
            Some(lines) => {
                for line in &lines {
                    self.line(line);
                }
            }
            None => {
                self.line("series");
                for series in &verdict.series {
                    self.item(&series_line(series));
                }
            }
        }
        if verdict.series.iter().any(|series| series.role == Role::Witness) {
            self.item("(in brackets: a witness, which decides nothing)");
        }
    }

    fn budgets(&mut self, verdict: &Verdict) {
        if verdict.budgets.is_empty() {
            return;
        }
        self.heading("budgets");
        for budget in &verdict.budgets {
            self.item(&budget_line(budget));
        }
    }

    /// Load, who grew, what soakd cost.
    fn beside(&mut self, verdict: &Verdict) {
        if let Some(load) = &verdict.load {
            let mut parts = vec![format!("`{}`", load.driver)];
            parts.extend(load.operations.map(|operations| format!("{operations} operations")));
            parts.extend(load.errors.map(|errors| format!("{errors} errors")));
            parts.extend(
                load.throughput_per_s.map(|throughput| {
                    format!("{} per second", amount(soakd_analysis::Quantity::Count, throughput, None))
                }),
            );
            self.heading("load");
            self.item(&parts.join(", "));
        }
        if !verdict.attribution.is_empty() {
            self.heading("who grew");
            for part in &verdict.attribution {
                self.item(&format!("{} {}", percent(part.share), part.quoted()));
            }
        }
        self.sources(verdict);
        let overhead = &verdict.overhead;
        let mut parts = Vec::new();
        parts.extend(overhead.cpu_s.map(|cpu_s| format!("{} of processor time", span(cpu_s))));
        parts.extend(overhead.cpu_ratio.map(|ratio| format!("{} of one processor", percent(ratio))));
        let bytes = overhead.rss_peak_bytes.map(soakd_bytes);
        parts.extend(bytes.map(|bytes| format!("{bytes} of memory")));
        parts.extend(overhead.read_p99_s.map(|read_s| format!("99 of 100 readings within {:.1} ms", read_s * 1e3)));
        if let Some(looks) = &overhead.looks {
            let reset = match looks.referenced_reset_bytes {
                0 => String::new(),
                bytes => format!(", referenced bits of {} cleared", soakd_bytes(bytes)),
            };
            parts.push(format!(
                "{} looks at mappings, descriptors and threads in {:.1} ms{reset}",
                looks.count,
                looks.total_s * 1e3
            ));
        }
        if overhead.late_ticks_count > 0 {
            parts.push(format!("{} ticks late", overhead.late_ticks_count));
        }
        if !parts.is_empty() {
            self.heading("soakd itself");
            self.item(&parts.join(", "));
        }
        // What holds up the target is told apart, since it is no matter of soakd alone, and what was read less often than asked for.
        let is_told = |source: &&SourceCost| source.target_faults_count.is_some() || source.put_off_count > FEW_PUT_OFF;
        for source in overhead.sources.iter().filter(is_told) {
            let often =
                if source.reads_count == 1 { "once".to_owned() } else { format!("{} times", source.reads_count) };
            let mut parts = vec![format!("`{}` read {often}", source.name)];
            parts.extend(source.read_p99_s.map(|read_s| format!("99 of 100 within {}", span(read_s))));
            parts.extend(source.read_max_s.map(|read_s| format!("the longest {}", span(read_s))));
            parts
                .extend(source.target_faults_count.map(|count| format!("{count} page faults of the target meanwhile")));
            if source.put_off_count > FEW_PUT_OFF {
                let pause = source.longest_pause_s.map(|pause_s| format!(", down to once in {}", span(pause_s)));
                parts.push(format!(
                    "{} times left out to stay cheap{}",
                    source.put_off_count,
                    pause.unwrap_or_default()
                ));
            }
            self.item(&parts.join(", "));
        }
    }

    /// What was asked besides the kernel, and where the live heap comes from.
    fn sources(&mut self, verdict: &Verdict) {
        // That nobody was asked and nobody tells is no news.
        let heap = verdict.heap.as_ref().filter(|heap| !verdict.sources.is_empty() || heap.from != HeapFrom::Mapping);
        if verdict.sources.is_empty() && heap.is_none() {
            return;
        }
        self.heading("sources");
        for source in &verdict.sources {
            self.item(&source_line(source));
        }
        if let Some(heap) = heap {
            self.item(&heap_line(heap));
        }
    }

    fn warnings(&mut self, verdict: &Verdict) {
        if verdict.warnings.is_empty() {
            return;
        }
        self.line("");
        for warning in &verdict.warnings {
            self.wrapped(&format!("warning: {}", warning.text), "", "  ");
            if let Some(hint) = &warning.hint {
                self.wrapped(&format!("hint: {hint}"), "  ", "    ");
            }
        }
    }

    fn advice(&mut self, verdict: &Verdict) {
        let given = advice(verdict);
        if given.is_empty() {
            return;
        }
        self.heading("what this means");
        for advice in given {
            self.item(&format!("{} ({})", advice.title, advice.because));
            self.wrapped(advice.meaning, "    ", "    ");
            for step in advice.steps {
                self.wrapped(step, "    - ", "      ");
            }
        }
    }

    /// Paths are not broken: a reader copies them.
    fn files(&mut self, report: &Report<'_>) {
        let samples = report.verdict.samples.file.as_ref().map(|file| ("samples", file.as_str()));
        let files = report.files.iter().map(|(what, path)| (what.as_str(), path.as_str()));
        let files: Vec<(&str, &str)> = files.chain(samples).collect();
        if files.is_empty() {
            return;
        }
        self.heading("files");
        let widest = files.iter().map(|(what, _)| width(what)).max().unwrap_or(0);
        for (what, path) in files {
            let line = format!("  {:<widest$}  {}", self.show(what), self.show(path));
            self.line(&line);
        }
    }
}

/// Bytes for people; beyond 2^53 their rounding does not matter.
#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn soakd_bytes(bytes: u64) -> String {
    amount(soakd_analysis::Quantity::Bytes, bytes as f64, None)
}

/// Green, yellow, red, white on red, magenta.
fn colour_code(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "32",
        Outcome::Warn => "33",
        Outcome::Fail => "31",
        Outcome::Block => "37;41",
        Outcome::Inconclusive => "35",
    }
}

/// The verdict in one line, for `--quiet` and lists: `fail: leak: …`.
#[must_use]
pub fn headline(verdict: &Verdict, look: Look) -> String {
    let summary = escape(&verdict.summary, look.charset);
    // An inconclusive series begins with the word already.
    let word = format!("{}: ", verdict.outcome);
    if summary.starts_with(&word) { summary } else { word + &summary }
}
