//! Sections on what the seeds and data sets can and cannot show.

use alhost_metrics::statistics::{
    critical_difference, detectable_effect, friedman, ranks, seeds_for_wilcoxon, seeds_needed,
    smallest_wilcoxon_p, student_t, summary,
};

use super::cd;
use super::collect::DataSet;
use super::compare::{ALPHA, Comparison, POWER, Quantity, compare, numbers, values};
use super::document::{Cell, Figure, Section, Table, p_value, score, signed};
use super::metric::Metric;
use super::noise::noise;
use super::view::{View, all_pairs, common_seeds};

/// Tests over the seeds of one data set.
pub(super) fn over_seeds(view: &View<'_>, set: &DataSet) -> Section {
    let mut section = Section::new(3, "What the seeds can show");
    let n = common_seeds(set).len();
    let pairs = view.against_baseline(set);
    for note in limits(n, pairs.len()) {
        section.note(note);
    }
    if n < 2 || set.strategies.len() < 2 {
        return section;
    }
    if pairs.is_empty() {
        section.note(format!(
            "{} has no run here, so there is nothing to compare with.",
            view.baseline
        ));
        return section;
    }
    for quantity in Quantity::ALL {
        let comparisons = compare(set, view.metric, quantity, &pairs);
        section.table(against(view, set, quantity, &comparisons));
        for comparison in &comparisons {
            let noise = noise(set, view.metric).filter(|sd| comparison.difference.abs() < *sd);
            section.text(verdict(set, comparison, quantity) + &within_noise(noise));
        }
    }
    section.table(matrix(set, view.metric));
    section.table(per_point(view, set));
    if let Some((blocks, seeds)) = seed_blocks(set, view.metric) {
        let names: Vec<&str> = set.strategies.iter().map(|s| s.name.as_str()).collect();
        section.text(friedman_words(
            &blocks,
            &names,
            &format!("{seeds} seeds of this one data set"),
        ));
        section.text(
            "Blocks that are seeds of one data set say nothing about other data sets.".to_owned(),
        );
    }
    section
}

/// Says what a number of seeds can never show, whatever the data.
pub(super) fn limits(n: usize, comparisons: usize) -> Vec<String> {
    if n < 2 {
        let seeds = if n == 1 { "One seed in common" } else { "No seed in common" };
        return vec![format!(
            "{seeds}: no spread can be estimated and no test can be made. The curves show what \
             happened once; the initial set alone moves early rounds by several points. Run at least \
             five seeds."
        )];
    }
    let mut notes = Vec::new();
    let (smallest, needed) = (smallest_wilcoxon_p(n), seeds_for_wilcoxon(ALPHA, comparisons));
    if n < needed {
        let alone = seeds_for_wilcoxon(ALPHA, 1);
        let after = if comparisons > 1 {
            format!(", and {needed} where {comparisons} comparisons share it by Holm's correction")
        } else {
            String::new()
        };
        notes.push(format!(
            "With {n} seeds a two-sided Wilcoxon signed-rank test cannot give p below {smallest:.3}, \
             whatever the data: it cannot support a claim here. For p < {ALPHA} it needs {alone} \
             seeds{after}."
        ));
    }
    if n < 5
        && let Some(effect) = detectable_effect(n, ALPHA, POWER)
    {
        notes.push(format!(
            "With {n} seeds the paired t-test finds, four times in five, only differences of at least \
             {effect:.1} standard deviations of the differences between seeds (10 seeds: {:.1}), and \
             it rests on their being normal, which {n} values cannot show. With so few seeds, even \
             strategies of equal worth come out significantly different now and then.",
            detectable_effect(10, ALPHA, POWER).unwrap_or_default()
        ));
    }
    notes
}

fn against(
    view: &View<'_>,
    set: &DataSet,
    quantity: Quantity,
    comparisons: &[Comparison],
) -> Table {
    let head = [
        "strategy",
        "difference",
        "95% interval",
        "t, p",
        "t, Holm",
        "Wilcoxon, p",
        "Wilcoxon, Holm",
        "unpaired t, p",
    ];
    let p = |p: Option<f64>| {
        Cell::new(p.map_or("–".to_owned(), p_value)).best(p.is_some_and(|p| p < ALPHA))
    };
    let rows = comparisons.iter().map(|c| {
        let interval = c.paired.map(|t| format!("{} to {}", signed(t.low), signed(t.high)));
        vec![
            Cell::new(set.strategies[c.a].name.clone()),
            Cell::new(signed(c.difference)),
            Cell::new(interval.unwrap_or("–".to_owned())),
            p(c.paired.map(|t| t.p)),
            p(c.paired_holm),
            p(c.wilcoxon.map(|w| w.p)),
            p(c.wilcoxon_holm),
            p(c.unpaired.map(|t| t.p)),
        ]
    });
    let caption = format!(
        "{}, {}: differences to {}, paired by seed. The unpaired t-test is the paper's. Bold: p < \
         {ALPHA}.",
        view.metric.title(),
        quantity.title(),
        view.baseline
    );
    Table {
        caption,
        head: head.map(str::to_owned).to_vec(),
        rows: rows.collect(),
        is_folded: false,
    }
}

