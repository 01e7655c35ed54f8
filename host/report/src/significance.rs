//! The section on what the seeds of one data set can and cannot show.

use alhost_metrics::statistics::{detectable_effect, seeds_for_wilcoxon, smallest_wilcoxon_p};

use super::collect::DataSet;
use super::compare::{ALPHA, Comparison, POWER, Quantity, compare};
use super::document::{Cell, Section, Table, p_value, signed};
use super::noise::noise;
use super::view::{View, common_seeds};
use super::{mean_ranks, pairs, verdicts};

/// Reports on the tests over the seeds of one data set.
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
    let noise = noise(set, view.metric);
    let words = if View::is_many(set) { verdicts::compact } else { verdicts::each };
    for quantity in Quantity::ALL {
        let comparisons = compare(set, view.metric, quantity, &pairs);
        section.table(against(view, set, quantity, &comparisons));
        for verdict in words(set, &comparisons, quantity, noise) {
            section.text(verdict);
        }
    }
    pairs::add(&mut section, view, set);
    mean_ranks::over_seeds(&mut section, view, set);
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
    // Sentences say it of few strategies.
    let needed = View::is_many(set).then_some("seeds needed");
    let caption = format!(
        "{}, {}: differences to {}, paired by seed. The unpaired t-test is the paper's. Bold: p < \
         {ALPHA}.{}",
        view.metric.title(),
        quantity.title(),
        view.baseline,
        if needed.is_some() {
            format!(
                " Seeds needed: to show the difference seen four times in five, if it is the true one and \
                 not shown yet, at p < {ALPHA} / {}.",
                comparisons.len()
            )
        } else {
            String::new()
        }
    );
    Table {
        caption,
        head: head.into_iter().chain(needed).map(str::to_owned).collect(),
        rows: comparisons.iter().map(|c| against_row(set, c, comparisons.len())).collect(),
        is_folded: false,
    }
}

fn against_row(set: &DataSet, c: &Comparison, comparisons: usize) -> Vec<Cell> {
    let p = |p: Option<f64>| {
        Cell::new(p.map_or("–".to_owned(), p_value)).best(p.is_some_and(|p| p < ALPHA))
    };
    let interval = c.paired.map(|t| format!("{} to {}", signed(t.low), signed(t.high)));
    let mut row = vec![
        Cell::new(set.strategies[c.a].name.clone()),
        Cell::new(signed(c.difference)),
        Cell::new(interval.unwrap_or("–".to_owned())),
        p(c.paired.map(|t| t.p)),
        p(c.paired_holm),
        p(c.wilcoxon.map(|w| w.p)),
        p(c.wilcoxon_holm),
        p(c.unpaired.map(|t| t.p)),
    ];
    if View::is_many(set) {
        let open = c.paired_holm.is_some_and(|p| p >= ALPHA);
        let alpha = ALPHA / comparisons as f64;
        let seeds = if open { verdicts::needed(c, alpha) } else { None };
        row.push(Cell::new(seeds.map_or("–".to_owned(), |seeds| seeds.to_string())));
    }
    row
}
