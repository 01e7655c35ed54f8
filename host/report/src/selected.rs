//! Sections on what was selected: classes seen, overlap between strategies, labels and lengths.

use std::collections::BTreeSet;

use alhost_base::text::file_name;
use alhost_metrics::statistics::summary;
use alhost_record::{Acquired, RoundRecord};

use super::collect::{DataSet, Run, Strategy};
use super::document::{Cell, Section, Table};
use super::plot::{Chart, Point, Scale, Series, draw};
use super::view::View;

pub(super) fn coverage(view: &View<'_>, set: &DataSet) -> Section {
    let mut section = Section::new(3, "Classes in the labeled set");
    let classes =
        chart(view, set, "classes", "classes seen", |round| Some(round.class_coverage as f64));
    let entropy = chart(view, set, "label-entropy", "label entropy, bits", |round| {
        Some(round.acquired.as_ref()?.label_entropy)
    });
    section.figures([classes, entropy].iter().filter_map(draw).collect());
    section.table(classes_by_round(set));
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
            style: view.style(strategy),
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

fn classes_by_round(set: &DataSet) -> Table {
    let rows = set.strategies.iter().map(|strategy| {
        let cells = set.labeled.iter().map(|&labeled| {
            let runs = strategy.runs.iter();
            let classes: Vec<f64> =
                runs.filter_map(|run| Some(run.at(labeled)?.class_coverage as f64)).collect();
            Cell::new(summary(&classes).map_or("–".to_owned(), |here| format!("{:.1}", here.mean)))
        });
        std::iter::once(Cell::new(strategy.name.clone())).chain(cells).collect()
    });
    let labeled = set.labeled.iter().map(usize::to_string);
    Table {
        caption:
            "Classes that occur in the labeled set, at each number of labeled texts, mean over \
                  seeds"
                .to_owned(),
        head: std::iter::once("strategy".to_owned()).chain(labeled).collect(),
        rows: rows.collect(),
        is_folded: true,
    }
}

/// Which selections are compared.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Which {
    /// The query that all make on the same model and pool, so that only the strategies differ.
    FirstQuery,
    /// Everything but the initial set.
    AllQueries,
}

impl Which {
    pub(super) const ALL: [Self; 2] = [Self::FirstQuery, Self::AllQueries];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FirstQuery => "first query",
            Self::AllQueries => "all queries",
        }
    }
}

pub(super) fn overlap(set: &DataSet) -> Option<Section> {
    if set.strategies.len() < 2 {
        return None;
    }
    let mut section = Section::new(3, "Overlap of selections");
    for which in Which::ALL {
        section.table(overlap_table(set, which));
    }
    Some(section)
}

fn overlap_table(set: &DataSet, which: Which) -> Table {
    let cell = |a: &Strategy, b: &Strategy| match jaccard(set, a, b, which) {
        // With itself a strategy overlaps whole.
        _ if a.name == b.name => Cell::new(""),
        Some((value, _)) => Cell { shade: Some(value), ..Cell::new(format!("{value:.2}")) },
        None => Cell::new("–"),
    };
    let rows = set.strategies.iter().map(|row| {
        let cells = set.strategies.iter().map(|column| cell(row, column));
        std::iter::once(Cell::new(row.name.clone())).chain(cells).collect()
    });
    let chance = match which {
        Which::FirstQuery => chance(set),
        Which::AllQueries => None,
    };
    let chance = chance
        .map_or(String::new(), |chance| format!(" Two random selections would have {chance:.2}."));
    let head = set.strategies.iter().map(|strategy| strategy.name.clone());
    Table {
        caption: format!(
            "{}: texts that both selected as a share of those that either did (Jaccard), mean over \
             common seeds.{chance}",
            match which {
                Which::FirstQuery => "The first query, on the same model and pool",
                Which::AllQueries => "All queries, without the initial set",
            }
        ),
        head: std::iter::once("strategy".to_owned()).chain(head).collect(),
        rows: rows.collect(),
        is_folded: false,
    }
}

/// Returns the mean Jaccard similarity over common seeds, and how many there are.
pub(super) fn jaccard(
    set: &DataSet,
    a: &Strategy,
    b: &Strategy,
    which: Which,
) -> Option<(f64, usize)> {
    let of_seed = |run: &Run| -> Option<f64> {
        let other = b.runs.iter().find(|other| other.seed() == run.seed())?;
        let (ours, theirs) = (selected(set, run, which), selected(set, other, which));
        let either = ours.union(&theirs).count();
        (either > 0).then(|| ours.intersection(&theirs).count() as f64 / either as f64)
    };
    let values: Vec<f64> = a.runs.iter().filter_map(of_seed).collect();
    Some((summary(&values)?.mean, values.len()))
}

fn selected<'a>(set: &DataSet, run: &'a Run, which: Which) -> BTreeSet<&'a str> {
    let last = match which {
        Which::FirstQuery => 1,
        Which::AllQueries => set.rounds(run).last().map_or(0, |round| round.round),
    };
    let queries = run.records.selections.iter().filter(|s| (1..=last).contains(&s.round));
    queries.flat_map(|selection| &selection.ids).map(String::as_str).collect()
}

/// Returns the Jaccard similarity of two random subsets of n among N texts: n²/N in common on
/// average, so about (n/N) / (2 - n/N).
fn chance(set: &DataSet) -> Option<f64> {
    let run = &set.strategies[0].runs[0];
    let pool = run.records.rounds.first()?.acquired.as_ref()?.unlabeled;
    let share = run.records.selections.get(1)?.ids.len() as f64 / pool as f64;
    Some(share / (2.0 - share))
}

/// Labels and lengths of what each strategy selected.
pub(super) fn statistics(set: &DataSet) -> Section {
    let mut section = Section::new(3, "What was selected");
    let first = set.strategies.iter().flat_map(|strategy| &strategy.runs);
    let initial: Vec<&Acquired> =
        first.filter_map(|run| run.records.rounds.first()?.acquired.as_ref()).collect();
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    rows.extend(row("(initial set)", &initial));
    for strategy in &set.strategies {
        rows.extend(row(&strategy.name, &acquired(set, strategy)));
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

fn row(name: &str, acquired: &[&Acquired]) -> Option<Vec<Cell>> {
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
        Cell::new(name),
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
