//! A picture as a list of what is in it, in the order of painting.

/// What something is painted with; light and dark, screen and paper each have their own colours for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Paint {
    Ink,
    Muted,
    Grid,
    Series,
    Model,
    Band,
    Tolerance,
    Limit,
    Warmup,
    Gap,
    Ahead,
    Event,
}

impl Paint {
    pub(crate) const ALL: [Self; 12] = [
        Self::Ink,
        Self::Muted,
        Self::Grid,
        Self::Series,
        Self::Model,
        Self::Band,
        Self::Tolerance,
        Self::Limit,
        Self::Warmup,
        Self::Gap,
        Self::Ahead,
        Self::Event,
    ];

    /// Its name in a style sheet.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ink => "ink",
            Self::Muted => "muted",
            Self::Grid => "grid",
            Self::Series => "series",
            Self::Model => "model",
            Self::Band => "band",
            Self::Tolerance => "tolerance",
            Self::Limit => "limit",
            Self::Warmup => "warmup",
            Self::Gap => "gap",
            Self::Ahead => "ahead",
            Self::Event => "event",
        }
    }

    /// Red, green, blue and opacity on a light ground, and on a dark one. Chosen to be told apart by eyes that see few
    /// colours: blue, orange, grey, with dashes besides.
    pub(crate) fn colours(self) -> ([u8; 3], [u8; 3], f64) {
        match self {
            Self::Ink => ([28, 32, 38], [232, 235, 240], 1.0),
            Self::Muted => ([92, 100, 112], [158, 167, 180], 1.0),
            Self::Grid => ([226, 230, 235], [52, 58, 68], 1.0),
            Self::Series => ([37, 99, 175], [110, 170, 245], 1.0),
            Self::Model => ([196, 78, 10], [255, 150, 70], 1.0),
            Self::Band => ([196, 78, 10], [255, 150, 70], 0.16),
            Self::Tolerance => ([60, 125, 60], [115, 195, 115], 1.0),
            Self::Limit => ([190, 30, 45], [255, 110, 120], 1.0),
            Self::Warmup => ([120, 130, 145], [150, 160, 178], 0.16),
            Self::Gap => ([190, 30, 45], [255, 110, 120], 0.14),
            Self::Ahead => ([120, 130, 145], [150, 160, 178], 0.07),
            Self::Event => ([120, 70, 160], [190, 150, 235], 1.0),
        }
    }
}

/// Where a text lies at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// One thing in a picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Line { points: Vec<(f64, f64)>, paint: Paint, width: f64, dashes: Vec<f64> },
    Area { points: Vec<(f64, f64)>, paint: Paint },
    Text { x: f64, y: f64, anchor: Anchor, size: f64, paint: Paint, text: String },
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) items: Vec<Item>,
}

impl Scene {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, items: Vec::new() }
    }

    pub(crate) fn line(&mut self, points: &[(f64, f64)], paint: Paint, width: f64, dashes: &[f64]) {
        if points.len() > 1 {
            self.items.push(Item::Line { points: points.to_vec(), paint, width, dashes: dashes.to_vec() });
        }
    }

    pub(crate) fn area(&mut self, points: &[(f64, f64)], paint: Paint) {
        if points.len() > 2 {
            self.items.push(Item::Area { points: points.to_vec(), paint });
        }
    }

    pub(crate) fn text(&mut self, x: f64, y: f64, anchor: Anchor, size: f64, paint: Paint, text: &str) {
        if !text.is_empty() {
            self.items.push(Item::Text { x, y, anchor, size, paint, text: text.to_owned() });
        }
    }
}
