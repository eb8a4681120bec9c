//! What can be wrong with a profile, each fault with its place. All faults of a profile are shown together.

use std::fmt;

use thiserror::Error;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, as the user named it; the name of a shipped profile.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, line {}, column {}: {}", self.file, self.line, self.column, self.kind)
    }
}

/// What is wrong. `key` and `section` are as in the file, `value` is the user's text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// The file is not TOML.
    #[error("not valid TOML: {message}")]
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// Tables inside tables inside tables.
    #[error("nested too deeply, expected at most {most} levels")]
    TooDeep {
        /// The most levels that are read.
        most: usize,
    },
    /// No such key.
    #[error("unknown key `{key}` in {section}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands: `` `[target]` `` or `the top level`.
        section: String,
        /// The nearest key that there is, with its section where that is another.
        nearest: Option<String>,
    },
    /// A section that a later version will have.
    #[error("{section} is not available in this version of soakd")]
    NotYet {
        /// The section.
        section: &'static str,
    },
    /// A value of the wrong type.
    #[error("`{key}` is {found}, expected {expected}")]
    WrongType {
        /// The key.
        key: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: String,
    },
    /// A value of the right type that cannot be read.
    #[error("`{key} = {value}` cannot be read, expected {expected}")]
    Unreadable {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it should look like.
        expected: String,
    },
    /// A value below its range.
    #[error("`{key} = {value}` is too {}, expected at least `{least}`", below(*is_duration))]
    TooSmall {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The least that is allowed.
        least: String,
        /// Whether it is a length of time.
        is_duration: bool,
    },
    /// A value above its range.
    #[error("`{key} = {value}` is too {}, expected at most `{most}`", above(*is_duration))]
    TooLarge {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The most that is allowed.
        most: String,
        /// Whether it is a length of time.
        is_duration: bool,
    },
    /// A word that is not among those allowed.
    #[error("`{key} = {value}` is not known, expected {expected}")]
    UnknownWord {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// Those allowed.
        expected: String,
        /// The nearest of them.
        nearest: Option<String>,
    },
    /// A regular expression that does not compile.
    #[error("`{key} = {value}` is not a regular expression: {reason}")]
    BadPattern {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// Why not.
        reason: String,
    },
    /// A metric that is not measured.
    #[error("unknown metric `{name}` in `{key}`")]
    UnknownMetric {
        /// The key.
        key: String,
        /// The name.
        name: String,
        /// The nearest metric.
        nearest: Option<String>,
    },
    /// A name that the user chose, and that cannot be used.
    #[error("`{name}` cannot be the name of a series, expected {expected}")]
    BadName {
        /// The name.
        name: String,
        /// What it should be like.
        expected: String,
    },
    /// A value that has the right form, and that something behind it refuses.
    #[error("`{key} = {value}` is not {what}: {reason}")]
    Refused {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it should be, with its article.
        what: &'static str,
        /// Why it is not.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A name that something else in the file has already.
    #[error("`{name}` is the name of two, the first of them in line {first}, expected one of its own for each")]
    Taken {
        /// The name.
        name: String,
        /// The line of the first.
        first: usize,
    },
    /// An amount in bytes for a metric that does not count bytes, or the other way round.
    #[error("`{key} = {value}` does not fit `{metric}`, expected {expected}")]
    WrongUnit {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The metric.
        metric: String,
        /// What fits.
        expected: &'static str,
    },
    /// Keys of which only one may be there.
    #[error("`{key}` contradicts `{other}` in {section}, expected one of them")]
    Contradiction {
        /// The key.
        key: String,
        /// The one it contradicts.
        other: String,
        /// Where both stand.
        section: String,
    },
    /// A key that must be there.
    #[error("{section} has no {missing}")]
    Missing {
        /// Where it should stand.
        section: String,
        /// What is missing.
        missing: String,
    },
    /// A key that means nothing without another.
    #[error("`{key}` has no effect here, it needs {needs}")]
    Needs {
        /// The key.
        key: String,
        /// What it needs.
        needs: String,
    },
    /// A run with too few samples for a judgement.
    #[error("`duration` of {duration} holds fewer than {fewest} samples at an `interval` of {interval}")]
    TooFewSamples {
        /// The planned length.
        duration: String,
        /// The interval.
        interval: String,
        /// The fewest samples for a judgement.
        fewest: u32,
        /// The shortest run that holds as many.
        shortest: String,
    },
    /// Warm-up as long as the run.
    #[error("`warmup` of {warmup} leaves nothing of a run of {duration}")]
    WarmupTooLong {
        /// The warm-up.
        warmup: String,
        /// The planned length.
        duration: String,
    },
    /// `block_on` below `fail_on`.
    #[error("`block_on = {block_on}` is milder than `fail_on = {fail_on}`, expected at least as severe")]
    BlockBelowFail {
        /// The one.
        block_on: String,
        /// The other.
        fail_on: String,
    },
    /// A reference to a scenario or an environment that the profile does not define.
    #[error("unknown {what} `{name}`, expected {expected}")]
    UnknownName {
        /// `scenario` or `environment`.
        what: &'static str,
        /// The name.
        name: String,
        /// Those that there are.
        expected: String,
        /// The nearest of them.
        nearest: Option<String>,
    },
    /// A variable that is not set and has no default.
    #[error("variable `{name}` is not set")]
    MissingVariable {
        /// Its name.
        name: String,
    },
    /// `${` that is no variable.
    #[error("`{text}` is not a variable, expected `${{NAME}}` or `${{NAME:-default}}`")]
    BadVariable {
        /// What stands there.
        text: String,
    },
    /// Profiles that extend each other.
    #[error("`extends` goes in a circle: {chain}")]
    Circle {
        /// The files, joined by arrows.
        chain: String,
    },
    /// A base that cannot be read.
    #[error("cannot read `{base}`: {reason}")]
    CannotExtend {
        /// The base.
        base: String,
        /// Why not.
        reason: String,
    },
}

