//! The settings of a tokenizer in the files beside its vocabulary, read as transformers reads them
//! (`_from_pretrained` in its `tokenization_utils_base.py`; 4.46 and 5 agree on all of this).

use std::collections::BTreeMap;

use alhost_base::Unreadable;
use serde_json::Value;
use tokenizers::AddedToken;

use crate::ModelError;
use crate::files::folder::{Folder, Object, Part};

/// Tokens with a part in the model's input, in the order in which transformers adds them.
const ROLES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// The way in which a class of transformers takes the files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// Takes casing from `tokenizer_config.json`, whatever `tokenizer.json` says.
    Bert,
    XlmRoberta,
    /// Takes `tokenizer.json` as it is.
    AsItIs,
}

impl Class {
    /// The token of a role where no file names one.
    fn usual(self, role: &str) -> Option<&'static str> {
        let usual = match self {
            Self::Bert => ["", "", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"],
            Self::XlmRoberta => ["<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"],
            Self::AsItIs => return None,
        };
        let at = ROLES.iter().position(|&other| other == role)?;
        Some(usual[at]).filter(|token| !token.is_empty())
    }

    /// Returns what is left of a class for a model that is not WordPiece.
    pub(crate) fn of_any_model(self) -> Self {
        if self == Self::Bert { Self::AsItIs } else { self }
    }

