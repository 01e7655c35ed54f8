//! The tokens that have a part in the model's input, found by their part and not by their name: BERT
//! begins a text with `[CLS]`, XLM-R with `<s>`.

use std::path::Path;

use alhost_base::Unreadable;
use tokenizers::Tokenizer;

use crate::tokenizer::config::TokenizerConfig;
use crate::tokenizer::lacks;

/// Ids of the tokens that every tokenizer of a BERT has, under whatever name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Specials {
    /// `[CLS]`.
    pub classifier: u32,
    /// `[SEP]`.
    pub separator: u32,
    /// `[PAD]`.
    pub padding: u32,
    /// `[MASK]`.
    pub mask: u32,
    /// `[UNK]`.
    pub unknown: u32,
}

impl Specials {
    /// `path` is the tokenizer's file, for the error; `padding` the token that it pads with, if it does.
    pub(crate) fn of(
        tokenizer: &Tokenizer,
        path: &Path,
        config: &TokenizerConfig,
        padding: Option<&str>,
    ) -> Result<Self, Unreadable> {
        let hint = "its post-processor must put a token before a text and one behind it, as \
                    transformers' `save_pretrained` writes it for BERT and XLM-R";
        let around = alhost_data::surroundings(tokenizer);
        let (before, after) = around.map_err(|error| {
            let problem = error.to_string();
            let problem = problem.lines().next().unwrap_or_default().to_owned();
            Unreadable::new(path, problem, hint)
        })?;
        let (Some(&classifier), Some(&separator)) = (before.first(), after.last()) else {
            return Err(Unreadable::new(path, "puts nothing around a text", hint));
        };
        let find = |role: &'static str, usual: [&str; 2], other: Option<&str>| {
            let named = config.role(role).map(|token| token.content.as_str());
            let names = named.into_iter().chain(other).chain(usual);
            let ids = names.map(|name| tokenizer.token_to_id(name));
            ids.flatten().next().ok_or_else(|| lacks(path, role, named.unwrap_or(usual[0])))
        };
        let unknown = alhost_data::unknown(tokenizer);
        Ok(Self {
            classifier,
            separator,
            padding: find("pad_token", ["[PAD]", "<pad>"], padding)?,
            mask: find("mask_token", ["[MASK]", "<mask>"], None)?,
            unknown: unknown.map_or_else(|| find("unk_token", ["[UNK]", "<unk>"], None), Ok)?,
        })
    }

    /// Whether a token stands for no part of a text. The unknown piece does stand for one.
    pub fn has_no_text(self, id: u32) -> bool {
        [self.classifier, self.separator, self.padding, self.mask].contains(&id)
    }

    /// Returns each token with the name of its role in transformers' files.
    pub(crate) fn by_role(self) -> [(&'static str, u32); 5] {
        [
            ("cls_token", self.classifier),
            ("sep_token", self.separator),
            ("pad_token", self.padding),
            ("mask_token", self.mask),
            ("unk_token", self.unknown),
        ]
    }

    pub(crate) fn ids(self) -> [u32; 5] {
        self.by_role().map(|(_, id)| id)
    }
}
