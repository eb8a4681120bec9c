//! Makes text from outside safe to show: a process may call itself anything, escape sequences included.

use super::Charset;

/// `text` with everything that a terminal would act on, or that a reader could not see, written as `\u{…}`.
///
/// That is: control characters (line ends and escape among them), direction marks, and characters without width. With
/// [`Charset::Ascii`] also everything beyond 7 bits.
#[must_use]
pub fn escape(text: &str, charset: Charset) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let seen = match charset {
            Charset::Ascii => character.is_ascii() && !character.is_control(),
            Charset::Unicode => !character.is_control() && !invisible(character),
        };
        if seen {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

/// Characters that have no look of their own, but change how others are seen.
fn invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_is_left() {
        let name = "a\u{1b}[31mred\u{7}\r\n\u{9b}2J\u{202e}evil\u{200b}";
        let shown = escape(name, Charset::Unicode);
        assert_eq!(shown, "a\\u{1b}[31mred\\u{7}\\u{d}\\u{a}\\u{9b}2J\\u{202e}evil\\u{200b}");
    }

    #[test]
    fn letters_of_every_script_are_left_alone_unless_ascii_is_asked_for() {
        assert_eq!(escape("größe 记忆", Charset::Unicode), "größe 记忆");
        assert_eq!(escape("größe", Charset::Ascii), "gr\\u{f6}\\u{df}e");
    }
}
