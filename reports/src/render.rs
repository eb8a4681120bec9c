//! From a verdict to something to read: [`Renderer`], and the table of all of them, [`RENDERERS`].
//!
//! A renderer is one file below `render/` and one row of the table.

use thiserror::Error;

use crate::finite::NotFinite;
use crate::recording::Recording;
use crate::verdict::Verdict;

pub mod csv;
pub mod escape;
pub mod exposition;
pub mod html;
pub mod issue;
pub mod json;
pub mod junit;
pub mod layout;
pub mod markdown;
pub mod markup;
pub mod openmetrics;
pub mod parquet;
pub mod png;
pub mod svg;
mod table;
pub mod terminal;
mod thrift;

/// What is rendered, and for what kind of reader.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// What was sampled, where it is at hand: a verdict file comes without.
    pub recording: Option<&'a Recording>,
    /// How text is to look.
    pub look: Look,
    /// Files that were written about the run, to be named to the reader: what they hold, and where they are.
    pub files: Vec<(String, String)>,
}

impl<'a> Report<'a> {
    /// A report in the plainest look that names no files.
    #[must_use]
    pub fn new(verdict: &'a Verdict) -> Self {
        Self { verdict, recording: None, look: Look::default(), files: Vec::new() }
    }

    /// The samples, for a format that shows nothing else.
    pub(crate) fn recorded(&self, format: &'static str) -> Result<&'a Recording, RenderError> {
        self.recording.ok_or(RenderError::NoSamples { format })
    }
}

/// How text is to look. The default is right for a file or a pipe: 80 columns, no colour, Unicode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns that a line may have; below [`Look::LEAST_COLUMNS`] it counts as that.
    pub columns: usize,
    /// Whether escape sequences colour the text.
    pub colour: Colour,
    /// Which characters may be used.
    pub charset: Charset,
}

impl Look {
    /// No text fits into less.
    pub const LEAST_COLUMNS: usize = 40;
}

impl Default for Look {
    fn default() -> Self {
        Self { columns: 80, colour: Colour::Never, charset: Charset::Unicode }
    }
}

/// Whether text is coloured. Every text can be understood without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// No escape sequence at all.
    Never,
    /// The 8 colours that every terminal has.
    Always,
}

/// Which characters text may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Any that can be seen.
    Unicode,
    /// 7-bit characters; all others are written as `\u{…}`.
    Ascii,
}

/// Why a verdict could not be rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// A number that the format does not have.
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
    /// A picture that is too large to be painted.
    #[error("the picture of all series is too large; `svg` has no such bound")]
    Picture,
    /// A format of samples, and a verdict that came without any.
    #[error("`{format}` shows samples, and a verdict file holds none")]
    NoSamples {
        /// Name of the renderer.
        format: &'static str,
    },
}

/// Renders verdicts in one format. Rendering is pure: the same report gives the same bytes.
pub trait Renderer: Sync {
    /// Its name, as `--format` takes it.
    fn name(&self) -> &'static str;

    /// What it is for, for the help.
    fn about(&self) -> &'static str;

    /// Its usual name in the folder of a run; `None` for what is printed rather than kept.
    fn file_name(&self) -> Option<&'static str>;

    /// The report in this format, with a line end at the end where it is text.
    ///
    /// # Errors
    /// [`RenderError`] where the verdict holds what the format cannot.
    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError>;
}

/// Every renderer.
pub static RENDERERS: &[&dyn Renderer] = &[
    &terminal::Terminal,
    &json::Json,
    &junit::Junit,
    &markdown::Markdown,
    &issue::Issue,
    &html::Html,
    &svg::Svg,
    &png::Png,
    &csv::Csv,
    &parquet::Parquet,
    &openmetrics::OpenMetrics,
];

/// The renderer of that name.
#[must_use]
pub fn renderer(name: &str) -> Option<&'static dyn Renderer> {
    RENDERERS.iter().copied().find(|renderer| renderer.name() == name)
}
