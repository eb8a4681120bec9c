//! Text from outside inside XML, SVG and HTML.

use super::Charset;
use super::escape::escape;

/// `text` as it may stand between tags and inside quoted attributes: what cannot be seen is written as `\u{…}`, what
/// markup acts on as a reference. Characters that XML 1.0 does not have are among the former.
#[must_use]
pub fn markup(text: &str) -> String {
    let seen = escape(text, Charset::Unicode);
    let mut safe = String::with_capacity(seen.len());
    for character in seen.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => safe.extend(character.escape_unicode()),
            other => safe.push(other),
        }
    }
    safe
}

/// [`markup`], with what stands in backticks set as code.
#[must_use]
pub fn markup_code(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd one is no quote.
    let quoted = parts.len() - usize::from(parts.len().is_multiple_of(2));
    let mut safe = String::with_capacity(text.len() + 16);
    for (place, part) in parts.iter().enumerate() {
        match place % 2 {
            1 if place < quoted => safe.push_str(&format!("<code>{}</code>", markup(part))),
            1 => safe.push_str(&format!("`{}", markup(part))),
            _ => safe.push_str(&markup(part)),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_markup_acts_on_is_left() {
        let shown = markup("<img src=x onerror='a(\"b\")'>&amp;\u{1b}[1m\u{0}\u{ffff}");
        assert_eq!(shown, "&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt;&amp;amp;\\u{1b}[1m\\u{0}\\u{ffff}");
    }

    #[test]
    fn what_stands_in_backticks_is_code() {
        assert_eq!(markup_code("`a<b` grows"), "<code>a&lt;b</code> grows");
        assert_eq!(markup_code("a ` b"), "a ` b");
        assert_eq!(markup_code("`a` and ` b"), "<code>a</code> and ` b");
    }
}
