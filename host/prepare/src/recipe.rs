//! Recipes, which are what each data set has to say for itself. A new one is a file in `recipes/`
//! and a line in [`RECIPES`]; everything after reading its documents is common.

use alhost_base::near::nearest;

use crate::document::Document;
use crate::error::{LIKE_ENOUGH, PrepareError};
use crate::hierarchy::Hierarchy;
use crate::options::Options;
use crate::progress::Progress;
use crate::recipes::{AgNews, Arxiv, EurLex, Nyt, Rcv1, Toxic, Yelp};
use crate::source::Source;

/// Turns the files of a distribution into documents.
pub(crate) trait Recipe: Sync {
    fn about(&self) -> &'static About;

    /// The choices of the paper, as far as they can be known.
    fn defaults(&self) -> Options;

    /// The labels that documents may have, and which stands above which.
    fn hierarchy(&self, source: &Source, options: &Options) -> Result<Hierarchy, PrepareError>;

    /// Gives every document to `each`, in an order that does not depend on the number of threads,
    /// with all its labels as they stand in the hierarchy. Streams: what it holds at a time does not
    /// grow with the source. What it leaves out, it counts with [`Source::left_out`]; what else the
    /// user should know, with [`Source::remark`].
    ///
    /// Done by the caller for all recipes: the leaf rule, repeated and unknown labels, minimum
    /// counts, splits, id lists ([`Options::ids`]), texts without a word, ids that are used twice.
    /// Done here if the recipe offers it: text fields, aliases, sample, limit, dates.
    fn documents(
        &self,
        source: &Source,
        options: &Options,
        progress: &dyn Progress,
        each: &mut dyn FnMut(Document) -> Result<(), PrepareError>,
    ) -> Result<(), PrepareError>;

    /// The document id that a line of an id list means.
    fn listed_id<'a>(&self, line: &'a str) -> &'a str {
        line
    }
}

/// Says what a user has to know before anything is read.
#[derive(Debug)]
pub struct About {
    /// Name as on the command line.
    pub name: &'static str,
    pub title: &'static str,
    /// Which files are needed and where they are obtained.
    pub obtain: &'static str,
    pub licence: &'static str,
    /// Choices beside those that there are for every data set.
    pub offers: &'static [Knob],
    /// The fields that a text can be made of.
    pub text_fields: &'static [&'static str],
    pub official: Official,
    pub paper: PaperRow,
}

/// A choice that only some recipes offer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Knob {
    /// There is a hierarchy, so that leaf rules differ.
    Leaf,
    MergeAliases,
    Text,
    Clean,
    Sample,
    Limit,
    Dates,
}

impl Knob {
    /// Returns the option as on the command line.
    pub fn option(self) -> &'static str {
        match self {
            Self::Leaf => "--leaf",
            Self::MergeAliases => "--merge-aliases",
            Self::Text => "--text",
            Self::Clean => "--clean",
            Self::Sample => "--sample",
            Self::Limit => "--limit",
            Self::Dates => "--date-range",
        }
    }
}

/// Which parts the distribution itself has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Official {
    All,
    /// Dev is drawn from train.
    TrainAndTest,
    None,
}

/// The row of the paper's Table 1, and what keeps one from getting it again.
#[derive(Debug)]
pub struct PaperRow {
    /// Texts of train, dev and test, where the paper's figures give them.
    pub splits: Option<[u64; 3]>,
    /// Texts over all splits.
    pub texts: u64,
    pub classes: u64,
    pub labels_per_text: f64,
    /// Whether `labels_per_text` is over train; else over all splits.
    pub over_train: bool,
    /// Sentence or two on what the paper leaves open, or why its figure is what it is.
    pub open: &'static str,
}

/// All recipes, in the order of the paper's Table 1.
pub(crate) const RECIPES: [&dyn Recipe; 7] = [&EurLex, &Arxiv, &Nyt, &Rcv1, &Yelp, &AgNews, &Toxic];

pub(crate) fn find(name: &str) -> Result<&'static dyn Recipe, PrepareError> {
    let found = RECIPES.iter().find(|recipe| recipe.about().name == name);
    found.copied().ok_or_else(|| {
        let names = RECIPES.iter().map(|recipe| recipe.about().name);
        PrepareError::NoRecipe {
            name: name.to_owned(),
            nearest: nearest(name, names.clone(), LIKE_ENOUGH).map(str::to_owned),
            names: names.map(str::to_owned).collect(),
        }
    })
}
