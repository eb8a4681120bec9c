//! Charts of the series as SVG: sharp at every size, dark where the viewer is dark, without a script or a font.

use std::fmt::Write;

use super::markup::markup;
use super::{RenderError, Renderer, Report};
use crate::outcome::Severity;
use crate::plot::scene::{Anchor, Item, Paint, Scene};
use crate::plot::{self, HEIGHT, WIDTH};
use crate::series::Role;
use crate::verdict::Verdict;

/// Every series under a heading.
#[derive(Debug, Clone, Copy)]
pub struct Svg;

impl Renderer for Svg {
    fn name(&self) -> &'static str {
        "svg"
    }

    fn about(&self) -> &'static str {
        "charts of the series as an SVG picture"
    }

    fn file_name(&self) -> Option<&'static str> {
        Some("series.svg")
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        let verdict = report.verdict;
        let title = format!("soakd: {} {}", verdict.outcome, verdict.run.profile);
        Ok(document(&page(report), &title, &verdict.summary).into_bytes())
    }
}

/// A picture as a document of its own.
pub(crate) fn document(scene: &Scene, title: &str, about: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"t d\" \
         font-family=\"system-ui, sans-serif\">\n<title id=\"t\">{}</title>\n<desc id=\"d\">{}</desc>\n<style>{}</style>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{}</svg>\n",
        scene.width,
        scene.height,
        markup(title),
        markup(about),
        style(),
        items(scene)
    )
}

/// A picture as an element of a page whose sheet has the paints.
pub(crate) fn element(scene: &Scene, class: &str, about: &str) -> String {
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
        scene.width,
        scene.height,
        markup(about),
        items(scene)
    )
}

/// Room for the heading of a picture.
const HEADING: f64 = 64.0;

/// All series of a verdict in one picture, those that decide first.
pub(super) fn page(report: &Report<'_>) -> Scene {
    let verdict = report.verdict;
    let shown: Vec<_> = ordered(verdict);
    let rows = f64::from(u16::try_from(shown.len()).unwrap_or(u16::MAX));
    let mut scene = Scene::new(WIDTH, HEADING + rows.max(1.0) * HEIGHT);
    let severity = match verdict.severity {
        Severity::None => String::new(),
        severity => format!(", severity {severity}"),
    };
    let title = format!("{}{severity} · {}", verdict.outcome.as_str().to_uppercase(), verdict.run.profile);
    scene.text(24.0, 30.0, Anchor::Start, 19.0, Paint::Ink, &title);
    let about = format!("run {} · {}", verdict.run.id, crate::sentence::ended(&verdict.run));
    scene.text(24.0, 50.0, Anchor::Start, 12.0, Paint::Muted, &about);
    if shown.is_empty() {
        scene.text(WIDTH / 2.0, HEADING + 100.0, Anchor::Middle, 13.0, Paint::Muted, "no series was judged");
    }
    let mut top = HEADING;
    for series in shown {
        plot::draw(&mut scene, top, series, verdict, report.recording);
        top += HEIGHT;
    }
    scene
}

/// Judged series before witnesses.
pub(super) fn ordered(verdict: &Verdict) -> Vec<&crate::series::SeriesVerdict> {
    let of = |role: Role| verdict.series.iter().filter(move |series| series.role == role);
    of(Role::Judged).chain(of(Role::Witness)).collect()
}

/// The style of both looks: what is drawn names its paint as a class.
pub(super) fn style() -> String {
    let mut light = String::from(".paper{fill:#fff}");
    let mut dark = String::from(".paper{fill:#14171c}");
    for paint in Paint::ALL {
        let (on_light, on_dark, opacity) = paint.colours();
        for (sheet, [red, green, blue]) in [(&mut light, on_light), (&mut dark, on_dark)] {
            let colour = format!("#{red:02x}{green:02x}{blue:02x}");
            // Writing to a string cannot fail.
            let _ = write!(
                sheet,
                ".f-{0}{{fill:{colour};fill-opacity:{opacity}}}.s-{0}{{stroke:{colour};fill:none}}",
                paint.name()
            );
        }
    }
    format!("{light}@media (prefers-color-scheme:dark){{@media screen{{{dark}}}}}")
}

/// What is in a picture, as elements.
pub(super) fn items(scene: &Scene) -> String {
    let mut svg = String::new();
    for item in &scene.items {
        let _ = match item {
            Item::Line { points, paint, width, dashes } => {
                let dashes: Vec<String> = dashes.iter().map(f64::to_string).collect();
                let dashes = if dashes.is_empty() {
                    String::new()
                } else {
                    format!(" stroke-dasharray=\"{}\"", dashes.join(" "))
                };
                writeln!(
                    svg,
                    "<polyline class=\"s-{}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{dashes} points=\"{}\"/>",
                    paint.name(),
                    places(points)
                )
            }
            Item::Area { points, paint } => {
                writeln!(svg, "<polygon class=\"f-{}\" points=\"{}\"/>", paint.name(), places(points))
            }
            Item::Text { x, y, anchor, size, paint, text } => {
                let anchor = match anchor {
                    Anchor::Start => "start",
                    Anchor::Middle => "middle",
                    Anchor::End => "end",
                };
                writeln!(
                    svg,
                    "<text class=\"f-{}\" x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\">{}</text>",
                    paint.name(),
                    markup(text)
                )
            }
        };
    }
    svg
}

fn places(points: &[(f64, f64)]) -> String {
    let mut text = String::with_capacity(12 * points.len());
    for (x, y) in points {
        let _ = write!(text, "{}{x:.1},{y:.1}", if text.is_empty() { "" } else { " " });
    }
    text
}
