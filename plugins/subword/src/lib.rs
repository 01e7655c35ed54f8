//! Subword sampling: texts whose words split into many word pieces come first.
//!
//! A tokenizer keeps frequent words whole and splits rare ones, so a text of many pieces a word is
//! one whose words were rare where the tokenizer was made. Fromme, Mirylenka, Kuhn and Bogojeska
//! (2022) rank texts "by the average amount of subword-units per word". The model is not asked, so
//! the score of a text never changes. See the crate's README for choices and departures.

#![forbid(unsafe_code)]

use alhost_plugin_api::features::WordPieces;
use alhost_plugin_api::prelude::*;

#[derive(Params)]
pub struct SubwordParams {
    /// Texts of fewer words come last. A text of one rare word beats every document otherwise.
    #[param(default = 1)]
    min_words: u32,
}

pub struct Subword {
    params: SubwordParams,
}

impl Strategy for Subword {
    type Params = SubwordParams;

    fn new(params: SubwordParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let counts = ctx.word_pieces(ctx.pool())?;
        let scores = (0..counts.len()).map(|i| score(counts.get(i), self.params.min_words));
        Ok(Selection::highest(ctx.pool(), scores, n))
    }
}

/// Pieces a word; 0, the lowest score there is, for a text of no words or too few.
fn score(counts: WordPieces, min_words: u32) -> f64 {
    if counts.words < min_words.max(1) {
        return 0.0;
    }
    f64::from(counts.pieces) / f64::from(counts.words)
}

export_strategy!(
    Subword,
    id = "subword",
    summary = "texts whose words split into many word pieces",
    citation = "Fromme, Mirylenka, Kuhn and Bogojeska 2022",
    needs = [WORD_PIECES],
);

#[cfg(test)]
mod tests {
    use alhost_plugin_api::testing::{StandIn, check_contract};
    use serde_json::Value;

    use super::*;

    #[test]
    fn it_keeps_the_contract() {
        check_contract::<Subword>("{}", &[WORD_PIECES], false);
    }

    /// Counts by the tokenizers library on 20 texts: empty, blank, one word, punctuation, Chinese,
    /// an unknown sign, a word that is too long.
    #[test]
    fn scores_agree_with_those_computed_elsewhere() {
        let golden = include_str!("../../../tests/fixtures/subword.json");
        let texts: Vec<Value> = serde_json::from_str(golden).unwrap();
        assert_eq!(texts.len(), 20);
        for text in texts {
            let count = |name: &str| text[name].as_u64().unwrap() as u32;
            let counts = WordPieces {
                words: count("n_pretok_words"),
                pieces: count("n_pieces"),
                unknown: count("n_unk"),
            };
            let expected = text["score_pretok"].as_f64().unwrap();
            assert!((score(counts, 1) - expected).abs() < 1e-12, "{text}");
        }
    }

    fn check(counts: Vec<[u32; 3]>, params: &str, expected: &[u32]) {
        let host = StandIn::new(counts.len(), 2).word_pieces(counts);
        let selection = host.select::<Subword>(params, expected.len()).unwrap();
        let got: Vec<u32> = selection.ids.iter().map(|id| id.0).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn most_pieces_a_word_first_then_by_id() {
        check(vec![[4, 4, 0], [3, 6, 0], [2, 4, 0], [5, 9, 1]], "{}", &[1, 2, 3, 0]);
    }

    #[test]
    fn a_text_without_words_comes_last() {
        check(vec![[0, 0, 0], [9, 9, 0], [0, 0, 0]], "{}", &[1, 0, 2]);
    }

    #[test]
    fn texts_below_the_least_number_of_words_come_last() {
        let counts = vec![[1, 8, 0], [20, 30, 0], [10, 12, 0]];
        check(counts.clone(), "{}", &[0, 1, 2]);
        check(counts, r#"{"min_words": 5}"#, &[1, 2, 0]);
    }
}
