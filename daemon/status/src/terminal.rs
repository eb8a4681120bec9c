//! What goes on as one picture of a terminal: `soakd watch` and `soakd ctl watch` draw one after the other.

use jiff::Timestamp;
use soakd_analysis::{JudgementKind, Quantity};
use soakd_reports::amount::{amount, span};
use soakd_reports::render::escape::escape;
use soakd_reports::render::layout::{shorten, width};
use soakd_reports::{Charset, Colour, Look};

use crate::status::{DaemonStatus, LiveRun, LiveSeries, Status, WatchStatus};
use crate::words;

/// The levels of a series over time, for its line of blocks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Levels {
    /// The run.
    pub run: String,
    /// Name of the metric.
    pub metric: String,
    /// The source that it comes from, where it is not the target itself.
    pub source: Option<String>,
    /// Its levels, oldest first.
    pub values: Vec<f64>,
}

/// What one picture shows.
#[derive(Debug, Clone, Copy)]
pub struct Screen<'a> {
    /// What goes on.
    pub status: &'a Status,
    /// Levels of series so far.
    pub levels: &'a [Levels],
    /// The moment that spans of time are counted from.
    pub now: Timestamp,
    /// Columns, colour and characters.
    pub look: Look,
    /// Lines that the terminal has; what does not fit is counted at the end.
    pub rows: usize,
    /// What stands below: how the view is ended, or that nobody answers; empty for nothing.
    pub note: &'a str,
}

/// Pieces of a sparkline and of a bar at most.
const SPARK: usize = 16;
const BAR: usize = 20;
/// Columns from which on there is room for blocks.
const WIDE: usize = 96;
/// No view fits into less.
const LEAST_ROWS: usize = 6;
/// Jobs and entries of the schedule that are told.
const MOST_LISTED: usize = 4;

/// The picture: at most as many lines as the terminal has, none longer than it is wide.
#[must_use]
pub fn frame(screen: &Screen<'_>) -> String {
    let mut page = Page { signs: Signs::of(screen.look.charset), screen, lines: Vec::new() };
    page.head();
    for run in &screen.status.running {
        page.run(run);
    }
    page.watches();
    page.queue();
    page.schedule();
    page.text()
}

/// A style of the 8 colours that every terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Strong,
    Muted,
    Of(JudgementKind),
}

impl Style {
    fn codes(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Muted => "2",
            Self::Of(JudgementKind::Leak) => "1;31",
            Self::Of(JudgementKind::NoLeak) => "32",
            Self::Of(JudgementKind::Inconclusive) => "35",
            Self::Of(JudgementKind::Retention) => "33",
        }
    }
}

type Line = Vec<(Style, String)>;

/// The characters that a view is made of.
#[derive(Debug, Clone, Copy)]
struct Signs {
    dot: &'static str,
    more: &'static str,
    full: &'static str,
    empty: &'static str,
    blocks: &'static [char],
    judgement: fn(JudgementKind) -> char,
}

impl Signs {
    fn of(charset: Charset) -> Self {
        match charset {
            Charset::Unicode => Self {
                dot: "·",
                more: "…",
                full: "█",
                empty: "░",
                blocks: &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
                judgement: words::judgement_sign,
            },
            Charset::Ascii => Self {
                dot: "-",
                more: "...",
                full: "#",
                empty: ".",
                blocks: &['_', '.', '-', '=', '#'],
                judgement: |kind| match kind {
                    JudgementKind::Leak => '!',
                    JudgementKind::NoLeak => '+',
                    JudgementKind::Inconclusive => '?',
                    JudgementKind::Retention => '*',
                },
            },
        }
    }
}

struct Page<'a> {
    signs: Signs,
    screen: &'a Screen<'a>,
    lines: Vec<Line>,
}

