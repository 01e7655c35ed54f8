//! Tests of every two strategies, and the paper's test at each number of labeled texts.

use alhost_base::text::file_name;
use alhost_metrics::statistics::{student_t, summary};

use super::collect::DataSet;
use super::columns::Columns;
use super::compare::{ALPHA, Comparison, Quantity, compare};
use super::document::{Cell, Figure, Section, Table, p_value, signed};
use super::heat::{self, Square};
use super::metric::Metric;
use super::view::{View, all_pairs};

/// Adds what there is to say of every two, and of each number of labeled texts.
pub(super) fn add(section: &mut Section, view: &View<'_>, set: &DataSet) {
    let pairs = Pairs(compare(set, view.metric, Quantity::Area, &all_pairs(set)));
    if View::is_many(set) {
        section.table(pairs.counts(view, set));
        section.figures(vec![pairs.signs(view, set)]);
        section.table(points_by_strategy(view, set));
    } else {
        section.table(pairs.matrix(view, set));
        section.table(points_by_labeled(view, set));
    }
}

struct Pairs(Vec<Comparison>);

impl Pairs {
    /// Difference of `row` to `column`, and Holm-corrected p; `None` of itself.
    fn at(&self, row: usize, column: usize) -> Option<(f64, f64)> {
        let is_it = |c: &&Comparison| [(c.a, c.b), (c.b, c.a)].contains(&(row, column));
        let c = self.0.iter().find(is_it)?;
        let difference = if c.a == row { c.difference } else { -c.difference };
        Some((difference, c.paired_holm.unwrap_or(1.0)))
    }

    fn matrix(&self, view: &View<'_>, set: &DataSet) -> Table {
        let cell = |(difference, p): (f64, f64)| {
            Cell::new(format!("{} ({})", signed(difference), p_value(p))).best(p < ALPHA)
        };
        let n = set.strategies.len();
        let rows = set.strategies.iter().enumerate().map(|(row, strategy)| {
            let cells = (0..n).map(|at| self.at(row, at).map_or(Cell::new(""), cell));
            std::iter::once(view.cell(&strategy.name)).chain(cells).collect()
        });
        let names = set.strategies.iter().map(|strategy| strategy.name.clone());
        Table {
            caption: format!(
                "Every two strategies, {}, area: row minus column, and p of the paired t-test, \
                 Holm-corrected over all pairs",
                view.metric.title()
            ),
            head: std::iter::once("strategy".to_owned()).chain(names).collect(),
            rows: rows.collect(),
            is_folded: true,
        }
    }

    /// Of how many others each strategy is shown to be above, and below.
    fn counts(&self, view: &View<'_>, set: &DataSet) -> Table {
        let others = set.strategies.len() - 1;
        let rows = set.strategies.iter().enumerate().map(|(row, strategy)| {
            let shown = (0..=others).filter_map(|column| self.at(row, column));
            let shown: Vec<f64> = shown.filter(|pair| pair.1 < ALPHA).map(|pair| pair.0).collect();
            let above = shown.iter().filter(|&&difference| difference > 0.0).count();
            let below = shown.len() - above;
            let counts = [above, below, others - shown.len()];
            let cells = counts.into_iter().map(|count| Cell::new(count.to_string()));
            std::iter::once(view.cell(&strategy.name)).chain(cells).collect()
        });
        Table {
            caption: format!(
                "Every two strategies, {}, area: of how many others each is shown to be above or below, \
                 by the paired t-test, p < {ALPHA} after Holm over {} pairs",
                view.metric.title(),
                self.0.len()
            ),
            head: ["strategy", "above", "below", "not told from"].map(str::to_owned).to_vec(),
            rows: rows.collect(),
            is_folded: false,
        }
    }

