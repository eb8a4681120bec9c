//! The profiles that are part of the program.

use crate::loader::top_level_text;

/// A profile that is part of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    /// Its name, as `soakd run` takes it.
    pub name: &'static str,
    /// What it is for, in one sentence.
    pub description: String,
    /// Its TOML, to read and to copy.
    pub text: &'static str,
}

const SHIPPED: &[(&str, &str)] = &[
    ("demo", include_str!("../library/demo.toml")),
    ("demo-leak", include_str!("../library/demo-leak.toml")),
    ("command", include_str!("../library/command.toml")),
    ("http-service", include_str!("../library/http-service.toml")),
    ("attach-unit", include_str!("../library/attach-unit.toml")),
    ("soak-24h", include_str!("../library/soak-24h.toml")),
    ("ci-short", include_str!("../library/ci-short.toml")),
    ("reference", include_str!("../library/reference.toml")),
];

/// All shipped profiles, in the order in which they are shown. Each can also be the start of a profile of one's own
/// (`soakd profile new`). The last, `reference`, has every key at its default with what it does.
#[must_use]
pub fn library() -> Vec<Shipped> {
    let shipped = SHIPPED.iter().map(|(name, text)| Shipped {
        name,
        description: top_level_text(text, "description").unwrap_or_default(),
        text,
    });
    shipped.collect()
}

/// The shipped profile of this name.
#[must_use]
pub fn find(name: &str) -> Option<Shipped> {
    library().into_iter().find(|shipped| shipped.name == name)
}
