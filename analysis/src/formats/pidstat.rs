//! Output of `pidstat -r` (sysstat), plain or with `-h`, `-H`, `-v` and `--human`.
//!
//! `RSS` and `VSZ` (in KiB), `threads` and `fd-nr` become `rss_bytes`, `virtual_bytes`, `threads_count` and `fds_count`;
//! tables of other activities, threads (`-t`) and averages are passed over. Times are of day, in 24 or 12 hours, and
//! midnight is a step of a day, or Unix seconds with `-H`.
//!
//! One process gives plain names. Several with the same command, of which never two were seen at once, are one target that
//! was restarted. Others are told apart by command and process: `nginx_4711_rss_bytes`.

use std::collections::{BTreeMap, BTreeSet};

use super::Format;
use super::error::{FormatError, shortened};
use super::rows::Rows;
use super::table::Table;

/// The row of this format in [`FORMATS`](super::FORMATS).
pub(super) const FORMAT: Format = Format { name: "pidstat", description: "output of `pidstat -r`", sniff, read };

const S_PER_DAY: f64 = 86_400.0;

/// Columns of the output, the series they become, and the size of their unit.
const METRICS: [(&str, &str, f64); 4] = [
    ("RSS", "rss_bytes", 1024.0),
    ("VSZ", "virtual_bytes", 1024.0),
    ("threads", "threads_count", 1.0),
    ("fd-nr", "fds_count", 1.0),
];

/// How many lines are looked at for the header of a table.
const SNIFFED_LINES: usize = 12;

fn sniff(text: &str) -> bool {
    text.lines().take(SNIFFED_LINES).any(|line| Header::of(line).is_some())
}

/// Which word of a row is what, counted after the time.
struct Header {
    process: usize,
    thread: Option<usize>,
    command: Option<usize>,
    metrics: Vec<(usize, &'static str, f64)>,
}

impl Header {
    /// The header of a table of processes; `None` for any other line.
    fn of(line: &str) -> Option<Self> {
        let (_, words) = split_time(line)?;
        let at = |name: &str| words.iter().position(|word| *word == name);
        Some(Self {
            process: at("PID").or_else(|| at("TGID"))?,
            thread: at("TID"),
            command: at("Command"),
            metrics: METRICS.iter().filter_map(|(word, name, unit)| Some((at(word)?, *name, *unit))).collect(),
        })
    }
}

/// When a line was written.
#[derive(Clone, Copy)]
enum Written {
    /// `# Time`: the header of `-h`.
    Header,
    /// Seconds since midnight.
    OfDay(f64),
    /// Unix seconds.
    Unix(f64),
}

/// The time at the start of a line, and the words after it; `None` for lines that are no row and no header.
fn split_time(line: &str) -> Option<(Written, Vec<&str>)> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if words.first() == Some(&"#") && words.get(1) == Some(&"Time") {
        words.drain(..2);
        return Some((Written::Header, words));
    }
    let first = *words.first()?;
    let written = if first.contains(':') {
        let parts: Vec<u32> = first.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let [hour, minute, second] = *parts.as_slice() else { return None };
        let hour = match words.get(1) {
            Some(&"AM") if hour <= 12 => hour % 12,
            Some(&"PM") if hour <= 12 => hour % 12 + 12,
            _ => hour,
        };
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        Written::OfDay(f64::from(hour * 3600 + minute * 60 + second))
    } else {
        Written::Unix(f64::from(first.parse::<u32>().ok()?))
    };
    let twelve_hours = matches!(words.get(1), Some(&"AM" | &"PM"));
    words.drain(..if twelve_hours { 2 } else { 1 });
    Some((written, words))
}

