//! Sections on what was selected: classes seen, labels and lengths.

use alhost_base::text::file_name;
use alhost_metrics::statistics::summary;
use alhost_record::{Acquired, RoundRecord};

use super::axes::Scale;
use super::collect::{DataSet, Strategy};
use super::columns::Columns;
use super::compare::{Quantity, numbers, values_of};
use super::document::{Cell, Section, Table};
use super::plot::{Chart, Point, Series, draw};
use super::view::View;

pub(super) fn coverage(view: &View<'_>, set: &DataSet) -> Section {
    let mut section = Section::new(3, "Classes in the labeled set");
    let classes =
        chart(view, set, "classes", "classes seen", |round| Some(round.class_coverage as f64));
    let entropy = chart(view, set, "label-entropy", "label entropy, bits", |round| {
        Some(round.acquired.as_ref()?.label_entropy)
    });
    let figure = |chart: &Chart| Some(view.follows(set, draw(chart)?));
    section.figures([classes, entropy].iter().filter_map(figure).collect());
    section.table(classes_by_round(view, set));
    section
}

fn chart(
    view: &View<'_>,
    set: &DataSet,
    name: &str,
    y_title: &str,
    of: fn(&RoundRecord) -> Option<f64>,
) -> Chart {
    let series = |strategy: &Strategy| {
        let at = |labeled: usize| {
            let runs = strategy.runs.iter();
            let values: Vec<f64> = runs.filter_map(|run| of(run.at(labeled)?)).collect();
            let here = summary(&values)?;
            let sd = here.spread.map_or(0.0, |spread| spread.sd);
            let (x, mean) = (labeled as f64, here.mean);
            Some(Point { x, mean, low: mean - sd, high: mean + sd })
        };
        Series {
            name: strategy.name.clone(),
            style: view.style(set, strategy),
            points: set.labeled.iter().filter_map(|&labeled| at(labeled)).collect(),
        }
    };
    Chart {
        name: format!("{}-{name}", file_name(&set.name)),
        caption: format!("{}: {y_title} (mean, band: ± one standard deviation)", set.name),
        x_title: "labeled texts".to_owned(),
        y_title: y_title.to_owned(),
        series: set.strategies.iter().map(series).collect(),
        level: None,
        starts_at_zero: false,
        scale: Scale::Linear,
    }
}

/// How many classes each seed had seen, in the mean over the budget; at its only number of labeled
/// texts, where there is one.
pub(super) fn classes_seen(set: &DataSet, strategy: &Strategy) -> Vec<f64> {
    let of = |quantity: Quantity| {
        let seen = |round: &RoundRecord| Some(round.class_coverage as f64);
        numbers(&values_of(set, strategy, quantity, seen))
    };
    let areas = of(Quantity::Area);
    if areas.is_empty() { of(Quantity::Final) } else { areas }
}

fn classes_by_round(view: &View<'_>, set: &DataSet) -> Table {
    let shown = Columns::new(set);
    let mean = |classes: &[f64]| {
        Cell::new(summary(classes).map_or("–".to_owned(), |here| format!("{:.1}", here.mean)))
    };
    let rows = set.strategies.iter().map(|strategy| {
        let cells = shown.labeled.iter().map(|&labeled| {
            let runs = strategy.runs.iter();
            let classes: Vec<f64> =
                runs.filter_map(|run| Some(run.at(labeled)?.class_coverage as f64)).collect();
            mean(&classes)
        });
        let area = mean(&classes_seen(set, strategy));
        [view.cell(&strategy.name), area].into_iter().chain(cells).collect()
    });
    Table {
        caption: format!(
            "Classes that occur in the labeled set: in the mean over the budget (area), and {}, mean over \
             seeds",
            shown.words("rounds.csv")
        ),
        head: shown.head(&["strategy", "area"]),
        rows: rows.collect(),
        is_folded: true,
    }
}

/// Labels and lengths of what each strategy selected.
pub(super) fn statistics(view: &View<'_>, set: &DataSet) -> Section {
    let mut section = Section::new(3, "What was selected");
    let first = set.strategies.iter().flat_map(|strategy| &strategy.runs);
    let initial: Vec<&Acquired> =
        first.filter_map(|run| run.records.rounds.first()?.acquired.as_ref()).collect();
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    rows.extend(row(Cell::new("(initial set)"), &initial));
    for strategy in &set.strategies {
        rows.extend(row(view.cell(&strategy.name), &acquired(set, strategy)));
    }
    if rows.is_empty() {
        section.text(
            "These records are of an earlier version, which did not note labels and lengths.",
        );
        return section;
    }
    let head = [
        "strategy",
        "texts",
        "labels a text",
        "none",
        "most",
        "tokens a text",
        "10th percentile",
        "median",
        "90th percentile",
    ];
    section.table(Table {
        caption:
            "Gold labels and tokens of the texts that each strategy selected, over all queries \
                  and seeds. Tokens are those that the model sees, cut at the config's model.max_tokens."
                .to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows,
        is_folded: false,
    });
    section
}

/// Lists what queries brought, without the initial set.
fn acquired<'a>(set: &DataSet, strategy: &'a Strategy) -> Vec<&'a Acquired> {
    let rounds = strategy.runs.iter().flat_map(|run| set.rounds(run));
    rounds.filter(|round| round.round > 0).filter_map(|round| round.acquired.as_ref()).collect()
}

fn row(name: Cell, acquired: &[&Acquired]) -> Option<Vec<Cell>> {
    let labels: Vec<u32> = acquired.iter().flat_map(|acquired| acquired.labels.clone()).collect();
    let mut tokens: Vec<u32> =
        acquired.iter().flat_map(|acquired| acquired.tokens.clone()).collect();
    tokens.sort_unstable();
    let mean = |values: &[u32]| {
        values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64
    };
    let at = |share: f64| tokens[((tokens.len() - 1) as f64 * share).round() as usize];
    let most = labels.iter().max()?;
    let bare = labels.iter().filter(|&&labels| labels == 0).count();
    Some(vec![
        name,
        Cell::new(labels.len().to_string()),
        Cell::new(format!("{:.2}", mean(&labels))),
        Cell::new(bare.to_string()),
        Cell::new(most.to_string()),
        Cell::new(format!("{:.1}", mean(&tokens))),
        Cell::new(at(0.1).to_string()),
        Cell::new(at(0.5).to_string()),
        Cell::new(at(0.9).to_string()),
    ])
}
