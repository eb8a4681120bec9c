//! `/proc/PID/smaps`: memory by mapping, at the price of a walk through the page tables. For the rare look that tells which mapping
//! grew; see [`crate::ProcessLook`].

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use crate::fields::{kib_as_bytes, name_and_rest, words};

/// Memory of the mappings that go by one name, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MappingSize {
    /// Resident pages.
    pub rss_bytes: u64,
    /// Anonymous ones among them.
    pub anonymous_bytes: u64,
    /// Swapped-out pages.
    pub swap_bytes: u64,
    /// Resident pages that were touched since their referenced bits were last cleared; a huge page counts as a whole.
    pub referenced_bytes: u64,
}

/// Sizes by the name of their mappings: `[heap]`, `[stack]`, the path of a file, or [`ANONYMOUS`].
pub type Mappings = BTreeMap<String, MappingSize>;

/// The name of mappings that have none: large allocations, the arenas of an allocator beside the heap, stacks of threads.
pub const ANONYMOUS: &str = "anonymous mappings";
/// Where mappings beyond the most names are counted.
const REST: &str = "other mappings";
/// A process that maps a file for each of its records is told as a whole beyond these.
const MOST_NAMES: usize = 2000;
/// No line of the kernel is longer: a path has at most 4096 bytes, four times that where it is escaped.
const LONGEST_LINE: u64 = 20_000;

/// Sums up the text of `/proc/PID/smaps`, a line at a time. A line that makes no sense is left out, one that no kernel writes is
/// [`io::ErrorKind::InvalidData`].
pub(crate) fn parse(mut text: impl BufRead) -> io::Result<Mappings> {
    let mut mappings = Mappings::new();
    let mut line = Vec::new();
    let mut name = None;
    loop {
        line.clear();
        let read = io::Read::take(&mut text, LONGEST_LINE).read_until(b'\n', &mut line)?;
        let Some(whole) = line.strip_suffix(b"\n") else {
            // The end, or a last line that was cut off, so that its number may be too.
            return if (read as u64) < LONGEST_LINE { Ok(mappings) } else { Err(io::ErrorKind::InvalidData.into()) };
        };
        if let Some(of) = name_of(whole) {
            let is_known = mappings.contains_key(&of) || mappings.len() < MOST_NAMES;
            name = Some(if is_known { of } else { REST.to_owned() });
            continue;
        }
        let (Some((field, rest)), Some(name)) = (name_and_rest(whole), &name) else { continue };
        if !matches!(field, b"Rss" | b"Anonymous" | b"Swap" | b"Referenced") {
            continue;
        }
        let Some(bytes) = kib_as_bytes(rest) else { continue };
        let size = match mappings.get_mut(name) {
            Some(size) => size,
            None => mappings.entry(name.clone()).or_default(),
        };
        let place = match field {
            b"Rss" => &mut size.rss_bytes,
            b"Anonymous" => &mut size.anonymous_bytes,
            b"Swap" => &mut size.swap_bytes,
            _ => &mut size.referenced_bytes,
        };
        *place = place.saturating_add(bytes);
    }
}

/// The name of a mapping, from the line that begins it: `55d1-55d2 rw-p 00000000 00:00 0    [heap]`.
pub(crate) fn name_of(line: &[u8]) -> Option<String> {
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    let (from, to) = std::str::from_utf8(parts.next()?).ok()?.split_once('-')?;
    let is_address = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_address(from) || !is_address(to) {
        return None;
    }
    let rest = parts.next()?;
    if words(rest).count() < 4 {
        return None;
    }
    // Behind four words comes the name, which may have blanks.
    let mut name = rest;
    for _ in 0..4 {
        let begin = name.iter().position(|byte| *byte != b' ')?;
        name = &name[begin..];
        name = &name[name.iter().position(|byte| *byte == b' ').unwrap_or(name.len())..];
    }
    let name = name.trim_ascii();
    Some(if name.is_empty() { ANONYMOUS.to_owned() } else { String::from_utf8_lossy(name).into_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMAPS: &str = include_str!("../fixtures/proc/smaps-6.18.txt");

    #[test]
    fn the_text_of_the_kernel_is_summed_up_by_name() {
        let mappings = parse(SMAPS.as_bytes()).unwrap();
        let heap = mappings["[heap]"];
        assert!(
            heap.rss_bytes > 0 && heap.anonymous_bytes == heap.rss_bytes && heap.referenced_bytes <= heap.rss_bytes
        );
        assert!(mappings["[stack]"].rss_bytes > 0 && mappings[ANONYMOUS].anonymous_bytes > 0);
        // The sum of the kernel's own lines, whatever their mapping.
        let sum = |field: &str| -> u64 {
            let lines = SMAPS.lines().filter_map(|line| line.strip_prefix(field));
            lines.map(|rest| kib_as_bytes(rest.as_bytes()).unwrap()).sum()
        };
        assert_eq!(mappings.values().map(|size| size.rss_bytes).sum::<u64>(), sum("Rss:"));
        assert_eq!(mappings.values().map(|size| size.anonymous_bytes).sum::<u64>(), sum("Anonymous:"));
        assert_eq!(mappings.values().map(|size| size.referenced_bytes).sum::<u64>(), sum("Referenced:"));
        assert!(mappings.keys().any(|name| name.ends_with(".so.6") || name.contains(".so")));
    }

    #[test]
    fn names_may_hold_blanks_and_anything_else() {
        let name = |line: &str| name_of(line.as_bytes());
        assert_eq!(name("7f00-7f01 r--p 00000000 fe:00 12   /a b (deleted)"), Some("/a b (deleted)".to_owned()));
        assert_eq!(name("7f00-7f01 rw-p 00000000 00:00 0 "), Some(ANONYMOUS.to_owned()));
        assert_eq!(name("7f00-7f01 rw-p 00000000 00:00 0 [anon:cache]"), Some("[anon:cache]".to_owned()));
        for other in
            ["Rss:        4 kB", "VmFlags: rd wr mr", "", "7f00 rw-p 0 0 0", "-7f01 rw-p 0 0 0", "7f00-7f01 rw-p"]
        {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn a_line_that_is_missing_odd_or_cut_off_is_left_out() {
        let text = "1000-2000 rw-p 0 0:0 0 [heap]\nRss: 8 kB\nAnonymous: 8 MB\nSwap: 4";
        let expected = MappingSize { rss_bytes: 8192, ..MappingSize::default() };
        assert_eq!(parse(text.as_bytes()).unwrap()["[heap]"], expected);
        assert!(parse("Rss: 8 kB\n".as_bytes()).unwrap().is_empty(), "a size of nothing");
        assert!(parse(&b"x".repeat(30_000)[..]).is_err());
    }

    #[test]
    fn thousands_of_files_do_not_take_thousands_of_names() {
        let text: String = (0..5000).map(|n| format!("1000-2000 r--p 0 0:0 0 /f{n}\nRss: 4 kB\n")).collect();
        let mappings = parse(text.as_bytes()).unwrap();
        assert_eq!(mappings.len(), MOST_NAMES + 1);
        assert_eq!(mappings.values().map(|size| size.rss_bytes).sum::<u64>(), 5000 * 4096);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(
            cut in any::<prop::sample::Index>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
            any_bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut text = SMAPS.as_bytes()[..=cut.index(SMAPS.len())].to_vec();
            for (place, byte) in changes {
                let place = place.index(text.len());
                text[place] = byte;
            }
            let _ = parse(&text[..]);
            let _ = parse(&any_bytes[..]);
        }
    }
}
