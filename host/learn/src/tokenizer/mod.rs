//! A checkpoint's tokenizer, built as transformers builds it: from `tokenizer.json`, or from `vocab.txt`
//! as BERT's always is, and from what the files beside it say.
//!
//! Two things are the host's to decide. A text is neither cut nor padded here, whatever the file asks
//! for (MiniLM's pads every text to 128 pieces). And the tokens with a part in the model's input, such
//! as `[SEP]`, are text where a text has them written out; other special tokens are tokens there too,
//! as in transformers.

pub(crate) mod config;
pub(crate) mod export;
pub(crate) mod specials;

use std::path::{Path, PathBuf};

use alhost_base::{Unreadable, foreign};
use alhost_data::stranger;
use serde_json::{Value, json};
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, ModelWrapper, NormalizerWrapper, Tokenizer};

use crate::ModelError;
use crate::files::folder::{Folder, Part};
use crate::tokenizer::config::{Casing, Class, TokenizerConfig};
use crate::tokenizer::specials::Specials;

/// The first that a folder has is read.
pub(crate) const FILES: &[&str] = &["tokenizer.json", "vocab.txt"];

/// The file of a model of 250,000 pieces has 17 MB.
const MOST_BYTES: u64 = 512 << 20;

/// A tokenizer, ready for use.
pub(crate) struct Built {
    pub(crate) tokenizer: Tokenizer,
    pub(crate) specials: Specials,
    /// Names all that decides the ids of a text, whichever files it came from.
    pub(crate) hash: String,
    /// The file of the vocabulary, for messages.
    pub(crate) path: PathBuf,
}

pub(crate) fn open(folder: Folder<'_>) -> Result<Built, ModelError> {
    let path = file(folder)?;
    let config = TokenizerConfig::read(folder)?;
    match stranger::guarded(|| build(&path, config)) {
        Ok(built) => built,
        Err(problem) => Err(bad(&path, problem).into()),
    }
}

fn file(folder: Folder<'_>) -> Result<PathBuf, ModelError> {
    /// The files of `SentencePiece` itself, which hold a vocabulary but not how a text is prepared for it.
    const PIECES: [&str; 3] = ["sentencepiece.bpe.model", "spiece.model", "tokenizer.model"];
    if let Some(path) = folder.file(Part::Tokenizer) {
        return Ok(path);
    }
    if let Some(path) = PIECES.iter().map(|name| folder.0.join(name)).find(|path| path.is_file()) {
        let problem = "is a tokenizer in SentencePiece's own form, which is not read";
        let hint = "transformers makes a `tokenizer.json` of it: \
                    `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`";
        return Err(Unreadable::new(&path, problem, hint).into());
    }
    Err(ModelError::MissingFile {
        folder: folder.0.to_owned(),
        missing: "the tokenizer",
        expected: "config.json, model.safetensors or pytorch_model.bin, and tokenizer.json or \
                   vocab.txt",
    })
}

fn build(path: &Path, mut config: TokenizerConfig) -> Result<Built, ModelError> {
    let bytes = foreign::read(path, MOST_BYTES)?;
    let is_vocabulary = path.extension().is_some_and(|extension| extension == "txt");
    let mut tokenizer = if is_vocabulary {
        config.settle(config.class);
        from_vocabulary(path, &bytes, &config)?
    } else {
        let tokenizer =
            Tokenizer::from_bytes(bytes).map_err(|error| bad(path, error.to_string()))?;
        let is_bert = matches!(tokenizer.get_model(), ModelWrapper::WordPiece(_));
        config.settle(if is_bert { config.class } else { config.class.of_any_model() });
        with_casing(tokenizer, path, &config)
    };
    // Before the library looks for its padding token.
    let padding = tokenizer.get_padding().map(|padding| padding.pad_token.clone());
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|error| bad(path, error.to_string()))?;
    if let Some(problem) = stranger::problem(&tokenizer) {
        return Err(bad(path, problem).into());
    }
    add_tokens(&mut tokenizer, path, &config)?;
    let specials = Specials::of(&tokenizer, path, &config, padding.as_deref())?;
    if !config.splits_specials {
        tokenizer = with_tokens_in_texts(tokenizer, path, &config, specials)?;
    }
    let hash = hash(&tokenizer, specials);
    Ok(Built { tokenizer, specials, hash, path: path.to_owned() })
}

