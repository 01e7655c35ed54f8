//! DAL: discriminative active learning (Gissin and Shalev-Shwartz 2019).
//!
//! A small network learns to tell labeled from unlabeled texts by the classifier's representation
//! of them. The texts it is surest are unlabeled are those that the labeled set lacks most. The
//! query is split into mini-queries: what one has picked counts as labeled in the next, so that the
//! texts picked are not all alike. See the crate's README for choices and departures.

#![forbid(unsafe_code)]

pub mod presets;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::labels;
use alhost_plugin_kit::vectors::Representation;

use presets::{ClassWeights, Preset, Settings, mini_query_sizes};

#[derive(Params)]
pub struct DalParams {
    /// Whose settings of the discriminator; each of those below replaces one.
    #[param(default = "paper")]
    preset: Preset,
    /// Width of the three hidden layers.
    #[param(min = 1)]
    width: Option<u32>,
    /// Adam's learning rate.
    #[param(min = 1e-9)]
    rate: Option<f64>,
    /// Texts of a batch.
    #[param(min = 1)]
    batch: Option<u32>,
    /// Epochs at most.
    #[param(min = 1)]
    epochs: Option<u32>,
    /// Training ends after an epoch of a higher accuracy; 1 never ends it.
    #[param(min = 0, max = 1)]
    stop_accuracy: Option<f64>,
    /// Mini-queries of a query; at most one for each text.
    #[param(min = 1)]
    mini_queries: Option<usize>,
    /// Unlabeled texts a mini-query looks at, for each labeled one; 0 looks at all.
    #[param(default = 10, min = 0)]
    subsample: usize,
    /// Whether the two classes count by their size.
    #[param(default = "none")]
    class_weights: ClassWeights,
    /// What the discriminator sees of a text.
    #[param(default = "features")]
    representation: Representation,
}

pub struct Dal {
    settings: Settings,
    subsample: usize,
    class_weights: ClassWeights,
    representation: Representation,
}

impl Strategy for Dal {
    type Params = DalParams;

    fn new(params: DalParams, _env: &Env<'_>) -> Result<Self> {
        let preset = params.preset.settings();
        let settings = Settings {
            widths: params.width.map_or(preset.widths, |width| vec![width; 3]),
            rate: params.rate.unwrap_or(preset.rate),
            batch: params.batch.unwrap_or(preset.batch),
            epochs: params.epochs.unwrap_or(preset.epochs),
            stop_accuracy: params.stop_accuracy.or(preset.stop_accuracy),
            mini_queries: params.mini_queries.unwrap_or(preset.mini_queries),
        };
        let DalParams { subsample, class_weights, representation, .. } = params;
        Ok(Self { settings, subsample, class_weights, representation })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        labels::need_labeled(ctx, "DAL tells labeled from unlabeled texts")?;
        let n = n.min(ctx.pool().len());
        let mut labeled = Rows::copy(self.representation.of(ctx, ctx.labeled().ids())?);
        let pool = self.representation.of(ctx, ctx.pool())?;
        let mut free: Vec<u32> = (0..ctx.pool().len() as u32).collect();
        let mut picked = Selection::scored(Vec::with_capacity(n), Vec::with_capacity(n));
        for (number, size) in
            mini_query_sizes(n, self.settings.mini_queries).into_iter().enumerate()
        {
            if ctx.cancelled() {
                return Err(Error::cancelled());
            }
            let candidates = self.candidates(ctx, number, &free, labeled.len(), size);
            let best = self.mini_query(ctx, number, size, &labeled, pool, &candidates)?;
            for &(position, p_unlabeled) in &best {
                labeled.push(pool.row(position as usize));
                picked.ids.push(ctx.pool()[position as usize]);
                picked.scores.get_or_insert_default().push(p_unlabeled);
            }
            free.retain(|position| best.iter().all(|(taken, _)| taken != position));
            ctx.progress(picked.ids.len() as u64, n as u64);
        }
        Ok(picked)
    }
}

impl Dal {
    /// Positions in the pool that this mini-query looks at, ascending: `subsample` for each labeled
    /// text and at least `size`, drawn anew without replacement.
    fn candidates(
        &self,
        ctx: &Context<'_>,
        number: usize,
        free: &[u32],
        n_labeled: usize,
        size: usize,
    ) -> Vec<u32> {
        if self.subsample == 0 {
            return free.to_vec();
        }
        let mut rng = ctx.rng(&format!("subsample {number}"));
        let drawn = rng.sample(free.len(), self.subsample.saturating_mul(n_labeled).max(size));
        let mut candidates: Vec<u32> = drawn.into_iter().map(|i| free[i]).collect();
        candidates.sort_unstable();
        candidates
    }

    /// Trains a fresh discriminator, and takes the `size` candidates it is surest are unlabeled:
    /// their positions in the pool and P(unlabeled), highest first, ties by position.
    fn mini_query(
        &self,
        ctx: &Context<'_>,
        number: usize,
        size: usize,
        labeled: &Rows,
        pool: Matrix<'_>,
        candidates: &[u32],
    ) -> Result<Vec<(u32, f64)>> {
        let mut unlabeled = Rows::new(pool.n_cols());
        for &position in candidates {
            unlabeled.push(pool.row(position as usize));
        }
        let answer = ctx.discriminator(
            labeled.matrix(),
            unlabeled.matrix(),
            &DiscriminatorOptions {
                widths: self.settings.widths.clone(),
                epochs: self.settings.epochs,
                batch: self.settings.batch,
                rate: self.settings.rate,
                stop_accuracy: self.settings.stop_accuracy,
                class_weights: self.class_weights.of(labeled.len(), candidates.len()),
                stream: format!("discriminator {number}"),
            },
        )?;
        ctx.info(&format!(
            "mini-query {}: {} labeled, {} unlabeled, accuracy {:.4} after {} epochs",
            number + 1,
            labeled.len(),
            candidates.len(),
            answer.accuracy,
            answer.epochs
        ));
        if answer.p_unlabeled.iter().any(|p| p.is_nan()) {
            return Err("the discriminator answered NaN\n\
                        hint: its learning rate is too high, or the classifier has diverged"
                .into());
        }
        let mut best: Vec<(u32, f64)> = candidates
            .iter()
            .copied()
            .zip(answer.p_unlabeled.iter().map(|&p| f64::from(p)))
            .collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        best.truncate(size);
        Ok(best)
    }
}

/// Copied rows: what is labeled grows within a query.
struct Rows {
    data: Vec<f32>,
    cols: usize,
}

impl Rows {
    fn new(cols: usize) -> Self {
        Self { data: Vec::new(), cols }
    }

    fn copy(matrix: Matrix<'_>) -> Self {
        Self { data: matrix.rows().flatten().copied().collect(), cols: matrix.n_cols() }
    }

    fn push(&mut self, row: &[f32]) {
        self.data.extend_from_slice(row);
    }

    fn len(&self) -> usize {
        self.data.len().checked_div(self.cols).unwrap_or(0)
    }

    fn matrix(&self) -> Matrix<'_> {
        Matrix::new(&self.data, self.len(), self.cols)
    }
}

export_strategy!(
    Dal,
    id = "dal",
    summary = "texts that a discriminator is surest are unlabeled",
    citation = "Gissin and Shalev-Shwartz, arXiv:1907.06347, 2019",
    needs = [FEATURES, EMBEDDING, DISCRIMINATOR],
    stochastic = true,
);

#[cfg(test)]
mod tests;
