//! The command line, which a child is given again.

use std::path::PathBuf;

use clap::{Args, Parser};

#[derive(Clone, Debug, Parser)]
#[command(about = "What a query of each strategy costs, beside strategies of Python libraries")]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) size: Size,

    /// Texts to select
    #[arg(long, default_value_t = 100)]
    pub(crate) n: usize,

    /// Strategies to run, as in `badge, uncertainty(measure=margin)`; all where nothing is said
    #[arg(long, value_name = "LIST")]
    pub(crate) only: Option<String>,

    /// Texts that a strategy may select among; all that are not labeled where nothing is said
    #[arg(long, value_name = "TEXTS")]
    pub(crate) candidates: Option<usize>,

    /// Seconds after which a strategy is stopped
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(crate) limit: u64,

    /// GiB that a strategy of another library may take, its arrays among them
    #[arg(long, value_name = "GIB", default_value_t = 12.0)]
    pub(crate) memory: f64,

    /// Run no strategy of another library
    #[arg(long)]
    pub(crate) no_peers: bool,

    /// The strategy that a child process runs, as JSON
    #[arg(long, hide = true)]
    pub(crate) one: Option<String>,

    /// Where a child process finds the arrays
    #[arg(long, hide = true, default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// The size of the arrays.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Texts, labeled or not
    #[arg(long, default_value_t = 44_689)]
    pub(crate) texts: usize,

    /// Labeled texts: the first ones
    #[arg(long, default_value_t = 2_000)]
    pub(crate) labeled: usize,

    /// Labels
    #[arg(long, default_value_t = 739)]
    pub(crate) labels: usize,

    /// Width of features and embeddings
    #[arg(long, default_value_t = 768)]
    pub(crate) features: usize,
}

impl Size {
    /// The size as a child is told it.
    pub(crate) fn arguments(self) -> [String; 4] {
        let Self { texts, labeled, labels, features } = self;
        [
            format!("--texts={texts}"),
            format!("--labeled={labeled}"),
            format!("--labels={labels}"),
            format!("--features={features}"),
        ]
    }
}