    /// Finds a class by its name in transformers; `None` for the classes of other models.
    fn named(name: &str) -> Option<Self> {
        match name.strip_suffix("Fast").unwrap_or(name) {
            "BertTokenizer"
            | "DistilBertTokenizer"
            | "ElectraTokenizer"
            | "MobileBertTokenizer"
            | "ConvBertTokenizer"
            | "SqueezeBertTokenizer"
            | "LayoutLMTokenizer" => Some(Self::Bert),
            "XLMRobertaTokenizer" => Some(Self::XlmRoberta),
            "PreTrainedTokenizer" | "TokenizersBackend" => Some(Self::AsItIs),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Casing {
    pub(crate) do_lower_case: bool,
    pub(crate) strip_accents: Option<bool>,
    pub(crate) tokenize_chinese_chars: bool,
}

pub(crate) struct TokenizerConfig {
    pub(crate) class: Class,
    /// The casing; `None` where `tokenizer.json` alone decides.
    pub(crate) casing: Option<Casing>,
    /// The tokens by role, in the order of `ROLES`.
    pub(crate) roles: Vec<(&'static str, AddedToken)>,
    pub(crate) additional: Vec<AddedToken>,
    /// Tokens beyond the vocabulary, by the id that they had.
    pub(crate) added: BTreeMap<u32, AddedToken>,
    /// Whether the added tokens are from `added_tokens.json`, which yields to `tokenizer.json`.
    pub(crate) added_yield: bool,
    /// Whether special tokens that are written in a text are text.
    pub(crate) splits_specials: bool,
}

impl TokenizerConfig {
    pub(crate) fn read(folder: Folder<'_>) -> Result<Self, ModelError> {
        let own = folder.object(Part::TokenizerConfig)?;
        let config = folder.object(Part::Config)?;
        let class = class(own.as_ref(), config.as_ref())?;
        let mut read = Self {
            // The model is a BERT.
            class: class.unwrap_or(Class::Bert),
            casing: casing(own.as_ref(), folder)?,
            roles: Vec::new(),
            additional: Vec::new(),
            added: BTreeMap::new(),
            added_yield: false,
            splits_specials: false,
        };
        if let Some(own) = &own {
            read.take_roles(own)?;
            read.take_additional(own)?;
            read.splits_specials = flag(own, "split_special_tokens")?.unwrap_or(false);
        }
        match own.filter(|own| own.entries.contains_key("added_tokens_decoder")) {
            // Transformers looks at the older files only where this key is missing.
            Some(own) => read.take_decoder(&own)?,
            None => read.take_older_files(folder)?,
        }
        Ok(read)
    }

    /// Settles the class, and with it the usual token of each role that no file names.
    pub(crate) fn settle(&mut self, class: Class) {
        self.class = class;
        let mut roles = Vec::new();
        for role in ROLES {
            let usual = || class.usual(role).map(|token| AddedToken::from(token, true));
            let Some(token) = self.role(role).cloned().or_else(usual) else { continue };
            let added = self.added.values().find(|added| added.content == token.content);
            roles.push((role, added.cloned().unwrap_or(token)));
        }
        self.roles = roles;
    }

    /// The token of a role.
    pub(crate) fn role(&self, name: &str) -> Option<&AddedToken> {
        self.roles.iter().find(|(role, _)| *role == name).map(|(_, token)| token)
    }

    fn take_roles(&mut self, object: &Object) -> Result<(), Unreadable> {
        for role in ROLES {
            let Some(value) = object.entries.get(role).filter(|value| !value.is_null()) else {
                continue;
            };
            let token = token(value, Special::Yes);
            let token = token.ok_or_else(|| object.wrong(role, "a token"))?;
            self.roles.retain(|(other, _)| *other != role);
            self.roles.push((role, token));
        }
        Ok(())
    }

    fn take_additional(&mut self, object: &Object) -> Result<(), Unreadable> {
        for key in ["additional_special_tokens", "extra_special_tokens"] {
            let values: Vec<&Value> = match object.entries.get(key) {
                None | Some(Value::Null) => continue,
                Some(Value::Array(values)) => values.iter().collect(),
                Some(Value::Object(values)) => values.values().collect(),
                Some(_) => return Err(object.wrong(key, "a list of tokens")),
            };
            for value in values {
                let token = token(value, Special::Yes);
                let token = token.ok_or_else(|| object.wrong(key, "a list of tokens"))?;
                if self.additional.iter().all(|other| other.content != token.content) {
                    self.additional.push(token);
                }
            }
        }
        Ok(())
    }

    fn take_decoder(&mut self, own: &Object) -> Result<(), Unreadable> {
        let wrong = || own.wrong("added_tokens_decoder", "an object of ids and tokens");
        let decoder = own.entries.get("added_tokens_decoder").and_then(Value::as_object);
        for (id, value) in decoder.ok_or_else(wrong)? {
            let (Ok(id), Some(token)) = (id.parse(), token(value, Special::AsSaid)) else {
                return Err(wrong());
            };
            self.added.insert(id, token);
        }
        Ok(())
    }

    fn take_older_files(&mut self, folder: Folder<'_>) -> Result<(), Unreadable> {
        if let Some(map) = folder.object(Part::SpecialTokens)? {
            self.take_roles(&map)?;
            self.take_additional(&map)?;
        }
        self.added_yield = true;
        let Some(added) = folder.object(Part::AddedTokens)? else { return Ok(()) };
        for (content, id) in &added.entries {
            let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
            let id = id.ok_or_else(|| added.wrong(content, "an id"))?;
            let special = self.is_special(content);
            self.added.insert(id, AddedToken::from(content.clone(), special));
        }
        Ok(())
    }

    pub(crate) fn is_special(&self, content: &str) -> bool {
        let roles = self.roles.iter().map(|(_, token)| token);
        roles.chain(&self.additional).any(|token| token.content == content)
    }
}

fn class(own: Option<&Object>, config: Option<&Object>) -> Result<Option<Class>, Unreadable> {
    for object in [own, config].into_iter().flatten() {
        let name = match object.entries.get("tokenizer_class") {
            None | Some(Value::Null) => continue,
            Some(name) => name.as_str(),
        };
        let name = name.ok_or_else(|| object.wrong("tokenizer_class", "a name"))?;
        return Class::named(name).map(Some).ok_or_else(|| {
            Unreadable::new(
                &object.path,
                format!("`tokenizer_class` `{name}` is not supported"),
                "encoders with the tokenizer of BERT or of XLM-R can be used; if `tokenizer.json` is \
                 that of one, set `tokenizer_class` to `PreTrainedTokenizerFast`",
            )
        });
    }
    Ok(None)
}

fn casing(own: Option<&Object>, folder: Folder<'_>) -> Result<Option<Casing>, Unreadable> {
    let usual = Casing { do_lower_case: true, strip_accents: None, tokenize_chinese_chars: true };
    let Some(own) = own else {
        // Classifiers that alhost 0.1 wrote first have `tokenizer.json` as it was used, and no config.
        return Ok(folder.file(Part::Classifier).is_none().then_some(usual));
    };
    Ok(Some(Casing {
        do_lower_case: flag(own, "do_lower_case")?.unwrap_or(usual.do_lower_case),
        strip_accents: flag(own, "strip_accents")?,
        tokenize_chinese_chars: flag(own, "tokenize_chinese_chars")?
            .unwrap_or(usual.tokenize_chinese_chars),
    }))
}

fn flag(object: &Object, key: &str) -> Result<Option<bool>, Unreadable> {
    match object.entries.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(object.wrong(key, "true or false")),
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Special {
    Yes,
    AsSaid,
}

/// A token as a string, or with its flags.
fn token(value: &Value, special: Special) -> Option<AddedToken> {
    if let Some(content) = value.as_str() {
        return Some(AddedToken::from(content, special == Special::Yes));
    }
    let flag = |key: &str| value[key].as_bool();
    let special = special == Special::Yes || flag("special").unwrap_or(false);
    let token = AddedToken::from(value["content"].as_str()?, special)
        .single_word(flag("single_word").unwrap_or(false))
        .lstrip(flag("lstrip").unwrap_or(false))
        .rstrip(flag("rstrip").unwrap_or(false));
    Some(token.normalized(flag("normalized").unwrap_or(!special)))
}
