//! A run that has ended: its report, among the other pages.

use soakd_reports::render::html::parts as report_parts;
use soakd_reports::{RENDERERS, RenderError, Report};

use super::parts::{profile_link, segment};
use super::{Content, Pace, Page, Place, View};

/// A run that has ended: `/runs/{id}`.
///
/// # Errors
/// [`RenderError`] where the verdict or its samples hold what a page cannot show.
pub fn finished(view: &View, report: &Report<'_>) -> Result<Page, RenderError> {
    let parts = report_parts(report)?;
    let run = &report.verdict.run;
    let link = |name: &str| format!("<li><a href=\"/api/v1/runs/{}/report/{name}\">{name}</a></li>", segment(&run.id));
    let forms: String = RENDERERS.iter().map(|renderer| link(renderer.name())).collect();
    let main = format!(
        "<p class=\"about\">A run of {}</p>\n{}{}\
         <section aria-labelledby=\"forms\">\n<h2 id=\"forms\">The report in other forms</h2>\n<ul class=\"forms\">{forms}</ul>\n\
         <p class=\"about\">{}</p>\n</section>\n",
        profile_link(&run.profile),
        parts.head,
        parts.main,
        parts.footer
    );
    let title = format!("{}: {}", report.verdict.outcome, run.profile);
    let content = Content {
        sheet: parts.sheet,
        script: format!("{}\n", parts.script),
        ..Content::new(&title, Place::Elsewhere, Pace::Still, main)
    };
    Ok(content.page(view))
}
