//! Cuts texts into word pieces, with the words of a corpus tokenized once each.

use std::collections::HashMap;

use alhost_base::progress::Progress;
use tokenizers::{Model, ModelWrapper, NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

use super::error::DataError;
use super::stranger;
use super::texts::Texts;
use super::tokens::WordPieces;

/// A tokenizer made ready: whole texts, special strings taken as text, `[CLS]` and `[SEP]` known.
pub(super) struct Pieces {
    tokenizer: Tokenizer,
    /// Tokens before and behind the pieces of a text: `[CLS]` and `[SEP]`.
    before: Vec<u32>,
    after: Vec<u32>,
    unknown: Option<u32>,
    /// Pieces kept of a text.
    room: usize,
    /// Whether the pieces of a text are those of its `words`.
    by_words: bool,
    /// Whether the tokenizer cuts a text into words; else they are counted at white space.
    knows_words: bool,
    /// The most bytes that its normalizer can make of one.
    growth: u64,
}

/// Tokens of some texts, back to back.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) ids: Vec<u32>,
    pub(super) lengths: Vec<u32>,
    pub(super) word_pieces: Vec<WordPieces>,
}

/// The pieces of words already met. The words are lent by the texts.
#[derive(Default)]
pub(super) struct WordCache<'t> {
    words: HashMap<&'t str, Known>,
    pieces: Vec<u32>,
}

/// A word's pieces: `pieces[start..start + counts.pieces]` of the cache.
#[derive(Clone, Copy)]
struct Known {
    start: u32,
    counts: WordPieces,
}

/// Words that one cache holds; about 15 MB. Later words are tokenized each time they occur.
const CACHED_WORDS: usize = 1 << 18;

impl Pieces {
    pub(super) fn new(tokenizer: &Tokenizer, max_tokens: usize) -> Result<Self, DataError> {
        let mut tokenizer = tokenizer.clone();
        tokenizer.with_truncation(None).map_err(|error| told(&error))?;
        tokenizer.with_padding(None);
        // Else a `[SEP]` that stands in a text would be the special token.
        tokenizer.set_encode_special_tokens(true);
        let (before, after) = surroundings(&tokenizer)?;
        let room = max_tokens.saturating_sub(before.len() + after.len());
        if room == 0 {
            return Err(DataError::MaxTokens { max_tokens });
        }
        let unknown = unknown(&tokenizer);
        let by_words = splits_into_words(&tokenizer);
        let knows_words = tokenizer.get_pre_tokenizer().is_some_and(cuts_into_words);
        let growth = stranger::growth(&tokenizer);
        Ok(Self { tokenizer, before, after, unknown, room, by_words, knows_words, growth })
    }

    /// Returns the tokens of `texts` at the places in `part`.
    pub(super) fn rows<'t>(
        &self,
        texts: &'t Texts,
        part: &[usize],
        cache: &mut WordCache<'t>,
        progress: &dyn Progress,
    ) -> Result<Rows, DataError> {
        /// Texts between two reports of progress.
        const STEP: usize = 256;
        let mut rows = Rows::default();
        for step in part.chunks(STEP) {
            for &text in step {
                self.push_guarded((text, texts.get(text)), cache, &mut rows)?;
            }
            progress.advance(step.len() as u64);
        }
        Ok(rows)
    }

    /// Appends the tokens of a text. What a tokenizer cannot do with a text, or should not be asked
    /// to, is an error of that text.
    fn push_guarded<'t>(
        &self,
        (row, text): (usize, &'t str),
        cache: &mut WordCache<'t>,
        rows: &mut Rows,
    ) -> Result<(), DataError> {
        let failed = |problem| {
            let start = text.chars().take(40).collect();
            DataError::Text { row, start, problem }
        };
        if let Some(problem) = stranger::too_long(text.len(), self.growth) {
            return Err(failed(problem));
        }
        match stranger::guarded(|| self.push(text, cache, rows)) {
            Ok(Err(DataError::Tokenizer { problem })) | Err(problem) => Err(failed(problem)),
            Ok(pushed) => pushed,
        }
    }

    fn push<'t>(
        &self,
        text: &'t str,
        cache: &mut WordCache<'t>,
        rows: &mut Rows,
    ) -> Result<(), DataError> {
        let start = rows.ids.len();
        rows.ids.extend(&self.before);
        let end = rows.ids.len() + self.room;
        let mut sum = WordPieces::default();
        let mut add = |ids: &[u32], counts: WordPieces| {
            let kept = ids.len().min(end - rows.ids.len());
            rows.ids.extend(&ids[..kept]);
            sum.words += counts.words;
            sum.pieces += counts.pieces;
            sum.unknown += counts.unknown;
        };
        if self.by_words {
            for word in words(text) {
                if let Some(known) = cache.words.get(word) {
                    let first = known.start as usize;
                    add(&cache.pieces[first..first + known.counts.pieces as usize], known.counts);
                    continue;
                }
                let (ids, counts) = self.encode(word)?;
                add(&ids, counts);
                if cache.words.len() < CACHED_WORDS {
                    let start = cache.pieces.len() as u32;
                    cache.words.insert(word, Known { start, counts });
                    cache.pieces.extend(ids);
                }
            }
        } else {
            let (ids, counts) = self.encode(text)?;
            add(&ids, counts);
        }
        rows.ids.extend(&self.after);
        rows.lengths.push((rows.ids.len() - start) as u32);
        rows.word_pieces.push(sum);
        Ok(())
    }

    fn encode(&self, text: &str) -> Result<(Vec<u32>, WordPieces), DataError> {
        let encoding = self.tokenizer.encode(text, false).map_err(|error| told(&error))?;
        let ids = encoding.get_ids().to_vec();
        let mut words = 0;
        let mut last = None;
        // Pieces of one pre-token word stand together and share its number.
        for &word in encoding.get_word_ids() {
            words += u32::from(word != last || word.is_none());
            last = word;
        }
        if !self.knows_words {
            words = text.split_whitespace().count() as u32;
        }
        let unknown = ids.iter().filter(|&&id| Some(id) == self.unknown).count() as u32;
        let counts = WordPieces { words, pieces: ids.len() as u32, unknown };
        Ok((ids, counts))
    }
}

