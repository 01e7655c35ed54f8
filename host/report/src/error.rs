//! Errors that say why there can be no report.

use std::path::PathBuf;

use alhost_record::RecordError;

#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(
        "no records below {}\n\
         hint: give the folder of a run, or one above it, such as `runs/demo`",
        list(paths)
    )]
    NoRuns { paths: Vec<PathBuf> },
    #[error(
        "none of the {n} runs below {} is finished\n\
         hint: give the command that began them again, and they go on; then report",
        list(paths)
    )]
    NoneFinished { n: usize, paths: Vec<PathBuf> },
    #[error(
        "none of the finished runs below {} has scores: they had no test split\n\
         hint: a report compares scores; give the runs a `data.test`",
        list(paths)
    )]
    NoScores { paths: Vec<PathBuf> },
    #[error(
        "{data}: the strategies had different budgets, so their curves end at different numbers of \
         labeled texts:\n  {}\n\
         hint: run them with one `loop.budget`, or compare the common part: --upto {smallest}",
        budgets.join("\n  ")
    )]
    UnequalBudgets { data: String, budgets: Vec<String>, smallest: usize },
    #[error(
        "{data}: strategy `{strategy}` has two runs of seed {seed}: {first} and {second}\n\
         hint: report them separately, or delete one"
    )]
    Twice { data: String, strategy: String, seed: u64, first: PathBuf, second: PathBuf },
    #[error("no strategy is called `{name}`\nhint: there are {}", known.join(", "))]
    Baseline { name: String, known: Vec<String> },
    #[error("no metric is called `{name}`\nhint: there are {known}")]
    Metric { name: String, known: String },
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The source names the file.
    #[error(transparent)]
    Write(#[from] std::io::Error),
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}