/// A number with the unit of `--human` (`41.2M`), in the unit of the column (KiB) where it has none.
fn size(word: &str, unit: f64) -> Option<f64> {
    let (digits, unit) = match word.chars().next_back()? {
        'k' | 'K' => (&word[..word.len() - 1], 1024.0),
        'M' => (&word[..word.len() - 1], 1024.0 * 1024.0),
        'G' => (&word[..word.len() - 1], 1024.0 * 1024.0 * 1024.0),
        'T' => (&word[..word.len() - 1], 1024.0 * 1024.0 * 1024.0 * 1024.0),
        'B' => (&word[..word.len() - 1], 1.0),
        _ => (word, unit),
    };
    let value: f64 = digits.parse().ok()?;
    Some(value * unit).filter(|value| value.is_finite())
}

/// One process at one time.
struct Reading {
    line: usize,
    t_s: f64,
    process: u32,
    values: Vec<(&'static str, f64)>,
}

/// Follows the times of day over midnight.
#[derive(Default)]
struct Calendar {
    days: f64,
    before_s: Option<f64>,
}

impl Calendar {
    fn t_s(&mut self, of_day_s: f64) -> f64 {
        // Half a day back is midnight; less is a clock that was set back, which is refused like any such time.
        if self.before_s.is_some_and(|before_s| before_s - of_day_s > S_PER_DAY / 2.0) {
            self.days += 1.0;
        }
        self.before_s = Some(of_day_s);
        self.days * S_PER_DAY + of_day_s
    }
}

/// What the output holds, before its processes are named.
struct Recording {
    readings: Vec<Reading>,
    commands: BTreeMap<u32, String>,
    /// Whether the times are Unix times.
    unix: bool,
}

fn recording(text: &str) -> Result<Recording, FormatError> {
    let mut header: Option<Header> = None;
    let mut calendar = Calendar::default();
    let mut readings = Vec::new();
    let mut commands = BTreeMap::new();
    let mut unix = false;
    for (index, content) in text.lines().enumerate() {
        let line = index + 1;
        if let Some(found) = Header::of(content) {
            header = Some(found);
            continue;
        }
        let (Some(header), Some((written, words))) = (&header, split_time(content)) else { continue };
        let t_s = match written {
            Written::Header => continue,
            Written::OfDay(of_day_s) => calendar.t_s(of_day_s),
            Written::Unix(unix_s) => {
                unix = true;
                unix_s
            }
        };
        if header.metrics.is_empty() || header.thread.is_some_and(|thread| words.get(thread) != Some(&"-")) {
            continue;
        }
        let refused = |column: &str, at: usize, expected| FormatError::Cell {
            line,
            column: column.to_owned(),
            found: shortened(words.get(at).unwrap_or(&"")),
            expected,
        };
        let process: u32 = words
            .get(header.process)
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| refused("PID", header.process, "the id of a process"))?;
        let mut values = Vec::with_capacity(header.metrics.len());
        for (at, name, unit) in &header.metrics {
            let value = words.get(*at).and_then(|word| size(word, *unit));
            values.push((*name, value.ok_or_else(|| refused(name, *at, "a number"))?));
        }
        let command = header.command.and_then(|at| words.get(at)).copied().unwrap_or("process");
        commands.entry(process).or_insert_with(|| command.to_owned());
        readings.push(Reading { line, t_s, process, values });
    }
    Ok(Recording { readings, commands, unix })
}

/// Whether all processes are lives of one target: one command, and never two at once.
fn is_one_target(readings: &[Reading], commands: &BTreeMap<u32, String>) -> bool {
    let mut gone = BTreeSet::new();
    let taken_in_turns = readings.windows(2).all(|pair| {
        if pair[0].process != pair[1].process {
            gone.insert(pair[0].process);
            return pair[0].t_s < pair[1].t_s && !gone.contains(&pair[1].process);
        }
        true
    });
    commands.values().collect::<BTreeSet<_>>().len() <= 1 && taken_in_turns
}

