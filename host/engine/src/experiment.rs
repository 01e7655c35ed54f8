//! An experiment: the task, which nothing changes, and the one model that is trained again and again, for all
//! strategies and seeds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use alhost_base::ledger::{Ledger, Notes, Reused, Work};
use alhost_base::matrix::MatrixRoom;
use alhost_base::progress::Progress;
use alhost_config::{OracleKind, RunConfig};
use alhost_data::tokens::Tokens;
use alhost_data::{Dataset, Loaded};
use alhost_metrics::Yardstick;
use alhost_model::{Model, Models};
use anyhow::ensure;

/// Shows how far the work is, and tells whether it is to stop.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    pub progress: &'a dyn Progress,
    pub cancelled: &'a AtomicBool,
}

/// Tokens of each split.
pub struct SplitTokens {
    pub train: Tokens,
    pub dev: Option<Tokens>,
    pub test: Option<Tokens>,
}

/// Data, config, and what follows of both.
pub struct Task {
    pub config: RunConfig,
    pub dataset: Arc<Dataset>,
    /// Names ids, texts and labels of all splits.
    pub data_hash: String,
    /// Names ids and texts alone.
    pub texts_hash: String,
    pub tokens: SplitTokens,
    /// Seconds that reading and tokenizing took.
    pub seconds_of_data: f64,
    /// A folder for what is computed once.
    pub(crate) cache: PathBuf,
    pub(crate) yardstick: Yardstick,
    /// Names all that a trained model depends on but for config, seed and labeled texts.
    pub(crate) identity: String,
}

impl Task {
    pub fn n_labels(&self) -> usize {
        self.dataset.vocabulary.len()
    }

    /// Names the data: ids, texts and labels of all splits. People's labels come one by one, and so name nothing.
    pub(crate) fn names_of_data(&self) -> &str {
        match self.config.oracle.kind {
            OracleKind::Human => &self.texts_hash,
            OracleKind::Simulated | OracleKind::Noisy => &self.data_hash,
        }
    }

    /// Number of texts of the pool, labeled or not.
    pub fn n_texts(&self) -> usize {
        self.dataset.train.ids.len()
    }
}

pub struct Experiment {
    pub task: Task,
    pub(crate) model: Box<dyn Model>,
    /// Makes the matrices that strategies are lent.
    pub(crate) matrices: MatrixRoom,
    /// Notes what opening it used of what is computed once.
    opened: Vec<Reused>,
}

impl Experiment {
    /// Reads the data, opens the model, tokenizes. `cache` is a folder for what is computed once; the
    /// strategies come later.
    pub fn open(
        config: RunConfig,
        models: &dyn Models,
        cache: &Path,
        progress: &dyn Progress,
    ) -> anyhow::Result<Self> {
        models.check(&config)?;
        let notes = Notes::default();
        let work = Work { progress, notes: &notes };
        let timed = Instant::now();
        let Loaded { dataset, notes: remarks, hash } =
            alhost_data::load(&config.data, Path::new(""), progress)?;
        // Texts that people are to label have no labels, and that is nothing to remark on.
        let of_gold = config.oracle.kind != OracleKind::Human;
        for remark in remarks.iter().filter(|_| of_gold) {
            tracing::info!("{}: {remark}", dataset.name);
        }
        check_initial(&config, dataset.train.ids.len())?;
        let model = models.open(&config, dataset.vocabulary.len(), cache)?;
        let tokens = tokenize(&*model, &dataset, cache, work)?;
        let task = Task {
            yardstick: Yardstick::new(&dataset.train.labels, &config.evaluation),
            identity: [hash.as_str(), &model.about().identity].join(" "),
            config,
            data_hash: hash,
            texts_hash: dataset.texts_hash(),
            dataset: Arc::new(dataset),
            tokens,
            seconds_of_data: timed.elapsed().as_secs_f64(),
            cache: cache.to_owned(),
        };
        Ok(Self { task, model, matrices: MatrixRoom::default(), opened: notes.take() })
    }

    /// Makes matrices in shared memory from now on, so that strategies in other processes need no copy.
    pub fn share_matrices(&mut self) {
        self.matrices = MatrixRoom::shared();
        self.model.set_matrix_room(self.matrices.clone());
    }

    /// Charges a run for what opening used of what is computed once; only the first run that asks is told
    /// that it was computed now.
    pub(crate) fn charge_opening(&mut self, ledger: &mut Ledger) -> Vec<Reused> {
        let (_not_in_a_round, reused) = ledger.charge(0.0, self.opened.clone());
        self.opened.iter_mut().for_each(|reused| reused.computed = false);
        reused
    }
}

fn check_initial(config: &RunConfig, n: usize) -> anyhow::Result<()> {
    let initial = config.r#loop.initial;
    ensure!(
        initial <= n,
        "the initial set is {initial} texts, but the train split has {n}\n\
         hint: lower `loop.initial` (--set loop.initial={})",
        (n / 10).max(1)
    );
    Ok(())
}

fn tokenize(
    model: &dyn Model,
    dataset: &Dataset,
    cache: &Path,
    work: Work<'_>,
) -> anyhow::Result<SplitTokens> {
    let about = model.about();
    let tokens = |texts| {
        let (hash, longest) = (&about.tokenizer_hash, about.config.max_tokens);
        Tokens::open(model.tokenizer(), hash, texts, longest, cache, work)
    };
    Ok(SplitTokens {
        train: tokens(&dataset.train.texts)?,
        dev: dataset.dev.as_ref().map(|dev| tokens(&dev.texts)).transpose()?,
        test: dataset.test.as_ref().map(|test| tokens(&test.texts)).transpose()?,
    })
}
