//! The critical-difference diagram of Demšar (2006): mean ranks, and which do not differ.

use std::fmt::Write as _;

use super::document::Figure;
use super::svg::{Style, escape, marker};
use super::view::FEW;

/// A strategy in the diagram.
#[derive(Clone)]
pub(super) struct Ranked {
    pub(super) name: String,
    pub(super) style: Style,
    pub(super) rank: f64,
}

/// Measures, which leave few strategies more room than many.
struct Layout {
    left: f64,
    right: f64,
    width: f64,
    /// Between names, and between bars.
    row: f64,
    bar: f64,
    /// Every so many ranks have a number.
    step: usize,
    class: &'static str,
}

const AXIS: f64 = 66.0;

impl Layout {
    fn new(labels: &[String]) -> Self {
        let k = labels.len();
        let is_few = k <= FEW;
        let (row, bar, letter) = if is_few { (24.0, 10.0, 7.8) } else { (16.0, 8.0, 6.8) };
        let axis: f64 = if is_few { 220.0 } else { 15.0 * (k as f64 - 1.0) };
        let (on_left, on_right) = labels.split_at(k.div_ceil(2));
        let room = |labels: &[String]| {
            let letters = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
            (26.0 + letter * letters as f64).max(130.0)
        };
        let left = room(on_left);
        let right = left + axis;
        let step = (22.0 * (k as f64 - 1.0) / axis).ceil() as usize;
        let class = if is_few { "" } else { "name" };
        Self { left, right, width: right + room(on_right), row, bar, step: step.max(1), class }
    }
}

/// Draws `ranked`, each strategy with its mean rank. Bars join strategies whose ranks are closer
/// than `difference`.
pub(super) fn draw(name: &str, caption: &str, ranked: &[Ranked], difference: f64) -> Figure {
    let mut sorted = ranked.to_vec();
    sorted.sort_by(|a, b| a.rank.total_cmp(&b.rank));
    let labels: Vec<String> =
        sorted.iter().map(|entry| format!("{} ({:.2})", entry.name, entry.rank)).collect();
    let layout = Layout::new(&labels);
    let k = sorted.len();
    let x =
        |rank: f64| layout.left + (rank - 1.0) / (k as f64 - 1.0) * (layout.right - layout.left);
    let mut svg = axis(k, difference, &layout, &x);
    let bars = cliques(&sorted.iter().map(|entry| entry.rank).collect::<Vec<_>>(), difference);
    let first = AXIS + 32.0 + layout.bar * bars.len() as f64;
    for (at, (entry, label)) in sorted.iter().zip(&labels).enumerate() {
        let (side, row) =
            if at < k.div_ceil(2) { (Side::Left, at) } else { (Side::Right, k - 1 - at) };
        let y = first + layout.row * row as f64;
        svg.push_str(&named(entry, label, &layout, (x(entry.rank), y), side));
    }
    for (level, (from, to)) in bars.iter().enumerate() {
        let y = AXIS + 14.0 + layout.bar * level as f64;
        let _infallible = write!(
            svg,
            r#"<path class="axis clique" d="M{:.1} {y}H{:.1}"/>"#,
            x(sorted[*from].rank) - 3.0,
            x(sorted[*to].rank) + 3.0
        );
    }
    let height = first + layout.row * k.div_ceil(2) as f64;
    Figure { svg, size: (layout.width, height), ..Figure::new(name, caption) }
}

/// The side on which a name stands.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// Draws the mark of a strategy on the axis, and its label, with a line from one to the other.
fn named(entry: &Ranked, label: &str, layout: &Layout, (x, y): (f64, f64), side: Side) -> String {
    let (end, anchor, text_x) = match side {
        Side::Left => (layout.left - 16.0, " end", layout.left - 22.0),
        Side::Right => (layout.right + 16.0, "", layout.right + 22.0),
    };
    format!(
        r#"<path class="axis thin" d="M{x:.1} {AXIS}V{y}H{end:.1}"/><g class="{}">{}<text class="{}{anchor}" x="{text_x:.1}" y="{:.1}">{}</text></g>"#,
        entry.style.class(),
        marker(entry.style, &[(x, AXIS)]),
        layout.class,
        y + 4.5,
        escape(label),
    )
}

fn axis(k: usize, difference: f64, layout: &Layout, x: &dyn Fn(f64) -> f64) -> String {
    let (left, right) = (layout.left, layout.right);
    let mut svg = format!(r#"<path class="axis" d="M{left:.1} {AXIS}H{right:.1}"/>"#);
    for rank in 1..=k {
        let at = x(rank as f64);
        let _infallible = write!(svg, r#"<path class="axis" d="M{at:.1} {AXIS}v-6"/>"#);
        if (rank - 1) % layout.step == 0 {
            let y = AXIS - 11.0;
            let _infallible = write!(svg, r#"<text class="mid" x="{at:.1}" y="{y}">{rank}</text>"#);
        }
    }
    let shown = x(1.0 + difference).min(layout.width - 10.0);
    let _infallible = write!(
        svg,
        r#"<path class="axis" d="M{left:.1} 18v8m0-4H{shown:.1}m0-4v8"/><text x="{left:.1}" y="13">CD = {difference:.2}</text>"#,
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
