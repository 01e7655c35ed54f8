//! Token ids of a split: made once, in parallel, and kept on disk in a memory-mapped arena.

use std::path::Path;

use alhost_base::ledger::Work;
use alhost_base::progress::{Progress, Silent};
use alhost_base::store;
use rayon::prelude::*;
use tokenizers::Tokenizer;

use super::arena::{Arena, Writer};
use super::error::DataError;
use super::texts::Texts;
use super::tokenize::{Pieces, Rows, WordCache};

/// Part of the cache key. Raise it when the same input gives other tokens, or the file changes.
const FORMAT: u32 = 2;

/// Texts tokenized between two writes: bounds the memory, whatever the size of the data set.
const BLOCK: usize = 16 * 1024;

/// Counts over a whole text, before truncation; special tokens are not counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WordPieces {
    /// Pre-token words, as the tokenizer sees them (punctuation counts as words).
    pub words: u32,
    pub pieces: u32,
    /// Pieces that are the unknown token.
    pub unknown: u32,
}

/// The token ids of each text of one split, `[CLS]` first and `[SEP]` last, cut to the model's
/// length.
pub struct Tokens {
    offsets: Vec<u64>,
    ids: Ids,
    word_pieces: Vec<WordPieces>,
    hash: String,
}

enum Ids {
    Mapped(Arena),
    Owned(Vec<u32>),
}

impl Tokens {
    /// The tokens of `texts`, from the folder `cache` if it has them; else they are made and put
    /// there. Texts are cut after `max_tokens`, `[CLS]` and `[SEP]` included; the counts of
    /// [`Tokens::word_pieces`] are over whole texts.
    ///
    /// Special tokens written out in a text, such as `[SEP]`, are ordinary words. `tokenizer_hash`
    /// must name everything that `tokenizer` does.
    pub fn open(
        tokenizer: &Tokenizer,
        tokenizer_hash: &str,
        texts: &Texts,
        max_tokens: usize,
        cache: &Path,
        work: Work<'_>,
    ) -> Result<Self, DataError> {
        let key = key(tokenizer_hash, texts, max_tokens);
        let hash = key.to_hex().to_string();
        let path = cache.join("tokens").join(format!("{hash}.tokens"));
        let making = match store::find("token ids", &path, work, || Arena::open(&path)) {
            Ok(arena) => return Ok(Self::from_arena(arena, hash)),
            Err(making) => making,
        };
        let pieces = Pieces::new(tokenizer, max_tokens)?;
        let failed = |source| DataError::Cache { path: path.clone(), source };
        let mut writer = Writer::create(&path).map_err(failed)?;
        work.progress.begin("tokenizing", texts.len() as u64);
        let made = for_each_block(&pieces, texts, work.progress, |rows| {
            writer.push(&rows).map_err(failed)
        });
        work.progress.end();
        made?;
        writer.finish(&path).map_err(failed)?;
        making.done(work);
        let whole = || std::io::Error::other("the file just written is not whole");
        let arena = Arena::open(&path).ok_or_else(whole).map_err(failed)?;
        Ok(Self::from_arena(arena, hash))
    }

    /// The tokens of `texts`, in memory alone: for texts that are read once.
    pub fn make(
        tokenizer: &Tokenizer,
        texts: &Texts,
        max_tokens: usize,
    ) -> Result<Self, DataError> {
        let pieces = Pieces::new(tokenizer, max_tokens)?;
        let mut all = Rows::default();
        for_each_block(&pieces, texts, &Silent, |rows| {
            all.ids.extend(rows.ids);
            all.lengths.extend(rows.lengths);
            all.word_pieces.extend(rows.word_pieces);
            Ok(())
        })?;
        let (offsets, hash) = (offsets(all.lengths.into_iter()), String::new());
        Ok(Self { offsets, ids: Ids::Owned(all.ids), word_pieces: all.word_pieces, hash })
    }

    /// Takes ids that already carry `[CLS]` and `[SEP]`, for tests.
    pub fn from_rows(rows: &[Vec<u32>], hash: &str) -> Self {
        let offsets = offsets(rows.iter().map(|row| row.len() as u32));
        let word_pieces = vec![WordPieces::default(); rows.len()];
        Self { offsets, ids: Ids::Owned(rows.concat()), word_pieces, hash: hash.to_owned() }
    }

    fn from_arena(arena: Arena, hash: String) -> Self {
        let offsets = offsets(arena.lengths().iter().copied());
        let word_pieces = arena.word_pieces();
        Self { offsets, ids: Ids::Mapped(arena), word_pieces, hash }
    }

    pub fn row(&self, text: usize) -> &[u32] {
        let ids = match &self.ids {
            Ids::Mapped(arena) => arena.ids(),
            Ids::Owned(ids) => ids,
        };
        &ids[self.offsets[text] as usize..self.offsets[text + 1] as usize]
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

    /// Names the content: hash of tokenizer, texts and maximal length. A cache key; empty for tokens
    /// that are not kept.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

fn offsets(lengths: impl Iterator<Item = u32>) -> Vec<u64> {
    let ends = lengths.scan(0, |end, length| {
        *end += u64::from(length);
        Some(*end)
    });
    std::iter::once(0).chain(ends).collect()
}

fn key(tokenizer_hash: &str, texts: &Texts, max_tokens: usize) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_derive_key("alhost 1 tokens");
    hasher.update(&FORMAT.to_le_bytes());
    hasher.update(&(max_tokens as u64).to_le_bytes());
    hasher.update(texts.hash().as_bytes());
    hasher.update(tokenizer_hash.as_bytes());
    hasher.finalize()
}

/// Tokenizes on all threads and hands the rows on in the order of the texts. Each thread keeps the
/// words that it has met, from one block to the next.
fn for_each_block(
    pieces: &Pieces,
    texts: &Texts,
    progress: &dyn Progress,
    mut each: impl FnMut(Rows) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let threads = rayon::current_num_threads();
    let mut caches: Vec<WordCache<'_>> = (0..threads).map(|_| WordCache::default()).collect();
    let all: Vec<usize> = (0..texts.len()).collect();
    for block in all.chunks(BLOCK) {
        let share = block.len().div_ceil(threads);
        let parts: Vec<Result<Rows, DataError>> = caches
            .par_iter_mut()
            .zip(block.par_chunks(share))
            .map(|(cache, part)| pieces.rows(texts, part, cache, progress))
            .collect();
        for rows in parts {
            each(rows?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