    /// Draws for every two whether one is shown to be above the other.
    fn signs(&self, view: &View<'_>, set: &DataSet) -> Figure {
        /// Numbers of blue and of vermilion, which differ for all kinds of colour vision.
        const COLORS: [usize; 2] = [0, 1];
        let names: Vec<String> = set.strategies.iter().map(|s| view.name(&s.name)).collect();
        let square = |row: usize, column: usize| {
            let (difference, p) = self.at(row, column)?;
            let (text, color, shade) = match (p < ALPHA, difference > 0.0) {
                (false, _) => ("", COLORS[0], 0.04),
                (true, true) => ("+", COLORS[0], 0.4),
                (true, false) => ("−", COLORS[1], 0.4),
            };
            let [of_row, of_column] = [row, column].map(|at| &set.strategies[at].name);
            let title =
                format!("{of_row} minus {of_column}: {} (p {})", signed(difference), p_value(p));
            Some(Square { color, shade, text: text.to_owned(), title })
        };
        let caption = format!(
            "{}: the strategy of the row is shown to be above (+) or below (−) that of the column in area \
             of {}, p < {ALPHA} after Holm over {} pairs; empty where neither is shown",
            set.name,
            view.metric.title(),
            self.0.len()
        );
        let name = format!("{}-pairs-{}", file_name(&set.name), view.metric);
        heat::draw(&name, &caption, &names, square)
    }
}

/// Few strategies stand side by side, a row for each number of labeled texts.
fn points_by_labeled(view: &View<'_>, set: &DataSet) -> Table {
    let pairs = view.against_baseline(set);
    let names = pairs.iter().map(|pair| set.strategies[pair.0].name.clone());
    let rows = set.labeled.iter().map(|&labeled| {
        let cells = pairs.iter().map(|&pair| match point_test(set, view.metric, labeled, pair) {
            Some((difference, Some(p))) => {
                Cell::new(format!("{} ({})", signed(difference), p_value(p))).best(p < ALPHA)
            }
            Some((difference, None)) => Cell::new(signed(difference)),
            None => Cell::new("–"),
        });
        std::iter::once(Cell::new(labeled.to_string())).chain(cells).collect()
    });
    Table {
        caption: format!(
            "{} at each number of labeled texts: difference to {}, and p of the unpaired t-test, as \
             in the paper; uncorrected, so that of twenty tests one comes out bold by chance",
            view.metric.title(),
            view.baseline
        ),
        head: std::iter::once("labeled".to_owned()).chain(names).collect(),
        rows: rows.collect(),
        is_folded: true,
    }
}

/// Many strategies stand one below the other, with the difference in bold where p is below .05.
fn points_by_strategy(view: &View<'_>, set: &DataSet) -> Table {
    let shown = Columns::new(set);
    let rows = view.against_baseline(set).into_iter().map(|pair| {
        let cells = shown.labeled.iter().map(|&labeled| {
            let test = point_test(set, view.metric, labeled, pair);
            let Some((difference, p)) = test else { return Cell::new("–") };
            Cell::new(signed(difference)).best(p.is_some_and(|p| p < ALPHA))
        });
        std::iter::once(Cell::new(set.strategies[pair.0].name.clone())).chain(cells).collect()
    });
    Table {
        caption: format!(
            "{} {}: difference to {}; bold where p < {ALPHA} by the unpaired t-test, as in the paper; \
             uncorrected, so that of twenty tests one comes out bold by chance. points.csv has p",
            view.metric.title(),
            shown.words("points.csv"),
            view.baseline
        ),
        head: shown.head(&["strategy"]),
        rows: rows.collect(),
        is_folded: true,
    }
}

/// Difference of means, and p where both sides have two seeds.
pub(super) fn point_test(
    set: &DataSet,
    metric: Metric,
    labeled: usize,
    (a, b): (usize, usize),
) -> Option<(f64, Option<f64>)> {
    let scores = |index: usize| -> Vec<f64> {
        let runs = set.strategies[index].runs.iter();
        runs.filter_map(|run| metric.of(run.at(labeled)?)).collect()
    };
    let (a, b) = (scores(a), scores(b));
    let difference = summary(&a)?.mean - summary(&b)?.mean;
    Some((difference, student_t(&a, &b).map(|test| test.p)))
}
