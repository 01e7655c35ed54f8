//! The critical-difference diagram of Demšar (2006): mean ranks, and which do not differ.

use std::fmt::Write as _;

use super::document::Figure;
use super::svg::{Style, escape, marker};

const WIDTH: f64 = 480.0;
const LEFT: f64 = 130.0;
const RIGHT: f64 = 350.0;
const AXIS: f64 = 66.0;

/// Draws `ranked`, each strategy with its mean rank. Bars join strategies whose ranks are closer
/// than `difference`.
pub(super) fn draw(
    name: &str,
    caption: &str,
    ranked: &[(String, Style, f64)],
    difference: f64,
) -> Figure {
    let mut sorted = ranked.to_vec();
    sorted.sort_by(|a, b| a.2.total_cmp(&b.2));
    let k = sorted.len();
    let x = |rank: f64| LEFT + (rank - 1.0) / (k as f64 - 1.0) * (RIGHT - LEFT);
    let mut svg = axis(k, difference, &x);
    let bars = cliques(&sorted.iter().map(|entry| entry.2).collect::<Vec<_>>(), difference);
    for (level, (from, to)) in bars.iter().enumerate() {
        let y = AXIS + 14.0 + 10.0 * level as f64;
        let _infallible = write!(
            svg,
            r#"<path class="axis clique" d="M{:.1} {y}H{:.1}"/>"#,
            x(sorted[*from].2) - 3.0,
            x(sorted[*to].2) + 3.0
        );
    }
    let first = AXIS + 32.0 + 10.0 * bars.len() as f64;
    let on_the_left = k.div_ceil(2);
    for (at, (name, style, rank)) in sorted.iter().enumerate() {
        let is_left = at < on_the_left;
        let row = if is_left { at } else { k - 1 - at };
        let (y, at) = (first + 24.0 * row as f64, x(*rank));
        let (end, anchor, text_x) = if is_left {
            (LEFT - 16.0, "end", LEFT - 22.0)
        } else {
            (RIGHT + 16.0, "", RIGHT + 22.0)
        };
        let _infallible = write!(
            svg,
            r#"<path class="axis" d="M{at:.1} {AXIS}V{y}H{end}"/><g class="s{}">{}</g><text class="{anchor}" x="{text_x}" y="{}">{} ({rank:.2})</text>"#,
            style.color,
            marker(*style, at, AXIS),
            y + 4.5,
            escape(name),
        );
    }
    let height = first + 24.0 * on_the_left as f64;
    Figure { name: name.to_owned(), caption: caption.to_owned(), svg, size: (WIDTH, height) }
}

fn axis(k: usize, difference: f64, x: &dyn Fn(f64) -> f64) -> String {
    let mut svg = format!(r#"<path class="axis" d="M{LEFT} {AXIS}H{RIGHT}"/>"#);
    for rank in 1..=k {
        let at = x(rank as f64);
        let _infallible = write!(
            svg,
            r#"<path class="axis" d="M{at:.1} {AXIS}v-6"/><text class="mid" x="{at:.1}" y="{}">{rank}</text>"#,
            AXIS - 11.0
        );
    }
    let shown = x(1.0 + difference).min(WIDTH - 10.0);
    let _infallible = write!(
        svg,
        r#"<path class="axis" d="M{LEFT} 18v8m0-4H{shown:.1}m0-4v8"/><text x="{LEFT}" y="13">CD = {difference:.2}</text>"#,
    );
    svg
}

/// Maximal groups of neighbours (by index into the sorted ranks) that differ by less than the
/// critical difference.
fn cliques(ranks: &[f64], difference: f64) -> Vec<(usize, usize)> {
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for from in 0..ranks.len() {
        let reach = |to: &usize| ranks[*to] - ranks[from] < difference;
        let to = (from..ranks.len()).take_while(reach).last().unwrap_or(from);
        if to > from && groups.last().is_none_or(|last| last.1 < to) {
            groups.push((from, to));
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_join_what_does_not_differ() {
        assert_eq!(cliques(&[1.0, 1.5, 3.0, 3.2], 1.0), [(0, 1), (2, 3)]);
        assert_eq!(cliques(&[1.0, 1.8, 2.6], 1.0), [(0, 1), (1, 2)]);
        assert_eq!(cliques(&[1.0, 2.0, 3.0], 5.0), [(0, 2)]);
        assert_eq!(cliques(&[1.0, 3.0], 1.0), []);
    }
}
