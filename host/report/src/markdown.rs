//! Renders the same content as Markdown, with the figures as files beside it.

use std::fmt::Write as _;

use alhost_base::{markdown, text};

use super::document::{Block, Cell, Document, Table};

pub(super) fn render(document: &Document) -> String {
    let mut text = format!("# {}\n", markdown::in_line(&document.title));
    for section in &document.sections {
        let _infallible =
            write!(text, "\n{} {}\n", "#".repeat(section.level), markdown::in_line(&section.title));
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
        Block::Note(text) => format!("> **Note.** {}\n", markdown::in_line(text)),
        Block::Table(table) => self::table(table),
        Block::Figures(figures) => {
            let lines = figures.iter().map(|figure| {
                format!(
                    "![{0}](figures/{1}.svg)\n\n*{0}*\n",
                    markdown::in_line(&figure.caption),
                    figure.name
                )
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
    let head: Vec<String> = table.head.iter().map(|name| markdown::in_line(name)).collect();
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
    let text = markdown::in_line(&cell.text);
    if cell.is_best { format!("**{text}**") } else { text }
}

/// Does as [`markdown::in_line`] for what begins a line, where a few more characters mean something.
fn paragraph(text: &str) -> String {
    let safe = markdown::in_line(text);
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
    fn a_paragraph_is_one() {
        for plain in ["alps", "0.515 ± 0.007", "100", "1.5 texts"] {
            check(plain, plain);
        }
        check("# head", "\\# head");
        check("> quote", "\\> quote");
        check("- item", "\\- item");
        check("1. item", "1\\. item");
        check("`rm` now", "\\`rm\\` now");
    }

    #[test]
    fn code_ends_where_it_ends() {
        assert_eq!(fence("no ticks"), "```");
        assert_eq!(fence("a ```` b"), "`````");
    }
}