fn below(is_duration: bool) -> &'static str {
    if is_duration { "short" } else { "small" }
}

fn above(is_duration: bool) -> &'static str {
    if is_duration { "long" } else { "large" }
}

impl FaultKind {
    /// What to do about it, where that is not plain from the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { nearest, .. }
            | Self::UnknownWord { nearest, .. }
            | Self::UnknownMetric { nearest, .. }
            | Self::UnknownName { nearest, .. } => nearest.as_ref().map(|nearest| format!("did you mean `{nearest}`?")),
            Self::Refused { hint, .. } => hint.clone(),
            Self::NotYet { .. } => Some("remove the section, or use a version that has it".to_owned()),
            Self::TooFewSamples { shortest, .. } => {
                Some(format!("run for at least {shortest}, or shorten `interval` in `[sample]`"))
            }
            Self::MissingVariable { name } => {
                Some(format!("set it, or give a default: `${{{name}:-value}}`; `$${{` writes `${{` as it is"))
            }
            Self::BadVariable { .. } => Some("`$${` writes `${` as it is".to_owned()),
            Self::CannotExtend { .. } => Some(
                "a path is relative to the folder of the file that names it; a bare name is a shipped profile"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// All faults of a profile: at least one, in the order of the files and their lines.
///
/// It prints one fault after the other, each with its hint on a line of its own. All but the first begin with `error: `,
/// so that the whole reads well after one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self(faults)
    }

    /// The faults.
    #[must_use]
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\nerror: ")?;
            }
            write!(f, "{fault}")?;
            if let Some(hint) = fault.kind.hint() {
                write!(f, "\n  hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// The candidate that is nearest to `word`, if any is near enough to have been meant.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

/// `` `a`, `b` or `c` ``.
#[must_use]
pub fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "none, since none is defined".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
