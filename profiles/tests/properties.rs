//! Whatever the bytes, there is a profile or a list of faults with places inside the file, and never a panic.

use proptest::prelude::*;
use soakd_profiles::{Surroundings, library, parse};

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let surroundings = Surroundings { variable: &|_| None, metrics: &["rss_bytes"] };
    if let Err(faults) = parse(bytes, "any", None, surroundings) {
        prop_assert!(!faults.as_slice().is_empty());
        prop_assert!(!faults.to_string().is_empty());
        for fault in faults.as_slice() {
            // The fault may lie in what is extended, which can only be a shipped profile here.
            let lines = match fault.file.as_str() {
                "any" => String::from_utf8_lossy(bytes).matches('\n').count() + 1,
                base => soakd_profiles::find_shipped(base).map_or(0, |shipped| shipped.text.lines().count()),
            };
            prop_assert!((1..=lines).contains(&fault.line), "{fault}");
            prop_assert!(fault.column >= 1, "{fault}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes)?;
    }

    #[test]
    fn any_value_of_any_key_is_answered(
        line in any::<prop::sample::Index>(),
        value in prop_oneof![
            "\\PC{0,12}",
            "[0-9.]{0,30}(KiB|MB|s|h|d|w| y)?(/op|/h|/s)?",
            "\"[0-9.]{0,30}(KiB|MB|PiB|s|h|d|w| y)?(/op|/h|/s)?\"",
            "\"[(\\[a-z$\\{:*+ -]{0,12}\"",
            "-?[0-9]{1,22}",
            "(true|false|inf|nan|\\[\\]|\\{\\}|\\[\"\"\\])",
        ],
    ) {
        // Each line of the reference profile in turn with another value; comments that hold an example come alive.
        let text = library().into_iter().find(|profile| profile.name == "reference").unwrap().text;
        let lines: Vec<&str> = text.lines().map(|line| line.trim_start_matches("#: ")).collect();
        let keys: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains(" = ")).collect();
        let changed = keys[line.index(keys.len())];
        let lines = lines.iter().enumerate().map(|(at, line)| match line.split_once(" = ") {
            Some((key, _)) if at == changed => format!("{key} = {value}"),
            _ => (*line).to_owned(),
        });
        check(lines.collect::<Vec<_>>().join("\n").as_bytes())?;
    }

    #[test]
    fn a_shipped_profile_with_bytes_missing_or_changed_is_answered(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        length in 0_usize..20,
        by in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let shipped = library();
        let mut bytes = shipped[which.index(shipped.len())].text.as_bytes().to_vec();
        let at = at.index(bytes.len());
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, by);
        check(&bytes)?;
    }

    #[test]
    fn deep_nesting_is_answered(depth in 1_usize..3000, open in prop_oneof![Just("["), Just("{a="), Just("a.")]) {
        check(format!("a = {}", open.repeat(depth)).as_bytes())?;
        check(format!("{}a = 1", "a.".repeat(depth)).as_bytes())?;
        check(format!("[{}a]", "a.".repeat(depth)).as_bytes())?;
    }
}
