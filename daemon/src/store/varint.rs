//! Integers of as few bytes as they need: seven bits to a byte, the lowest first, the top bit set on all but the last.

/// Appends `value` to `bytes`.
pub(super) fn push(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

/// Takes an integer off the front of `bytes`; `None` where they end in the middle of it, or it is none of ours.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Small numbers of either sign become small numbers without one.
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// Undoes [`zigzag`].
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_come_back(values: Vec<i64>) {
            let mut bytes = Vec::new();
            values.iter().for_each(|value| push(&mut bytes, zigzag(*value)));
            let mut rest = bytes.as_slice();
            let back: Vec<i64> = std::iter::from_fn(|| take(&mut rest).map(unzigzag)).collect();
            prop_assert_eq!(back, values);
        }
    }
}
