//! What is said by ranks: Friedman's test, critical-difference diagrams, and what they mean.

use alhost_base::text::file_name;
use alhost_metrics::statistics::{critical_difference, ranks};

use super::blocks::{Against, Blocks, Ranking, Unit};
use super::cd::{self, Ranked};
use super::collect::DataSet;
use super::compare::ALPHA;
use super::document::{Cell, Figure, Section, Table, p_value, score};
use super::svg::Style;
use super::view::{FEW, View};

/// Adds ranks over the seeds of one data set.
pub(super) fn over_seeds(section: &mut Section, view: &View<'_>, set: &DataSet) {
    let blocks = Blocks::seeds(set, view.metric);
    let Some(ranking) = blocks.ranking() else { return };
    section.text(friedman_words(&blocks, &ranking));
    section.text(format!(
        "{} Blocks that are seeds of one data set say nothing about other data sets.",
        cd_words(&blocks, ranking.difference)
    ));
    let style = |name: &str| {
        let strategy = set.strategies.iter().find(|strategy| strategy.name == name);
        strategy.map_or_else(Style::baseline, |strategy| view.style(set, strategy))
    };
    let name = format!("{}-critical-difference-{}", file_name(&set.name), view.metric);
    let figure = diagram(view, &name, &blocks, &ranking, style);
    section.figures(vec![view.follows(set, figure)]);
    section.add(against(view, &blocks, &ranking));
}

/// Reports on tests over data sets; `None` where there is one.
pub(super) fn over_sets(view: &View<'_>) -> Option<Section> {
    if view.sets.len() < 2 {
        return None;
    }
    let mut section = Section::new(2, "Over data sets");
    let blocks = Blocks::data_sets(view);
    let (k, n) = (blocks.names.len(), blocks.areas.len());
    let Some(ranking) = blocks.ranking() else {
        section.note(format!(
            "Friedman's test needs three strategies that ran on all of at least two data sets; here \
             are {k} on {n}."
        ));
        return Some(section);
    };
    section.table(areas(view, &blocks, &ranking));
    if has_texts_twice(view) {
        section.note(
            "Some of these are the same texts under another config: they are no independent blocks, \
             and the tests make too much of them.",
        );
    }
    section.text(friedman_words(&blocks, &ranking));
    section.note(cd_words(&blocks, ranking.difference));
    let style = |name: &str| view.style_overall(name);
    let name = format!("critical-difference-{}", view.metric);
    section.figures(vec![diagram(view, &name, &blocks, &ranking, style)]);
    let seeds = Blocks::seeds_of_data_sets(view);
    if let Some(ranking) = seeds.ranking() {
        section.text(friedman_words(&seeds, &ranking));
        section.text(format!(
            "{} Blocks that are seeds speak of these data sets alone.",
            cd_words(&seeds, ranking.difference)
        ));
        let name = format!("critical-difference-seeds-{}", view.metric);
        section.figures(vec![diagram(view, &name, &seeds, &ranking, style)]);
        section.add(against(view, &seeds, &ranking));
    }
    Some(section)
}

/// Whether two of the data sets are of the same data.
fn has_texts_twice(view: &View<'_>) -> bool {
    let mut data: Vec<&str> =
        view.sets.iter().map(|set| set.manifest().data_hash.as_str()).collect();
    data.sort_unstable();
    data.dedup();
    data.len() < view.sets.len()
}

/// Draws the critical-difference diagram.
fn diagram(
    view: &View<'_>,
    name: &str,
    blocks: &Blocks,
    ranking: &Ranking,
    style: impl Fn(&str) -> Style,
) -> Figure {
    let ranked = blocks.names.iter().zip(&ranking.friedman.mean_ranks);
    let ranked: Vec<Ranked> = ranked
        .map(|(name, &rank)| Ranked { name: view.name(name), style: style(name), rank })
        .collect();
    let n = blocks.areas.len();
    let over = match &blocks.unit {
        Unit::Seed(set) => format!("{n} seeds of {set}"),
        Unit::DataSet => format!("{n} data sets"),
        Unit::SeedOfDataSets(sets) => format!("{n} seeds of {sets} data sets"),
    };
    let caption = format!(
        "Critical-difference diagram: mean ranks by area, {}, over {over} (1 is best). \
         Bars join strategies that Nemenyi's test cannot tell apart at {ALPHA}.",
        view.metric.title(),
    );
    cd::draw(name, &caption, &ranked, ranking.difference)
}

