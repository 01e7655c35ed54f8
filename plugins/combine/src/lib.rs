//! Combines other strategies: texts that they rank high on average, or those that they pick in turns.
//!
//! The host asks each of the strategies named by a parameter for its picks, as if it selected alone;
//! what is made of the lists is [`mean_ranks`](borda::mean_ranks) or a turn for each. See the crate's
//! README for formulas, choices and departures.

#![forbid(unsafe_code)]

pub mod borda;

use alhost_plugin_api::asking;
use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::{asked, ranking};

#[derive(Params)]
pub struct CombineParams {
    /// Strategies to combine: ids or files, each with parameters in parentheses where they are not the
    /// defaults.
    #[param(default = "uncertainty, typiclust")]
    strategies: String,
    /// How they are combined: by the mean of their ranks, or in turns, in the order given.
    #[param(default = "borda")]
    mode: Mode,
    /// Texts that each ranks for `borda`: as many as are wanted, or all of the pool.
    #[param(default = "wanted")]
    ranking: Ranking,
}

/// What is made of several lists.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    Borda,
    RoundRobin,
}

/// How far down a strategy ranks.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ranking {
    Wanted,
    All,
}

pub struct Combine {
    n_strategies: usize,
    mode: Mode,
    ranking: Ranking,
}

impl Strategy for Combine {
    type Params = CombineParams;

    fn new(params: CombineParams, _env: &Env<'_>) -> Result<Self> {
        let CombineParams { strategies, mode, ranking } = params;
        let n_strategies = asking::strategies(&strategies)?.len();
        Ok(Self { n_strategies, mode, ranking })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let n_pool = ctx.pool().len();
        let n = n.min(n_pool);
        if n == 0 {
            return Ok(Selection::ranked(Vec::new()));
        }
        match self.mode {
            Mode::Borda => {
                let depth = match self.ranking {
                    Ranking::Wanted => n,
                    Ranking::All => n_pool,
                };
                let scores = borda::mean_ranks(&self.lists(ctx, depth)?, n_pool);
                Ok(Selection::lowest(ctx.pool(), scores, n))
            }
            Mode::RoundRobin => {
                let turns = (0..self.n_strategies).cycle().take(n);
                Ok(ranking::selection(ctx, asked::take_turns(&self.lists(ctx, n)?, turns)))
            }
        }
    }
}

impl Combine {
    /// The `depth` best of each strategy, as positions in the pool.
    fn lists(&self, ctx: &Context<'_>, depth: usize) -> Result<Vec<Vec<u32>>> {
        let mut lists = Vec::with_capacity(self.n_strategies);
        for strategy in 0..self.n_strategies {
            if ctx.cancelled() {
                return Err(Error::cancelled());
            }
            ctx.progress(strategy as u64, self.n_strategies as u64);
            lists.push(asked::positions(ctx, strategy, depth)?);
        }
        Ok(lists)
    }
}

export_strategy!(
    Combine,
    id = "combine",
    summary = "what several strategies agree on, or pick in turns",
    citation = "Dwork, Kumar, Naor and Sivakumar, WWW 2001",
    needs = [STRATEGY],
    // It draws nothing itself, but the strategies that it asks may.
    stochastic = true,
);

#[cfg(test)]
mod tests;