/// Reads the output of `pidstat`.
///
/// # Errors
/// [`FormatError`] with the line. Twice the same process at one time is time that stands still.
pub fn read(text: &str) -> Result<Table, FormatError> {
    let Recording { readings, commands, unix } = recording(text)?;
    if readings.is_empty() {
        let expected = "rows under a header with `PID` and `RSS`, as `pidstat -r` prints them";
        return Err(FormatError::Shape { line: 1, expected });
    }
    let one_target = is_one_target(&readings, &commands);
    let mut rows = Rows::default();
    let mut before: Option<(f64, u32)> = None;
    for reading in &readings {
        if before.is_none_or(|(t_s, _)| t_s.total_cmp(&reading.t_s).is_ne()) {
            rows.start(reading.line, reading.t_s)?;
        }
        if one_target && before.is_some_and(|(_, process)| process != reading.process) {
            rows.restart();
        }
        before = Some((reading.t_s, reading.process));
        for (metric, value) in &reading.values {
            let name = match commands.get(&reading.process) {
                Some(command) if !one_target => {
                    let word: String =
                        command.chars().map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '_' }).collect();
                    format!("{word}_{}_{metric}", reading.process)
                }
                _ => (*metric).to_owned(),
            };
            let column = rows.column(&name);
            if rows.has(column) {
                rows.start(reading.line, reading.t_s)?;
            }
            rows.set(column, Some(*value));
        }
    }
    Ok(rows.table(unix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "23:59:58      UID       PID  minflt/s  majflt/s     VSZ     RSS   %MEM  Command\n";

    fn row(time: &str, process: u32, rss_kib: u32) -> String {
        format!("{time}        0     {process}      1.00      0.00     900   {rss_kib}   0.01  my server --flag\n")
    }

    #[test]
    fn midnight_is_a_step_like_any_other() {
        let text = format!("{HEADER}{}{}{}", row("23:59:59", 7, 4), row("00:00:00", 7, 5), row("00:00:01", 7, 6));
        let table = read(&text).unwrap();
        assert_eq!(table.t_s, [0.0, 1.0, 2.0]);
        assert_eq!(table.column("rss_bytes").unwrap().values[2], Some(6.0 * 1024.0));
    }

    #[test]
    fn noon_and_midnight_of_twelve_hours_are_right() {
        let header = HEADER.replace("23:59:58 ", "11:59:58 AM ");
        let text =
            format!("{header}{}{}{}", row("11:59:59 AM", 7, 4), row("12:00:00 PM", 7, 5), row("01:00:00 PM", 7, 6));
        assert_eq!(read(&text).unwrap().t_s, [0.0, 1.0, 3601.0]);
        let text = format!("{header}{}{}", row("11:59:59 PM", 7, 4), row("12:00:01 AM", 7, 5));
        assert_eq!(read(&text).unwrap().t_s, [0.0, 2.0]);
    }

    #[test]
    fn processes_of_one_command_one_after_the_other_are_restarts() {
        let text = format!("{HEADER}{}{}{}", row("10:00:00", 7, 4), row("10:00:01", 9, 5), row("10:00:02", 9, 6));
        let table = read(&text).unwrap();
        assert_eq!(
            table.names().collect::<Vec<_>>(),
            ["virtual_bytes", "rss_bytes"].iter().rev().copied().collect::<Vec<_>>()
        );
        assert_eq!(table.restarts_s, [1.0]);
    }

    #[test]
    fn a_clock_that_was_set_back_is_refused() {
        let text = format!("{HEADER}{}{}", row("10:00:00", 7, 4), row("09:00:00", 7, 5));
        assert_eq!(read(&text), Err(FormatError::Time { line: 3, before_s: 0.0, after_s: -3600.0 }));
        let text = format!("{HEADER}{}{}", row("10:00:00", 7, 4), row("10:00:00", 7, 5));
        assert_eq!(read(&text), Err(FormatError::Time { line: 3, before_s: 0.0, after_s: 0.0 }));
    }

    #[test]
    fn faults_are_named_with_their_place() {
        let text = format!("{HEADER}{}", row("10:00:00", 7, 4).replace(" 4 ", " x "));
        assert_eq!(read(&text).unwrap_err().to_string(), "line 2, column `rss_bytes`: found `x`, expected a number");
        assert!(read(HEADER).is_err());
    }
}
