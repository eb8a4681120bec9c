//! A cron expression: which moments it names.

use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Year};
use jiff::civil::{DateTime, date};

/// Words in place of an expression.
const WORDS: &[(&str, &str)] = &[
    ("@hourly", "0 * * * *"),
    // Most of the night is left, and few zones change their clocks then.
    ("@nightly", "30 0 * * *"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
];

/// A cron expression: minute, hour, day of the month, month and day of the week, with seconds in front of them where it
/// has six fields; or a word for one.
///
/// Each field takes `*`, numbers, ranges, lists and steps; months and weekdays also take names (`JAN`, `MON`), the day
/// of the month also `L` (the last one) and `15W` (the working day nearest to it), the day of the week also `FRI#2` and
/// `FRIL` (the second and the last one of a month). Where both days are given, either will do, as with every cron.
#[derive(Debug, Clone)]
pub struct When {
    text: String,
    cron: Cron,
    goes_on: bool,
}

impl PartialEq for When {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for When {}

/// Why a text is no [`When`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhenError {
    /// A word that is not known.
    #[error("no such word, expected `@hourly`, `@nightly`, `@daily`, `@weekly` or `@monthly`")]
    Word,
    /// Too few or too many fields.
    #[error("it has {0} fields, expected 5 (minute, hour, day, month, weekday), or 6 with seconds in front")]
    Fields(usize),
    /// A field that cannot be read.
    #[error("{0}")]
    Field(String),
    /// A moment that never comes, such as the 31st of February.
    #[error("it never comes")]
    Never,
}

impl WhenError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Word | Self::Never => None,
            Self::Fields(_) | Self::Field(_) => {
                Some("`30 2 * * *` is half past two each night, `0 */6 * * 1-5` every six hours on working days")
            }
        }
    }
}

impl When {
    /// Reads an expression or a word.
    ///
    /// # Errors
    /// [`WhenError`].
    pub fn parse(text: &str) -> Result<Self, WhenError> {
        let text = text.trim();
        let pattern = if text.starts_with('@') {
            let word = WORDS.iter().find(|(word, _)| text.eq_ignore_ascii_case(word));
            word.ok_or(WhenError::Word)?.1
        } else {
            let fields = text.split_whitespace().count();
            if !(5..=6).contains(&fields) {
                return Err(WhenError::Fields(fields));
            }
            text
        };
        let parser = CronParser::builder().year(Year::Disallowed).build();
        let cron = parser.parse(pattern).map_err(|error| WhenError::Field(reason(&error)))?;
        // Days, months and weekdays stand in the last three.
        let times = pattern.split_whitespace().rev().skip(3);
        let goes_on = times.into_iter().any(|field| field.contains(['*', '/']));
        let when = Self { text: text.to_owned(), cron, goes_on };
        // Leap days and weekdays repeat within 28 years, but for the turn of a century: what does not come in the next ones
        // does not come at all.
        match when.next_on_wall(date(2024, 1, 1).at(0, 0, 0, 0), true) {
            Some(_) => Ok(when),
            None => Err(WhenError::Never),
        }
    }

    /// The text as in the file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it says, in a sentence for people: `At 02:30`.
    #[must_use]
    pub fn describe(&self) -> String {
        self.cron.describe()
    }

    /// Whether it goes on all the time rather than at fixed times: `*` or steps in its second, minute or hour.
    pub(super) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// The first time on the wall after `wall`, or at it, that it names.
    pub(super) fn next_on_wall(&self, wall: DateTime, is_wall_included: bool) -> Option<DateTime> {
        self.cron.find_next_occurrence(&wall, is_wall_included).ok()
    }
}

/// The library's words without what it calls itself.
fn reason(error: &CronError) -> String {
    let text = match error {
        CronError::InvalidPattern(text) | CronError::IllegalCharacters(text) | CronError::ComponentError(text) => text,
        CronError::EmptyPattern
        | CronError::InvalidDate
        | CronError::InvalidTime
        | CronError::TimeSearchLimitExceeded => return "it cannot be read".to_owned(),
    };
    let text = text.trim_start_matches("CronPattern ").trim_end_matches('.');
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}
