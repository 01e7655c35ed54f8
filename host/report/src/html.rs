//! One HTML file that needs nothing else: no network, no script.

use std::fmt::Write as _;

use super::document::{Block, Cell, Document, Figure, Section, Table};
use super::svg::{self, COLORS, escape};

pub(super) fn render(document: &Document) -> String {
    let title = escape(&document.title);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n\
         <style>\n{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        style()
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

fn style() -> String {
    let mut light = String::new();
    let mut dark = String::new();
    let mut classes = String::new();
    for (index, (on_light, on_dark)) in COLORS.iter().enumerate() {
        let _infallible = write!(light, "--c{index}:{on_light};");
        let _infallible = write!(dark, "--c{index}:{on_dark};");
        let _infallible = write!(classes, ".s{index}{{--c:var(--c{index})}}");
    }
    format!(
        ":root{{{LIGHT}{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root{{{DARK}{dark}}}}}\n\
         {}\n{classes}\n{PAGE}",
        svg::SHAPE
    )
}

const LIGHT: &str = "--ground:#fff;--ink:#1a1a1a;--soft:#555;--rule:#ddd;--panel:#f6f6f4;\
    --note:#fff6df;--note-edge:#d79a00;--best:#0b5a35;";
const DARK: &str = "--ground:#14161a;--ink:#e8e8e6;--soft:#a8adb5;--rule:#363b44;--panel:#1d2026;\
    --note:#2c2614;--note-edge:#c9971c;--best:#7fe0b0;";

const PAGE: &str = "\
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
  font:16px/1.55 system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}
main{max-width:68rem;margin:0 auto;padding:1.2rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.25;margin:.4rem 0 1rem}
h2{font-size:1.35rem;margin:2.6rem 0 .6rem;padding-top:.7rem;border-top:2px solid var(--rule)}
h3{font-size:1.08rem;margin:1.8rem 0 .4rem}
p{margin:.5rem 0;max-width:46rem}
nav{font-size:.92rem;color:var(--soft);margin:0 0 1rem}
nav ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.15rem 1.2rem}
a{color:inherit;text-underline-offset:.2em}
.note{background:var(--note);border-left:4px solid var(--note-edge);padding:.5rem .8rem;margin:.6rem 0;
  max-width:46rem}
.wide{overflow-x:auto;margin:.8rem 0 1.2rem}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
p.caption{color:var(--soft);font-size:.92rem;margin:1.1rem 0 -.3rem}
th,td{padding:.28rem .75rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}
th{font-weight:600;border-bottom:2px solid var(--rule);vertical-align:bottom}
th:first-child,td:first-child{text-align:left;padding-left:.2rem}
td.text{text-align:left;white-space:normal;min-width:16rem}
td strong{color:var(--best)}
td.shade{background:color-mix(in srgb,var(--c0) calc(var(--v)*55%),transparent)}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1rem 2rem}
figure{margin:.6rem 0;max-width:38rem;break-inside:avoid}
figcaption{font-size:.9rem;color:var(--soft);margin-top:.2rem}
svg.plot{display:block;width:100%;height:auto}
.plot text{fill:var(--ink)}
.plot .line{stroke:var(--c)}.plot .mark,.plot .band{fill:var(--c)}
.plot .grid{stroke:var(--rule)}.plot .axis,.plot .full,.plot .clique{stroke:var(--ink)}
details{margin:.6rem 0}
summary{cursor:pointer;color:var(--soft)}
pre{background:var(--panel);padding:.7rem;overflow-x:auto;font-size:.82rem;line-height:1.4}
@media (max-width:30rem){main{padding:.8rem .7rem 3rem}.plot text{font-size:15px}
  th,td{padding:.25rem .5rem}}
@media print{main{max-width:none;padding:0}nav{display:none}body{font-size:10pt}
  h2,h3,p.caption{break-after:avoid}table,figure,.note{break-inside:avoid}.wide{overflow:visible}
  td.shade,.note{print-color-adjust:exact}}
";

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
            let figures: Vec<String> = figures.iter().map(figure).collect();
            format!("<div class=\"figures\">\n{}</div>\n", figures.join(""))
        }
        Block::Code { summary, text } => format!(
            "<details><summary>{}</summary>\n<pre>{}</pre>\n</details>\n",
            escape(summary),
            escape(text)
        ),
    }
}

fn figure(figure: &Figure) -> String {
    let (width, height) = figure.size;
    let caption = escape(&figure.caption);
    format!(
        "<figure><svg class=\"plot\" role=\"img\" aria-label=\"{caption}\" viewBox=\"0 0 {width} \
         {height}\">{}</svg><figcaption>{caption}</figcaption></figure>\n",
        figure.svg
    )
}

fn table(table: &Table) -> String {
    let caption = escape(&table.caption);
    let head: Vec<String> =
        table.head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    let mut html = String::new();
    // Not a <caption>, which would be as narrow as its table.
    if !table.is_folded {
        let _infallible = writeln!(html, "<p class=\"caption\">{caption}</p>");
    }
    let _infallible = write!(
        html,
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table>\
         <thead><tr>{}</tr></thead>\n<tbody>",
        head.join("")
    );
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        let _infallible = writeln!(html, "<tr>{}</tr>", cells.join(""));
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
