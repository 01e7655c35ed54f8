//! A model of a few lines: logistic regression on hashed word pieces, by plain gradient steps. It learns
//! enough for strategies to differ, and takes no time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alhost_base::aside;
use alhost_base::ledger::Work;
use alhost_base::matrix::{Matrix, MatrixRoom};
use alhost_base::store::sealed;
use alhost_config::{ModelConfig, RunConfig, Start, TrainConfig};
use alhost_data::tokens::Tokens;
use alhost_model::{
    About, Cancelled, Compute, Dev, Discriminator, Examples, KMeans, KernelGreedy, Model, Models,
    Nearest, Outputs, Seeds, Surprisal, ToCover, Training, Visit, Wants,
};
use alhost_plugin_api::features::{Pooling, SurprisalOptions};
use alhost_plugin_api::services::{DiscriminatorOptions, KMeansOptions, KernelGreedyOptions};
use anyhow::{Context as _, Result, bail};
use rand_chacha::ChaCha8Rng;
use tokenizers::Tokenizer;

const WIDTH: usize = 64;

/// Told whenever the model is about to do something: `train`, `trained`, `read`, `save`.
pub(crate) type Told = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Toys(pub(crate) Told);

impl Models for Toys {
    fn check(&self, _config: &RunConfig) -> Result<()> {
        Ok(())
    }

    fn open(&self, config: &RunConfig, n_labels: usize, _: &Path) -> Result<Box<dyn Model>> {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/tiny-bert-mlm/tokenizer.json"
        );
        let tokenizer = Tokenizer::from_file(file).map_err(anyhow::Error::from_boxed)?;
        let about = About {
            config: config.model.clone(),
            identity: "toy".to_owned(),
            weights_hash: "toy".to_owned(),
            tokenizer_hash: "tiny-bert-mlm".to_owned(),
            device: "cpu".to_owned(),
            ..About::default()
        };
        let weights = Matrix::zeros(n_labels, WIDTH + 1);
        Ok(Box::new(Toy { about, tokenizer, weights, told: Arc::clone(&self.0) }))
    }

    fn open_exported(
        &self,
        _: &Path,
        _: &ModelConfig,
        _: &str,
        _: usize,
    ) -> Result<Box<dyn Model>> {
        bail!("a toy is not exported")
    }

    fn exported_files(&self, _folder: &Path) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }
}

struct Toy {
    about: About,
    tokenizer: Tokenizer,
    /// [labels, WIDTH + 1], the bias last.
    weights: Matrix,
    told: Told,
}

/// Counts of hashed word pieces, L2-normalised, and a 1 for the bias.
fn vector(tokens: &[u32]) -> [f32; WIDTH + 1] {
    let mut vector = [0.0; WIDTH + 1];
    for token in tokens {
        vector[*token as usize % WIDTH] += 1.0;
    }
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1.0);
    vector = vector.map(|x| x / norm);
    vector[WIDTH] = 1.0;
    vector
}

impl Toy {
    fn logit(&self, label: usize, x: &[f32]) -> f32 {
        self.weights.row(label).iter().zip(x).map(|(w, x)| w * x).sum()
    }