/// Says what Friedman's test says. The diagram has the mean ranks of many strategies.
fn friedman_words(blocks: &Blocks, ranking: &Ranking) -> String {
    let test = &ranking.friedman;
    let is = |p: f64| {
        let p = p_value(p);
        if p.starts_with('<') { p } else { format!("= {p}") }
    };
    let corrected = test.f.map_or(String::new(), |corrected| {
        format!("; F = {:.2}, p {}", corrected.f, is(corrected.p))
    });
    let says = if test.f.map_or(test.p, |corrected| corrected.p) < ALPHA {
        "the strategies are not all alike"
    } else {
        "that the strategies are all alike is not ruled out, and no gap between bars below is a finding"
    };
    let named = blocks.names.iter().zip(&test.mean_ranks);
    let named: Vec<String> = named.map(|(name, rank)| format!("{name} {rank:.2}")).collect();
    let ranks = if named.len() > FEW {
        String::new()
    } else {
        format!(" Mean ranks: {}.", named.join(", "))
    };
    format!(
        "Friedman's test over {}: χ² = {:.2}, p {}{corrected}: {says}.{ranks}",
        blocks.words(),
        test.statistic,
        is(test.p),
    )
}

/// Says what Nemenyi's critical difference can show.
fn cd_words(blocks: &Blocks, difference: f64) -> String {
    let (k, n) = (blocks.names.len(), blocks.areas.len());
    let most = k as f64 - 1.0;
    // The difference shrinks with the root of the number of blocks.
    let fewest = (critical_difference(ALPHA, k, 1) / most).powi(2).floor() as usize + 1;
    let unit = if blocks.unit == Unit::DataSet { "data sets" } else { "seeds" };
    let small = if n < 10 {
        format!(" The χ² approximation is rough with fewer than ten {unit}.")
    } else {
        String::new()
    };
    if difference >= most {
        format!(
            "With {n} {unit} and {k} strategies Nemenyi's critical difference is {difference:.2} \
             mean ranks, more than the largest possible difference of {most:.0}: whatever the data, \
             no two strategies can be told apart. It takes {fewest} {unit} before any could.{small}"
        )
    } else {
        format!(
            "Nemenyi's critical difference is {difference:.2} mean ranks of a possible {most:.0}.{small}"
        )
    }
}

/// Tabulates mean ranks, and how far they are from the baseline's.
fn against(view: &View<'_>, blocks: &Blocks, ranking: &Ranking) -> Option<Table> {
    let against = blocks.against(ranking, &view.baseline)?;
    // Over the seeds of one data set the test of areas stands above.
    let has_wilcoxon = matches!(blocks.unit, Unit::SeedOfDataSets(_));
    let p = |p: f64| Cell::new(p_value(p)).best(p < ALPHA);
    let row = |index: usize| -> Vec<Cell> {
        let rank = ranking.friedman.mean_ranks[index];
        let mut row = vec![view.cell(&blocks.names[index]), Cell::new(format!("{rank:.2}"))];
        let cells = match &against[index] {
            Some(Against { ranks, p: by_ranks, wilcoxon }) => {
                [Cell::new(format!("{ranks:+.2}").replace('-', "−")), p(*by_ranks), p(*wilcoxon)]
            }
            None => ["–"; 3].map(Cell::new),
        };
        row.extend(cells.into_iter().take(if has_wilcoxon { 3 } else { 2 }));
        row
    };
    let mut head = vec!["strategy", "mean rank", "difference", "ranks, Holm"];
    let mut by = "by mean ranks (z)".to_owned();
    if has_wilcoxon {
        head.push("Wilcoxon, Holm");
        by.push_str(" and by Wilcoxon's test of the areas");
    }
    Some(Table {
        caption: format!(
            "Mean ranks over {}, and p of the difference to {} {by}, after Holm over {} comparisons. Bold: \
             p < {ALPHA}",
            blocks.words(),
            view.baseline,
            blocks.names.len() - 1
        ),
        head: head.into_iter().map(str::to_owned).collect(),
        rows: ranking.order().into_iter().map(row).collect(),
        is_folded: true,
    })
}

