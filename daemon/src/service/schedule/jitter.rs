//! By how much a start is put off: the same for one name, host and planned time, whatever happened before, so that a restart
//! moves nothing.

/// What tells a schedule on a host from others.
///
/// FNV-1a by Fowler, Noll and Vo: the hasher of the standard library may change with its version, and an upgrade should not
/// move the starts either.
pub(super) fn seed(name: &str, host: &str) -> u64 {
    let bytes = name.bytes().chain([0]).chain(host.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Whole seconds from 0 to below `window_s`, or 0 where that is not above 0.
pub(super) fn offset_s(seed: u64, planned_s: i64, window_s: i64) -> i64 {
    let Ok(window) = u64::try_from(window_s) else { return 0 };
    // The finalizer of SplitMix64 by Steele, Lea and Flood (2014), doi:10.1145/2660193.2660195: neighbouring days get offsets
    // that have nothing to do with each other.
    let mut mixed = seed.wrapping_add(planned_s.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // The high half of the product is the share of the window that the hash is of all numbers.
    let offset = (u128::from(mixed) * u128::from(window)) >> 64;
    i64::try_from(offset).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_fill_the_window_evenly_and_never_reach_its_end() {
        let seed = seed("nightly", "host");
        let offsets: Vec<i64> = (0..10_000).map(|day| offset_s(seed, day * 86_400, 600)).collect();
        assert!(offsets.iter().all(|offset| (0..600).contains(offset)));
        let mut tenths = [0; 10];
        for offset in &offsets {
            tenths[usize::try_from(offset / 60).unwrap()] += 1;
        }
        // 1000 are expected in each; five standard deviations are 150.
        assert!(tenths.iter().all(|count| (850..1150).contains(count)), "{tenths:?}");
        assert_eq!((offset_s(seed, 0, 0), offset_s(seed, 0, -1), offset_s(seed, 0, 1)), (0, 0, 0));
    }

    #[test]
    fn offsets_stay_the_same_with_the_next_version() {
        assert_eq!(offset_s(seed("nightly", "host"), 1_800_000_000, 600), 107);
    }

    #[test]
    fn hosts_and_names_have_offsets_of_their_own() {
        let offset = |name, host| offset_s(seed(name, host), 1_800_000_000, 1_000_000);
        let all = [offset("a", "b"), offset("a", "c"), offset("b", "b"), offset("ab", ""), offset("", "ab")];
        let distinct: std::collections::BTreeSet<i64> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len(), "{all:?}");
    }
}
