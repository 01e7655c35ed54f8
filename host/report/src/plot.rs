//! Line charts: a mean a strategy, with its spread. Where strategies are many, the best are in
//! front, and each line has its name at its end.

use std::fmt::Write as _;

use super::axes::{BELOW, Frame, Scale, both, level};
use super::document::Figure;
use super::ends;
use super::svg::{Style, escape, legend, marker};

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
const HEIGHT: f64 = 250.0;
const RIGHT: f64 = 20.0;
const MARGIN: f64 = 32.0;

/// Draws a chart; `None` where there is nothing to draw.
pub(super) fn draw(chart: &Chart) -> Option<Figure> {
    let points = || chart.series.iter().flat_map(|series| &series.points);
    let bounds = |of: &dyn Fn(&Point) -> [f64; 2]| {
        let values = points().flat_map(of);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let of_x = bounds(&|point| [point.x, point.x]);
    let (mut y_low, mut y_high) = bounds(&|point| [point.low, point.high]);
    if !(of_x.0.is_finite() && y_low.is_finite() && y_high.is_finite()) {
        return None;
    }
    if let Some((level, _)) = &chart.level {
        (y_low, y_high) = (y_low.min(*level), y_high.max(*level));
    }
    if chart.starts_at_zero {
        y_low = 0.0;
    }
    let n_behind = chart.series.iter().filter(|series| series.style.is_behind).count();
    // Room for the names, one below the other.
    let (beside, height) =
        if n_behind == 0 { (0.0, HEIGHT) } else { ends::room(&chart.series, HEIGHT) };
    let (legend, top) = legend(&entries(&chart.series, n_behind), MARGIN, WIDTH - MARGIN);
    let (x, y) = both(of_x, (y_low, y_high), chart.scale);
    let frame = Frame { x, y, top: top + 6.0, right: WIDTH - RIGHT, height };
    let mut svg = legend + &frame.axes(&chart.x_title, &chart.y_title);
    if let Some((at, text)) = &chart.level {
        svg.push_str(&level(&frame, *at, text));
    }
    svg.push_str(&all(&frame, &chart.series, n_behind));
    let size = (WIDTH + beside, frame.bottom() + BELOW);
    let (name, caption) = (chart.name.clone(), chart.caption.clone());
    Some(Figure { svg, size, ..Figure::new(name, caption) })
}

/// Lists the entries of the legend: those in front, and all others as one.
fn entries(series: &[Series], n_behind: usize) -> Vec<(String, Style)> {
    let front = series.iter().filter(|series| !series.style.is_behind);
    let entries = front.map(|series| (series.name.clone(), series.style));
    let others = (n_behind > 0).then(|| (format!("{n_behind} others"), Style::others()));
    entries.chain(others).collect()
}

/// Draws all lines, those behind first; with their names where some are behind.
fn all(frame: &Frame, series: &[Series], n_behind: usize) -> String {
    let named = if n_behind == 0 { &[] } else { series };
    let places = ends::places(frame, named);
    let mut order: Vec<usize> = (0..series.len()).collect();
    order.sort_by_key(|&index| !series[index].style.is_behind);
    let mut svg = String::new();
    for index in order {
        let name = places.get(index).and_then(Option::as_ref).map(|place| place.draw(frame));
        let _infallible = write!(
            svg,
            r#"<g class="{}">{}{}</g>"#,
            series[index].style.class(),
            bands_and_lines(frame, &series[index]),
            name.unwrap_or_default(),
        );
    }
    svg
}

fn bands_and_lines(frame: &Frame, series: &Series) -> String {
    let place = |x: f64, y: f64| format!("{:.1} {:.1}", frame.x(x), frame.y(y));
    let mut svg = String::new();
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
        series.style.dash(),
        line.join("L")
    );
    if frame.x.scale == Scale::Linear {
        svg.push_str(&marks(frame, series));
    }
    svg
}

/// Draws the marks of a line, each with its numbers; behind, all as one with the name.
fn marks(frame: &Frame, series: &Series) -> String {
    let name = escape(&series.name);
    let at = |point: &Point| (frame.x(point.x), frame.y(point.mean));
    if series.style.is_behind {
        let places: Vec<(f64, f64)> = series.points.iter().map(at).collect();
        return format!("{}<title>{name}</title>", marker(series.style, &places));
    }
    let mut svg = String::new();
    for point in &series.points {
        let _infallible = write!(
            svg,
            "<g>{}<title>{name}, {:.0}: {:.3} ({:.3} to {:.3})</title></g>",
            marker(series.style, &[at(point)]),
            point.x,
            point.mean,
            point.low,
            point.high,
        );
    }
    svg
}
