//! The features that a strategy may read of the host: their ids, and views of what comes back.
//!
//! A feature is computed when it is first asked for, kept as long as the model it depends on, and
//! lent without a copy. Every feature that a strategy may ask for is listed in its `needs`.

use serde::{Deserialize, Serialize};

use crate::ffi::Block;

/// UTF-8 text. See [`Context::texts`](crate::Context::texts).
pub const TEXT: &str = "text/1";
/// Words, word pieces and unknown pieces of each text, before truncation.
pub const WORD_PIECES: &str = "word-pieces/1";
/// Masked-LM losses at sampled positions: the surprisal embeddings of ALPS, sparse.
pub const MLM_SURPRISAL: &str = "mlm-surprisal/1";
/// `[hidden]` per text: `[CLS]` or mean of the last hidden states.
pub const EMBEDDING: &str = "embedding/1";
/// Input of the classifier's last linear layer.
pub const FEATURES: &str = "features/1";
/// `[labels]` per text, before the sigmoid.
pub const LOGITS: &str = "logits/1";
/// `[labels]` per text: sigmoid of the logits.
pub const PROBABILITIES: &str = "probabilities/1";
/// `[passes * labels]` per text: probabilities of other last layers, by dropout or from the posterior.
pub const MC_PROBABILITIES: &str = "mc-probabilities/1";

/// The weights that a feature is computed with.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// The checkpoint as it was before any training: the same in every round, computed once.
    Pretrained,
    /// The encoder as trained in this round.
    Current,
}

/// The way in which one vector is made of a text's last hidden states.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The state of the `[CLS]` token.
    Cls,
    /// The mean over all tokens, `[CLS]` and `[SEP]` included.
    Mean,
}

/// The options of [`EMBEDDING`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct EmbeddingOptions {
    /// The model whose hidden states are pooled.
    pub model: Model,
    /// The way in which they become one vector.
    pub pooling: Pooling,
}

/// The options of [`MC_PROBABILITIES`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct McOptions {
    /// Passes through the head; at least one.
    pub passes: u32,
}

/// The options of [`MLM_SURPRISAL`]: how positions are sampled, and whose losses are taken.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct SurprisalOptions {
    /// Probability of each position, independently; ALPS uses 0.15.
    pub probability: f64,
    /// `false` samples at least one position of every text that has a content token. `true` leaves
    /// such a text without any, as the reference code does.
    pub strict: bool,
    /// Language model whose losses are taken.
    pub model: Model,
}

/// A row-major matrix of f32, borrowed: one row a text, in the order in which texts were asked for.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_index: Option<&'a [u32]>,
}

impl<'a> Matrix<'a> {
    /// A view of `rows * cols` values, row by row.
    ///
    /// # Panics
    /// Panics if `data` has another length.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "a {rows} x {cols} matrix");
        Self { data, rows, cols, row_index: None }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn n_cols(&self) -> usize {
        self.cols
    }

    /// Row `row`.
    ///
    /// # Panics
    /// Panics if there is no such row.
    pub fn row(&self, row: usize) -> &'a [f32] {
        let stored = self.row_index.map_or(row, |index| index[row] as usize);
        &self.data[stored * self.cols..(stored + 1) * self.cols]
    }

    /// The rows from first to last.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        let matrix = *self;
        (0..self.rows).map(move |row| matrix.row(row))
    }

    pub(crate) fn from_block(block: &Block<'a>) -> Self {
        Self {
            data: block.f32s.as_slice(),
            rows: block.rows,
            cols: block.cols,
            row_index: block.row_index.map(|index| index.as_slice()).into_option(),
        }
    }

    pub(crate) fn to_block(self) -> Block<'a> {
        let row_index = self.row_index.map(Into::into).into();
        Block {
            rows: self.rows,
            cols: self.cols,
            f32s: self.data.into(),
            row_index,
            ..Block::EMPTY
        }
    }
}

/// A few entries of each text: sampled positions and the losses there.
#[derive(Clone, Copy, Debug)]
pub struct Sparse<'a>(pub(crate) Block<'a>);

impl<'a> Sparse<'a> {
    /// Number of texts.
    pub fn n_rows(&self) -> usize {
        self.0.rows
    }

    /// One more than the largest position that any text of the data set can have.
    pub fn n_cols(&self) -> usize {
        self.0.cols
    }

    /// Positions (ascending) and the values there, of the text asked for as number `row`.
    ///
    /// # Panics
    /// Panics if there is no such row.
    pub fn row(&self, row: usize) -> (&'a [u32], &'a [f32]) {
        let at = ragged(&self.0, row);
        (&self.0.u32s.as_slice()[at.clone()], &self.0.f32s.as_slice()[at])
    }
}

/// The texts themselves.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a>(pub(crate) Block<'a>);

impl<'a> Texts<'a> {
    /// Number of texts.
    pub fn len(&self) -> usize {
        self.0.rows
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text asked for as number `row`.
    ///
    /// # Panics
    /// Panics if there is no such row.
    pub fn get(&self, row: usize) -> &'a str {
        let bytes = &self.0.bytes.as_slice()[ragged(&self.0, row)];
        std::str::from_utf8(bytes).expect("the host lends UTF-8")
    }

    /// The texts from first to last.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        let texts = *self;
        (0..self.len()).map(move |row| texts.get(row))
    }
}

/// Counts over one whole text, before truncation; special tokens are not counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WordPieces {
    /// Words as the tokenizer sees them: it splits at blanks and at punctuation, each sign of
    /// which is a word.
    pub words: u32,
    /// Word pieces of all words.
    pub pieces: u32,
    /// Pieces that are the unknown token.
    pub unknown: u32,
}

/// Counts of all texts asked for.
#[derive(Clone, Copy, Debug)]
pub struct AllWordPieces<'a>(pub(crate) Block<'a>);

impl AllWordPieces<'_> {
    /// Number of texts.
    pub fn len(&self) -> usize {
        self.0.rows
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts of the text asked for as number `row`.
    ///
    /// # Panics
    /// Panics if there is no such row.
    pub fn get(&self, row: usize) -> WordPieces {
        let stored = stored(&self.0, row);
        let counts = &self.0.u32s.as_slice()[stored * 3..stored * 3 + 3];
        WordPieces { words: counts[0], pieces: counts[1], unknown: counts[2] }
    }
}

/// Returns where the block keeps row `row`.
fn stored(block: &Block<'_>, row: usize) -> usize {
    assert!(row < block.rows, "row {row} of {}", block.rows);
    block.row_index.map_or(row, |index| index[row] as usize)
}

/// The range of a ragged row.
fn ragged(block: &Block<'_>, row: usize) -> std::ops::Range<usize> {
    let stored = stored(block, row);
    let offsets = block.u64s.as_slice();
    offsets[stored] as usize..offsets[stored + 1] as usize
}
