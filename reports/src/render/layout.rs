//! Lines that fit a number of columns.

/// Breaks `text` between words into lines of at most `columns`; the first starts with `first`, the others with `rest`.
/// A word that fits no line is broken inside.
#[must_use]
pub fn wrap(text: &str, columns: usize, first: &str, rest: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut is_fresh = true;
    for word in words(text) {
        let mut word = word.as_str();
        loop {
            let space = usize::from(!is_fresh);
            let room = columns.saturating_sub(width(&line) + space);
            if width(word) <= room {
                if !is_fresh {
                    line.push(' ');
                }
                line.push_str(word);
                is_fresh = false;
                break;
            }
            if is_fresh {
                let cut = word.char_indices().nth(room.max(1)).map_or(word.len(), |(index, _)| index);
                line.push_str(&word[..cut]);
                word = &word[cut..];
            }
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
            is_fresh = true;
            if word.is_empty() {
                break;
            }
        }
    }
    if !is_fresh || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The words of a text; a number and its unit are one.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let unit = word.trim_end_matches([',', ';', ')', ':', '.']);
        match words.last_mut() {
            Some(last) if UNITS.contains(&unit) && last.ends_with(|end: char| end.is_ascii_digit()) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

const UNITS: [&str; 17] = [
    "%", "s", "ms", "min", "h", "d", "years", "B", "KiB", "MiB", "GiB", "B/h", "KiB/h", "MiB/h", "GiB/h", "B/op",
    "KiB/op",
];

/// Columns that a text takes; every character counts as one.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().count()
}

/// `text` cut to `columns`, with `mark` at the end where something was cut off.
#[must_use]
pub fn shorten(text: &str, columns: usize, mark: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(width(mark))).collect();
    format!("{kept}{mark}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_break_between_words_and_hang() {
        assert_eq!(wrap("one two three four", 9, "- ", "  "), ["- one two", "  three", "  four"]);
        assert_eq!(wrap("", 9, "- ", "  "), ["- "]);
        assert_eq!(wrap("it grows 3 MiB/h, so", 14, "", ""), ["it grows", "3 MiB/h, so"]);
        assert_eq!(wrap("abcdefghij kl", 6, "", "  "), ["abcdef", "  ghij", "  kl"]);
    }

    #[test]
    fn what_was_cut_off_is_marked() {
        assert_eq!(shorten("abcdef", 6, "..."), "abcdef");
        assert_eq!(shorten("abcdefg", 6, "..."), "abc...");
    }

    proptest! {
        #[test]
        fn no_line_is_too_long_and_no_character_is_lost(text in "[a-zé ]{0,80}", columns in 4_usize..40) {
            let lines = wrap(&text, columns, "", "  ");
            prop_assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
            let kept = |text: &str| text.chars().filter(|character| *character != ' ').collect::<String>();
            prop_assert_eq!(kept(&lines.concat()), kept(&text));
        }
    }
}
