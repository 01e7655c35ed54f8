//! Holds what all figures share: colours, line styles, markers, and the file of a figure by itself.
//!
//! SVG is written by hand and not with a plotting crate, since those write colours as attributes:
//! here a class names the colour, and the page's style makes it the one that light or dark ground
//! needs. Where strategies are many, a class names each strategy too, so that the page can bring any
//! of them to the front without a script; those behind are grey.

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
    /// The strategy's number in the report, where the reader can choose which are in front.
    pub(super) key: Option<usize>,
    /// Whether it is grey, behind those that matter more.
    pub(super) is_behind: bool,
}

impl Style {
    /// Returns the style of the `index`-th strategy that is not the baseline.
    pub(super) fn of(index: usize) -> Self {
        Self::new(index % BASELINE, index % DASHES.len(), index % MARKERS.len())
    }

    pub(super) fn baseline() -> Self {
        Self::new(BASELINE, BASELINE, MARKERS.len() - 1)
    }

    /// Returns the style of all those behind, for a legend.
    pub(super) fn others() -> Self {
        Self::new(BASELINE, 0, 0).behind()
    }

    /// Returns the same in grey.
    pub(super) fn behind(self) -> Self {
        Self { is_behind: true, ..self }
    }

    /// Returns the same for the strategy of a number.
    pub(super) fn numbered(self, key: Option<usize>) -> Self {
        Self { key, ..self }
    }

    fn new(color: usize, dash: usize, marker: usize) -> Self {
        Self { color, dash, marker, key: None, is_behind: false }
    }

    pub(super) fn dash(self) -> &'static str {
        DASHES[self.dash]
    }

    /// Returns the classes of what is drawn in this style.
    pub(super) fn class(self) -> String {
        let key = self.key.map_or(String::new(), |key| format!(" t{key}"));
        let behind = if self.is_behind { " behind" } else { "" };
        format!("s{}{key}{behind}", self.color)
    }
}

/// Marks of 8 units across, as steps from their middle.
const MARKERS: [&str; 6] = [
    "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "m-3.5-3.5h7v7h-7z",
    "m0-4.6l4.4 7.8h-8.8z",
    "m0-5l5 5-5 5-5-5z",
    "m0 4.6l4.4-7.8h-8.8z",
    "m-1.3-4.5h2.6v3.2h3.2v2.6h-3.2v3.2h-2.6v-3.2h-3.2v-2.6h3.2z",
];

/// Draws the mark of a style at each of `places`.
pub(super) fn marker(style: Style, places: &[(f64, f64)]) -> String {
    let shape = MARKERS[style.marker];
    let marks: Vec<String> = places.iter().map(|(x, y)| format!("M{x:.1} {y:.1}{shape}")).collect();
    format!(r#"<path class="mark" d="{}"/>"#, marks.concat())
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
            r#"<g class="{}">{}</g><text x="{:.1}" y="{}">{}</text>"#,
            style.class(),
            sample(*style, left, y),
            left + 34.0,
            y + 4.5,
            escape(name),
        );
        at += needed;
    }
    (svg, row + 24.0)
}

/// Draws 28 units of a style's line with its mark, from (`x`, `y`) to the right.
pub(super) fn sample(style: Style, x: f64, y: f64) -> String {
    format!(
        r#"<path class="line" stroke-dasharray="{}" d="M{x:.1} {y}h28"/>{}"#,
        style.dash(),
        marker(style, &[(x + 14.0, y)])
    )
}

/// Rules that say a figure's shape; colours come from the page, or from [`file`].
pub(super) const SHAPE: &str = "\
.plot text{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}\
.plot .end{text-anchor:end}.plot .mid{text-anchor:middle}\
.plot .name{font-size:11px;font-weight:600}.plot .value{font-size:10px;text-anchor:middle;pointer-events:none}\
.plot .lead{stroke-width:.7;fill:none}.plot .rank{font-size:11px}\
.plot .line{fill:none;stroke-width:2;stroke-linejoin:round}\
.plot .band{fill-opacity:.1;stroke:none}\
.plot .grid{stroke-width:1;fill:none}.plot .axis{stroke-width:1.2;fill:none}\
.plot .thin{stroke-width:.8}.plot .clique{stroke-width:5;stroke-linecap:round}\
.plot .full{stroke-width:1.2;stroke-dasharray:1 3;fill:none}";

/// Rules for those behind, after those that give the others their colours.
const BEHIND: &str = "\
.plot .behind .line{stroke:#949494;stroke-width:1;stroke-dasharray:none}\
.plot .behind .mark,.plot .behind .band{display:none}\
.plot .behind .name{fill:#5c5c5c;font-weight:400}.plot .behind .lead{stroke:#949494}";

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
            ".plot .s{index} .line,.plot .s{index} .lead{{stroke:{color}}}.plot .s{index} .mark,\
             .plot .s{index} .band,.plot .cell.s{index}{{fill:{color}}}",
        );
    }
    style.push_str(BEHIND);
    let (width, height) = figure.size;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\"><title>{}</title><style>{style}</style><rect \
         width=\"100%\" height=\"100%\" fill=\"#fff\"/>{}</svg>\n",
        escape(&figure.caption),
        figure.svg
    )
}
