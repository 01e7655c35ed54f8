//! Texts and their labels: the data set, how it is read, and its token ids.

mod arena;
mod bare;
mod columns;
mod csv;
mod demo;
mod error;
mod filters;
mod hold_out;
mod ids;
mod jsonl;
mod label_names;
mod labels;
mod lengths;
mod lines;
mod load;
mod locate;
mod look;
mod matching;
mod matrix;
mod npz;
mod numbers;
mod objects;
mod parquet;
mod quotes;
mod raw;
mod read;
mod record;
mod stats;
pub mod stranger;
mod structure;
mod texts;
mod tokenize;
pub mod tokens;
mod unlabeled;
mod vocabulary;
mod write;
mod xmc_json;

pub use bare::{read_labels, read_texts, tidy_label};
pub use error::DataError;
pub use labels::Labels;
pub use lengths::{Lengths, Pieces, Tokenized};
pub use load::{Loaded, files, load};
pub use stats::{SplitStats, Stats, class_sizes, stats};
pub use texts::Texts;
pub use tokenize::{surroundings, unknown};
pub use tokens::{Tokens, WordPieces};
pub use unlabeled::{UnlabeledTexts, for_each_block};
pub use write::{Written, write};

/// A data set, read and checked.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub name: String,
    /// The name of each label, by label id.
    pub vocabulary: Vec<String>,
    /// The pool of the experiment.
    pub train: Split,
    pub dev: Option<Split>,
    /// The split that classifiers are judged on. Without one, runs have no scores.
    pub test: Option<Split>,
}

/// One split: `ids`, `texts` and `labels` have the same length and order.
#[derive(Clone, Debug)]
pub struct Split {
    pub ids: Vec<String>,
    pub texts: Texts,
    pub labels: Labels,
}

impl Dataset {
    /// The splits that there are, each with its name.
    pub fn splits(&self) -> impl Iterator<Item = (&'static str, &Split)> {
        let dev = self.dev.as_ref().map(|dev| ("dev", dev));
        let test = self.test.as_ref().map(|test| ("test", test));
        [Some(("train", &self.train)), dev, test].into_iter().flatten()
    }

    /// Names ids and texts of all splits, whatever their labels: what stays the same while people label.
    pub fn texts_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("alhost 1 texts of a data set");
        for (name, split) in self.splits() {
            hash_strings(&mut hasher, [name].into_iter());
            hash_strings(&mut hasher, split.ids.iter().map(String::as_str));
            hasher.update(split.texts.hash().as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Names the content: ids, texts and labels of all splits, and the vocabulary; not `name`.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("alhost 1 data set");
        hash_strings(&mut hasher, self.vocabulary.iter().map(String::as_str));
        for (name, split) in self.splits() {
            hash_strings(&mut hasher, [name].into_iter());
            hash_strings(&mut hasher, split.ids.iter().map(String::as_str));
            hasher.update(split.texts.hash().as_bytes());
            for row in split.labels.rows() {
                hasher.update(&(row.len() as u64).to_le_bytes());
                for label in row {
                    hasher.update(&label.to_le_bytes());
                }
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// Hashes each string with its length before it, and their number first, so that no two lists of
/// strings give the same bytes.
fn hash_strings<'a>(hasher: &mut blake3::Hasher, strings: impl ExactSizeIterator<Item = &'a str>) {
    hasher.update(&(strings.len() as u64).to_le_bytes());
    for string in strings {
        hasher.update(&(string.len() as u64).to_le_bytes());
        hasher.update(string.as_bytes());
    }
}

#[cfg(test)]
mod tests;
