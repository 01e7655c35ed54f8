//! A model whose answers are arrays that are there already. Time and memory of what it gives while a strategy
//! selects are noted, so that they can be left out.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use alhost_base::ledger::Work;
use alhost_base::matrix::{Matrix, MatrixRoom};
use alhost_config::TrainConfig;
use alhost_data::tokens::Tokens;
use alhost_learn::compute::On;
use alhost_model::{
    About, Compute, Dev, Examples, Model, Outputs, Seeds, Surprisal, Training, Visit, Wants,
};
use alhost_plugin_api::features::{Pooling, SurprisalOptions};
use anyhow::{Result, bail};
use rayon::prelude::*;
use tch::Device;
use tokenizers::Tokenizer;

use crate::arrays::Uniform;
use crate::cost::Timed;

/// Different noises of a logit. A row begins somewhere among them.
const NOISES: usize = 1 << 16;
/// Standard deviation of a logit from pass to pass.
const MC_SPREAD: f64 = 0.5;

/// What the model gave, and how long that took.
#[derive(Clone, Copy, Default)]
pub(crate) struct Given {
    pub(crate) seconds: f64,
    pub(crate) processor: f64,
    pub(crate) bytes: usize,
}

pub(crate) struct Prepared {
    about: About,
    tokenizer: Tokenizer,
    /// [texts, labels]
    logits: Matrix,
    /// [texts, features]; the embeddings as well.
    features: Arc<Matrix>,
    /// Noise of passes with dropout; long enough that a row can begin at each of the first.
    noise: Vec<f32>,
    pub(crate) given: Arc<Mutex<Given>>,
}

impl Prepared {
    pub(crate) fn new(logits: Matrix, features: Matrix, tokenizer: Tokenizer) -> Self {
        let mut uniform = Uniform(11);
        let noise = (0..NOISES + logits.cols).map(|_| (MC_SPREAD * uniform.normal()) as f32);
        let noise = noise.collect();
        let (about, given) = (About::default(), Arc::default());
        Self { about, tokenizer, logits, features: Arc::new(features), noise, given }
    }

    /// Probabilities of each row in each pass, [rows, passes * labels].
    fn mc(&self, rows: &[u32], passes: usize) -> Matrix {
        let n_labels = self.logits.cols;
        let mut all = Matrix::zeros(rows.len(), passes * n_labels);
        let by_text = all.data.par_chunks_mut((passes * n_labels).max(1)).zip(rows);
        by_text.for_each(|(of_text, &row)| {
            let logits = self.logits.row(row as usize);
            for (pass, of_pass) in of_text.chunks_mut(n_labels).enumerate() {
                let start = (row as usize * passes + pass).wrapping_mul(40_503) % NOISES;
                for ((p, x), noise) in of_pass.iter_mut().zip(logits).zip(&self.noise[start..]) {
                    *p = 1.0 / (1.0 + (-(x + noise)).exp());
                }
            }
        });
        all
    }

    fn note(&self, timed: &Timed, bytes: usize) {
        let (seconds, processor) = timed.elapsed();
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.seconds += seconds;
        given.processor += processor;
        given.bytes += bytes;
    }

    fn outputs(&self, rows: &[u32], wants: Wants) -> Outputs {
        let features = || gathered(&self.features, rows);
        Outputs {
            logits: wants.logits.then(|| gathered(&self.logits, rows)),
            features: wants.features.then(features),
            cls: wants.cls.then(features),
            mean: wants.mean.then(features),
            mc: (wants.mc_passes > 0).then(|| self.mc(rows, wants.mc_passes as usize)),
        }
    }
}

fn gathered(matrix: &Matrix, rows: &[u32]) -> Matrix {
    let mut gathered = Matrix::zeros(rows.len(), matrix.cols);
    for (place, &row) in rows.iter().enumerate() {
        gathered.row_mut(place).copy_from_slice(matrix.row(row as usize));
    }
    gathered
}

impl Model for Prepared {
    fn about(&self) -> &About {
        &self.about
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn n_features(&self) -> usize {
        self.features.cols
    }

    fn hidden(&self) -> usize {
        self.features.cols
    }

    fn set_matrix_room(&mut self, _: MatrixRoom) {}

    fn train(
        &mut self,
        _: Examples<'_>,
        _: Option<Dev<'_>>,
        _: &TrainConfig,
        _: Seeds,
        _: Work<'_>,
    ) -> Result<Training> {
        bail!("arrays are not trained")
    }

    fn read(
        &self,
        (_, rows): (&Tokens, &[u32]),
        block: usize,
        wants: Wants,
        _: Work<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        for (number, rows) in rows.chunks(block).enumerate() {
            let timed = Timed::now();
            let outputs = self.outputs(rows, wants);
            let all =
                [&outputs.logits, &outputs.features, &outputs.cls, &outputs.mean, &outputs.mc];
            let values: usize = all.into_iter().flatten().map(|matrix| matrix.data.len()).sum();
            self.note(&timed, values * size_of::<f32>());
            visit(number * block..number * block + rows.len(), outputs)?;
        }
        Ok(())
    }

    fn pretrained(&mut self, _: &Tokens, _: Pooling, _: Work<'_>) -> Result<Arc<Matrix>> {
        Ok(Arc::clone(&self.features))
    }

    /// Losses at a seventh of the positions of each text.
    fn pretrained_surprisal(
        &mut self,
        tokens: &Tokens,
        _: &SurprisalOptions,
        _: u64,
        _: Work<'_>,
    ) -> Result<Arc<Surprisal>> {
        let timed = Timed::now();
        let mut uniform = Uniform(13);
        let mut surprisal = Surprisal { offsets: vec![0], ..Surprisal::default() };
        for text in 0..tokens.len() {
            for position in 1..tokens.row(text).len() as u32 {
                if uniform.next() < 1.0 / 7.0 {
                    surprisal.positions.push(position);
                    surprisal.losses.push(-(1.0 - uniform.next()).ln() as f32);
                }
            }
            surprisal.offsets.push(surprisal.positions.len() as u64);
        }
        self.note(&timed, (surprisal.positions.len() + surprisal.offsets.len()) * 8);
        Ok(Arc::new(surprisal))
    }

    fn current_surprisal(
        &mut self,
        _: (&Tokens, &[u32]),
        _: &SurprisalOptions,
        _: u64,
        _: Work<'_>,
    ) -> Result<Surprisal> {
        bail!("arrays have no masked-LM head")
    }

    fn compute(&self) -> Box<dyn Compute> {
        Box::new(On(Device::Cpu))
    }

    fn save(&self, _: &Path) -> Result<()> {
        bail!("arrays are not saved")
    }

    fn load(&mut self, _: &Path) -> Result<()> {
        bail!("arrays are not loaded")
    }

    fn keep(&self, _: &Path, _: &str) -> Result<()> {
        bail!("arrays are not kept")
    }

    fn take_kept(&mut self, _: &Path) -> Option<String> {
        None
    }

    fn export(&self, _: &Path) -> Result<()> {
        bail!("arrays are not exported")
    }
}