impl Page<'_> {
    /// Text from outside, made safe.
    fn show(&self, text: &str) -> String {
        escape(&text.replace('`', ""), self.screen.look.charset)
    }

    /// Our own words with text from outside between them.
    fn joined(&self, parts: &[String]) -> String {
        parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(&format!(" {} ", self.signs.dot))
    }

    fn plain(&mut self, text: String) {
        self.lines.push(vec![(Style::Plain, text)]);
    }

    fn muted(&mut self, text: String) {
        self.lines.push(vec![(Style::Muted, text)]);
    }

    fn heading(&mut self, text: &str) {
        self.lines.push(Line::new());
        self.lines.push(vec![(Style::Strong, text.to_owned())]);
    }

    fn head(&mut self) {
        let daemon: &DaemonStatus = &self.screen.status.daemon;
        let up_s = self.screen.now.duration_since(daemon.started).as_secs_f64().max(0.0);
        let state = self.show(&daemon.state);
        let memory = daemon.rss_bytes.map(|bytes| amount(Quantity::Bytes, bytes as f64, None)).unwrap_or_default();
        // Runs that are shown without a daemon have no slots.
        let first = match daemon.slots_count {
            0 => format!("runs in {state}"),
            count => format!("{} of {count} slots taken · up {}", daemon.slots_taken_count, span(up_s.round())),
        };
        let missed = match daemon.missed_ticks_count {
            0 => String::new(),
            count => format!("{count} ticks missed"),
        };
        let about = self.joined(&[first.replace('·', self.signs.dot), memory, missed]);
        let name = format!("soakd {}", self.show(&daemon.version));
        self.lines.push(vec![(Style::Strong, name), (Style::Muted, format!("  {about}"))]);
        self.plain(words::status_sentence(self.screen.status));
        let held = daemon.held_back.iter().map(|why| format!("nothing is started now: {why}"));
        let remarks: Vec<String> = held.chain(daemon.remarks.iter().cloned()).collect();
        for remark in remarks {
            let line = vec![(Style::Of(JudgementKind::Retention), format!("! {}", self.show(&remark)))];
            self.lines.push(line);
        }
    }

    fn run(&mut self, run: &LiveRun) {
        self.lines.push(Line::new());
        let standing = words::standing(run);
        let share = if run.planned_s > 0.0 { (run.t_s / run.planned_s).clamp(0.0, 1.0) } else { 0.0 };
        let full = (share * BAR as f64).round() as usize;
        let bar = self.signs.full.repeat(full) + &self.signs.empty.repeat(BAR.saturating_sub(full));
        let name = self.show(words::run_name(run));
        let course = format!(
            "  {bar} {} of {}, {}",
            span(run.t_s.max(0.0).round()),
            span(run.planned_s.max(0.0)),
            words::phase(run.phase)
        );
        self.lines.push(vec![
            (Style::Of(standing), self.judged(standing)),
            (Style::Strong, format!(" {name}")),
            (Style::Plain, course),
        ]);
        let main = words::main_series(run);
        let is_main = |series: &&LiveSeries| main.is_some_and(|main| std::ptr::eq(main, *series));
        for series in run.series.iter().filter(is_main) {
            self.series(run, series, true);
        }
        for series in run.series.iter().filter(|series| !is_main(series)) {
            self.series(run, series, false);
        }
        for warning in &run.warnings {
            let line = format!("  warning: {}", self.show(warning));
            self.muted(line);
        }
    }

    /// Sign and word of a judgement, in a column of its own.
    fn judged(&self, kind: JudgementKind) -> String {
        format!("{} {:13}", (self.signs.judgement)(kind), words::judgement(kind))
    }

    fn series(&mut self, run: &LiveRun, series: &LiveSeries, is_main: bool) {
        let is_wide = self.screen.look.columns >= WIDE;
        let blocks = match (is_wide, is_main) {
            (true, true) => format!("{:SPARK$} ", self.sparkline(run, series)),
            (true, false) => " ".repeat(SPARK + 1),
            (false, _) => String::new(),
        };
        let room = if is_wide { 24 } else { 18 };
        let name = shorten(&self.show(&words::series_name(series)), room, self.signs.more);
        let sign = format!("  {} ", (self.signs.judgement)(series.judgement));
        let level = words::level(series);
        let text = format!("{name:room$} {level:>9} {blocks}");
        let growth = match (series.rate_per_hour, series.tolerance_per_hour) {
            (Some(_), _) => format!("{}, tolerance {}", words::rate(series), words::tolerance(series)),
            (None, _) => "growth not known yet".to_owned(),
        };
        self.lines.push(vec![(Style::Of(series.judgement), sign), (Style::Plain, text + &growth)]);
        if let Some(time) = words::time_to_limit(series) {
            self.lines.push(vec![(Style::Of(series.judgement), format!("{:5}limit reached in {time}", ""))]);
        }
    }

    fn sparkline(&self, run: &LiveRun, series: &LiveSeries) -> String {
        let of =
            self.screen.levels.iter().find(|levels| {
                levels.run == run.id && levels.metric == series.metric && levels.source == series.source
            });
        of.map(|levels| sparkline(&levels.values, self.signs.blocks)).unwrap_or_default()
    }

    fn watches(&mut self) {
        let watches: Vec<&WatchStatus> = self.screen.status.watches.iter().collect();
        if watches.is_empty() {
            return;
        }
        self.heading("Watches");
        for watch in watches {
            let kind = watch.judgement.unwrap_or(JudgementKind::Inconclusive);
            let for_s = |since: Timestamp| self.screen.now.duration_since(since).as_secs_f64().max(0.0).round();
            let since = watch.since.map(|since| format!("for {}", span(for_s(since)))).unwrap_or_default();
            let why = watch.waiting.as_deref().or(watch.summary.as_deref()).unwrap_or_default();
            let text = self.joined(&[self.show(&watch.target), since, self.show(why)]);
            let judged = match (watch.judgement, &watch.waiting) {
                (None, Some(_)) => format!("- {:13}", "not watched"),
                _ => self.judged(kind),
            };
            let name = format!(" {}  ", self.show(&watch.name));
            self.lines.push(vec![(Style::Of(kind), judged), (Style::Strong, name), (Style::Muted, text)]);
        }
    }

    fn queue(&mut self) {
        let jobs = &self.screen.status.queue;
        if jobs.is_empty() {
            return;
        }
        self.heading("Queue");
        for job in jobs.iter().take(MOST_LISTED) {
            let priority = match job.submission.priority {
                0 => String::new(),
                priority => format!("priority {priority}"),
            };
            let alone = if job.submission.exclusive { "runs alone".to_owned() } else { String::new() };
            let queued = format!("queued {}", words::relative(self.screen.now, job.queued));
            let text = self.joined(&[self.show(&job.name), priority, alone, queued]);
            self.plain(format!("  {:>4} {text}", job.id));
        }
        self.more(jobs.len(), "jobs");
    }

    fn schedule(&mut self) {
        let schedule = &self.screen.status.schedule;
        if schedule.is_empty() {
            return;
        }
        self.heading("Schedule");
        for entry in schedule.iter().take(MOST_LISTED) {
            let next = match entry.next.filter(|_| entry.is_enabled) {
                Some(next) => words::relative(self.screen.now, next),
                None => "off".to_owned(),
            };
            let text = self.joined(&[self.show(&entry.name), self.show(&entry.when), self.show(&entry.time_zone)]);
            self.plain(format!("  {next:10} {text}"));
        }
        self.more(schedule.len(), "entries");
    }

    fn more(&mut self, count: usize, what: &str) {
        if let Some(more) = count.checked_sub(MOST_LISTED).filter(|more| *more > 0) {
            let text = format!("  {} {more} more {what}", self.signs.more);
            self.muted(text);
        }
    }

    fn text(mut self) -> String {
        let rows = self.screen.rows.max(LEAST_ROWS);
        // The last line is the note's, the one before it keeps it apart.
        let most = if self.screen.note.is_empty() { rows } else { rows - 2 };
        if self.lines.len() > most {
            let left_out = self.lines.len() - (most - 1);
            self.lines.truncate(most - 1);
            let text = format!("{} {left_out} more lines", self.signs.more);
            self.muted(text);
        }
        if !self.screen.note.is_empty() {
            self.lines.push(Line::new());
            let note = self.show(self.screen.note);
            self.muted(note);
        }
        let lines: Vec<String> = self.lines.iter().map(|line| self.drawn(line)).collect();
        lines.join("\n")
    }

    /// A line cut to the width of the terminal, coloured where it may be.
    fn drawn(&self, line: &Line) -> String {
        let mut left = self.screen.look.columns.max(Look::LEAST_COLUMNS);
        let mut text = String::new();
        for (style, part) in line {
            // A mark that does not fit itself would be one more thing too wide.
            let mark = if left < width(self.signs.more) { "" } else { self.signs.more };
            let part = shorten(part, left, mark);
            left = left.saturating_sub(width(&part));
            match (self.screen.look.colour, style.codes()) {
                _ if part.is_empty() => {}
                (Colour::Never, _) | (_, "") => text.push_str(&part),
                (Colour::Always, codes) => text.push_str(&format!("\u{1b}[{codes}m{part}\u{1b}[0m")),
            }
        }
        text.trim_end().to_owned()
    }
}