/// BERT's classes take casing from `tokenizer_config.json`.
fn with_casing(mut tokenizer: Tokenizer, path: &Path, config: &TokenizerConfig) -> Tokenizer {
    let (Class::Bert, Some(casing)) = (config.class, config.casing) else { return tokenizer };
    let Some(NormalizerWrapper::BertNormalizer(own)) = tokenizer.get_normalizer() else {
        return tokenizer;
    };
    if own.lowercase != casing.do_lower_case {
        tracing::warn!(
            "{}: `lowercase` is {}, but by tokenizer_config.json `do_lower_case` is {} (true where it \
             says nothing), which counts, as in transformers",
            path.display(),
            own.lowercase,
            casing.do_lower_case
        );
    }
    let normalizer = normalizer(own.clean_text, casing);
    tokenizer.with_normalizer(Some(normalizer));
    // Adds nothing, but prepares the added tokens anew: they are looked for in normalized text.
    tokenizer.add_tokens(&[]);
    tokenizer
}

fn normalizer(clean_text: bool, casing: Casing) -> BertNormalizer {
    BertNormalizer::new(
        clean_text,
        casing.tokenize_chinese_chars,
        casing.strip_accents,
        casing.do_lower_case,
    )
}

fn from_vocabulary(
    path: &Path,
    bytes: &[u8],
    config: &TokenizerConfig,
) -> Result<Tokenizer, Unreadable> {
    if config.class != Class::Bert {
        let problem = "is all there is of the tokenizer, but `tokenizer_class` is not BERT's";
        return Err(Unreadable::new(path, problem, "fetch `tokenizer.json` too"));
    }
    let pieces = vocabulary(path, bytes)?;
    let token = |role: &str| config.role(role).map_or("", |token| &token.content);
    let id = |role: &str| {
        let token = token(role);
        let id = pieces.get(token).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        id.map(|id| (token.to_owned(), id)).ok_or_else(|| lacks(path, role, token))
    };
    let (separator, classifier) = (id("sep_token")?, id("cls_token")?);
    id("unk_token")?;
    let model = json!({
        "type": "WordPiece",
        "unk_token": token("unk_token"),
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": pieces,
    });
    // By way of text: the library reads no value.
    let model: WordPiece =
        serde_json::from_str(&model.to_string()).map_err(|error| bad(path, error.to_string()))?;
    let casing = config.casing.unwrap_or(Casing {
        do_lower_case: true,
        strip_accents: None,
        tokenize_chinese_chars: true,
    });
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(normalizer(true, casing))); // Control characters go.
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.with_post_processor(Some(BertProcessing::new(separator, classifier)));
    tokenizer.with_decoder(Some(WordPieceDecoder::default()));
    Ok(tokenizer)
}

/// A piece a line, as Python reads lines: a carriage return ends one too. The later of two equal pieces
/// counts.
fn vocabulary(path: &Path, bytes: &[u8]) -> Result<serde_json::Map<String, Value>, Unreadable> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        bad(path, format!("is not text in UTF-8 (byte {})", error.valid_up_to()))
    })?;
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let pieces = text.strip_suffix('\n').unwrap_or(&text).split('\n').zip(0_u32..);
    Ok(pieces.map(|(piece, id)| (piece.to_owned(), Value::from(id))).collect())
}

