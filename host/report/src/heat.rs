//! A square of strategies by strategies, for what a table of two dozen columns could not show.

use std::fmt::Write as _;

use super::document::Figure;
use super::svg::escape;

/// What stands where the row of one strategy and the column of another meet.
pub(super) struct Square {
    /// Number of a colour, and how much of it, 0 to 1.
    pub(super) color: usize,
    pub(super) shade: f64,
    /// At most two letters.
    pub(super) text: String,
    /// What is said of it in full, where the pointer rests on it.
    pub(super) title: String,
}

const WIDTH: f64 = 20.0;
const HEIGHT: f64 = 17.0;
/// About the width of a letter in type of 11 units.
const LETTER: f64 = 6.4;

/// Draws a square for each two of `names`, as `at` says; rows and columns are in the same order.
pub(super) fn draw(
    name: &str,
    caption: &str,
    names: &[String],
    at: impl Fn(usize, usize) -> Option<Square>,
) -> Figure {
    let letters = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let room = 14.0 + LETTER * letters as f64;
    let n = names.len() as f64;
    let mut svg = String::new();
    for (row, of_row) in names.iter().enumerate() {
        let middle = room + (row as f64 + 0.5) * HEIGHT;
        let column = room + (row as f64 + 0.5) * WIDTH;
        let _infallible = write!(
            svg,
            r#"<text class="rank end" x="{:.1}" y="{:.1}">{of_row}</text><text class="rank" transform="translate({:.1} {:.1}) rotate(-90)">{of_row}</text>"#,
            room - 6.0,
            middle + 4.0,
            column + 4.0,
            room - 6.0,
            of_row = escape(of_row),
        );
        let squares = (0..names.len()).filter_map(|column| Some((column, at(row, column)?)));
        for (column, square) in squares {
            svg.push_str(&square.draw(room + column as f64 * WIDTH, middle));
        }
    }
    let size = (room + n * WIDTH + 4.0, room + n * HEIGHT + 4.0);
    Figure { svg, size, ..Figure::new(name, caption) }
}

impl Square {
    fn draw(&self, x: f64, middle: f64) -> String {
        let text = if self.text.is_empty() {
            String::new()
        } else {
            format!(
                r#"<text class="value" x="{:.1}" y="{:.1}">{}</text>"#,
                x + WIDTH / 2.0,
                middle + 3.6,
                escape(&self.text)
            )
        };
        format!(
            r#"<path class="cell s{}" fill-opacity="{:.2}" d="M{:.1} {:.1}h{w}v{h}h-{w}z"><title>{}</title></path>{text}"#,
            self.color,
            self.shade,
            x + 0.5,
            middle - HEIGHT / 2.0 + 0.5,
            escape(&self.title),
            w = WIDTH - 1.0,
            h = HEIGHT - 1.0,
        )
    }
}
