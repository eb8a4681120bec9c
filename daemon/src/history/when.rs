//! Points in time as people name them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use soakd_profiles::units;

/// A text that names no point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not understood")]
pub struct Unclear(String);

impl Unclear {
    /// What is understood.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "expected how long ago (36h, 7d), a date such as 2026-11-21, or a time such as 2026-11-21T09:30:00Z"
    }
}

/// A point in time: so long ago, or a date (in UTC), or a time.
///
/// # Errors
/// Where it is none of these.
pub fn when(text: &str) -> Result<Timestamp, Unclear> {
    if let Some(ago) = units::duration(text) {
        let ago = jiff::SignedDuration::try_from(ago).unwrap_or(jiff::SignedDuration::MAX);
        return Ok(Timestamp::now().checked_sub(ago).unwrap_or(Timestamp::MIN));
    }
    let date = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|date| date.timestamp());
    text.parse().ok().or_else(date).ok_or_else(|| Unclear(text.to_owned()))
}
