//! The names of lines at their ends, one below the other, where a legend would be too long to be read.

use super::axes::Frame;
use super::plot::Series;
use super::svg::escape;

/// Height of a name, and about the width of a letter, in type of 11 units.
const ROW: f64 = 12.5;
const LETTER: f64 = 6.6;
/// From the end of a line to its name.
const GAP: f64 = 36.0;

/// Where a name stands, and the end of its line.
pub(super) struct Place<'a> {
    name: &'a str,
    y: f64,
    end: (f64, f64),
}

/// Returns how much wider the figure has to be for the names, and how high: at least `least`.
pub(super) fn room(series: &[Series], least: f64) -> (f64, f64) {
    let letters = series.iter().map(|series| series.name.chars().count()).max().unwrap_or(0);
    (GAP + LETTER * letters as f64, least.max(ROW * series.len() as f64))
}

/// Finds places for the names of all lines, in the order of `series`; none for a line without an end.
pub(super) fn places<'a>(frame: &Frame, series: &'a [Series]) -> Vec<Option<Place<'a>>> {
    let end = |series: &Series| {
        let last = series.points.last()?;
        Some((frame.x(last.x), frame.y(last.mean)))
    };
    let ends: Vec<Option<(f64, f64)>> = series.iter().map(end).collect();
    let mut order: Vec<(usize, (f64, f64))> =
        ends.iter().enumerate().filter_map(|(index, end)| Some((index, (*end)?))).collect();
    order.sort_by(|a, b| a.1.1.total_cmp(&b.1.1));
    let wanted: Vec<f64> = order.iter().map(|(_, end)| end.1).collect();
    let bounds = (frame.top + ROW / 2.0, frame.bottom() - ROW / 2.0);
    let mut places: Vec<Option<Place<'a>>> = series.iter().map(|_| None).collect();
    for (&(index, end), y) in order.iter().zip(apart(&wanted, ROW, bounds)) {
        places[index] = Some(Place { name: &series[index].name, y, end });
    }
    places
}

/// Moves ascending heights by as little as possible (in squares) so that they are `row` apart, and
/// within the bounds if there is room. With the rows before each taken off, heights only have to
/// ascend: those that do not share their mean.
fn apart(wanted: &[f64], row: f64, (top, bottom): (f64, f64)) -> Vec<f64> {
    // Sum and number of those that share a height.
    let mut shared: Vec<(f64, usize)> = Vec::new();
    let mean = |(sum, n): (f64, usize)| sum / n as f64;
    for (at, height) in wanted.iter().enumerate() {
        let mut last = (height - row * at as f64, 1);
        while let Some(before) = shared.pop_if(|before| mean(*before) > mean(last)) {
            last = (before.0 + last.0, before.1 + last.1);
        }
        shared.push(last);
    }
    let most = bottom - row * (wanted.len() as f64 - 1.0);
    let heights = shared
        .into_iter()
        .flat_map(|group| std::iter::repeat_n(mean(group).min(most).max(top), group.1));
    heights.enumerate().map(|(at, height)| height + row * at as f64).collect()
}

impl Place<'_> {
    /// Draws the name, and a thin line to it from the end of the line that has it.
    pub(super) fn draw(&self, frame: &Frame) -> String {
        let (x, y) = (frame.right + GAP, self.y);
        let (end_x, end_y) = self.end;
        format!(
            r#"<path class="lead" d="M{end_x:.1} {end_y:.1}L{:.1} {y:.1}h4"/><text class="name" x="{x:.1}" y="{:.1}">{}</text>"#,
            x - 7.0,
            y + 3.8,
            escape(self.name),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_apart_and_inside_and_in_their_order() {
        let check = |wanted: &[f64], expected: &[f64]| {
            assert_eq!(apart(wanted, 10.0, (0.0, 100.0)), expected, "{wanted:?}");
        };
        check(&[5.0, 50.0], &[5.0, 50.0]);
        // The middle one stays.
        check(&[49.0, 50.0, 51.0], &[40.0, 50.0, 60.0]);
        check(&[20.0, 50.0, 50.0, 80.0], &[20.0, 45.0, 55.0, 80.0]);
        check(&[95.0, 96.0, 97.0], &[80.0, 90.0, 100.0]);
        check(&[-5.0, 3.0], &[0.0, 10.0]);
        check(&[], &[]);
    }
}
