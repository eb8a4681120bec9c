//! Numbers that clients name, within their bounds.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::problem::Problem;

/// `value`, or what is usual.
///
/// # Errors
/// Where it is out of bounds.
pub(super) fn within<N: Copy + PartialOrd + Display>(
    name: &str,
    value: Option<N>,
    usual: N,
    bounds: RangeInclusive<N>,
) -> Result<N, Problem> {
    let value = value.unwrap_or(usual);
    if bounds.contains(&value) {
        return Ok(value);
    }
    Err(Problem::invalid(format!("`{name}` is {value}, expected {} to {}", bounds.start(), bounds.end())))
}
