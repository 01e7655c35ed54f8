//! TAILOR: Thompson sampling over other strategies, its arms (Zhang, Shao, Verma and Nowak 2023).
//!
//! Which arm picks the next text is decided by chance, in proportion to how likely that arm is the one
//! that finds the labels which are rare. What is believed of the arms ([`beliefs`]) follows from the
//! labels that their picks turned out to have, and is carried from round to round ([`state`]).
//!
//! 1. the labels of the last batch change the beliefs;
//! 2. for each pick, each arm draws a share for each label ([`beta`]), and the arm whose shares are worth
//!    most ([`reward`]) has the turn;
//! 3. it gives its best text that is not yet taken.
//!
//! See the crate's README for formulas, choices and departures.

#![forbid(unsafe_code)]

pub mod beliefs;
pub mod beta;
pub mod reward;
pub mod state;

use std::collections::HashMap;

use alhost_plugin_api::asking;
use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::{asked, labels, ranking};
use rayon::prelude::*;

use beliefs::Beliefs;
use reward::Reward;

#[derive(Params)]
pub struct TailorParams {
    /// Strategies to choose among: ids or files, each with parameters in parentheses where they are not
    /// the defaults.
    #[param(default = "uncertainty, label-seeking, typiclust, random")]
    strategies: String,
    /// What is looked for: labels of which there are few, or as many labels as can be.
    #[param(default = "rare")]
    reward: Reward,
    /// Weight that earlier batches keep with each further one; at 1 nothing is forgotten.
    #[param(default = 0.9, min = 0, max = 1)]
    decay: f64,
}

pub struct Tailor {
    /// The strategies by name, for the log.
    arms: Vec<String>,
    reward: Reward,
    decay: f64,
    n_texts: usize,
    n_labels: usize,
    beliefs: Beliefs,
    /// The last selection, and which arm picked each of its texts.
    batch: Vec<(DocId, usize)>,
}

impl Strategy for Tailor {
    type Params = TailorParams;

    fn new(params: TailorParams, env: &Env<'_>) -> Result<Self> {
        let TailorParams { strategies, reward, decay } = params;
        let arms: Vec<String> =
            asking::strategies(&strategies)?.into_iter().map(|arm| arm.plugin).collect();
        let Env { n_texts, n_labels, .. } = *env;
        let beliefs = Beliefs::even(arms.len(), n_labels);
        Ok(Self { arms, reward, decay, n_texts, n_labels, beliefs, batch: Vec::new() })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let n = n.min(ctx.pool().len());
        if n == 0 {
            return Ok(Selection::ranked(Vec::new()));
        }
        // Kept only once the query has succeeded: one that failed can be put again.
        let beliefs = self.learned(ctx);
        let worth = self.reward.worth(&labels::counts(ctx), ctx.labeled().len());
        let turns = turns(ctx, &beliefs, &worth, n)?;
        let picks = asked::take_turns(&self.lists(ctx, &turns, n)?, turns.iter().copied());
        let selection = ranking::selection(ctx, picks);
        self.beliefs = beliefs;
        self.batch = selection.ids.iter().copied().zip(turns).collect();
        Ok(selection)
    }

    fn save(&self) -> Result<Vec<u8>> {
        state::write(&self.beliefs, &self.batch)
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        let shape = state::Shape {
            n_arms: self.arms.len(),
            n_labels: self.n_labels,
            n_texts: self.n_texts,
        };
        (self.beliefs, self.batch) = state::read(state, &shape)?;
        Ok(())
    }
}

impl Tailor {
    /// The beliefs once the labels of the last batch are known. A text of it that is not labeled, because
    /// the annotator skipped it, says nothing.
    fn learned(&self, ctx: &Context<'_>) -> Beliefs {
        if self.batch.is_empty() {
            return self.beliefs.clone();
        }
        let picked_by: HashMap<DocId, usize> = self.batch.iter().copied().collect();
        let labeled = ctx.labeled();
        let seen = labeled
            .ids()
            .iter()
            .enumerate()
            .filter_map(|(i, id)| picked_by.get(id).map(|&arm| (arm, labeled.labels(i))));
        self.beliefs.after(self.decay, seen)
    }

    /// The `n` best texts of each arm that has a turn, as positions in the pool; the others are not asked.
    fn lists(&self, ctx: &Context<'_>, turns: &[usize], n: usize) -> Result<Vec<Vec<u32>>> {
        let n_arms = self.arms.len();
        let mut lists = vec![Vec::new(); n_arms];
        let mut shares = Vec::with_capacity(n_arms);
        for (arm, list) in lists.iter_mut().enumerate() {
            if ctx.cancelled() {
                return Err(Error::cancelled());
            }
            ctx.progress(arm as u64, n_arms as u64);
            let n_turns = turns.iter().filter(|&&turn| turn == arm).count();
            if n_turns > 0 {
                *list = asked::positions(ctx, arm, n)?;
            }
            shares.push(format!("`{}` {n_turns}", self.arms[arm]));
        }
        ctx.info(&format!("picks of each strategy: {}", shares.join(", ")));
        Ok(lists)
    }
}

/// The arm of each of `n` picks. Each arm draws from a stream of its own at each pick, so that what one
/// draws depends on nothing that another does, nor on threads.
fn turns(ctx: &Context<'_>, beliefs: &Beliefs, worth: &[f64], n: usize) -> Result<Vec<usize>> {
    let turn = |pick: usize| {
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        let value = |arm: usize| {
            let mut rng = ctx.rng(&format!("pick {pick}, arm {arm}"));
            let shares = beliefs.of(arm).map(|(a, b)| beta::draw(&mut rng, a, b));
            reward::value(shares, worth)
        };
        Ok(reward::best(&(0..beliefs.n_arms()).map(value).collect::<Vec<_>>()))
    };
    (0..n).into_par_iter().map(turn).collect()
}

export_strategy!(
    Tailor,
    id = "tailor",
    summary = "a bandit that learns which of several strategies finds rare labels",
    citation = "Zhang, Shao, Verma and Nowak, NeurIPS 2023",
    needs = [STRATEGY],
    stochastic = true,
);

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
