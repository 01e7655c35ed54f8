//! Tokenizers as transformers has them: ids of hostile texts for each way in which a checkpoint's files
//! can describe one, before and after an export; and what is refused.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use alhost::data::{Texts, Tokens};
use alhost::learn::{Checkpoint, Learner, Places, device};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::workspace;

/// `tests/tools/tokenizer_golden.py` makes it.
#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    contents: Vec<Value>,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    /// The place in `contents` of each file, by its name.
    files: BTreeMap<String, usize>,
    /// The token ids of each text.
    ids: Vec<Vec<u32>>,
}

fn golden() -> Golden {
    let path = workspace().join("tests/fixtures/tokenizers.json");
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

/// A checkpoint with these files as its tokenizer; weights and configuration are the tiny BERT's, which
/// has 154 words, more than any of these.
fn checkpoint(files: impl IntoIterator<Item = (String, Value)>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tiny = workspace().join("tests/fixtures/tiny-bert-mlm");
    for file in ["config.json", "model.safetensors"] {
        fs_err::copy(tiny.join(file), folder.path().join(file)).unwrap();
    }
    for (name, content) in files {
        write(folder.path(), &name, &content);
    }
    folder
}

fn write(folder: &Path, name: &str, content: &Value) {
    let text = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
    fs_err::write(folder.join(name), text).unwrap();
}

impl Golden {
    fn checkpoint(&self, name: &str) -> TempDir {
        let files = self.cases[name].files.iter();
        checkpoint(files.map(|(name, &place)| (name.clone(), self.contents[place].clone())))
    }
}

fn open(folder: &Path) -> Checkpoint {
    Checkpoint::open(folder.to_str().unwrap(), &Places::default()).unwrap()
}

fn refused(folder: &Path, expected: &[&str]) {
    let error = Checkpoint::open(folder.to_str().unwrap(), &Places::default()).err().unwrap();
    let message = error.to_string();
    for expected in expected.iter().chain(&["hint: ", folder.to_str().unwrap()]) {
        assert!(message.contains(expected), "no `{expected}` in:\n{message}");
    }
}

fn ids(checkpoint: &Checkpoint, texts: &[impl AsRef<str>]) -> Vec<Vec<u32>> {
    let mut all = Texts::default();
    for text in texts {
        all.push(text.as_ref());
    }
    let tokens = Tokens::make(&checkpoint.tokenizer, &all, 512).unwrap();
    (0..tokens.len()).map(|row| tokens.row(row).to_vec()).collect()
}

fn export(checkpoint: &Checkpoint) -> TempDir {
    let config = alhost::config::ModelConfig { max_tokens: 64, ..Default::default() };
    let folder = tempfile::tempdir().unwrap();
    let device = device::open("cpu").unwrap();
    let learner = Learner::new(checkpoint, &config, 2, device, folder.path()).unwrap();
    learner.export(checkpoint, folder.path()).unwrap();
    folder
}

#[test]
fn ids_are_those_of_transformers() {
    let golden = golden();
    for (name, case) in &golden.cases {
        let folder = golden.checkpoint(name);
        let made = ids(&open(folder.path()), &golden.texts);
        for ((made, expected), text) in made.iter().zip(&case.ids).zip(&golden.texts) {
            assert_eq!(made, expected, "{name}: {text:?}");
        }
    }
}

#[test]
fn an_export_is_the_same_tokenizer_and_so_is_its_own() {
    let golden = golden();
    for (name, case) in &golden.cases {
        let original = open(golden.checkpoint(name).path());
        let once = export(&original);
        let read = open(once.path());
        assert_eq!(ids(&read, &golden.texts), case.ids, "{name}");
        let hashes = [&original.tokenizer_hash, &read.tokenizer_hash];
        assert_eq!(hashes[0], hashes[1], "{name}");
        assert_eq!(original.specials, read.specials, "{name}");
        let twice = export(&read);
        for file in ["tokenizer.json", "tokenizer_config.json", "config.json", "model.safetensors"]
        {
            let read = |folder: &TempDir| fs_err::read(folder.path().join(file)).unwrap();
            assert!(read(&once) == read(&twice), "{name}: {file}");
        }
    }
}

/// Runs where `ALHOST_PYTHON` (or `python3`) has transformers; several interpreters are separated
/// by colons.
#[test]
fn transformers_reads_an_export_as_we_do() {
    let golden = golden();
    let folders: Vec<TempDir> =
        golden.cases.keys().map(|name| export(&open(golden.checkpoint(name).path()))).collect();
    // Those with a part in the input are text in a text.
    let mut texts = golden.texts.clone();
    texts.extend(["[SEP] [CLS]the[MASK] [PAD].", "<s> the</s><mask>"].map(str::to_owned));
    let expected: Vec<_> = folders.iter().map(|folder| ids(&open(folder.path()), &texts)).collect();
    let paths: Vec<&Path> = folders.iter().map(TempDir::path).collect();
    let asked = json!({ "folders": paths, "texts": texts }).to_string();
    #[expect(clippy::disallowed_methods, reason = "which interpreters to try, for those who ask")]
    let pythons = std::env::var("ALHOST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    for python in pythons.split(':') {
        let Some(answer) = transformers(python, &asked) else {
            eprintln!("did nothing: {python} has no transformers (set ALHOST_PYTHON)");
            continue;
        };
        for ((name, expected), place) in golden.cases.keys().zip(&expected).zip(0..) {
            let version = &answer["version"];
            let told: Vec<Vec<u32>> = serde_json::from_value(answer["ids"][place].clone()).unwrap();
            for ((told, expected), text) in told.iter().zip(expected).zip(&texts) {
                assert_eq!(told, expected, "{name} by {version}: {text:?}");
            }
        }
    }
}

fn transformers(python: &str, asked: &str) -> Option<Value> {
    let has = Command::new(python).args(["-c", "import transformers, numpy"]).output();
    if !has.is_ok_and(|has| has.status.success()) {
        return None;
    }
    let mut child = Command::new(python)
        .arg(workspace().join("tests/tools/transformers_ids.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{python} cannot read an export");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Returns case, file and new content.
fn changes_of_ids(golden: &Golden) -> Vec<(&'static str, &'static str, Value)> {
    let url = json!({"<url>": 69});
    let additional = json!({"additional_special_tokens": ["the"]});
    vec![
        ("vocab-uncased", "tokenizer_config.json", json!({"do_lower_case": false})),
        ("vocab-uncased", "tokenizer_config.json", json!({"strip_accents": false})),
        ("vocab-uncased", "tokenizer_config.json", additional.clone()),
        ("vocab-alone", "tokenizer_config.json", json!({"do_lower_case": false})),
        ("vocab-alone", "added_tokens.json", url.clone()),
        ("vocab-alone", "special_tokens_map.json", additional.clone()),
        ("vocab-alone", "special_tokens_map.json", json!({"pad_token": "[unused0]"})),
        ("vocab-alone", "vocab.txt", json!("[PAD]\n[CLS]\n[SEP]\n[UNK]\n[MASK]\nthe\n")),
        (
            "vocab-alone",
            "tokenizer.json",
            golden.contents[golden.cases["json-alone"].files["tokenizer.json"]].clone(),
        ),
        ("json-alone", "tokenizer_config.json", json!({"do_lower_case": false})),
        ("json-alone", "added_tokens.json", url),
        ("json-alone", "special_tokens_map.json", additional),
        ("json-cased", "tokenizer_config.json", json!({"do_lower_case": true})),
        ("json-cased-alone", "config.json", Value::Null),
    ]
}

#[test]
fn each_file_that_changes_ids_changes_the_hash_and_is_listed() {
    let golden = golden();
    for (name, file, content) in changes_of_ids(&golden) {
        let folder = golden.checkpoint(name);
        let path = folder.path().join(file);
        let content = if file == "config.json" {
            let text = fs_err::read_to_string(&path).unwrap();
            let mut config: Value = serde_json::from_str(&text).unwrap();
            config["tokenizer_class"] = json!("PreTrainedTokenizerFast");
            config
        } else {
            content
        };
        let before = open(folder.path()).tokenizer_hash;
        write(folder.path(), file, &content);
        let name_of_folder = folder.path().to_str().unwrap();
        let places = Places::default();
        assert_ne!(open(folder.path()).tokenizer_hash, before, "{name}: {file} {content}");
        let alone = Checkpoint::tokenizer_of(name_of_folder, &places).unwrap().1;
        assert_eq!(alone, open(folder.path()).tokenizer_hash);
        let listed = Checkpoint::files(name_of_folder, &places);
        assert!(listed.contains(&path), "{name}: {} is not in {listed:?}", path.display());
    }
    // And one that changes nothing does not.
    let folder = golden.checkpoint("vocab-uncased");
    let before = open(folder.path()).tokenizer_hash;
    write(folder.path(), "tokenizer_config.json", &json!({"do_lower_case": true, "by": "me"}));
    assert_eq!(open(folder.path()).tokenizer_hash, before);
}

#[test]
fn words_and_unknown_pieces_are_counted_for_each_kind_of_tokenizer() {
    let golden = golden();
    let check = |name: &str, change: fn(&mut Value), expected: [u32; 3]| {
        let folder = golden.checkpoint(name);
        let path = folder.path().join("tokenizer.json");
        if path.exists() {
            let mut tokenizer =
                serde_json::from_str(&fs_err::read_to_string(&path).unwrap()).unwrap();
            change(&mut tokenizer);
            write(folder.path(), "tokenizer.json", &tokenizer);
        }
        let mut texts = Texts::default();
        texts.push("the cat  sat on zzz");
        let tokens = Tokens::make(&open(folder.path()).tokenizer, &texts, 64).unwrap();
        let counts = tokens.word_pieces(0);
        assert_eq!([counts.words, counts.pieces, counts.unknown], expected, "{name}");
    };
    check("vocab-alone", |_| (), [5, 5, 1]);
    check("vocab-added", |_| (), [5, 5, 1]);
    check("xlm-roberta", |_| (), [5, 6, 1]);
    // One that marks the spaces only.
    let whole = |tokenizer: &mut Value| {
        tokenizer["pre_tokenizer"] = json!({"type": "Metaspace", "replacement": "▁",
            "prepend_scheme": "always", "split": false});
    };
    check("xlm-roberta", whole, [5, 7, 1]);
}

#[test]
fn a_tokenizer_of_another_model_is_refused_by_name() {
    for name in ["RobertaTokenizer", "GPT2TokenizerFast", "T5Tokenizer", "BertJapaneseTokenizer"] {
        let golden = golden();
        for file in ["tokenizer_config.json", "config.json"] {
            let folder = golden.checkpoint("json-alone");
            let path = folder.path().join(file);
            let text = fs_err::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
            let mut config: Value = serde_json::from_str(&text).unwrap();
            config["tokenizer_class"] = json!(name);
            write(folder.path(), file, &config);
            refused(folder.path(), &[file, &format!("`tokenizer_class` `{name}`")]);
        }
    }
}

#[test]
fn a_role_that_no_token_has_is_named() {
    let golden = golden();
    let check = |role: &str| {
        let folder = golden.checkpoint("vocab-alone");
        write(folder.path(), "tokenizer_config.json", &json!({role: "[NONE]"}));
        refused(folder.path(), &["vocab.txt", &format!("has no `[NONE]`, the `{role}`")]);
    };
    ["cls_token", "sep_token", "pad_token", "mask_token", "unk_token"].into_iter().for_each(check);
}

#[test]
fn files_beside_the_vocabulary_that_hold_something_else_are_named() {
    let golden = golden();
    let check = |file: &str, content: Value, expected: &str| {
        let folder = golden.checkpoint("vocab-alone");
        write(folder.path(), file, &content);
        refused(folder.path(), &[file, expected]);
    };
    check("tokenizer_config.json", json!("{"), "no object in JSON");
    check("tokenizer_config.json", json!([1]), "no object in JSON");
    check("tokenizer_config.json", json!({"do_lower_case": "no"}), "`do_lower_case` is \"no\"");
    check("tokenizer_config.json", json!({"cls_token": 7}), "`cls_token` is 7");
    check("tokenizer_config.json", json!({"added_tokens_decoder": []}), "`added_tokens_decoder`");
    check("added_tokens.json", json!({"<url>": "x"}), "`<url>` is \"x\"");
    check("special_tokens_map.json", json!({"additional_special_tokens": 3}), "a list of tokens");
    check("added_tokens.json", json!("version https://git-lfs.github.com/spec/v1\n"), "git-lfs");
    let folder = checkpoint([]);
    write(folder.path(), "sentencepiece.bpe.model", &json!("x"));
    refused(folder.path(), &["sentencepiece.bpe.model", "save_pretrained"]);
}

/// `tokenizer.json` of the tiny BERT, changed.
fn changed(change: impl Fn(&mut Value)) -> TempDir {
    let golden = golden();
    let folder = golden.checkpoint("json-alone");
    let path = folder.path().join("tokenizer.json");
    let mut tokenizer = serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
    change(&mut tokenizer);
    write(folder.path(), "tokenizer.json", &tokenizer);
    folder
}

#[test]
fn a_tokenizer_that_would_never_end_or_eat_all_memory_is_refused() {
    let ten = json!({"type": "Replace", "pattern": {"Regex": "a"}, "content": "aaaaaaaaa"});
    let grows = json!({"type": "Sequence", "normalizers": vec![ten; 9]});
    let folder = changed(|tokenizer| tokenizer["normalizer"] = grows.clone());
    refused(folder.path(), &["tokenizer.json", "times as long"]);
    let folder = changed(|tokenizer| {
        tokenizer["model"]["max_input_chars_per_word"] = json!(1_000_000_000);
    });
    refused(folder.path(), &["tokenizer.json", "max_input_chars_per_word"]);
    let folder = changed(|tokenizer| tokenizer["post_processor"] = Value::Null);
    refused(folder.path(), &["tokenizer.json", "[CLS]", "post-processor"]);

    // A regular expression is hard for some texts only.
    let hard = json!({"type": "Split", "pattern": {"Regex": "(a|a|aa)+$"}, "behavior": "Isolated",
        "invert": false});
    let folder = changed(|tokenizer| tokenizer["pre_tokenizer"] = hard.clone());
    let opened = open(folder.path());
    let mut texts = Texts::default();
    texts.push("the cat");
    texts.push(&format!("{}b", "a".repeat(60)));
    let error = Tokens::make(&opened.tokenizer, &texts, 64).err().unwrap().to_string();
    assert!(error.contains("text 1") && error.contains("hint: "), "{error}");
}