/// Tokens beyond the vocabulary, in the order of transformers, which decides the ids of those that are
/// new.
fn add_tokens(
    tokenizer: &mut Tokenizer,
    path: &Path,
    config: &TokenizerConfig,
) -> Result<(), Unreadable> {
    let there = tokenizer.get_added_tokens_decoder();
    let mut added = config.added.clone();
    if config.added_yield {
        added.extend(there.iter().map(|(&id, token)| (id, token.clone())));
    }
    let mut new: Vec<AddedToken> = Vec::new();
    for mut token in added.into_values() {
        if !there.values().any(|other| *other == token) {
            token.special |= config.is_special(&token.content);
            new.push(token);
        }
    }
    let roles = config.roles.iter().map(|(role, token)| (Some(*role), token));
    for (role, token) in roles.chain(config.additional.iter().map(|token| (None, token))) {
        let mut known = there.values().chain(&new);
        if known.any(|other| other.content == token.content) {
            continue;
        }
        let is_needed = role.is_some_and(|role| role != "bos_token" && role != "eos_token");
        if is_needed && tokenizer.token_to_id(&token.content).is_none() {
            return Err(lacks(path, role.unwrap_or_default(), &token.content));
        }
        new.push(token.clone());
    }
    tokenizer.add_tokens(&new);
    Ok(())
}

/// Marks the special tokens without a part in the model's input as ordinary ones: those are looked for
/// in texts.
fn with_tokens_in_texts(
    tokenizer: Tokenizer,
    path: &Path,
    config: &TokenizerConfig,
    specials: Specials,
) -> Result<Tokenizer, Unreadable> {
    let has_part = |token: &AddedToken, id: u32| {
        let roles = &config.roles;
        specials.has_no_text(id)
            || id == specials.unknown
            || roles.iter().any(|(_, role)| role.content == token.content)
    };
    let added = tokenizer.get_added_tokens_decoder();
    if !added.iter().any(|(&id, token)| token.special && !has_part(token, id)) {
        return Ok(tokenizer);
    }
    let mut parts = parts(&tokenizer);
    for entry in parts["added_tokens"].as_array_mut().into_iter().flatten() {
        let id = entry["id"].as_u64().and_then(|id| u32::try_from(id).ok());
        if let Some((id, token)) = id.and_then(|id| Some((id, added.get(&id)?))) {
            entry["special"] = Value::from(token.special && has_part(token, id));
        }
    }
    Tokenizer::from_bytes(parts.to_string()).map_err(|error| bad(path, error.to_string()))
}

/// The tokenizer as `tokenizer.json` has it. The library's own way prints where a vocabulary leaves out
/// numbers.
pub(crate) fn parts(tokenizer: &Tokenizer) -> Value {
    let model = match tokenizer.get_model() {
        ModelWrapper::WordPiece(model) => json!({
            "type": "WordPiece",
            "unk_token": model.unk_token,
            "continuing_subword_prefix": model.continuing_subword_prefix,
            "max_input_chars_per_word": model.max_input_chars_per_word,
            "vocab": tokenizers::Model::get_vocab(model),
        }),
        other => json!(other),
    };
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": tokenizer.get_added_vocabulary(),
        "normalizer": tokenizer.get_normalizer(),
        "pre_tokenizer": tokenizer.get_pre_tokenizer(),
        "post_processor": tokenizer.get_post_processor(),
        "decoder": tokenizer.get_decoder(),
        "model": model,
    })
}

fn hash(tokenizer: &Tokenizer, specials: Specials) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("alhost 1 tokenizer as built");
    hasher.update(parts(tokenizer).to_string().as_bytes());
    for id in specials.ids() {
        hasher.update(&id.to_le_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

pub(crate) fn lacks(path: &Path, role: &str, token: &str) -> Unreadable {
    let problem = format!("has no `{token}`, the `{role}`");
    let hint = format!(
        "if the token has another name, say so in tokenizer_config.json: {{\"{role}\": \"...\"}}"
    );
    Unreadable::new(path, problem, hint)
}

fn bad(path: &Path, problem: String) -> Unreadable {
    let hint = "fetch the file again; transformers' `save_pretrained` writes one that can be read";
    Unreadable::new(path, problem, hint)
}
