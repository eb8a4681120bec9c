//! Numbers and lines in the kernel's text, as bytes: no UTF-8 check, no allocation.

/// Spaces and tabs, which separate columns.
fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The decimal number that `text` consists of; `None` when empty, with other characters, or too large for `u64`.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, byte| {
        if !byte.is_ascii_digit() {
            return None;
        }
        sum.checked_mul(10)?.checked_add(u64::from(byte - b'0'))
    })
}

/// The words of `text`, which blanks and line ends separate.
pub(crate) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The lines of `text` that have their line end. A last line without one was cut off, so that its number may be too.
pub(crate) fn whole_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"))
}

/// `line` as the name before the colon and the rest without leading blanks (`VmRSS: 1700 kB`).
pub(crate) fn name_and_rest(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, rest) = line.split_at(colon);
    let rest = &rest[1..];
    let start = rest.iter().position(|byte| !is_blank(*byte)).unwrap_or(rest.len());
    Some((name, &rest[start..]))
}

/// A size with its unit in bytes: `1700 kB` is 1,740,800. `None` for any other unit than `kB`, which the kernel
/// never writes: a guess would be worse than a gap.
pub(crate) fn kib_as_bytes(rest: &[u8]) -> Option<u64> {
    let mut parts = words(rest);
    let value = number(parts.next()?)?;
    match (parts.next(), parts.next()) {
        (Some(b"kB"), None) => value.checked_mul(1024),
        _ => None,
    }
}

/// A count or size as a reading. Exact up to 2^53, which is 8 PiB.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53; no memory, count or time comes near it")]
pub(crate) fn as_reading(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"-1", b"1 ", b"1.5", b"18446744073709551616", b"x"] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out() {
        let lines: Vec<_> = whole_lines(b"a: 1\nb: 22").collect();
        assert_eq!(lines, [b"a: 1"]);
    }

    #[test]
    fn only_kilobytes_are_a_size() {
        assert_eq!(kib_as_bytes(b"1700 kB"), Some(1_740_800));
        for odd in [&b"1700"[..], b"1700 MB", b"1700 kB x", b"kB", b"99999999999999999999 kB"] {
            assert_eq!(kib_as_bytes(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_name_ends_at_the_colon() {
        assert_eq!(name_and_rest(b"VmRSS:\t    1700 kB"), Some((&b"VmRSS"[..], &b"1700 kB"[..])));
        assert_eq!(name_and_rest(b"Groups:\t"), Some((&b"Groups"[..], &b""[..])));
        assert_eq!(name_and_rest(b"no colon"), None);
    }
}
