//! The frame of a chart: its axes with round numbers along them, and where a number lies between them.

use std::fmt::Write as _;

use super::svg::{escape, text_width};

#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Scale {
    Linear,
    /// Both axes logarithmic, for values of at least 1; lines without marks, since there are many
    /// points.
    Logarithmic,
}

/// Where the plot begins, from the left.
const LEFT: f64 = 64.0;
/// Room below the plot for the numbers and the title of the x axis.
pub(super) const BELOW: f64 = 44.0;

/// Maps numbers to places.
pub(super) struct Frame {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) top: f64,
    /// Where the plot ends.
    pub(super) right: f64,
    pub(super) height: f64,
}

pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    ticks: Vec<f64>,
    decimals: usize,
    pub(super) scale: Scale,
}

impl Axis {
    /// Returns where `value` lies between the ends, 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let [value, low, high] = match self.scale {
            Scale::Linear => [value, self.low, self.high],
            Scale::Logarithmic => [value, self.low, self.high].map(f64::log10),
        };
        (value - low) / (high - low)
    }
}

impl Frame {
    pub(super) fn x(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (self.right - LEFT)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        self.top + (1.0 - self.y.share(value)) * self.height
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Draws the axes, with what they are of, and a line across for each number of the y axis.
    pub(super) fn axes(&self, x_title: &str, y_title: &str) -> String {
        grid(self) + &ticks_below(self) + &lines_and_titles(self, x_title, y_title)
    }
}

/// Makes the axes of x and y.
pub(super) fn both(x: (f64, f64), y: (f64, f64), scale: Scale) -> (Axis, Axis) {
    match scale {
        Scale::Linear => {
            let of_x = Axis { low: x.0, high: x.1, ..axis(x.0, x.1, 6) };
            (widened(of_x), axis(y.0, y.1, 6))
        }
        Scale::Logarithmic => (decades(x.0, x.1), decades(y.0, y.1)),
    }
}

/// Widens the axis of a single point, which still needs room.
fn widened(axis: Axis) -> Axis {
    if axis.high > axis.low {
        axis
    } else {
        Axis { low: axis.low - 1.0, high: axis.high + 1.0, ..axis }
    }
}

/// Puts round numbers around low..high, about `n` of them: steps of 1, 2 or 5 times a power of ten.
fn axis(low: f64, high: f64, n: usize) -> Axis {
    let range = if high > low { high - low } else { low.abs().max(0.1) };
    let rough = range / n as f64;
    let power = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * power).find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let first = (low / step + 1e-9).floor();
    let last = (high / step - 1e-9).ceil().max(first + 1.0);
    let ticks: Vec<f64> =
        (0..=(last - first) as usize).map(|i| (first + i as f64) * step).collect();
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    Axis { low: first * step, high: last * step, ticks, decimals, scale: Scale::Linear }
}

/// Puts powers of ten around low..high, which are at least 1; with twos and fives between them
/// where they are few.
fn decades(low: f64, high: f64) -> Axis {
    const FEW: usize = 3;
    let first = low.max(1.0).log10().floor() as i32;
    let last = (high.max(1.0).log10().ceil() as i32).max(first + 1);
    let between: &[f64] = if (last - first) as usize <= FEW { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let decade = |power: i32| between.iter().map(move |times| times * 10.0_f64.powi(power));
    let top = 10.0_f64.powi(last);
    let ticks = (first..last).flat_map(decade).chain([top]).collect();
    let low = 10.0_f64.powi(first);
    Axis { low, high: top, ticks, decimals: 0, scale: Scale::Logarithmic }
}

/// Draws a line across the plot at each tick of the y axis, with its number.
fn grid(frame: &Frame) -> String {
    let mut svg = String::new();
    for &tick in &frame.y.ticks {
        let y = frame.y(tick);
        let _infallible = write!(
            svg,
            r#"<path class="grid" d="M{LEFT} {y:.1}H{}"/><text class="end" x="{:.1}" y="{:.1}">{tick:.*}</text>"#,
            frame.right,
            LEFT - 6.0,
            y + 4.5,
            frame.y.decimals,
        );
    }
    svg
}

/// Draws the ticks of the x axis with their numbers, but for those beyond its ends.
fn ticks_below(frame: &Frame) -> String {
    let (mut svg, bottom) = (String::new(), frame.bottom());
    let inside = frame.x.ticks.iter().filter(|tick| (frame.x.low..=frame.x.high).contains(*tick));
    for &tick in inside {
        let x = frame.x(tick);
        let _infallible = write!(
            svg,
            r#"<path class="axis" d="M{x:.1} {bottom:.1}v4"/><text class="mid" x="{x:.1}" y="{:.1}">{tick:.*}</text>"#,
            bottom + 18.0,
            frame.x.decimals,
        );
    }
    svg
}

fn lines_and_titles(frame: &Frame, x_title: &str, y_title: &str) -> String {
    let (right, bottom) = (frame.right, frame.bottom());
    let middle = frame.top + frame.height / 2.0;
    format!(
        r#"<path class="axis" d="M{LEFT} {:.1}V{bottom:.1}H{right}"/><text class="mid" x="{:.1}" y="{:.1}">{}</text><text class="mid" transform="translate(13 {middle:.1}) rotate(-90)">{}</text>"#,
        frame.top,
        f64::midpoint(LEFT, right),
        bottom + 38.0,
        escape(x_title),
        escape(y_title),
    )
}

/// Draws the level to compare with, and says what it is.
pub(super) fn level(frame: &Frame, at: f64, text: &str) -> String {
    let (right, y) = (frame.right, frame.y(at));
    format!(
        r#"<path class="full" d="M{LEFT} {y:.1}H{right}"/><text x="{:.1}" y="{:.1}">{}</text>"#,
        (right - text_width(text)).max(LEFT + 4.0),
        y + 15.0,
        escape(text),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_range() {
        let check = |low: f64, high: f64, expected: &[f64]| {
            let axis = axis(low, high, 6);
            assert_eq!(axis.ticks.len(), expected.len(), "{:?}", axis.ticks);
            for (tick, expected) in axis.ticks.iter().zip(expected) {
                assert!((tick - expected).abs() < 1e-9, "{:?}", axis.ticks);
            }
        };
        check(0.0, 0.6, &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
        check(50.0, 250.0, &[50.0, 100.0, 150.0, 200.0, 250.0]);
        check(0.187, 0.573, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
        // All values the same.
        assert!(axis(0.5, 0.5, 6).high > axis(0.5, 0.5, 6).low);
        assert!(axis(0.0, 0.0, 6).high > 0.0);
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten() {
        let check = |low: f64, high: f64, ticks: &[f64]| {
            let axis = decades(low, high);
            assert_eq!(axis.ticks.len(), ticks.len(), "{:?}", axis.ticks);
            let like = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9 * b;
            assert!(axis.ticks.iter().zip(ticks).all(like), "{:?}", axis.ticks);
            assert!(axis.low <= low.max(1.0) && axis.high >= high);
            assert!((axis.share(axis.low)).abs() < 1e-12);
            assert!((axis.share(axis.high) - 1.0).abs() < 1e-12);
        };
        check(1.0, 40.0, &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        check(1.0, 12_000.0, &[1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0]);
        check(1.0, 1.0, &[1.0, 2.0, 5.0, 10.0]);
        assert!((decades(1.0, 100.0).share(10.0) - 0.5).abs() < 1e-12);
    }
}