/// Puts a comparison into a sentence; a claim only where the corrected paired test carries it.
fn verdict(set: &DataSet, of: &Comparison, quantity: Quantity) -> String {
    let (a, b) = (&set.strategies[of.a].name, &set.strategies[of.b].name);
    let what = quantity.title();
    let Some((test, p)) = of.paired.zip(of.paired_holm) else {
        return format!("{a} and {b}, {what}: too few common seeds for a test.");
    };
    let (n, difference) = (of.n, signed(of.difference));
    if p < ALPHA {
        let word = if of.difference > 0.0 { "higher" } else { "lower" };
        let p = p_value(p);
        let p = if p.starts_with('<') { p } else { format!("= {p}") };
        return format!(
            "{a} has a {word} {what} than {b}: {difference} on average over {n} seeds (paired t-test, \
             Holm-corrected p {p})."
        );
    }
    let detectable = detectable_effect(n, ALPHA, POWER).unwrap_or_default() * test.sd;
    let needed = if test.sd > 0.0 {
        match seeds_needed(of.difference / test.sd, ALPHA, POWER) {
            Some(seeds) => format!(
                ", and if the true difference is the one seen, {seeds} seeds would show it four times \
                 in five"
            ),
            None => String::new(),
        }
    } else {
        String::new()
    };
    format!(
        "{a} and {b}, {what}: no difference shown ({difference}, {n} seeds). That is not to say that \
         they are equal: with this spread only differences of about {} or more would be \
         found{needed}.",
        score(detectable)
    )
}

/// Says that a difference is below `sd`, the standard deviation of training alone; nothing without
/// it.
fn within_noise(sd: Option<f64>) -> String {
    sd.map_or(String::new(), |sd| {
        format!(
            " The difference is smaller than what another training seed does on the same labels (standard \
             deviation {}).",
            score(sd)
        )
    })
}

/// Holm-corrected p of the paired t-test for every two strategies.
fn matrix(set: &DataSet, metric: Metric) -> Table {
    let comparisons = compare(set, metric, Quantity::Area, &all_pairs(set));
    let cell = |row: usize, column: usize| {
        let found =
            comparisons.iter().find(|c| (c.a, c.b) == (row, column) || (c.b, c.a) == (row, column));
        let Some(c) = found else { return Cell::new("") };
        let difference = if c.a == row { c.difference } else { -c.difference };
        let p = c.paired_holm.unwrap_or(1.0);
        Cell::new(format!("{} ({})", signed(difference), p_value(p))).best(p < ALPHA)
    };
    let names = || set.strategies.iter().map(|strategy| strategy.name.clone());
    let rows = set.strategies.iter().enumerate().map(|(row, strategy)| {
        let cells = (0..set.strategies.len()).map(|column| cell(row, column));
        std::iter::once(Cell::new(strategy.name.clone())).chain(cells).collect()
    });
    Table {
        caption: format!(
            "Every two strategies, {}, area: row minus column, and p of the paired t-test, \
             Holm-corrected over all pairs",
            metric.title()
        ),
        head: std::iter::once("strategy".to_owned()).chain(names()).collect(),
        rows: rows.collect(),
        is_folded: true,
    }
}

