//! Holds what all figures share: colours, line styles, markers, and the file of a figure by itself.
//!
//! SVG is written by hand and not with a plotting crate, since those write colours as attributes:
//! here a class names the strategy, and the page's style gives it the colour that light or dark
//! ground needs.

use std::fmt::Write as _;

pub(super) use alhost_base::text::xml as escape;

use super::document::Figure;

/// Colours of Okabe and Ito (2008), for all kinds of colour vision, on light and on dark ground; a
/// darker yellow on light. The last is for the baseline.
pub(super) const COLORS: [(&str, &str); 8] = [
    ("#0072b2", "#4aa8e8"),
    ("#d55e00", "#f28338"),
    ("#009e73", "#2cc79b"),
    ("#b8589a", "#e39ac8"),
    ("#e69f00", "#f2b632"),
    ("#56b4e9", "#a3d8f7"),
    ("#8a7d00", "#f0e442"),
    ("#444444", "#d0d0d0"),
];
pub(super) const BASELINE: usize = COLORS.len() - 1;

/// Strategies differ in dashes and markers too, for print without colour. Seven and eight share no
/// divisor, so that fifty-six strategies are all different.
const DASHES: [&str; 8] = ["", "8 3", "3 2", "8 3 2 3", "12 3", "5 2 1 2 1 2", "2 2", "4 4"];

/// How a strategy is drawn, the same in all figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    pub(super) color: usize,
    dash: usize,
    marker: usize,
}

impl Style {
    /// Returns the style of the `index`-th strategy that is not the baseline.
    pub(super) fn of(index: usize) -> Self {
        let color = index % BASELINE;
        Self { color, dash: index % DASHES.len(), marker: index % MARKERS }
    }

    pub(super) fn baseline() -> Self {
        Self { color: BASELINE, dash: BASELINE, marker: MARKERS - 1 }
    }

    pub(super) fn dash(self) -> &'static str {
        DASHES[self.dash]
    }
}

const MARKERS: usize = 6;

/// A mark of 8 units across.
pub(super) fn marker(style: Style, x: f64, y: f64) -> String {
    let d = match style.marker {
        0 => "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
        1 => "M-3.5-3.5h7v7h-7z",
        2 => "M0-4.6L4.4 3.2H-4.4z",
        3 => "M0-5L5 0 0 5-5 0z",
        4 => "M0 4.6L4.4-3.2H-4.4z",
        _ => "M-1.3-4.5h2.6v3.2h3.2v2.6h-3.2v3.2h-2.6v-3.2h-3.2v-2.6h3.2z",
    };
    format!(r#"<path class="mark" transform="translate({x:.1} {y:.1})" d="{d}"/>"#)
}

/// Estimates how wide a text is, in the figures' type: rather too wide.
pub(super) fn text_width(text: &str) -> f64 {
    7.8 * text.chars().count() as f64
}

/// Draws the names of strategies with their marks, in rows; says how high they are.
pub(super) fn legend(entries: &[(String, Style)], x: f64, width: f64) -> (String, f64) {
    let (mut svg, mut at, mut row) = (String::new(), 0.0, 0.0);
    for (name, style) in entries {
        let needed = 34.0 + text_width(name) + 12.0;
        if at > 0.0 && at + needed > width {
            (at, row) = (0.0, row + 20.0);
        }
        let (left, y) = (x + at, row + 12.0);
        let _infallible = write!(
            svg,
            r#"<g class="s{}"><path class="line" stroke-dasharray="{}" d="M{left:.1} {y}h28"/>{}</g><text x="{:.1}" y="{}">{}</text>"#,
            style.color,
            style.dash(),
            marker(*style, left + 14.0, y),
            left + 34.0,
            y + 4.5,
            escape(name),
        );
        at += needed;
    }
    (svg, row + 24.0)
}

/// Rules that say a figure's shape; colours come from the page, or from [`file`].
pub(super) const SHAPE: &str = "\
.plot text{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}\
.plot .end{text-anchor:end}.plot .mid{text-anchor:middle}\
.plot .line{fill:none;stroke-width:2;stroke-linejoin:round}\
.plot .band{fill-opacity:.1;stroke:none}\
.plot .grid{stroke-width:1;fill:none}.plot .axis{stroke-width:1.2;fill:none}\
.plot .clique{stroke-width:5;stroke-linecap:round}\
.plot .full{stroke-width:1.2;stroke-dasharray:1 3;fill:none}";

/// Makes a figure a file of its own, black on white, with plain colours: not every program that
/// makes PDF of SVG knows variables.
pub(super) fn file(figure: &Figure) -> String {
    let mut style = SHAPE.to_owned();
    style.push_str(
        ".plot text{fill:#111}.plot .grid{stroke:#dddddd}.plot .axis,.plot .full,.plot .clique\
         {stroke:#333}",
    );
    for (index, (color, _)) in COLORS.iter().enumerate() {
        let _infallible = write!(
            style,
            ".plot .s{index} .line{{stroke:{color}}}.plot .s{index} .mark,.plot .s{index} .band\
             {{fill:{color}}}",
        );
    }
    let (width, height) = figure.size;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\"><title>{}</title><style>{style}</style><rect \
         width=\"100%\" height=\"100%\" fill=\"#fff\"/>{}</svg>\n",
        escape(&figure.caption),
        figure.svg
    )
}
