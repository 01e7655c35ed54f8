//! The one trait that an author implements.

use crate::{Context, Params, Result, Selection};

/// A query strategy: given what the model knows, it names the unlabeled texts to label next.
///
/// The host creates one instance for each strategy and seed of an experiment, and calls it from
/// one thread. A strategy is a function of what it fetched, `n`, the round's seed, its parameters
/// and its own saved state, and of nothing else: no clock, no environment, no other randomness. So
/// the same experiment gives the same selections again, also after it was killed and resumed.
///
/// A panic in any method becomes an error of this strategy; the host goes on.
pub trait Strategy: Send + Sized + 'static {
    /// Its parameters, derived with `#[derive(Params)]`; a struct without fields where it has none.
    type Params: Params;

    /// Creates the strategy. Called once, before the first round. The parameters have been checked
    /// against their declared types and ranges; check here what ranges cannot say.
    fn new(params: Self::Params, env: &Env<'_>) -> Result<Self>;

    /// Chooses min(`n`, pool) texts of [`Context::pool`], best first, none twice. Called once a
    /// round, after the model was trained.
    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection>;

    /// Returns what a new instance needs in order to go on where this one is. Called after each
    /// `select`; the bytes are kept on disk. A strategy that carries nothing from round to round
    /// leaves this and `load` as they are.
    fn save(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// Takes over what `save` gave. Called after `new` when a run is resumed, and only if `save`
    /// gave any bytes. Where people label, there may be labels that were added since, with ids behind
    /// those that were there.
    fn load(&mut self, state: &[u8]) -> Result<()> {
        let n = state.len();
        Err(format!("{n} bytes of saved state, but this strategy keeps none").into())
    }
}

/// The facts that are known when a strategy is created.
#[derive(Clone, Copy, Debug)]
pub struct Env<'a> {
    /// Name of this instance in tables and folders.
    pub instance: &'a str,
    /// Texts of the train split.
    pub n_texts: usize,
    /// Labels of the data set.
    pub n_labels: usize,
}
