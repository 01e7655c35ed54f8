//! The tables that `alhost train` ends with: test scores by head, and two heads against each other.

use alhost_engine::saved_classifier::FOLDER;
use alhost_metrics::statistics::{student_t, summary};
use alhost_record::RoundRecord;
use comfy_table::Table;

use super::tables::{align, new_table};
use super::terminal::say;
use super::train::Done;

/// The metrics that are shown and compared, as the paper's Table 2 and beyond it.
type Shown = (&'static str, fn(&RoundRecord) -> Option<f64>);
const SHOWN: [Shown; 6] = [
    ("micro-F1", |round| Some(round.headline()?.micro_f1)),
    ("at micro-\noptimal", |round| round.metrics_at_micro.map(|metrics| metrics.micro_f1)),
    ("macro-F1\n(paper)", |round| Some(round.headline()?.macro_f1_paper)),
    ("macro-F1\n(sklearn)", |round| Some(round.headline()?.macro_f1)),
    ("P@1", |round| Some(round.ranking?.p_at_1)),
    ("nDCG@5", |round| round.ranking?.ndcg_at_5),
];

pub(super) fn print(done: &[Done]) {
    say!("\ntest scores, mean ± standard deviation over seeds");
    say!("{}", scores(done));
    let heads = heads(done);
    if heads.len() == 2 {
        match tests(done, [heads[0], heads[1]]) {
            Some(table) => say!(
                "\n{} against {}: difference of means, p of an unpaired t-test over seeds, as the \
                 paper's Table 2\n{table}",
                heads[1],
                heads[0]
            ),
            None => say!("one seed each: no test can be made (--seed 1 --seed 2 --seed 3)"),
        }
    }
    for one in done {
        let folder = one.path.join(FOLDER);
        if folder.exists() {
            say!("classifier: {}", folder.display());
        } else {
            say!("records: {}", one.path.display());
        }
    }
}

/// Returns each head once, as they come.
fn heads(done: &[Done]) -> Vec<&'static str> {
    let mut heads: Vec<&'static str> = Vec::new();
    for one in done {
        if !heads.contains(&one.head) {
            heads.push(one.head);
        }
    }
    heads
}

fn values(done: &[Done], head: &str, of: fn(&RoundRecord) -> Option<f64>) -> Vec<f64> {
    done.iter().filter(|one| one.head == head).filter_map(|one| of(&one.round)).collect()
}

/// A row for each head.
fn scores(done: &[Done]) -> Table {
    let mut table = new_table();
    let names = SHOWN.iter().map(|shown| shown.0);
    let ends = ["best\nepoch", "train\ns", "all\ns"];
    table.set_header(["head", "seeds", "texts"].into_iter().chain(names).chain(ends));
    for head in heads(done) {
        let of_head: Vec<&Done> = done.iter().filter(|one| one.head == head).collect();
        let first = &of_head[0].round;
        let mut row = vec![head.to_owned(), of_head.len().to_string(), first.labeled.to_string()];
        row.extend(SHOWN.iter().map(|shown| spread(&values(done, head, shown.1))));
        let mean = |of: &dyn Fn(&RoundRecord) -> f64| {
            of_head.iter().map(|one| of(&one.round)).sum::<f64>() / of_head.len() as f64
        };
        let epochs = of_head.iter().filter_map(|one| one.round.best_epoch);
        let epochs: Vec<String> = epochs.map(|epoch| epoch.to_string()).collect();
        row.push(if epochs.is_empty() { "last".to_owned() } else { epochs.join(", ") });
        row.push(format!("{:.0}", mean(&|round| round.cost.seconds.train)));
        row.push(format!("{:.0}", mean(&|round| round.cost.seconds.total())));
        table.add_row(row);
    }
    align(&mut table);
    table
}

fn spread(values: &[f64]) -> String {
    match summary(values) {
        None => "-".to_owned(),
        Some(summary) => match summary.spread {
            None => format!("{:.3}", summary.mean),
            Some(spread) => format!("{:.3} ± {:.3}", summary.mean, spread.sd),
        },
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The second head against the first; `None` where there are too few seeds.
fn tests(done: &[Done], [first, second]: [&str; 2]) -> Option<Table> {
    let mut table = new_table();
    table.set_header(["metric", "difference", "t", "p", "p < .05"]);
    let mut any = false;
    for (name, of) in SHOWN {
        let (a, b) = (values(done, first, of), values(done, second, of));
        let Some(test) = student_t(&b, &a) else { continue };
        any = true;
        table.add_row([
            name.replace("-\n", "-").replace('\n', " "),
            format!("{:+.3}", mean(&b) - mean(&a)),
            format!("{:.2}", test.t),
            if test.p < 1e-4 { "< .0001".to_owned() } else { format!("{:.4}", test.p) },
            if test.p < 0.05 { "yes" } else { "no" }.to_owned(),
        ]);
    }
    align(&mut table);
    any.then_some(table)
}
