//! Tokenizers of strangers: what they may do to a text is bounded, and what goes wrong in them is an
//! error of the text.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokenizers::{ModelWrapper, NormalizerWrapper, Tokenizer};

/// The most times its length that a text may grow to before it is cut into pieces. The normalizer
/// of XLM-R writes one character in up to 11 times its bytes.
const MOST_GROWTH: u64 = 256;

/// Bytes that a text may become.
const MOST_BYTES: u64 = 1 << 30;

/// Letters of a word that is looked up piece by piece, which takes time with their square. BERT has 100.
const MOST_LETTERS: usize = 1000;

thread_local!(static GUARDED: Cell<bool> = const { Cell::new(false) });

/// Runs code of the tokenizers' library on a stranger's tokenizer. It answers some of what such a file
/// can ask for with a panic: a regular expression that takes too many steps, parts that do not fit.
pub fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                usual(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let ran = catch_unwind(AssertUnwindSafe(run));
    GUARDED.set(outer);
    ran.map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        text.unwrap_or("the tokenizer gave up").to_owned()
    })
}

/// Says what speaks against a tokenizer before it has seen a text.
pub fn problem(tokenizer: &Tokenizer) -> Option<String> {
    let growth = growth(tokenizer);
    if growth > MOST_GROWTH {
        return Some(format!(
            "its normalizer can make a text {growth} times as long, and at most {MOST_GROWTH} times \
             is allowed"
        ));
    }
    match tokenizer.get_model() {
        ModelWrapper::WordPiece(model) if model.max_input_chars_per_word > MOST_LETTERS => {
            Some(format!(
                "`max_input_chars_per_word` is {}, and at most {MOST_LETTERS} is allowed",
                model.max_input_chars_per_word
            ))
        }
        _ => None,
    }
}

/// Says what speaks against a text of so many bytes.
pub fn too_long(bytes: usize, growth: u64) -> Option<String> {
    let grown = (bytes as u64).saturating_mul(growth);
    (grown > MOST_BYTES).then(|| {
        format!(
            "it has {bytes} bytes, which the tokenizer's normalizer can make {grown} of; at most \
             {MOST_BYTES} are allowed"
        )
    })
}

/// Returns the most bytes that the normalizer can make of one. What is bounded by Unicode itself
/// (case, decomposition, spaces around ideographs) is not counted.
pub fn growth(tokenizer: &Tokenizer) -> u64 {
    tokenizer.get_normalizer().map_or(1, growth_of)
}

fn growth_of(normalizer: &NormalizerWrapper) -> u64 {
    match normalizer {
        NormalizerWrapper::Sequence(all) => {
            all.as_ref().iter().map(growth_of).fold(1, u64::saturating_mul)
        }
        // Behind each letter too, where the pattern matches nothing.
        NormalizerWrapper::Replace(replace) => 1 + replace.content.len() as u64,
        NormalizerWrapper::Prepend(prepend) => 1 + prepend.prepend.len() as u64,
        NormalizerWrapper::Precompiled(map) => {
            let map = serde_json::to_value(map).unwrap_or_default();
            longest_rule(map["precompiled_charsmap"].as_str().unwrap_or(""))
        }
        _ => 1,
    }
}

/// Returns the most bytes that a rule of `SentencePiece`'s character map writes. The map, in
/// base64: the length of a trie (u32), the trie, and what its leaves point into: texts that end
/// with a NUL.
fn longest_rule(map: &str) -> u64 {
    // The tokenizers' library refuses what is no base64 before this is asked.
    let bytes = STANDARD.decode(map).unwrap_or_default();
    let Some((length, rest)) = bytes.split_first_chunk() else { return 1 };
    let texts = rest.get(u32::from_le_bytes(*length) as usize..).unwrap_or(rest);
    texts.split(|&byte| byte == 0).map(|text| text.len() as u64).max().unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokenizers::models::wordpiece::WordPiece;

    use super::*;

    fn check(normalizer: serde_json::Value, expected: u64) {
        let mut tokenizer = Tokenizer::new(WordPiece::default());
        let normalizer: NormalizerWrapper = serde_json::from_value(normalizer).unwrap();
        tokenizer.with_normalizer(Some(normalizer));
        assert_eq!(growth(&tokenizer), expected);
        assert_eq!(problem(&tokenizer).is_some(), expected > MOST_GROWTH);
    }

    #[test]
    fn a_normalizer_is_judged_by_the_most_it_can_write() {
        let replace = |content: &str| json!({"type": "Replace", "pattern": {"Regex": ""}, "content": content});
        let ten = replace("xxxxxxxxx");
        check(json!({"type": "NFKC"}), 1);
        check(replace(" "), 2);
        check(json!({"type": "Sequence", "normalizers": [ten, ten]}), 100);
        check(json!({"type": "Sequence", "normalizers": [ten, ten, ten, ten]}), 10_000);
        check(json!({"type": "Prepend", "prepend": "x".repeat(1000)}), 1001);
    }

    #[test]
    fn a_character_map_is_judged_by_its_longest_rule() {
        // A trie of 4 bytes, then `ab`, `xyz`.
        assert_eq!(longest_rule("BAAAAAAAAABhYgB4eXoA"), 3);
        assert_eq!(longest_rule(""), 1);
        assert_eq!(longest_rule("?"), 1);
    }

    #[test]
    fn a_panic_is_told_and_nothing_is_lost_by_it() {
        assert_eq!(guarded(|| 1), Ok(1));
        let told = guarded(|| -> u32 { panic!("regular expression: {}", 2) });
        assert_eq!(told, Err("regular expression: 2".to_owned()));
        assert_eq!(guarded(|| 3), Ok(3));
    }

    #[test]
    fn a_text_is_bounded_with_what_it_can_become() {
        assert_eq!(too_long(200 << 20, 1), None);
        assert!(too_long(200 << 20, 200).is_some());
    }
}
