//! Text of strangers, made harmless: what a plugin says, what stands in data and in records. One
//! function for each place that it can go to.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Makes text harmless for people. What would move a terminal's cursor, change its colours or turn
/// the direction of a line is shown as its code, `\u{1b}`. Line ends and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |c| !matches!(c, '\n' | '\t') && is_unseen(c))
}

/// Makes text [`visible`] in one line, for what stands in a cell or in the middle of a sentence.
pub fn in_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_unseen)
}

/// Makes JSON [`visible`]. It stays the same value, since only strings can hold such characters.
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !is_unseen(c) {
            safe.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _infallible = write!(safe, "\\u{unit:04x}");
        }
    }
    safe
}

/// Escapes text for XML and HTML, between tags and in attributes within `"`. What XML 1.0 cannot
/// hold is shown as its code.
pub fn xml(text: &str) -> String {
    // The two that are neither control characters nor allowed.
    let text = escaped(text, |c| {
        matches!(c, '\u{fffe}' | '\u{ffff}') || (!matches!(c, '\n' | '\t') && is_unseen(c))
    });
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

/// One component of a path: letters, digits, `_` and `-`, never empty, never leading elsewhere. Two
/// texts never share a name: one that had to be changed has a hash at its end.
pub fn file_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = text.chars().take(LONGEST_NAME).map(plain).collect();
    let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if name == text && !name.is_empty() {
        return name;
    }
    let hash = blake3::hash(text.as_bytes()).to_hex();
    let name = if name.is_empty() { "name" } else { &name };
    format!("{name}-{}", &hash[..8])
}

/// The most characters kept of a text: file systems take 255 bytes, and names get endings.
const LONGEST_NAME: usize = 120;

/// The beginning of a text that may have any length, and how much is left out.
pub fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(limit);
    Cow::Owned(format!("{} ... ({} more bytes)", &text[..end], text.len() - end))
}

fn escaped(text: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_bad) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_bad(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
    }
    Cow::Owned(safe)
}

/// Control characters (C0, DEL, C1), line ends of Unicode, marks that turn the direction of text
/// (Boucher and Anderson 2021, "Trojan Source"), and tags, which nothing shows.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A colour, a title of the window, C1's way to say ESC [, a line turned around, a bell.
    const HOSTILE: &str = "a\x1b[31m\x1b]0;x\x07\u{9b}2J\u{202e}b\r\0\u{7f}\u{2066}\u{e0041}";

    #[test]
    fn nothing_that_steers_a_terminal_comes_through() {
        for safe in [&*visible(HOSTILE), &*in_line(HOSTILE), &json(HOSTILE), &xml(HOSTILE)] {
            assert!(!safe.chars().any(is_unseen), "{safe:?}");
        }
        assert_eq!(visible("a\x1b[1m\r"), "a\\u{1b}[1m\\r");
        assert_eq!(visible("Grüße,\n\t日本 👩‍🔬 é"), "Grüße,\n\t日本 👩‍🔬 é");
        assert_eq!(in_line("a\nb\tc"), "a\\nb\\tc");
    }

    #[test]
    fn json_stays_the_same_value() {
        assert_eq!(json("[\n  \"a\u{7f}\u{9b}\u{202e}\"\n]"), "[\n  \"a\\u007f\\u009b\\u202e\"\n]");
        assert_eq!(json("\"\u{e0041}\""), "\"\\udb40\\udc41\"");
    }

    #[test]
    fn xml_holds_what_it_can_and_no_more() {
        let check = |text: &str, expected: &str| assert_eq!(xml(text), expected);
        check("a & <b> \"c\" 'd'", "a &amp; &lt;b&gt; &quot;c&quot; 'd'");
        check("\u{fffe}\x0b", "\\u{fffe}\\u{b}");
        check("line\nline", "line\nline");
    }

    #[test]
    fn a_file_name_stays_in_its_folder_and_is_nobody_elses() {
        for plain in ["random", "alps-2", "micro_f1"] {
            assert_eq!(file_name(plain), plain);
        }
        let hostile =
            ["/tmp/x", "../../x", "..", ".", "", "a\0b", "a/b", "a-b-", "a b", "a\nb", "é"];
        let names: Vec<String> = hostile.iter().map(|name| file_name(name)).collect();
        for (name, text) in names.iter().zip(hostile) {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            assert!(!name.is_empty() && name.chars().all(plain), "{text:?}: {name}");
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{text:?}: {name}");
        }
        assert!(file_name(&"x".repeat(1000)).len() < 200);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("aéb", 2), "a ... (3 more bytes)");
    }
}
