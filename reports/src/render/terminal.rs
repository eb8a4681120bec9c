//! The verdict for a person at a terminal.

use super::{RenderError, Renderer, Report};
use crate::render::escape::escape;

/// The verdict as text: the outcome first, then what decided it, then the rest.
#[derive(Debug, Clone, Copy)]
pub struct Terminal;

impl Renderer for Terminal {
    fn name(&self) -> &'static str {
        "text"
    }

    fn about(&self) -> &'static str {
        "a summary for people"
    }

    fn extension(&self) -> &'static str {
        "txt"
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        let verdict = report.verdict;
        let summary = escape(&verdict.summary, report.look.charset);
        Ok(format!("{}: {summary}\n", verdict.outcome).into_bytes())
    }
}
