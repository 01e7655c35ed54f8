//! `DropQuery`: texts whose prediction dropout changes, and of these one of each cluster (Gupte et al. 2024), for
//! many labels. See the crate's README for choices and departures.

#![forbid(unsafe_code)]

pub mod changes;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::ranking::selection;
use alhost_plugin_kit::rows::{UnitRows, check_finite};
use alhost_plugin_kit::{clusters, labels};

use changes::Changes;

#[derive(Params)]
pub struct DropqueryParams {
    /// Passes with dropout.
    #[param(default = 3, min = 1, max = 1000)]
    passes: u32,
    /// A pass changes a prediction if the Jaccard distance of the two is above this; 0 counts any change.
    #[param(default = 0, min = 0, max = 1)]
    min_change: f64,
    /// Candidates for each text wanted: fewer changes make a candidate until there are so many.
    #[param(default = 25, min = 1)]
    factor: usize,
    /// Runs of k-means; the one of least inertia counts.
    #[param(default = 1, min = 1)]
    restarts: u32,
}

pub struct Dropquery {
    params: DropqueryParams,
}

impl Strategy for Dropquery {
    type Params = DropqueryParams;

    fn new(params: DropqueryParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        if n == 0 || ctx.pool().is_empty() {
            return Ok(Selection::ranked(Vec::new()));
        }
        let changes = self.changes(ctx)?;
        let wanted = self.params.factor.saturating_mul(n);
        let limit = changes.limit(wanted);
        let candidates = changes.candidates(limit);
        ctx.info(&format!(
            "{} of {} texts change in more than {limit} of {} passes",
            candidates.len(),
            ctx.pool().len(),
            self.params.passes
        ));
        if candidates.len() <= n {
            return Ok(selection(ctx, changes.most(&candidates, n)));
        }
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        Ok(selection(ctx, self.of_each_cluster(ctx, &candidates, n)?))
    }
}

impl Dropquery {
    /// What dropout changes in the pool.
    fn changes(&self, ctx: &Context<'_>) -> Result<Changes> {
        let threshold = labels::threshold(ctx)?;
        let probabilities = ctx.probabilities(ctx.pool())?;
        check_finite(probabilities, "probabilities", ctx.pool())?;
        let passes = ctx.mc_probabilities(ctx.pool(), self.params.passes)?;
        check_finite(passes, "probabilities under dropout", ctx.pool())?;
        Ok(Changes::count(probabilities, passes, threshold, self.params.min_change))
    }

    /// The positions of `k` candidates, the nearest to each centre of k-means; there are more of them.
    fn of_each_cluster(&self, ctx: &Context<'_>, candidates: &[u32], k: usize) -> Result<Vec<u32>> {
        let ids: Vec<DocId> = candidates.iter().map(|&i| ctx.pool()[i as usize]).collect();
        let features = ctx.features(&ids)?;
        check_finite(features, "features", &ids)?;
        let rows = UnitRows::new(features);
        let centers = clusters::centers(ctx, &rows, k, self.params.restarts)?;
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        let nearest = rows.nearest_unused(centers.chunks_exact(rows.n_cols()));
        Ok(nearest.into_iter().map(|row| candidates[row as usize]).collect())
    }
}

export_strategy!(
    Dropquery,
    id = "dropquery",
    summary = "one text of each cluster of those whose prediction dropout changes",
    citation = "Gupte et al., TMLR 2024",
    needs = [PROBABILITIES, MC_PROBABILITIES, FEATURES, KMEANS],
    stochastic = true,
);

#[cfg(test)]
mod tests;
