//! Line charts: a mean a strategy, with its spread.

use std::fmt::Write as _;

use super::document::Figure;
use super::svg::{Style, escape, legend, marker, text_width};

pub(super) struct Chart {
    pub(super) name: String,
    pub(super) caption: String,
    pub(super) x_title: String,
    pub(super) y_title: String,
    pub(super) series: Vec<Series>,
    /// A level to compare with, and what it is.
    pub(super) level: Option<(f64, String)>,
    pub(super) starts_at_zero: bool,
    pub(super) scale: Scale,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Scale {
    Linear,
    /// Both axes logarithmic, for values of at least 1; lines without marks, since there are many
    /// points.
    Logarithmic,
}

pub(super) struct Series {
    pub(super) name: String,
    pub(super) style: Style,
    pub(super) points: Vec<Point>,
}

/// `low` and `high` bound the spread.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) mean: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

const WIDTH: f64 = 480.0;
const PLOT_HEIGHT: f64 = 250.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 20.0;
const BELOW: f64 = 44.0;

/// Maps numbers to places.
struct Frame {
    x: Axis,
    y: Axis,
    top: f64,
}

struct Axis {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
    decimals: usize,
    scale: Scale,
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
    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        self.top + (1.0 - self.y.share(value)) * PLOT_HEIGHT
    }

    fn bottom(&self) -> f64 {
        self.top + PLOT_HEIGHT
    }
}

/// Draws a chart; `None` where there is nothing to draw.
pub(super) fn draw(chart: &Chart) -> Option<Figure> {
    let points = || chart.series.iter().flat_map(|series| &series.points);
    let bounds = |of: &dyn Fn(&Point) -> [f64; 2]| {
        let values = points().flat_map(of);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let (x_low, x_high) = bounds(&|point| [point.x, point.x]);
    let (mut y_low, mut y_high) = bounds(&|point| [point.low, point.high]);
    if !(x_low.is_finite() && y_low.is_finite() && y_high.is_finite()) {
        return None;
    }
    if let Some((level, _)) = &chart.level {
        (y_low, y_high) = (y_low.min(*level), y_high.max(*level));
    }
    if chart.starts_at_zero {
        y_low = 0.0;
    }
    let entries: Vec<(String, Style)> =
        chart.series.iter().map(|series| (series.name.clone(), series.style)).collect();
    let (legend, top) = legend(&entries, LEFT / 2.0, WIDTH - LEFT / 2.0);
    let (x, y) = match chart.scale {
        Scale::Linear => {
            let x = Axis { low: x_low, high: x_high, ..axis(x_low, x_high, 6) };
            (widened(x), axis(y_low, y_high, 6))
        }
        Scale::Logarithmic => (decades(x_low, x_high), decades(y_low, y_high)),
    };
    let frame = Frame { x, y, top: top + 6.0 };
    let mut svg = legend + &axes(&frame, chart);
    for series in &chart.series {
        svg.push_str(&bands_and_lines(&frame, series));
    }
    let size = (WIDTH, frame.bottom() + BELOW);
    Some(Figure { name: chart.name.clone(), caption: chart.caption.clone(), svg, size })
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

fn axes(frame: &Frame, chart: &Chart) -> String {
    let mut svg = grid(frame) + &ticks_below(frame) + &lines_and_titles(frame, chart);
    if let Some((at, text)) = &chart.level {
        svg.push_str(&level(frame, *at, text));
    }
    svg
}

/// Draws a line across the plot at each tick of the y axis, with its number.
fn grid(frame: &Frame) -> String {
    let mut svg = String::new();
    for &tick in &frame.y.ticks {
        let y = frame.y(tick);
        let _infallible = write!(
            svg,
            r#"<path class="grid" d="M{LEFT} {y:.1}H{}"/><text class="end" x="{:.1}" y="{:.1}">{tick:.*}</text>"#,
            WIDTH - RIGHT,
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

fn lines_and_titles(frame: &Frame, chart: &Chart) -> String {
    let (right, bottom) = (WIDTH - RIGHT, frame.bottom());
    let middle = frame.top + PLOT_HEIGHT / 2.0;
    format!(
        r#"<path class="axis" d="M{LEFT} {:.1}V{bottom:.1}H{right}"/><text class="mid" x="{:.1}" y="{:.1}">{}</text><text class="mid" transform="translate(13 {middle:.1}) rotate(-90)">{}</text>"#,
        frame.top,
        LEFT + (WIDTH - LEFT - RIGHT) / 2.0,
        bottom + 38.0,
        escape(&chart.x_title),
        escape(&chart.y_title),
    )
}

/// Draws the level to compare with, and says what it is.
fn level(frame: &Frame, at: f64, text: &str) -> String {
    let (right, y) = (WIDTH - RIGHT, frame.y(at));
    format!(
        r#"<path class="full" d="M{LEFT} {y:.1}H{right}"/><text x="{:.1}" y="{:.1}">{}</text>"#,
        (right - text_width(text)).max(LEFT + 4.0),
        y + 15.0,
        escape(text),
    )
}

fn bands_and_lines(frame: &Frame, series: &Series) -> String {
    let place = |x: f64, y: f64| format!("{:.1} {:.1}", frame.x(x), frame.y(y));
    let style = series.style;
    let mut svg = format!(r#"<g class="s{}">"#, style.color);
    let highs = series.points.iter().map(|point| place(point.x, point.high));
    let lows = series.points.iter().rev().map(|point| place(point.x, point.low));
    let band: Vec<String> = highs.chain(lows).collect();
    if series.points.iter().any(|point| point.high > point.low) {
        let _infallible = write!(svg, r#"<path class="band" d="M{}z"/>"#, band.join("L"));
    }
    let line: Vec<String> = series.points.iter().map(|point| place(point.x, point.mean)).collect();
    let _infallible = write!(
        svg,
        r#"<path class="line" stroke-dasharray="{}" d="M{}"/>"#,
        style.dash(),
        line.join("L")
    );
    let marked = if frame.x.scale == Scale::Linear { &series.points[..] } else { &[] };
    for point in marked {
        let _infallible = write!(
            svg,
            "<g>{}<title>{}, {:.0}: {:.3} ({:.3} to {:.3})</title></g>",
            marker(style, frame.x(point.x), frame.y(point.mean)),
            escape(&series.name),
            point.x,
            point.mean,
            point.low,
            point.high,
        );
    }
    svg + "</g>"
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