/// The values as blocks from lowest to highest: the highest of each equal stretch, so that no peak is lost.
fn sparkline(values: &[f64], blocks: &[char]) -> String {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let each = values.len().div_ceil(SPARK).max(1);
    let peaks: Vec<f64> =
        values.chunks(each).map(|part| part.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect();
    let low = peaks.iter().copied().fold(f64::INFINITY, f64::min);
    let high = peaks.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let last = blocks.len().saturating_sub(1);
    let block = |value: &f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.0 };
        blocks.get((share * last as f64).round() as usize).copied().unwrap_or(' ')
    };
    peaks.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples;

    fn levels() -> Vec<Levels> {
        let of = |run: &LiveRun| {
            let main = words::main_series(run).expect("a series");
            Levels {
                run: run.id.clone(),
                metric: main.metric.clone(),
                source: main.source.clone(),
                values: (0..90).map(|t| 100.0 + f64::from(t) + 20.0 * (f64::from(t) * 0.5).sin()).collect(),
            }
        };
        samples::busy().running.iter().map(of).collect()
    }

    fn shown(status: &Status, look: Look, rows: usize) -> String {
        frame(&Screen { status, levels: &levels(), now: samples::now(), look, rows, note: "q quits" })
    }

    #[test]
    fn a_wide_terminal_shows_all_that_goes_on() {
        insta::assert_snapshot!(shown(&samples::busy(), Look { columns: 120, ..Look::default() }, 40));
    }

    #[test]
    fn a_small_terminal_shows_what_matters_most() {
        insta::assert_snapshot!(shown(&samples::busy(), Look { columns: 60, ..Look::default() }, 14));
    }

    #[test]
    fn a_terminal_of_few_characters_is_enough() {
        let text = shown(&samples::busy(), Look { columns: 100, charset: Charset::Ascii, ..Look::default() }, 40);
        assert!(text.is_ascii(), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn who_has_nothing_to_do_says_so() {
        insta::assert_snapshot!(shown(&samples::idle(), Look::default(), 24));
    }

    #[test]
    fn colours_add_nothing_to_the_text() {
        let status = samples::busy();
        let coloured = shown(&status, Look { colour: Colour::Always, columns: 120, ..Look::default() }, 40);
        assert!(coloured.contains("\u{1b}[1;31m▲ leak"), "{coloured:?}");
        let mut plain = String::new();
        for (place, part) in coloured.split("\u{1b}[").enumerate() {
            plain.push_str(if place == 0 { part } else { part.split_once('m').expect("a code").1 });
        }
        let plain: Vec<&str> = plain.lines().map(str::trim_end).collect();
        assert_eq!(plain.join("\n"), shown(&status, Look { columns: 120, ..Look::default() }, 40));
    }

    proptest! {
        #[test]
        fn whatever_a_target_calls_itself_no_line_breaks_out(
            name in ".{0,60}", columns in 0_usize..150, rows in 0_usize..40, value in prop::num::f64::ANY,
        ) {
            let mut status = samples::busy();
            status.running[0].watch = Some(name.clone());
            status.running[0].series[0].metric = name.clone();
            status.running[0].series[0].level = value;
            status.running[0].t_s = value;
            status.queue[0].name = format!("\u{1b}[2J{name}\r\n\u{7}");
            let text = shown(&status, Look { columns, ..Look::default() }, rows);
            let lines: Vec<&str> = text.split('\n').collect();
            prop_assert!(lines.len() <= rows.max(LEAST_ROWS));
            prop_assert!(lines.iter().all(|line| line.chars().count() <= columns.max(Look::LEAST_COLUMNS)));
            prop_assert!(!text.contains(|character: char| character.is_control() && character != '\n'));
        }
    }
}
