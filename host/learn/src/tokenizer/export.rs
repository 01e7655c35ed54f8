//! A tokenizer as files that other programs read as we do: transformers 4.46 and 5 give the ids that the
//! model was trained on.

use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::{ModelWrapper, NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

use crate::ModelError;
use crate::tokenizer::parts;
use crate::tokenizer::specials::Specials;

/// Writes `tokenizer.json`, which has all of the tokenizer, and `tokenizer_config.json`, without which
/// transformers would change its casing. `max_tokens` is where texts were cut.
pub(crate) fn write(
    tokenizer: &Tokenizer,
    specials: Specials,
    max_tokens: usize,
    folder: &Path,
) -> Result<(), ModelError> {
    let parts = parts(tokenizer);
    let config = config(tokenizer, specials, &parts, max_tokens);
    for (name, value) in [("tokenizer.json", parts), ("tokenizer_config.json", config)] {
        fs_err::write(folder.join(name), format!("{value:#}\n"))?;
    }
    Ok(())
}

fn config(tokenizer: &Tokenizer, specials: Specials, parts: &Value, max_tokens: usize) -> Value {
    let mut config = Map::new();
    let is_plain = is_plain(tokenizer, specials);
    // The other class takes `tokenizer.json` as it is; BERT's makes most of it anew.
    let class = if is_plain { "BertTokenizer" } else { "PreTrainedTokenizerFast" };
    config.insert("tokenizer_class".to_owned(), json!(class));
    config.insert("model_max_length".to_owned(), json!(max_tokens));
    config.insert("clean_up_tokenization_spaces".to_owned(), json!(true));
    // A `[SEP]` that stands in a text is text, as it was in training.
    config.insert("split_special_tokens".to_owned(), json!(true));
    for (role, id) in specials.by_role() {
        config.insert(role.to_owned(), json!(tokenizer.id_to_token(id)));
    }
    if let Some(NormalizerWrapper::BertNormalizer(normalizer)) = tokenizer.get_normalizer() {
        config.insert("do_lower_case".to_owned(), json!(normalizer.lowercase));
        config.insert("strip_accents".to_owned(), json!(normalizer.strip_accents));
        let chinese = normalizer.handle_chinese_chars;
        config.insert("tokenize_chinese_chars".to_owned(), json!(chinese));
    }
    let mut decoder = Map::new();
    for entry in parts["added_tokens"].as_array().into_iter().flatten() {
        let mut token = entry.clone();
        if let Some(id) = token.as_object_mut().and_then(|token| token.remove("id")) {
            decoder.insert(id.to_string(), token);
        }
    }
    config.insert("added_tokens_decoder".to_owned(), Value::Object(decoder));
    Value::Object(config)
}

/// Whether the tokenizer is what transformers' `BertTokenizer` makes of a vocabulary.
fn is_plain(tokenizer: &Tokenizer, specials: Specials) -> bool {
    let model = match tokenizer.get_model() {
        ModelWrapper::WordPiece(model) => {
            model.continuing_subword_prefix == "##" && model.max_input_chars_per_word == 100
        }
        _ => false,
    };
    let normalizer = match tokenizer.get_normalizer() {
        Some(NormalizerWrapper::BertNormalizer(normalizer)) => normalizer.clean_text,
        _ => false,
    };
    let pre_tokenizer =
        matches!(tokenizer.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_)));
    let around = alhost_data::surroundings(tokenizer).ok();
    let around = around == Some((vec![specials.classifier], vec![specials.separator]));
    let added = tokenizer.get_added_tokens_decoder();
    let added = added.keys().all(|id| specials.ids().contains(id));
    model && normalizer && pre_tokenizer && around && added
}
