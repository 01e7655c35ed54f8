//! A checkpoint's tokenizer: `tokenizer.json`, or made from `vocab.txt` as BERT's always is.

use std::path::Path;

use serde::Deserialize;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Tokenizer};

use super::ModelError;

/// The first that a folder has is read.
pub(super) const FILES: &[&str] = &["tokenizer.json", "vocab.txt"];

/// Reads either file. Some checkpoints ask for padding or truncation in `tokenizer.json` (MiniLM
/// pads every text to 128 pieces); here that is the host's to decide, so both are switched off.
pub(super) fn read(path: &Path) -> Result<Tokenizer, ModelError> {
    let bad = |error: tokenizers::Error| ModelError::BadFile {
        path: path.to_path_buf(),
        reason: error.to_string(),
    };
    let is_vocabulary = path.extension().is_some_and(|extension| extension == "txt");
    let mut tokenizer = if is_vocabulary {
        from_vocabulary(path)?
    } else {
        Tokenizer::from_bytes(fs_err::read(path)?).map_err(bad)?
    };
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(bad)?;
    Ok(tokenizer)
}

/// Ids of the tokens that every BERT tokenizer has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Specials {
    /// [CLS].
    pub classifier: u32,
    /// [SEP].
    pub separator: u32,
    /// [PAD].
    pub padding: u32,
    /// [MASK].
    pub mask: u32,
    /// [UNK].
    pub unknown: u32,
}

impl Specials {
    /// `path` is the tokenizer's file, for the error.
    pub(super) fn of(tokenizer: &Tokenizer, path: &Path) -> Result<Self, ModelError> {
        let id = |name: &str| {
            tokenizer.token_to_id(name).ok_or_else(|| ModelError::BadFile {
                path: path.to_path_buf(),
                reason: format!("has no `{name}`"),
            })
        };
        Ok(Self {
            classifier: id("[CLS]")?,
            separator: id("[SEP]")?,
            padding: id("[PAD]")?,
            mask: id("[MASK]")?,
            unknown: id("[UNK]")?,
        })
    }

    /// Whether a token stands for no part of a text. The unknown piece does stand for one.
    pub fn has_no_text(self, id: u32) -> bool {
        [self.classifier, self.separator, self.padding, self.mask].contains(&id)
    }
}

/// The keys of `tokenizer_config.json` that change how BERT's tokenizer splits.
#[derive(Deserialize)]
#[serde(default)]
struct Casing {
    do_lower_case: bool,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: bool,
}

impl Default for Casing {
    fn default() -> Self {
        Self { do_lower_case: true, strip_accents: None, tokenize_chinese_chars: true }
    }
}

fn from_vocabulary(path: &Path) -> Result<Tokenizer, ModelError> {
    let bad = |reason: String| ModelError::BadFile { path: path.to_path_buf(), reason };
    let pieces = WordPiece::read_bytes(&fs_err::read(path)?).map_err(|e| bad(e.to_string()))?;
    let id = |piece: &str| {
        let id = pieces.get(piece).copied();
        id.map(|id| (piece.to_owned(), id)).ok_or_else(|| bad(format!("has no `{piece}`")))
    };
    let (separator, classifier) = (id("[SEP]")?, id("[CLS]")?);
    let model = WordPiece::builder()
        .vocab(pieces)
        .unk_token("[UNK]".to_owned())
        .build()
        .map_err(|e| bad(e.to_string()))?;

    let casing = read_casing(&path.with_file_name("tokenizer_config.json"))?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(BertNormalizer::new(
        true, // Control characters go.
        casing.tokenize_chinese_chars,
        casing.strip_accents,
        casing.do_lower_case,
    )));
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.with_post_processor(Some(BertProcessing::new(separator, classifier)));
    let specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    tokenizer.add_special_tokens(&specials.map(|special| AddedToken::from(special, true)));
    Ok(tokenizer)
}

fn read_casing(path: &Path) -> Result<Casing, ModelError> {
    if !path.is_file() {
        return Ok(Casing::default());
    }
    serde_json::from_str(&fs_err::read_to_string(path)?).map_err(|error| ModelError::BadFile {
        path: path.to_path_buf(),
        reason: error.to_string(),
    })
}
