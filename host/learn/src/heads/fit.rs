//! Fits a logistic head: one solve on the labeled texts' embeddings, or a few where dev chooses C.

use std::time::Instant;

use alhost_base::ledger::Work;
use alhost_base::progress::Silent;
use alhost_config::{Chosen, Penalty};
use alhost_data::Labels;
use alhost_data::tokens::Tokens;
use alhost_model::{Dev, Examples, Training, Wants, probabilities};
use tch::Tensor;

use crate::ModelError;
use crate::heads::logistic::{Fit, TOLERANCE, Texts};
use crate::learner::Learner;

/// The values that `train.c = "dev"` chooses from.
pub(crate) const GRID: [f64; 6] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0];

impl Learner {
    /// The optimum for the labeled texts; it depends on neither their order nor any seed.
    pub(crate) fn fit(
        &mut self,
        labeled: Examples<'_>,
        dev: Option<Dev<'_>>,
        penalty: Penalty,
        work: Work<'_>,
    ) -> Result<Training, ModelError> {
        let n = labeled.rows.len();
        if n < 2 {
            return Err(ModelError::TooFewTexts { texts: n });
        }
        let (rows, labels) = by_row(labeled);
        let embeddings = self.embeddings(labeled.tokens, &rows, work)?;
        if let Some(dev) = &dev {
            // Now, so that it is told, rather than silently when dev is first scored.
            self.kept_states(dev.examples.tokens, work)?;
        }
        work.progress.begin("fit", n as u64);
        let texts = Texts::new(&embeddings);
        let (mut dev_score, mut dev_seconds) = (None, 0.0);
        let (c, fit) = match (penalty, dev) {
            (Penalty::C(c), _) => (c, texts.fit(&labels, c, TOLERANCE)),
            (Penalty::Chosen(Chosen::Dev), None) => return Err(ModelError::NoDevForC),
            (Penalty::Chosen(Chosen::Dev), Some(dev)) => {
                let timed = Instant::now();
                let (score, c, fit) = self.choose(&texts, &labels, dev, work)?;
                (dev_score, dev_seconds) = (Some(score), timed.elapsed().as_secs_f64());
                (c, fit)
            }
        };
        work.progress.end();
        if fit.unsolved > 0 {
            tracing::warn!("{} labels were not fitted to the tolerance", fit.unsolved);
        }
        self.head.set(&fit);
        self.trained = true;
        Ok(Training {
            best_epoch: fit.iterations,
            epochs: fit.iterations,
            dev_score,
            losses: vec![fit.loss],
            c: Some(c),
            tokens: 0,
            dev_seconds,
        })
    }

    /// The fit of the grid that dev likes best, with its score and C; of equal ones the stronger penalty.
    fn choose(
        &mut self,
        texts: &Texts,
        labels: &Labels,
        dev: Dev<'_>,
        work: Work<'_>,
    ) -> Result<(f64, f64, Fit), ModelError> {
        let Dev { examples: Examples { tokens, rows, labels: gold }, score } = dev;
        let mut best: Option<(f64, f64, Fit)> = None;
        for c in GRID {
            let fit = texts.fit(labels, c, TOLERANCE);
            self.head.set(&fit);
            let wants = Wants { logits: true, ..Wants::default() };
            let outputs = self.infer(tokens, rows, wants, Work { progress: &Silent, ..work })?;
            let value = score(&probabilities(outputs.logits.expect("logits were wanted")), gold);
            tracing::debug!(c, value, "fitted");
            if best.as_ref().is_none_or(|(found, ..)| value > *found) {
                best = Some((value, c, fit));
            }
        }
        Ok(best.expect("the grid is not empty"))
    }

    /// The head's input for each of `rows`, f32 [rows, hidden]; an error if one is not finite.
    fn embeddings(
        &self,
        tokens: &Tokens,
        rows: &[u32],
        work: Work<'_>,
    ) -> Result<Tensor, ModelError> {
        let wants = Wants { features: true, ..Wants::default() };
        let features = self.infer(tokens, rows, wants, work)?.features;
        let features = features.expect("features were wanted");
        let shape = [features.rows as i64, features.cols as i64];
        let embeddings = Tensor::from_slice(&features.data).view(shape).to_device(self.device);
        if embeddings.isfinite().all().int64_value(&[]) == 0 {
            let checkpoint = self.config.checkpoint.clone();
            return Err(ModelError::NotFinite { checkpoint });
        }
        Ok(embeddings)
    }
}

/// The texts in the order of their rows, since the order of a sum shows in its last bits.
fn by_row(labeled: Examples<'_>) -> (Vec<u32>, Labels) {
    let mut order: Vec<usize> = (0..labeled.rows.len()).collect();
    order.sort_unstable_by_key(|&at| labeled.rows[at]);
    let mut labels = Labels::new(labeled.labels.n_labels());
    for &at in &order {
        labels.push(labeled.labels.row(at));
    }
    (order.into_iter().map(|at| labeled.rows[at]).collect(), labels)
}
