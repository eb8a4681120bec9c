//! What a run shows on standard error while it goes on: a bar on a terminal, else a line now and then.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Without a terminal, a line at most this often, in seconds.
const LINE_EVERY_S: f64 = 60.0;
/// Redraws of the bar at most this often, in seconds, so that fast sampling stays cheap.
const REDRAW_EVERY_S: f64 = 0.1;

/// Where and whether progress is shown.
#[derive(Debug)]
pub struct Progress {
    form: Form,
    planned_s: f64,
    shown_s: Option<f64>,
}

/// Whom a run tells how it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Who waits for it, on standard error.
    Person,
    /// The same, of what must be told alone.
    PersonWhoWantsQuiet,
    /// Who reads the log, under the id of the run.
    Log(String),
}

#[derive(Debug)]
enum Form {
    Silent,
    Log(String),
    Lines,
    Bar(ProgressBar),
}

/// `1:02:03` or `2:03`.
#[must_use]
pub fn clock_face(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

impl Progress {
    /// Progress of a run of `planned_s` seconds.
    #[must_use]
    pub fn new(planned_s: f64, audience: &Audience) -> Self {
        let form = if let Audience::Log(run) = audience {
            Form::Log(run.clone())
        } else if *audience == Audience::PersonWhoWantsQuiet {
            Form::Silent
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(planned_s.ceil() as u64), ProgressDrawTarget::stderr());
            // The template is a constant; a faulty one would only cost the looks.
            if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:24}] {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            Form::Bar(bar)
        } else {
            Form::Lines
        };
        Self { form, planned_s, shown_s: None }
    }

    /// Shows second `t_s` of the run, unless one was shown just before: samples so far, and level and estimate of the
    /// series that matters most, which `state` puts into words where they are shown.
    pub fn show(&mut self, t_s: f64, samples: u64, state: impl FnOnce() -> String) {
        let every_s = match self.form {
            Form::Silent | Form::Log(_) => return,
            Form::Lines => LINE_EVERY_S,
            Form::Bar(_) => REDRAW_EVERY_S,
        };
        if self.shown_s.is_some_and(|shown_s| t_s - shown_s < every_s) {
            return;
        }
        // The first line comes when there is something to say.
        if self.shown_s.is_none() && matches!(self.form, Form::Lines) && t_s < LINE_EVERY_S {
            return;
        }
        self.shown_s = Some(t_s);
        let (now, planned) = (clock_face(t_s), clock_face(self.planned_s));
        let text = format!("{now} of {planned}  {samples} samples  {}", state());
        match &self.form {
            Form::Silent | Form::Log(_) => {}
            Form::Lines => line(&text),
            Form::Bar(bar) => {
                bar.set_position(t_s as u64);
                bar.set_message(text);
            }
        }
    }

    /// Says something that stays, above the bar.
    pub fn say(&self, text: &str) {
        match &self.form {
            Form::Silent => {}
            Form::Log(run) => tracing::info!(run, "{text}"),
            Form::Lines => line(text),
            Form::Bar(bar) => bar.println(text),
        }
    }

    /// Says something also in quiet mode: an answer that was asked for, or a warning.
    pub fn insist(&self, text: &str) {
        match &self.form {
            Form::Log(run) => tracing::warn!(run, "{text}"),
            Form::Silent | Form::Lines => line(text),
            Form::Bar(bar) => bar.println(text),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Form::Bar(bar) = &self.form {
            bar.disable_steady_tick();
            bar.finish_and_clear();
        }
    }

    /// Keeps the bar moving while nothing is sampled (start, stop).
    pub fn wait_for(&self, what: &str) {
        if let Form::Bar(bar) = &self.form {
            bar.set_message(what.to_owned());
            bar.tick();
            bar.enable_steady_tick(Duration::from_millis(200));
        }
    }

    /// Ends [`Progress::wait_for`].
    pub fn go_on(&self) {
        if let Form::Bar(bar) = &self.form {
            bar.disable_steady_tick();
        }
    }
}

/// A line on standard error; a closed standard error is no reason to end a run.
fn line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_a_clock() {
        assert_eq!(clock_face(0.4), "0:00");
        assert_eq!(clock_face(125.0), "2:05");
        assert_eq!(clock_face(36_061.0), "10:01:01");
    }
}
