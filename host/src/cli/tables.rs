//! The tables at the end of a run.

use alhost_base::text;
use alhost_record::{Headline, RoundRecord, read_shadows};
use comfy_table::{CellAlignment, Table, TableComponent, presets};

use super::run::Finished;
use super::terminal::say;

/// One table a run, then the strategies side by side where there are several.
pub(super) fn print(data: &str, runs: &[Finished], seconds_of_data: f64) {
    for run in runs {
        say!("\n{} on {data}, seed {}", run.instance, run.seed);
        say!("{}", of_run(&run.rounds));
        say!("records: {}", run.path.display());
        // What cannot be read is for whoever needs it; the run itself is done.
        let shadows = read_shadows(&run.path).unwrap_or_default();
        if !shadows.is_empty() {
            say!(
                "\nshadows of {}: what they selected on its models, mean over queries",
                run.instance
            );
            let answers: Vec<_> =
                shadows.iter().map(|shadow| (run.instance.as_str(), shadow)).collect();
            say!("{}", of_report(&alhost_report::table_of_shadows(&answers)));
        }
    }
    if strategies(runs).len() > 1 {
        say!("\nside by side: micro-F1 / macro-F1 (paper), mean over seeds");
        say!("{}", compare(runs));
    }
    say!("reading and tokenizing took {seconds_of_data:.1} s");
}

/// A table of a report; the best of a column has a star.
pub(super) fn of_report(shown: &alhost_report::Table) -> Table {
    let mut table = new_table();
    table.set_header(shown.head.iter().map(|name| text::in_line(name)));
    for row in &shown.rows {
        let star = |cell: &alhost_report::Cell| if cell.is_best { "*" } else { "" };
        table
            .add_row(row.iter().map(|cell| format!("{}{}", text::in_line(&cell.text), star(cell))));
    }
    align(&mut table);
    table
}

fn of_run(rounds: &[RoundRecord]) -> Table {
    let mut table = new_table();
    let own = rounds.iter().all(RoundRecord::has_own_thresholds);
    // Where each metric has its own threshold, the one of micro-F1 is the one that is used.
    let at_micro = (!own).then_some("at micro-\noptimal");
    let head = ["round", "labeled", "micro-F1"].into_iter().chain(at_micro).chain([
        "macro-F1\n(paper)",
        "macro-F1\n(sklearn)",
        "threshold",
        "classes\nlabeled",
        "train\ns",
        "dev\ns",
        "test\ns",
        "features\ns",
        "select\ns",
    ]);
    table.set_header(head);
    for record in rounds {
        let (seconds, headline) = (&record.cost.seconds, record.headline());
        let score = |f1: Option<f64>| f1.map_or_else(|| "-".to_owned(), |f1| format!("{f1:.3}"));
        let at_micro = score(record.metrics_at_micro.map(|metrics| metrics.micro_f1));
        let scores = [
            record.round.to_string(),
            record.labeled.to_string(),
            score(headline.map(|scores| scores.micro_f1)),
        ];
        table.add_row(scores.into_iter().chain((!own).then_some(at_micro)).chain([
            score(headline.map(|scores| scores.macro_f1_paper)),
            score(headline.map(|scores| scores.macro_f1)),
            record.thresholds.used.map_or_else(|| "none".to_owned(), |t| format!("{t:.4}")),
            record.class_coverage.to_string(),
            format!("{:.1}", seconds.train),
            format!("{:.1}", seconds.dev),
            format!("{:.1}", seconds.test),
            format!("{:.1}", seconds.features),
            format!("{:.2}", seconds.select),
        ]));
    }
    align(&mut table);
    table
}

/// A row for each number of labeled texts, a column for each strategy.
pub(super) fn compare(runs: &[Finished]) -> Table {
    let strategies = strategies(runs);
    let mut labeled: Vec<usize> =
        runs.iter().flat_map(|run| &run.rounds).map(|record| record.labeled).collect();
    labeled.sort_unstable();
    labeled.dedup();
    let mut table = new_table();
    table.set_header(std::iter::once("labeled").chain(strategies.iter().copied()));
    for n in labeled {
        let cells = strategies.iter().map(|strategy| {
            let of_strategy = runs.iter().filter(|run| run.instance == *strategy);
            let records: Vec<&RoundRecord> = of_strategy
                .flat_map(|run| run.rounds.iter().filter(|record| record.labeled == n))
                .collect();
            mean_scores(&records)
        });
        table.add_row(std::iter::once(n.to_string()).chain(cells));
    }
    align(&mut table);
    table
}

/// Returns each strategy once, as they come.
fn strategies(runs: &[Finished]) -> Vec<&str> {
    let mut strategies: Vec<&str> = Vec::new();
    for run in runs {
        if !strategies.contains(&run.instance.as_str()) {
            strategies.push(&run.instance);
        }
    }
    strategies
}

fn mean_scores(records: &[&RoundRecord]) -> String {
    let scores: Vec<Headline> = records.iter().filter_map(|record| record.headline()).collect();
    if scores.is_empty() {
        return "-".to_owned();
    }
    let mean = |f: fn(&Headline) -> f64| scores.iter().map(f).sum::<f64>() / scores.len() as f64;
    let micro = mean(|scores| scores.micro_f1);
    let macro_paper = mean(|scores| scores.macro_f1_paper);
    format!("{micro:.3} / {macro_paper:.3}")
}

pub(super) fn new_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.remove_style(TableComponent::HorizontalLines);
    table.remove_style(TableComponent::MiddleIntersections);
    table
}

pub(super) fn align(table: &mut Table) {
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
