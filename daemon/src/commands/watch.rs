//! `soakd watch`: what goes on, drawn anew as it changes; without a terminal a line for each change.
//!
//! | module | what it holds |
//! |---|---|
//! | `here` | runs of the state folder, as far as the store tells |
//! | `screen` | the terminal while pictures are drawn on it |

mod here;
mod screen;

use std::path::PathBuf;
use std::time::Duration;

use soakd_reports::Charset;
use soakd_reports::render::escape::escape;
use soakd_status::news::news;
use soakd_status::terminal::{self, Levels};
use soakd_status::words;

use self::here::Here;
use self::screen::{Ends, Screen, Woken};
use crate::cli::WatchArgs;
use crate::clock::{self, Stopwatch};
use crate::commands::ctl::Client;
use crate::commands::{ctl, output};
use crate::exit::{Exit, Failure};
use crate::opening;
use crate::service::status::{LiveRun, Status};

/// Looks are at least so far apart, and so many times as far as a look takes: a view of long runs stays cheap.
const PAUSE: Duration = Duration::from_secs(1);
const SHARE: u32 = 9;
/// Levels of a series that are kept; of more, every other is let go.
const MOST_LEVELS: usize = 512;

/// What goes on at one moment.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: Status,
    pub(crate) levels: Vec<Levels>,
}

/// Who tells what goes on.
#[derive(Debug)]
enum Source {
    Daemon { client: Box<Client>, courses: Vec<Course> },
    Here(Box<Here>),
}

impl Source {
    fn look(&mut self) -> Result<Seen, Failure> {
        match self {
            Self::Here(here) => here.look(),
            Self::Daemon { client, courses } => {
                let status: Status = client.status()?;
                remember(courses, &status.running);
                let levels = courses.iter().map(|course| course.levels.clone()).collect();
                Ok(Seen { status, levels })
            }
        }
    }
}

/// The levels of a series since the view was opened, in a bounded room and at even distances.
#[derive(Debug)]
struct Course {
    levels: Levels,
    /// Of so many looks one level is kept.
    every: usize,
    /// Looks so far.
    looks: usize,
    /// Whether the last level is only the present one, and gives way to the next.
    is_present: bool,
}

impl Course {
    fn push(&mut self, level: f64) {
        let is_kept = self.looks.is_multiple_of(self.every);
        self.looks += 1;
        let values = &mut self.levels.values;
        match values.last_mut() {
            Some(present) if self.is_present => *present = level,
            _ => values.push(level),
        }
        self.is_present = !is_kept;
        if is_kept && values.len() >= MOST_LEVELS {
            let mut place = 0;
            values.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.every *= 2;
        }
    }
}

/// Adds the present levels of the main series to those before; forgets runs that have ended.
fn remember(courses: &mut Vec<Course>, running: &[LiveRun]) {
    courses.retain(|known| running.iter().any(|run| run.id == known.levels.run));
    for run in running {
        let Some(series) = words::main_series(run) else { continue };
        let is_it = |known: &&mut Course| {
            let known = &known.levels;
            known.run == run.id && known.metric == series.metric && known.source == series.source
        };
        match courses.iter_mut().find(is_it) {
            Some(known) => known.push(series.level),
            None => {
                let (run, metric, source) = (run.id.clone(), series.metric.clone(), series.source.clone());
                let levels = Levels { run, metric, source, values: Vec::new() };
                let mut course = Course { levels, every: 1, looks: 0, is_present: false };
                course.push(series.level);
                courses.push(course);
            }
        }
    }
}

/// Shows what goes on until somebody ends it. `named` is the state folder that the user names, `state` the one that counts
/// otherwise.
///
/// # Errors
/// [`Failure`]: [`Exit::Unavailable`] where the daemon that was named does not answer.
pub fn watch(
    arguments: &WatchArgs,
    named: Option<&PathBuf>,
    state: impl Fn() -> Result<PathBuf, Failure>,
) -> Result<u8, Failure> {
    let client = ctl::daemon(&arguments.place, named.is_some(), &state)?;
    let mut source = Source::Daemon { client: Box::new(client), courses: Vec::new() };
    let seen = match source.look() {
        Ok(seen) => seen,
        // Nobody answers in the usual places: what other soakd processes record here is to be seen without.
        Err(failure) if failure.exit == Exit::Unavailable && !arguments.place.is_named() => {
            source = Source::Here(Box::new(Here::new(opening::store(&state()?)?)));
            source.look()?
        }
        Err(failure) => return Err(failure),
    };
    follow(source, seen, arguments.once)
}

