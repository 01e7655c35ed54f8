//! The same as Markdown, with the figures as files beside it.

use std::fmt::Write as _;

use super::document::{Block, Cell, Document, Table};

pub(super) fn render(document: &Document) -> String {
    let mut text = format!("# {}\n", document.title);
    for section in &document.sections {
        let _infallible = write!(text, "\n{} {}\n", "#".repeat(section.level), section.title);
        for block in &section.blocks {
            text.push('\n');
            text.push_str(&self::block(block));
        }
    }
    text
}

fn block(block: &Block) -> String {
    match block {
        Block::Text(text) => format!("{text}\n"),
        Block::Note(text) => format!("> **Note.** {text}\n"),
        Block::Table(table) => self::table(table),
        Block::Figures(figures) => {
            let lines = figures.iter().map(|figure| {
                format!("![{0}](figures/{1}.svg)\n\n*{0}*\n", figure.caption, figure.name)
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Block::Code { summary, text } => format!("{summary}:\n\n```json\n{text}\n```\n"),
    }
}

fn table(table: &Table) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = table.head.iter().map(|name| escape(name)).collect();
    let mut rule = vec!["---:".to_owned(); head.len()];
    "---".clone_into(&mut rule[0]);
    let mut text = format!("{}\n\n", table.caption) + &line(&head) + &line(&rule);
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

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}