/// The paper's test: at each number of labeled texts, unpaired, uncorrected.
fn per_point(view: &View<'_>, set: &DataSet) -> Table {
    let pairs = view.against_baseline(set);
    let names = pairs.iter().map(|pair| set.strategies[pair.0].name.clone());
    let rows = set.labeled.iter().map(|&labeled| {
        let cells =
            pairs.iter().map(|&(a, b)| match point_test(set, view.metric, labeled, (a, b)) {
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

/// Areas, seeds x strategies.
fn seed_blocks(set: &DataSet, metric: Metric) -> Option<(Vec<Vec<f64>>, usize)> {
    let all: Vec<_> =
        set.strategies.iter().map(|s| values(set, s, metric, Quantity::Area)).collect();
    let block = |seed: u64| -> Option<Vec<f64>> {
        let of = |values: &Vec<(u64, f64)>| values.iter().find(|v| v.0 == seed).map(|v| v.1);
        all.iter().map(of).collect()
    };
    let blocks: Vec<Vec<f64>> = common_seeds(set).into_iter().filter_map(block).collect();
    let seeds = blocks.len();
    (set.strategies.len() >= 3 && seeds >= 2).then_some((blocks, seeds))
}

fn friedman_words(blocks: &[Vec<f64>], names: &[&str], what: &str) -> String {
    let Some(test) = friedman(blocks) else { return String::new() };
    let ranks = names.iter().zip(&test.mean_ranks).map(|(name, rank)| format!("{name} {rank:.2}"));
    let ranks: Vec<String> = ranks.collect();
    let p = p_value(test.p);
    let says = if test.p < ALPHA {
        "the strategies are not all alike"
    } else {
        "that the strategies are all alike is not ruled out"
    };
    format!(
        "Friedman's test over {what}: χ² = {:.2}, p {}{p}: {says}. Mean ranks: {}.",
        test.statistic,
        if p.starts_with('<') { "" } else { "= " },
        ranks.join(", ")
    )
}

/// Mean areas, data sets x strategies that are in all of them.
pub(super) fn set_blocks(view: &View<'_>) -> (Vec<String>, Vec<Vec<f64>>) {
    let everywhere = |name: &str| {
        view.sets.iter().all(|set| set.strategies.iter().any(|strategy| strategy.name == name))
    };
    let names: Vec<String> = view.sets[0]
        .strategies
        .iter()
        .map(|strategy| strategy.name.clone())
        .filter(|name| everywhere(name))
        .collect();
    let block = |set: &DataSet| -> Option<Vec<f64>> {
        let mean = |name: &String| {
            let strategy = set.strategies.iter().find(|strategy| strategy.name == *name)?;
            Some(summary(&numbers(&values(set, strategy, view.metric, Quantity::Area)))?.mean)
        };
        names.iter().map(mean).collect()
    };
    let blocks = view.sets.iter().filter_map(block).collect();
    (names, blocks)
}

/// Tests over data sets; `None` where there is one.
pub(super) fn over_sets(view: &View<'_>) -> Option<Section> {
    if view.sets.len() < 2 {
        return None;
    }
    let mut section = Section::new(2, "Over data sets");
    let (names, blocks) = set_blocks(view);
    let (k, n) = (names.len(), blocks.len());
    if k < 3 || n < 2 {
        section.note(format!(
            "Friedman's test needs three strategies that ran on all of at least two data sets; here \
             are {k} on {n}."
        ));
        return Some(section);
    }
    section.table(rank_table(view, &names, &blocks));
    let labels: Vec<&str> = names.iter().map(String::as_str).collect();
    section.text(friedman_words(&blocks, &labels, &format!("{n} data sets (mean area of each)")));
    let difference = critical_difference(ALPHA, k, n);
    section.note(cd_words(k, n, difference));
    if has_texts_twice(view) {
        section.note(
            "Some of these are the same texts under another config: they are no independent blocks, \
             and the tests make too much of them.",
        );
    }
    section.figures(cd_diagram(view, &names, &blocks, difference).into_iter().collect());
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

/// Draws the critical-difference diagram of `blocks`, data sets x strategies.
fn cd_diagram(
    view: &View<'_>,
    names: &[String],
    blocks: &[Vec<f64>],
    difference: f64,
) -> Option<Figure> {
    let test = friedman(blocks)?;
    let ranked: Vec<_> = names
        .iter()
        .zip(&test.mean_ranks)
        .map(|(name, &rank)| {
            let of_name = |strategy: &&super::collect::Strategy| strategy.name == *name;
            let style = view.sets[0].strategies.iter().find(of_name).map(|s| view.style(s));
            (name.clone(), style.unwrap_or_else(super::svg::Style::baseline), rank)
        })
        .collect();
    let caption = format!(
        "Critical-difference diagram: mean ranks by area, {}, over {} data sets (1 is best). \
         Bars join strategies that Nemenyi's test cannot tell apart at {ALPHA}.",
        view.metric.title(),
        blocks.len()
    );
    let name = format!("critical-difference-{}", view.metric);
    Some(cd::draw(&name, &caption, &ranked, difference))
}

fn cd_words(k: usize, n: usize, difference: f64) -> String {
    let most = k as f64 - 1.0;
    // The difference shrinks with the root of the number of data sets.
    let fewest = (critical_difference(ALPHA, k, 1) / most).powi(2).floor() as usize + 1;
    let small = "The χ² approximation is rough with fewer than ten data sets.";
    if difference >= most {
        format!(
            "With {n} data sets and {k} strategies Nemenyi's critical difference is {difference:.2} \
             mean ranks, more than the largest possible difference of {most:.0}: whatever the data, \
             no two strategies can be told apart. It takes {fewest} data sets before any could. {small}"
        )
    } else {
        format!(
            "Nemenyi's critical difference is {difference:.2} mean ranks of a possible {most:.0}. \
             {small}"
        )
    }
}

fn rank_table(view: &View<'_>, names: &[String], blocks: &[Vec<f64>]) -> Table {
    let rows = view.sets.iter().zip(blocks).map(|(set, block)| {
        let cells = block
            .iter()
            .zip(ranks(block))
            .map(|(area, rank)| Cell::new(format!("{} ({rank})", score(*area))).best(rank < 1.5));
        std::iter::once(Cell::new(set.name.clone())).chain(cells).collect()
    });
    Table {
        caption: format!("{}: mean area, and its rank", view.metric.title()),
        head: std::iter::once("data set")
            .chain(names.iter().map(String::as_str))
            .map(str::to_owned)
            .collect(),
        rows: rows.collect(),
        is_folded: false,
    }
}