/// The same for `soakd ctl watch` on a terminal, which asks a daemon and nobody else.
///
/// # Errors
/// [`Failure`]: [`Exit::Unavailable`] where it does not answer.
pub(crate) fn watch_daemon(client: Client) -> Result<u8, Failure> {
    let mut source = Source::Daemon { client: Box::new(client), courses: Vec::new() };
    let seen = source.look()?;
    follow(source, seen, false)
}

fn follow(source: Source, seen: Seen, once: bool) -> Result<u8, Failure> {
    if once {
        return output::result(&(frame(&seen, usize::MAX, "") + "\n")).map(|()| 0);
    }
    let ends = Ends::listen()?;
    let ended = if output::is_terminal() { pictures(source, seen, &ends)? } else { lines(source, seen, &ends)? };
    Ok(match ended {
        Woken::Signal(signal) => 128_u8.saturating_add(u8::try_from(signal).unwrap_or_default()),
        Woken::Quit | Woken::Anew => 0,
    })
}

fn frame(seen: &Seen, rows: usize, note: &str) -> String {
    let look = output::look();
    let screen = terminal::Screen { status: &seen.status, levels: &seen.levels, now: clock::now(), look, rows, note };
    terminal::frame(&screen)
}

/// Draws what goes on until a key or a signal ends it. A daemon that goes away is waited for.
fn pictures(mut source: Source, mut seen: Seen, ends: &Ends) -> Result<Woken, Failure> {
    let screen = Screen::open()?;
    let usual = if screen.has_keys() { "q quits" } else { "Ctrl-C quits" };
    let mut note = usual.to_owned();
    loop {
        screen.draw(&frame(&seen, output::rows(), &note))?;
        let clock = Stopwatch::start();
        match source.look() {
            Ok(now) => {
                seen = now;
                note = usual.to_owned();
            }
            Err(failure) if failure.exit == Exit::Unavailable => {
                note = format!("{failure}; this is how it was, {usual}").replace('\n', " ");
            }
            Err(failure) => return Err(failure),
        }
        match ends.wait(PAUSE.max(clock.elapsed().saturating_mul(SHARE)), screen.has_keys()) {
            Woken::Anew => {}
            ended => return Ok(ended),
        }
    }
}

/// Prints what goes on, then a line for each change, until a signal ends it.
fn lines(mut source: Source, mut seen: Seen, ends: &Ends) -> Result<Woken, Failure> {
    output::result(&(frame(&seen, usize::MAX, "") + "\n"))?;
    loop {
        let clock = Stopwatch::start();
        let now = source.look()?;
        let charset = if output::is_ascii() { Charset::Ascii } else { Charset::Unicode };
        let changes: String = news(&seen.status, &now.status).iter().map(|line| escape(line, charset) + "\n").collect();
        output::result(&changes)?;
        seen = now;
        match ends.wait(PAUSE.max(clock.elapsed().saturating_mul(SHARE)), false) {
            Woken::Anew => {}
            ended => return Ok(ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use soakd_analysis::{JudgementKind, Quantity};

    use super::*;
    use crate::service::status::{LivePhase, LiveSeries};

    fn run(id: &str, level: f64) -> LiveRun {
        LiveRun {
            id: id.to_owned(),
            profile: "demo".to_owned(),
            job: None,
            watch: None,
            target: String::new(),
            pid: None,
            started: clock::now(),
            phase: LivePhase::Loaded,
            t_s: level,
            planned_s: 60.0,
            samples_count: 1,
            series: vec![LiveSeries {
                metric: "rss_bytes".to_owned(),
                source: None,
                unit: Quantity::Bytes,
                level,
                rate_per_hour: None,
                tolerance_per_hour: None,
                judgement: JudgementKind::Inconclusive,
                time_to_limit_s: None,
                model: None,
            }],
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_view_that_is_left_open_keeps_the_whole_course_in_a_bounded_room() {
        let mut courses = Vec::new();
        for level in 0..5000_u32 {
            remember(&mut courses, &[run("a", level.into())]);
        }
        let values = &courses[0].levels.values;
        assert!(values.len() <= MOST_LEVELS && values.is_sorted(), "{}", values.len());
        assert!(values[0] < 50.0 && values.last() == Some(&4999.0), "{values:?}");
        let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let even = steps.iter().take(steps.len() - 1).all(|step| *step == steps[0]);
        assert!(even, "at even distances: {values:?}");
        remember(&mut courses, &[run("b", 1.0)]);
        assert_eq!(courses.iter().map(|known| known.levels.run.as_str()).collect::<Vec<_>>(), ["b"]);
    }
}
