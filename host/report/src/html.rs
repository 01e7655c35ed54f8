//! One HTML file that needs nothing else: no network, no script.

use std::fmt::Write as _;

use super::document::{Block, Cell, Choice, Document, Figure, Section, Table};
use super::style;
use super::svg::{self, escape};

pub(super) fn render(document: &Document) -> String {
    let title = escape(&document.title);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n\
         <style>\n{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        style::of(document)
    );
    html.push_str(&contents(&document.sections));
    for (number, section) in document.sections.iter().enumerate() {
        let level = section.level;
        let _infallible = writeln!(
            html,
            "<h{level} id=\"section-{number}\">{}</h{level}>",
            escape(&section.title)
        );
        for block in &section.blocks {
            html.push_str(&self::block(block));
        }
    }
    html + "</main>\n</body>\n</html>\n"
}

/// Links to the large parts.
fn contents(sections: &[Section]) -> String {
    let large = sections.iter().enumerate().filter(|(_, section)| section.level == 2);
    let links: Vec<String> = large
        .map(|(number, section)| {
            format!("<li><a href=\"#section-{number}\">{}</a></li>", escape(&section.title))
        })
        .collect();
    format!("<nav aria-label=\"Contents\"><ul>{}</ul></nav>\n", links.join(""))
}

fn block(block: &Block) -> String {
    match block {
        Block::Text(text) => format!("<p>{}</p>\n", escape(text)),
        Block::Note(text) => format!("<div class=\"note\" role=\"note\">{}</div>\n", escape(text)),
        Block::Table(table) if table.is_folded => format!(
            "<details><summary>{}</summary>\n{}</details>\n",
            escape(&table.caption),
            self::table(table)
        ),
        Block::Table(table) => self::table(table),
        Block::Figures(figures) => {
            let wide = if figures.iter().any(is_wide) { " wider" } else { "" };
            let figures: Vec<String> = figures.iter().map(figure).collect();
            format!("<div class=\"figures{wide}\">\n{}</div>\n", figures.join(""))
        }
        Block::Choice(choice) => self::choice(choice),
        Block::Code { summary, text } => format!(
            "<details><summary>{}</summary>\n<pre>{}</pre>\n</details>\n",
            escape(summary),
            escape(text)
        ),
    }
}

/// Whether a figure needs a row of its own to be read.
fn is_wide(figure: &Figure) -> bool {
    figure.size.0 > 560.0
}

fn figure(figure: &Figure) -> String {
    let (width, height) = figure.size;
    let caption = escape(&figure.caption);
    // No wider than it was drawn, since it has small type and large.
    let (wide, most) = if is_wide(figure) {
        let label = format!("role=\"group\" aria-label=\"{caption}\"");
        let most = format!(" style=\"max-width:{width}px\"");
        (format!(" class=\"wide\" tabindex=\"0\" {label}"), most)
    } else {
        (String::new(), String::new())
    };
    let group = figure.group.map_or(String::new(), |group| format!(" g{group}"));
    format!(
        "<figure><div{wide}><svg class=\"plot{group}\" role=\"img\" aria-label=\"{caption}\" \
         viewBox=\"0 0 {width} {height}\"{most}>{}</svg></div><figcaption>{caption}</figcaption></figure>\n",
        figure.svg
    )
}

/// A box to tick for each strategy, with the line that it stands for; the rules of `style` do the
/// rest.
fn choice(choice: &Choice) -> String {
    let boxes = choice.entries.iter().filter_map(|(name, style)| {
        let id = style::id(choice.group, style.key?);
        let checked = if style.is_behind { "" } else { " checked" };
        Some(format!(
            "<label><input type=\"checkbox\" id=\"{id}\" autocomplete=\"off\"{checked}><svg \
             class=\"plot sample\" aria-hidden=\"true\" viewBox=\"0 0 28 12\"><g class=\"s{}\">{}</g></svg>\
             {}</label>\n",
            style.color,
            svg::sample(*style, 0.0, 6.0),
            escape(name)
        ))
    });
    format!(
        "<fieldset class=\"choice\"><legend>{}</legend>\n{}</fieldset>\n",
        escape(&choice.title),
        boxes.collect::<String>()
    )
}

fn table(table: &Table) -> String {
    let caption = escape(&table.caption);
    let head: Vec<String> =
        table.head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    // What has many columns has to be narrow in each.
    let dense = if table.head.len() > 8 { " class=\"dense\"" } else { "" };
    let mut html = String::new();
    // Not a <caption>, which would be as narrow as its table.
    if !table.is_folded {
        let _infallible = writeln!(html, "<p class=\"caption\">{caption}</p>");
    }
    let _infallible = write!(
        html,
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table{dense}>\
         <thead><tr>{}</tr></thead>\n<tbody>",
        head.join("")
    );
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        let class = if row.first().is_some_and(|cell| cell.is_baseline) {
            " class=\"baseline\""
        } else {
            ""
        };
        let _infallible = writeln!(html, "<tr{class}>{}</tr>", cells.join(""));
    }
    html + "</tbody></table></div>\n"
}

fn cell(cell: &Cell) -> String {
    let text = escape(&cell.text);
    let text = if cell.is_best { format!("<strong>{text}</strong>") } else { text };
    match cell.shade {
        Some(shade) => format!("<td class=\"shade\" style=\"--v:{shade:.3}\">{text}</td>"),
        // Words rather than numbers.
        None if cell.text.chars().count() > 40 => format!("<td class=\"text\">{text}</td>"),
        None => format!("<td>{text}</td>"),
    }
}
