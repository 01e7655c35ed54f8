//! Turns the files that the paper's data sets are distributed as into folders that alhost reads.
//!
//! ```text
//! recipe  ──documents──►  collect  ──labels──►  filter  ──what stays──►  writer
//!                            └────ids and texts────►  spool  ─────────────┘
//! ```
//!
//! A `recipe` knows one distribution: it finds the files, parses them and gives documents with
//! all of their labels. Everything else is common, and so are its choices ([`Choices`]): which
//! labels are classes, which classes are frequent enough, which text goes where. Texts go through
//! the disk, so that memory does not grow with them.

mod archive;
mod choices;
mod collect;
mod document;
mod draw;
mod error;
mod filter;
mod hierarchy;
mod ids;
mod leaf;
mod meta;
mod options;
mod prepare;
mod progress;
mod recipe;
mod recipes;
mod rows;
mod source;
mod spool;
mod text;
mod walk;
mod writer;
mod xml;

pub use choices::Choices;
pub use document::{Document, Part};
pub use error::PrepareError;
pub use filter::Step;
pub use options::{
    DateRange, Draw, IdFiles, LeafRule, Options, Scope, Share, Split, SplitKind, UnknownLabels,
    Unlabeled,
};
pub use prepare::{Prepared, prepare};
pub use progress::{Progress, Silent};
pub use recipe::{About, Knob, Official, PaperRow};

/// The choices that a recipe makes where the user makes none.
pub fn defaults(name: &str) -> Result<Options, PrepareError> {
    Ok(recipe::find(name)?.defaults())
}

/// Lists what there is to know of every recipe, in the order of the paper's Table 1.
pub fn recipes() -> impl Iterator<Item = &'static About> {
    recipe::RECIPES.iter().map(|recipe| recipe.about())
}
