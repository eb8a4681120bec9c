//! Names of runs: they sort by time and can be typed.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Longest part of a profile's name that goes into an id.
const SLUG_CHARS: usize = 24;

/// Name of a run, such as `20261121-093012-demo-3f9a`: start in UTC, profile, four random digits.
///
/// Ids sort by their start (UTC, so that summer time does not turn the order round), are safe as the name of a
/// file or folder, and need no quoting in a shell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

impl RunId {
    /// An id for a run of `profile` that starts at `started`.
    ///
    /// The random digits come from the operating system; two ids of one second may still be equal, which
    /// [`Store::begin`](super::Store::begin) refuses.
    #[must_use]
    pub fn new(started: Timestamp, profile: &str) -> Self {
        // Seeded by the operating system for each process, and different at each call.
        let random = RandomState::new().build_hasher().finish() & 0xffff;
        let time = started.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S");
        Self(format!("{time}-{}-{random:04x}", slug(profile)))
    }

    /// The id as it is typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id that was read back; whatever it looks like, it names a run.
    pub(super) fn stored(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The letters and digits of `name`, in lower case, with one `-` for everything between them; `run` if there are none.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars() {
        if slug.len() == SLUG_CHARS {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "run".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_id_starts_with_the_time_and_the_profile() {
        let id = RunId::new(at("2026-11-21T09:30:12Z"), "demo").to_string();
        let (stem, random) = id.rsplit_once('-').unwrap();
        assert_eq!(stem, "20261121-093012-demo");
        assert_eq!(random.len(), 4);
        assert!(u16::from_str_radix(random, 16).is_ok(), "{random}");
    }

    #[test]
    fn ids_sort_by_their_start() {
        let ids: Vec<_> = ["2026-11-21T09:30:12Z", "2026-11-21T09:30:13Z", "2027-01-01T00:00:00Z"]
            .map(|text| RunId::new(at(text), "z"))
            .into();
        assert!(ids.is_sorted());
    }

    #[test]
    fn a_name_becomes_a_slug_that_needs_no_quoting() {
        assert_eq!(slug("Nightly soak (EU)"), "nightly-soak-eu");
        assert_eq!(slug("../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("ключ"), "run");
        assert_eq!(slug(""), "run");
        assert_eq!(slug("a-name-that-goes-on-and-on-and-on"), "a-name-that-goes-on-and");
    }

    #[test]
    fn ids_of_one_moment_differ() {
        let now = at("2026-11-21T09:30:12Z");
        let mut ids: Vec<_> = (0..20).map(|_| RunId::new(now, "demo")).collect();
        ids.sort();
        ids.dedup();
        assert!(ids.len() > 15, "{} of 20 differ", ids.len());
    }
}
