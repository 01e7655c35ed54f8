//! Token ids of a split: made once, in parallel, and kept on disk in a memory-mapped arena.

/// Counts over a whole text, before truncation; special tokens are not counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WordPieces {
    /// Pre-token words, as the tokenizer sees them (punctuation counts as words).
    pub words: u32,
    pub pieces: u32,
    /// Pieces that are the unknown token.
    pub unknown: u32,
}

/// The token ids of each text of one split, [CLS] first and [SEP] last, cut to the model's length.
pub struct Tokens {
    offsets: Vec<u64>,
    ids: Vec<u32>,
    word_pieces: Vec<WordPieces>,
    hash: String,
}

impl Tokens {
    /// From ids that already carry [CLS] and [SEP]; for tests.
    pub fn from_rows(rows: &[Vec<u32>], hash: &str) -> Self {
        let mut offsets = vec![0];
        let mut ids = Vec::new();
        for row in rows {
            ids.extend_from_slice(row);
            offsets.push(ids.len() as u64);
        }
        let word_pieces = vec![WordPieces::default(); rows.len()];
        Self { offsets, ids, word_pieces, hash: hash.to_owned() }
    }

    pub fn row(&self, text: usize) -> &[u32] {
        &self.ids[self.offsets[text] as usize..self.offsets[text + 1] as usize]
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn word_pieces(&self, text: usize) -> WordPieces {
        self.word_pieces[text]
    }

    /// Names the content: hash of tokenizer, texts and maximal length. A cache key.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}
