//! The interface for the author of an alhost query strategy: one trait,
//! one prelude, one macro, no `unsafe`.
//!
//! A strategy is a crate of its own with this one as its only dependency, built as a shared
//! library. The host loads it, never recompiled. The whole of a small strategy:
//!
//! ```
//! use alhost_plugin_api::prelude::*;
//!
//! #[derive(Params)]
//! struct LeastConfidenceParams {
//!     /// Labels to average over: the k most uncertain of each text.
//!     #[param(default = 10, min = 1)]
//!     top_labels: u32,
//! }
//!
//! struct LeastConfidence {
//!     params: LeastConfidenceParams,
//! }
//!
//! impl Strategy for LeastConfidence {
//!     type Params = LeastConfidenceParams;
//!
//!     fn new(params: Self::Params, _env: &Env<'_>) -> Result<Self> {
//!         Ok(Self { params })
//!     }
//!
//!     fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
//!         let probabilities = ctx.probabilities(ctx.pool())?; // [pool, labels], borrowed
//!         let k = self.params.top_labels as usize;
//!         let scores = probabilities.rows().map(|row| uncertainty(row, k));
//!         Ok(Selection::highest(ctx.pool(), scores, n)) // ties by text id
//!     }
//! }
//!
//! /// Mean of 1 - max(p, 1 - p) over the k labels where it is largest.
//! fn uncertainty(probabilities: &[f32], k: usize) -> f64 {
//!     let mut each: Vec<f64> =
//!         probabilities.iter().map(|&p| f64::from(p.min(1.0 - p))).collect();
//!     each.sort_unstable_by(|a, b| b.total_cmp(a));
//!     let top = &each[..k.min(each.len())];
//!     top.iter().sum::<f64>() / top.len().max(1) as f64
//! }
//!
//! export_strategy!(
//!     LeastConfidence,
//!     id = "least-confidence",
//!     summary = "texts whose most uncertain labels are closest to a coin toss",
//!     needs = [PROBABILITIES],
//! );
//! #
//! # let host = alhost_plugin_api::testing::StandIn::new(50, 6);
//! # let selection = host.select::<LeastConfidence>("{}", 5).unwrap();
//! # assert_eq!(selection.ids.len(), 5);
//! ```
//!
//! Its `Cargo.toml`:
//!
//! ```toml
//! [package]
//! name = "least-confidence"
//! version = "0.1.0"
//! edition = "2024"
//!
//! [lib]
//! crate-type = ["cdylib", "rlib"] # cdylib: what the host loads; rlib: for unit tests
//!
//! [dependencies]
//! alhost-plugin-api = { path = "../alhost/plugin-api" }
//! ```
//!
//! `cargo build --release`, then `alhost --plugin target/release/libleast_confidence.so`.
//!
//! # The parts
//!
//! * [`Strategy`]: the trait; when each method is called, and what may be done there.
//! * [`Context`]: what a strategy sees while it selects: the [pool](Context::pool), the
//!   [labeled texts](Context::labeled), the features of [`features`], the arithmetic of
//!   [`services`], [random streams](Context::rng), progress and log.
//! * [`asking`]: other strategies, for one that combines them.
//! * [`Params`] and [`Choice`]: parameters, declared once.
//! * [`Selection`]: the answer, with the usual ways to make one from scores.
//! * [`export_strategy!`]: what makes the crate a plugin.
//! * [`testing::StandIn`]: a host without a model, for unit tests.
//!
//! # What the host promises, and what it asks
//!
//! * Everything lent is borrowed until the call returns; nothing needs to be freed.
//! * A feature or service not listed in `needs` is refused. What is listed and not asked for costs
//!   nothing.
//! * No gold label of an unlabeled text can be reached, nor anything of dev or test.
//! * The answer is checked: exactly min(n, pool) ids, all of the pool, none twice. Anything else
//!   ends this strategy's run with a message that names it.
//! * A panic becomes an error with file and line. Leave `panic = "unwind"` in the profile.
//! * A plugin built with this crate at 1.x runs in every host that provides 1.y, y >= x.

// The macros name this crate by its path, also where it uses them itself.
extern crate self as alhost_plugin_api;

pub mod asking;
mod concat;
mod context;
mod error;
#[doc(hidden)]
pub mod export;
pub mod features;
#[doc(hidden)]
pub mod ffi;
pub mod offers;
pub mod params;
mod rng;
mod selection;
pub mod services;
mod strategy;
pub mod testing;

pub use alhost_plugin_api_macros::{Choice, Params, export_strategy};
pub use context::{Context, Labeled};
pub use error::{Error, ErrorKind, Result};
#[doc(inline)]
pub use params::Params;
pub use rng::Rng;
pub use selection::Selection;
pub use strategy::{Env, Strategy};

/// A text of the pool: its row in the train split. The only ids that cross the plugin boundary.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct DocId(pub u32);

/// Everything an author imports.
pub mod prelude {
    pub use crate::asking::STRATEGY;
    pub use crate::features::{
        EMBEDDING, FEATURES, LOGITS, MC_PROBABILITIES, MLM_SURPRISAL, Matrix, Model, PROBABILITIES,
        Pooling, SurprisalOptions, TEXT, WORD_PIECES,
    };
    pub use crate::services::{
        DISCRIMINATOR, DiscriminatorOptions, GreedyRule, KERNEL_GREEDY, KMEANS, KMeansOptions,
        KernelGreedyOptions, NEAREST,
    };
    pub use crate::{
        Choice, Context, DocId, Env, Error, Params, Result, Rng, Selection, Strategy,
        export_strategy,
    };
}

/// The items that the macros expand to.
#[doc(hidden)]
pub mod __private {
    pub use crate::export;
    pub use crate::params::ParamValue;
    pub use serde_json::{Map, Value};
}