    fn bytes(&self) -> Vec<u8> {
        self.weights.data.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    fn take(&mut self, bytes: &[u8]) -> Option<()> {
        let numbers = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let numbers: Vec<f32> = numbers.collect();
        (numbers.len() == self.weights.data.len()).then(|| {
            self.weights.data.copy_from_slice(&numbers);
        })
    }
}

impl Model for Toy {
    fn about(&self) -> &About {
        &self.about
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn n_features(&self) -> usize {
        WIDTH + 1
    }

    fn hidden(&self) -> usize {
        WIDTH + 1
    }

    fn set_matrix_room(&mut self, _room: MatrixRoom) {}

    fn train(
        &mut self,
        labeled: Examples<'_>,
        _dev: Option<Dev<'_>>,
        config: &TrainConfig,
        _seeds: Seeds,
        _work: Work<'_>,
    ) -> Result<Training> {
        (self.told)("train");
        if config.start == Start::Pretrained {
            self.weights.data.fill(0.0);
        }
        for _epoch in 0..config.epochs {
            for (row, gold) in labeled.rows.iter().zip(labeled.labels.rows()) {
                let x = vector(labeled.tokens.row(*row as usize));
                for label in 0..self.weights.rows {
                    let y = f32::from(u8::from(gold.contains(&(label as u32))));
                    let step = y - 1.0 / (1.0 + (-self.logit(label, &x)).exp());
                    let weights = self.weights.row_mut(label);
                    weights.iter_mut().zip(x).for_each(|(w, x)| *w += step * x);
                }
            }
        }
        (self.told)("trained");
        Ok(Training {
            best_epoch: config.epochs,
            epochs: config.epochs,
            dev_score: None,
            losses: vec![0.0; config.epochs],
            c: None,
            tokens: 0,
            dev_seconds: 0.0,
        })
    }

    fn read(
        &self,
        (tokens, rows): (&Tokens, &[u32]),
        block: usize,
        wants: Wants,
        _work: Work<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        (self.told)("read");
        for (number, rows) in rows.chunks(block).enumerate() {
            let n_labels = self.weights.rows;
            let mut logits = Matrix::zeros(rows.len(), n_labels);
            let mut features = Matrix::zeros(rows.len(), WIDTH + 1);
            for (place, row) in rows.iter().enumerate() {
                let x = vector(tokens.row(*row as usize));
                features.row_mut(place).copy_from_slice(&x);
                for label in 0..n_labels {
                    logits.row_mut(place)[label] = self.logit(label, &x);
                }
            }
            let first = number * block;
            let outputs = Outputs {
                logits: wants.logits.then_some(logits),
                features: wants.features.then_some(features),
                ..Outputs::default()
            };
            visit(first..first + rows.len(), outputs)?;
        }
        Ok(())
    }

    fn pretrained(&mut self, tokens: &Tokens, _: Pooling, _: Work<'_>) -> Result<Arc<Matrix>> {
        let rows = (0..tokens.len()).flat_map(|row| vector(tokens.row(row))).collect();
        Ok(Arc::new(Matrix::new(rows, tokens.len(), WIDTH + 1)))
    }

    fn pretrained_surprisal(
        &mut self,
        _: &Tokens,
        _: &SurprisalOptions,
        _: u64,
        _: Work<'_>,
    ) -> Result<Arc<Surprisal>> {
        bail!("a toy has no masked-LM head")
    }

    fn current_surprisal(
        &mut self,
        _: (&Tokens, &[u32]),
        _: &SurprisalOptions,
        _: u64,
        _: Work<'_>,
    ) -> Result<Surprisal> {
        bail!("a toy has no masked-LM head")
    }

    fn compute(&self) -> Box<dyn Compute> {
        Box::new(Neighbors)
    }

    fn save(&self, path: &Path) -> Result<()> {
        (self.told)("save");
        Ok(aside::replace(path, &self.bytes())?)
    }

    fn load(&mut self, path: &Path) -> Result<()> {
        self.take(&fs_err::read(path)?).context("not the weights of this toy")
    }

    fn keep(&self, path: &Path, note: &str) -> Result<()> {
        Ok(sealed::write(path, &[note.as_bytes(), b"\0", &self.bytes()].concat())?)
    }

    fn take_kept(&mut self, path: &Path) -> Option<String> {
        let kept = sealed::read(path)?;
        let end = kept.iter().position(|byte| *byte == 0)?;
        self.take(&kept[end + 1..])?;
        String::from_utf8(kept[..end].to_vec()).ok()
    }

    fn export(&self, _folder: &Path) -> Result<()> {
        bail!("a toy is not exported")
    }
}

/// It finds neighbors. A strategy that asks for more is told that a toy has none of it.
struct Neighbors;

impl Compute for Neighbors {
    fn kmeans(
        &self,
        _: &Matrix,
        _: &KMeansOptions,
        _: &mut ChaCha8Rng,
        _: &Cancelled<'_>,
    ) -> Result<KMeans> {
        bail!("a toy does not cluster")
    }

    fn nearest(&self, points: &Matrix, centers: &Matrix, k: usize) -> Result<Nearest> {
        let (mut indices, mut distances) = (Vec::new(), Vec::new());
        for center in 0..centers.rows {
            let square = |row: usize| -> f32 {
                let parts = points.row(row).iter().zip(centers.row(center));
                parts.map(|(a, b)| (a - b).powi(2)).sum()
            };
            let mut order: Vec<(f32, u32)> =
                (0..points.rows).map(|row| (square(row).sqrt(), row as u32)).collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            indices.extend(order[..k].iter().map(|entry| entry.1));
            distances.extend(order[..k].iter().map(|entry| entry.0));
        }
        Ok(Nearest { indices, distances })
    }

    fn discriminator(
        &self,
        _: &Matrix,
        _: &Matrix,
        _: &DiscriminatorOptions,
        _: &mut ChaCha8Rng,
        _: &Cancelled<'_>,
    ) -> Result<Discriminator> {
        bail!("a toy trains no discriminator")
    }

    fn kernel_greedy(
        &self,
        _: &ToCover<'_>,
        _: &KernelGreedyOptions,
        _: &Cancelled<'_>,
    ) -> Result<KernelGreedy> {
        bail!("a toy covers nothing")
    }
}
