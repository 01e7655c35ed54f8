//! How the page of a report looks, light and dark, wide and narrow, on paper; and which lines are in
//! front as the reader ticks them, without a script.

use std::fmt::Write as _;

use super::document::{Block, Choice, Document};
use super::svg::{self, COLORS};

/// Returns the style sheet of a document.
pub(super) fn of(document: &Document) -> String {
    let mut light = String::new();
    let mut dark = String::new();
    let mut classes = String::new();
    for (index, (on_light, on_dark)) in COLORS.iter().enumerate() {
        let _infallible = write!(light, "--c{index}:{on_light};");
        let _infallible = write!(dark, "--c{index}:{on_dark};");
        let _infallible = write!(classes, ".s{index}{{--c:var(--c{index})}}");
    }
    let blocks = document.sections.iter().flat_map(|section| &section.blocks);
    let choices = blocks.filter_map(|block| match block {
        Block::Choice(choice) => Some(rules(choice)),
        _ => None,
    });
    format!(
        ":root{{{LIGHT}{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root{{{DARK}{dark}}}}}\n\
         {}\n{classes}.behind{{{BEHIND}}}\n{PAGE}{}",
        svg::SHAPE,
        choices.collect::<String>()
    )
}

/// The id of the box that stands for a strategy in the figures of a group.
pub(super) fn id(group: usize, key: usize) -> String {
    format!("front-{group}-{key}")
}

/// What makes a line one of those behind.
const BEHIND: &str = "--c:var(--behind);--w:1;--show:none;--t:var(--soft);--b:400";

/// Rules that bring a strategy to the front where its box is ticked, and put it behind where the box
/// of one in front is not. A browser that does not know `:has` shows the figures as they are.
fn rules(choice: &Choice) -> String {
    let mut rules = String::new();
    for (_, style) in &choice.entries {
        let Some(key) = style.key else { continue };
        let (id, group, color) = (id(choice.group, key), choice.group, style.color);
        let place = format!(".g{group} .t{key}");
        let _infallible = if style.is_behind {
            writeln!(
                rules,
                "main:has(#{id}:checked) {place}{{--c:var(--c{color});--w:2;--show:inline;\
                 --t:var(--ink);--b:600}}\n\
                 main:has(#{id}:checked) {place} .line{{stroke-dasharray:{}}}",
                if style.dash().is_empty() { "none" } else { style.dash() }
            )
        } else {
            writeln!(
                rules,
                "main:has(#{id}:not(:checked)) {place}{{{BEHIND}}}\n\
                 main:has(#{id}:not(:checked)) {place} .line{{stroke-dasharray:none}}"
            )
        };
    }
    rules
}

const LIGHT: &str = "--ground:#fff;--ink:#1a1a1a;--soft:#555;--rule:#ddd;--panel:#f6f6f4;\
    --behind:#949494;--note:#fff6df;--note-edge:#d79a00;--best:#0b5a35;";
const DARK: &str = "--ground:#14161a;--ink:#e8e8e6;--soft:#a8adb5;--rule:#363b44;--panel:#1d2026;\
    --behind:#727882;--note:#2c2614;--note-edge:#c9971c;--best:#7fe0b0;";

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
.dense{font-size:.85rem}.dense th,.dense td{padding:.24rem .45rem}
td.text{text-align:left;white-space:normal;min-width:16rem}
td strong{color:var(--best)}
tr.baseline td{background:var(--panel)}
td.shade{background:color-mix(in srgb,var(--c0) calc(var(--v)*55%),transparent)}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1rem 2rem}
figure{margin:.6rem 0;max-width:38rem;break-inside:avoid}
figcaption{font-size:.9rem;color:var(--soft);margin-top:.2rem}
.figures.wider{grid-template-columns:minmax(0,1fr)}
.wider figure{max-width:48rem}
svg.plot{display:block;width:100%;height:auto}
.plot text{fill:var(--ink)}
.plot .line{stroke:var(--c);stroke-width:var(--w,2)}.plot .lead{stroke:var(--c)}
.plot .mark,.plot .band,.plot .cell{fill:var(--c)}.plot .mark,.plot .band{display:var(--show,inline)}
.plot .name{fill:var(--t,var(--ink));font-weight:var(--b,600)}
.behind .line{stroke-dasharray:none}
.plot .behind:hover{--c:var(--ink);--w:2.2;--t:var(--ink);--b:600}
.plot .grid{stroke:var(--rule)}.plot .axis,.plot .full,.plot .clique{stroke:var(--ink)}
.choice{border:1px solid var(--rule);padding:.3rem .8rem .6rem;margin:.8rem 0;display:flex;
  flex-wrap:wrap;gap:.1rem 1.1rem;font-size:.92rem}
.choice legend{color:var(--soft);padding:0 .3rem}
.choice label{display:inline-flex;align-items:center;gap:.35rem;cursor:pointer}
.choice input{margin:0}
svg.sample{width:28px;height:12px;overflow:visible}
details{margin:.6rem 0}
summary{cursor:pointer;color:var(--soft)}
pre{background:var(--panel);padding:.7rem;overflow-x:auto;font-size:.82rem;line-height:1.4}
@media (max-width:30rem){main{padding:.8rem .7rem 3rem}figure>:not(.wide) text{font-size:15px}
  th,td{padding:.25rem .5rem}}
@media screen and (max-width:44rem){figure .wide svg.plot{width:40rem}
  th:first-child,td:first-child{position:sticky;left:0;background:var(--ground);
  box-shadow:inset 0 -1px var(--rule)}}
@media print{main{max-width:none;padding:0}nav,.choice{display:none}body{font-size:10pt}
  h2,h3,p.caption{break-after:avoid}table,figure,.note{break-inside:avoid}.wide{overflow:visible}
  td.shade,.note{print-color-adjust:exact}}
";
