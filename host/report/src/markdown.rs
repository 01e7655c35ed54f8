//! Renders the same content as Markdown, with the figures as files beside it.

use std::fmt::Write as _;

use alhost_base::text;

use super::document::{Block, Cell, Document, Table};

pub(super) fn render(document: &Document) -> String {
    let mut text = format!("# {}\n", escape(&document.title));
    for section in &document.sections {
        let _infallible =
            write!(text, "\n{} {}\n", "#".repeat(section.level), escape(&section.title));
        for block in &section.blocks {
            let block = self::block(block);
            if !block.is_empty() {
                text.push('\n');
                text.push_str(&block);
            }
        }
    }
    text
}

fn block(block: &Block) -> String {
    match block {
        Block::Text(text) => format!("{}\n", paragraph(text)),
        Block::Note(text) => format!("> **Note.** {}\n", escape(text)),
        Block::Table(table) => self::table(table),
        Block::Figures(figures) => {
            let lines = figures.iter().map(|figure| {
                format!("![{0}](figures/{1}.svg)\n\n*{0}*\n", escape(&figure.caption), figure.name)
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        // Figures in files are as they are.
        Block::Choice(_) => String::new(),
        Block::Code { summary, text } => {
            let fence = fence(text);
            format!("{}:\n\n{fence}json\n{}\n{fence}\n", paragraph(summary), text::visible(text))
        }
    }
}

fn table(table: &Table) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = table.head.iter().map(|name| escape(name)).collect();
    let mut rule = vec!["---:".to_owned(); head.len()];
    "---".clone_into(&mut rule[0]);
    let mut text = format!("{}\n\n", paragraph(&table.caption)) + &line(&head) + &line(&rule);
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        text.push_str(&line(&cells));
    }
    text
}

fn cell(cell: &Cell) -> String {
    let text = escape(&cell.text);
    if cell.is_best { format!("**{text}**") } else { text }
}

/// Does as [`escape`] for what begins a line, where a few more characters mean something.
fn paragraph(text: &str) -> String {
    let safe = escape(text);
    let after_digits = safe.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_list = after_digits.len() < safe.len()
        && (after_digits.starts_with(". ") || after_digits.starts_with(") "));
    match safe.chars().next() {
        Some('#' | '-' | '+' | '=' | ':' | '>') => format!("\\{safe}"),
        Some(_) if is_list => {
            let digits = safe.len() - after_digits.len();
            format!("{}\\{after_digits}", &safe[..digits])
        }
        _ => safe,
    }
}

/// The one way of text into Markdown, as one line: no tag, link, image, code, emphasis or cell begins in
/// it.
fn escape(text: &str) -> String {
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
            '.' if text[..at].to_ascii_lowercase().ends_with("www") => safe.push_str("&#46;"),
            '@' => safe.push_str("&#64;"),
            _ => safe.push(c),
        }
        before = c;
    }
    safe
}

/// Makes a fence that is longer than any row of backticks in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat((longest + 1).max(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(paragraph(text), expected, "for {text:?}");
    }

    #[test]
    fn names_come_out_as_they_are() {
        for plain in [
            "alps",
            "micro_f1",
            "0.515 ± 0.007",
            "a-b",
            "100",
            "p < .05 (Holm)",
            "a > 14%",
            "1.5 texts",
        ] {
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
        check("https://x.y www.x.y a@b.c", "https&#58;//x.y www&#46;x.y a&#64;b.c");
        check("# head", "\\# head");
        check("> quote", "\\> quote");
        check("- item", "\\- item");
        check("1. item", "1\\. item");
        check("\\`x", "\\\\\\`x");
        check("a\u{1b}[31m", "a\\\\u{1b}\\[31m");
    }

    #[test]
    fn code_ends_where_it_ends() {
        assert_eq!(fence("no ticks"), "```");
        assert_eq!(fence("a ```` b"), "`````");
    }
}
