//! Text of strangers in Markdown: it shows what it is and means nothing.

use crate::text;

/// Makes text plain within a line of GitHub's Markdown, in a cell as well, and one line: no tag, link, image, code,
/// emphasis or cell begins in it. What means something at the beginning of a line alone stays.
pub fn in_line(text: &str) -> String {
    let text = text::in_line(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned();
    let mut safe = String::with_capacity(text.len());
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let after = text[at + c.len_utf8()..].chars().next().unwrap_or(' ');
        match c {
            '&' => safe.push_str("&amp;"),
            // Before anything else, it begins no tag.
            '<' if !matches!(after, ' ' | '0'..='9') => safe.push_str("&lt;"),
            // Within a word, it is no emphasis.
            '_' if before.is_alphanumeric() && after.is_alphanumeric() => safe.push(c),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => safe.extend(['\\', c]),
            // Addresses become links by themselves.
            ':' if text[at..].starts_with("://") => safe.push_str("&#58;"),
            '.' if is_www(&text.as_bytes()[..at]) => safe.push_str("&#46;"),
            '@' => safe.push_str("&#64;"),
            _ => safe.push(c),
        }
        before = c;
    }
    safe
}

fn is_www(before: &[u8]) -> bool {
    before.last_chunk::<3>().is_some_and(|end| end.eq_ignore_ascii_case(b"www"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(in_line(text), expected, "for {text:?}");
    }

    #[test]
    fn names_come_out_as_they_are() {
        let plain = [
            "alps",
            "micro_f1",
            "0.5 ± 0.1",
            "a-b",
            "100",
            "p < .05 (Holm)",
            "a > 14%",
            "Grüße, 日本 🌾",
        ];
        for plain in plain {
            check(plain, plain);
        }
    }

    #[test]
    fn no_markup_of_a_stranger_begins() {
        check("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>");
        check("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>");
        check("&lt;b&gt;", "&amp;lt;b&amp;gt;");
        check("a|b\n| c", "a\\|b \\| c");
        check("![x](javascript:y)", "!\\[x\\](javascript:y)");
        check("`rm` *now* _or_ ~~x~~", "\\`rm\\` \\*now\\* \\_or\\_ \\~\\~x\\~\\~");
        check("https://x.y WWw.x.y a@b.c", "https&#58;//x.y WWw&#46;x.y a&#64;b.c");
        check("\\`x", "\\\\\\`x");
        check("a\u{1b}[31m", "a\\\\u{1b}\\[31m");
        check("a\n---\nb\u{202e}", "a --- b\\\\u{202e}");
    }
}
