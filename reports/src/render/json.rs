//! The verdict document itself.

use super::{RenderError, Renderer, Report};

/// The verdict as JSON, as in `verdict.json`.
#[derive(Debug, Clone, Copy)]
pub struct Json;

impl Renderer for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "the verdict document, for programs"
    }

    fn file_name(&self) -> Option<&'static str> {
        Some("verdict.json")
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        Ok(report.verdict.to_json()?.into_bytes())
    }
}