/// Tabulates mean areas and their ranks.
fn areas(view: &View<'_>, blocks: &Blocks, ranking: &Ranking) -> Table {
    let of_blocks: Vec<Vec<f64>> = blocks.areas.iter().map(|block| ranks(block)).collect();
    let row = |index: usize| {
        let cells = blocks.areas.iter().zip(&of_blocks).map(|(areas, ranks)| {
            let (area, rank) = (areas[index], ranks[index]);
            Cell::new(format!("{} ({rank})", score(area))).best(rank < 1.5)
        });
        let rank = ranking.friedman.mean_ranks[index];
        std::iter::once(view.cell(&blocks.names[index]))
            .chain(cells)
            .chain([Cell::new(format!("{rank:.2}"))])
            .collect()
    };
    let sets = view.sets.iter().map(|set| set.name.clone());
    Table {
        caption: format!("{}: mean area, and its rank", view.metric.title()),
        head: std::iter::once("strategy".to_owned())
            .chain(sets)
            .chain(["mean rank".to_owned()])
            .collect(),
        rows: ranking.order().into_iter().map(row).collect(),
        is_folded: false,
    }
}

/// Says what mean ranks and their diagrams are, and what they are not; `None` where there are none.
pub(super) fn explained(view: &View<'_>) -> Option<Section> {
    let has_ranks = |set: &DataSet| {
        view.baseline_of(set).is_some() && Blocks::seeds(set, view.metric).is_enough()
    };
    let over_sets = view.sets.len() > 1 && Blocks::data_sets(view).is_enough();
    if !over_sets && !view.sets.iter().any(has_ranks) {
        return None;
    }
    let mut section = Section::new(2, "On mean ranks");
    section.text(
        "In each block the strategies are ranked by area, 1 the best; equal areas share the mean of their \
         ranks. A block is a seed of a data set, or a data set with the mean over its seeds. The diagrams \
         (Demšar 2006) put each strategy at its mean rank over the blocks.",
    );
    section.text(
        "Friedman's test asks whether all strategies are alike: χ², with the correction for ties, and F by \
         Iman and Davenport, which decides here, since χ² rejects too rarely. After it, Nemenyi's test tells \
         two strategies apart whose mean ranks differ by the critical difference or more, CD = q · \
         √(k(k + 1) / 6n) for k strategies and n blocks, with q the .95 quantile of the studentized range \
         over √2; bars join those that are closer. It guards all k(k − 1)/2 comparisons at once, and so \
         overlooks much where k is large. Comparisons with the baseline alone are k − 1: the tables by the \
         diagrams have p of z = (R − R of the baseline) / √(k(k + 1) / 6n), after Holm.",
    );
    section.text(
        "Ranks know nothing of how large a difference is. Whether two strategies are told apart depends on \
         which others take part: one more in the field can change it (Benavoli, Corani and Mangili 2016). \
         Where two of them matter, go by the paired tests of the two. A bar is no sign that those it joins \
         are equal.",
    );
    section.text(
        "The seeds of a data set share its texts, and a strategy that suits one seed suits the others. Over \
         seeds the tests speak of these data sets and of chance in training and selection; what they say of \
         a new data set is too sure. Only blocks that are data sets speak of others, and it takes many.",
    );
    Some(section)
}
