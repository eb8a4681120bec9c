//! The same charts as PNG, for what shows no SVG: mails, chats, some trackers.
//!
//! Letters come from a font that is part of the program, so that the picture is the same on a host without any.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use tiny_skia::{FillRule, LineJoin, Paint as Ink, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};
use ttf_parser::{Face, OutlineBuilder};

use super::escape::escape;
use super::svg::page;
use super::{Charset, RenderError, Renderer, Report};
use crate::plot::scene::{Anchor, Item, Paint, Scene};

/// Every series under a heading, on white.
#[derive(Debug, Clone, Copy)]
pub struct Png;

impl Renderer for Png {
    fn name(&self) -> &'static str {
        "png"
    }

    fn about(&self) -> &'static str {
        "charts of the series as a PNG picture"
    }

    fn file_name(&self) -> Option<&'static str> {
        Some("series.png")
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        let scene = page(report);
        let pixmap = painted(&scene).ok_or(RenderError::Picture)?;
        Ok(encoded(&pixmap))
    }
}

/// A Latin subset of DejaVu Sans; its licence lies beside it.
static LETTERS: &[u8] = include_bytes!("../../vendor/letters.ttf");

/// Pixels for each unit of a picture: screens are fine today.
const SCALE: f32 = 2.0;

#[expect(clippy::cast_possible_truncation, reason = "pixels need no more")]
fn single(value: f64) -> f32 {
    value as f32
}

fn painted(scene: &Scene) -> Option<Pixmap> {
    let pixels = |length: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        let pixels = (length * f64::from(SCALE)).ceil() as u32;
        pixels
    };
    let mut pixmap = Pixmap::new(pixels(scene.width), pixels(scene.height))?;
    pixmap.fill(tiny_skia::Color::WHITE);
    let face = Face::parse(LETTERS, 0).ok()?;
    let scale = Transform::from_scale(SCALE, SCALE);
    for item in &scene.items {
        match item {
            Item::Line { points, paint, width, dashes } => {
                let Some(path) = path(points, false) else { continue };
                let dash = (!dashes.is_empty()).then(|| dashes.iter().map(|dash| single(*dash)).collect());
                let stroke = Stroke {
                    width: single(*width),
                    line_join: LineJoin::Round,
                    dash: dash.and_then(|dashes| StrokeDash::new(dashes, 0.0)),
                    ..Stroke::default()
                };
                pixmap.stroke_path(&path, &ink(*paint), &stroke, scale, None);
            }
            Item::Area { points, paint } => {
                let Some(path) = path(points, true) else { continue };
                pixmap.fill_path(&path, &ink(*paint), FillRule::Winding, scale, None);
            }
            Item::Text { x, y, anchor, size, paint, text } => {
                let text = escape(text, Charset::Unicode);
                let Some(path) = written(&face, &text, single(*x), single(*y), *anchor, single(*size)) else {
                    continue;
                };
                pixmap.fill_path(&path, &ink(*paint), FillRule::Winding, scale, None);
            }
        }
    }
    Some(pixmap)
}

fn ink(paint: Paint) -> Ink<'static> {
    let ([red, green, blue], _, opacity) = paint.colours();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
    let alpha = (opacity * 255.0).round() as u8;
    let mut ink = Ink { anti_alias: true, ..Ink::default() };
    ink.set_color_rgba8(red, green, blue, alpha);
    ink
}

fn path(points: &[(f64, f64)], is_closed: bool) -> Option<tiny_skia::Path> {
    let mut builder = PathBuilder::new();
    for (place, (x, y)) in points.iter().enumerate() {
        match place {
            0 => builder.move_to(single(*x), single(*y)),
            _ => builder.line_to(single(*x), single(*y)),
        }
    }
    if is_closed {
        builder.close();
    }
    builder.finish()
}

/// Puts the outline of a letter at its place.
struct Pen {
    builder: PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.builder.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.builder.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.builder.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.builder.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.builder.close();
    }
}

fn written(face: &Face<'_>, text: &str, x: f32, y: f32, anchor: Anchor, size: f32) -> Option<tiny_skia::Path> {
    let scale = size / f32::from(face.units_per_em());
    // A letter that the font does not have is shown as the sign for that.
    let glyphs: Vec<_> = text
        .chars()
        .map(|letter| face.glyph_index(letter).or_else(|| face.glyph_index('\u{fffd}')).unwrap_or_default())
        .collect();
    let advance = |glyph| f32::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * scale;
    let width: f32 = glyphs.iter().copied().map(advance).sum();
    let x = match anchor {
        Anchor::Start => x,
        Anchor::Middle => x - width / 2.0,
        Anchor::End => x - width,
    };
    let mut pen = Pen { builder: PathBuilder::new(), x, y, scale };
    for glyph in glyphs {
        face.outline_glyph(glyph, &mut pen);
        pen.x += advance(glyph);
    }
    pen.builder.finish()
}

/// The picture as a PNG file: 8 bits of red, green and blue, every row as the difference to the one above.
fn encoded(pixmap: &Pixmap) -> Vec<u8> {
    let width = pixmap.width() as usize;
    let mut above = vec![0_u8; 3 * width];
    let mut raw = Vec::with_capacity((3 * width + 1) * pixmap.height() as usize);
    for row in pixmap.pixels().chunks(width) {
        let line: Vec<u8> = row.iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
        raw.push(UP);
        raw.extend(line.iter().zip(&above).map(|(value, above)| value.wrapping_sub(*above)));
        above = line;
    }
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing into memory cannot fail.
    let _ = packed.write_all(&raw);
    let packed = packed.finish().unwrap_or_default();
    let mut header = Vec::with_capacity(13);
    header.extend_from_slice(&pixmap.width().to_be_bytes());
    header.extend_from_slice(&pixmap.height().to_be_bytes());
    header.extend_from_slice(&[8, TRUE_COLOUR, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header.as_slice()), (b"IDAT", &packed), (b"IEND", &[])] {
        bytes.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(data);
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(data);
        bytes.extend_from_slice(&sum.sum().to_be_bytes());
    }
    bytes
}

const UP: u8 = 2;
const TRUE_COLOUR: u8 = 2;