/// The text cut at white space, and before and behind ASCII punctuation: BERT's pre-tokenizer cuts
/// there too, so that no piece reaches over a cut.
///
/// Other white space is left to the tokenizer: BERT's normalizer removes vertical tabs and form
/// feeds as control characters, which joins the words beside them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_mark = |c: char| c.is_ascii_punctuation();
    text.split([' ', '\t', '\n', '\r'])
        .flat_map(move |part| part.split_inclusive(is_mark))
        .flat_map(move |part| {
            let (word, mark) = part.split_at(part.len() - usize::from(part.ends_with(is_mark)));
            [word, mark]
        })
        .filter(|word| !word.is_empty())
}

/// Whether a text may be tokenized word by word. True for BERT's pipeline: its normalizer works
/// character by character (canonical reordering of accents does not cross a space or a mark), and
/// only an added token could reach over a cut.
fn splits_into_words(tokenizer: &Tokenizer) -> bool {
    let normalizer =
        matches!(tokenizer.get_normalizer(), None | Some(NormalizerWrapper::BertNormalizer(_)));
    let pre_tokenizer =
        matches!(tokenizer.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_)));
    // Special ones are taken as text, see `Pieces::new`.
    let mut added = tokenizer.get_added_vocabulary().get_added_tokens_decoder().values();
    normalizer && pre_tokenizer && added.all(|token| token.special)
}

/// Whether pieces of one pre-token word are pieces of one word of the text. Some tokenizers only mark the
/// spaces, and leave the text in one piece.
fn cuts_into_words(pre_tokenizer: &PreTokenizerWrapper) -> bool {
    match pre_tokenizer {
        PreTokenizerWrapper::Metaspace(metaspace) => metaspace.split,
        PreTokenizerWrapper::ByteLevel(byte_level) => byte_level.use_regex,
        PreTokenizerWrapper::Sequence(all) => all.as_ref().iter().any(cuts_into_words),
        PreTokenizerWrapper::Digits(_) | PreTokenizerWrapper::FixedLength(_) => false,
        _ => true,
    }
}

/// The piece that stands for what the vocabulary does not have.
pub fn unknown(tokenizer: &Tokenizer) -> Option<u32> {
    /// Unicode promises that this is never a character.
    const NO_CHARACTER: &str = "\u{10ffff}";
    let token = match tokenizer.get_model() {
        ModelWrapper::WordPiece(model) => Some(model.unk_token.clone()),
        ModelWrapper::WordLevel(model) => Some(model.unk_token.clone()),
        ModelWrapper::BPE(model) => model.unk_token.clone(),
        // The number of its unknown piece is not public.
        ModelWrapper::Unigram(model) => {
            let pieces = model.tokenize(NO_CHARACTER).ok()?;
            return if pieces.len() == 1 { pieces.first().map(|piece| piece.id) } else { None };
        }
    };
    tokenizer.token_to_id(&token?)
}

/// Returns what the tokenizer puts before and behind a text, seen on a text of one letter.
pub fn surroundings(tokenizer: &Tokenizer) -> Result<(Vec<u32>, Vec<u32>), DataError> {
    let encode = |with: bool| {
        let encoded = stranger::guarded(|| tokenizer.encode("a", with));
        let encoded = encoded.map_err(|problem| DataError::Tokenizer { problem })?;
        Ok::<Vec<u32>, DataError>(encoded.map_err(|error| told(&error))?.get_ids().to_vec())
    };
    let (bare, whole) = (encode(false)?, encode(true)?);
    let place = whole.windows(bare.len().max(1)).position(|window| window == bare);
    match place {
        Some(start) if start > 0 && start + bare.len() < whole.len() => {
            Ok((whole[..start].to_vec(), whole[start + bare.len()..].to_vec()))
        }
        _ => Err(DataError::Tokenizer {
            problem: "it does not put [CLS] before a text and [SEP] behind it".to_owned(),
        }),
    }
}

fn told(error: &tokenizers::Error) -> DataError {
    DataError::Tokenizer { problem: error.to_string() }
}
