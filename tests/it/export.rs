//! `alhost export`: what it writes gives the probabilities of `alhost predict`, and what it refuses.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use alhost::data::{Texts, Tokens};
use alhost::learn::encoder::batch::Batch;
use alhost::learn::encoder::bert::Encoder;
use alhost::learn::{Checkpoint, Places};
use serde_json::Value;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::support::{Ran, Sandbox, workspace};

const TEXTS: [&str; 6] = [
    "the court a market",
    "",
    "[SEP] new rules 🙂",
    "trade",
    "fish of old law and the trade",
    "THE é",
];

/// A sandbox with a classifier with this head, in `runs/tiny/full-data-<head>/seed-3/classifier`, and with texts.
fn trained(head: &str, set: &[&str]) -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let mut args = vec!["train", "--config", "tiny.toml", "--head", head];
    args.extend(set.iter().flat_map(|key| ["--set", key]));
    sandbox.alhost(&args).ok();
    let lines = TEXTS.iter().map(|text| serde_json::json!({ "text": text }).to_string() + "\n");
    sandbox.write("texts.jsonl", &lines.collect::<String>());
    (sandbox, format!("runs/tiny/full-data-{head}/seed-3"))
}

fn export(sandbox: &Sandbox, folder: &str, to: &str, args: &[&str]) -> Ran {
    sandbox.alhost(&[&["export", folder, "--to", to], args].concat())
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

/// What `alhost predict` gives: [texts][labels], in the order of `labels.json`.
fn told(sandbox: &Sandbox, classifier: &str, labels: &[String]) -> Vec<Vec<f64>> {
    let said = sandbox.alhost(&["predict", classifier, "texts.jsonl", "--top", "99"]).ok();
    let of_text = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let names: Vec<String> = serde_json::from_value(line["labels"].clone()).unwrap();
        let scores: Vec<f64> = serde_json::from_value(line["scores"].clone()).unwrap();
        let scores: BTreeMap<String, f64> = names.into_iter().zip(scores).collect();
        labels.iter().map(|label| scores[label]).collect()
    };
    said.stdout.lines().map(of_text).collect()
}

fn labels(export: &Path) -> Vec<String> {
    serde_json::from_value(json(&export.join("labels.json"))).unwrap()
}

fn tensors(path: &Path) -> BTreeMap<String, Tensor> {
    Tensor::read_safetensors(path).unwrap().into_iter().collect()
}

/// The last hidden states of each text, f32 [tokens, hidden], by what lies in a folder.
fn states(folder: &Path) -> Vec<Tensor> {
    assert_eq!(json(&folder.join("tokenizer_config.json"))["model_max_length"], 32);
    let checkpoint = Checkpoint::open(folder.to_str().unwrap(), &Places::default()).unwrap();
    let mut vs = VarStore::new(Device::Cpu);
    let encoder = Encoder::new(&vs.root(), &checkpoint.config);
    checkpoint.load_into(&mut vs);
    let mut texts = Texts::default();
    for text in TEXTS {
        texts.push(text);
    }
    let tokens = Tokens::make(&checkpoint.tokenizer, &texts, 32).unwrap();
    let weights = encoder.weights(Kind::Float);
    let one = |row| weights.forward(&Batch::new(&tokens, &[row], Device::Cpu)).get(0);
    (0..tokens.len() as u32).map(one).collect()
}

/// `input` [inputs] through a linear layer.
fn linear(tensors: &BTreeMap<String, Tensor>, name: &str, input: &Tensor) -> Tensor {
    let part = |part: &str| tensors[&format!("{name}.{part}")].shallow_clone();
    part("weight").mv(input) + part("bias")
}

#[track_caller]
fn same(probabilities: &Tensor, told: &[f64]) {
    let probabilities = Vec::<f64>::try_from(probabilities.to_kind(Kind::Double)).unwrap();
    assert_eq!(probabilities.len(), told.len());
    for (probability, told) in probabilities.iter().zip(told) {
        assert!((probability - told).abs() < 1e-5, "{probabilities:?} for {told}");
    }
}

/// Compares what `of` makes of each text's states with what alhost says.
fn check(sandbox: &Sandbox, run: &str, out: &Path, of: impl Fn(&Tensor) -> Tensor) {
    let told = told(sandbox, &format!("{run}/classifier"), &labels(out));
    assert_eq!(told.len(), TEXTS.len());
    for (states, told) in states(out).iter().zip(&told) {
        same(&of(states).sigmoid(), told);
    }
    assert!(told.iter().any(|row| (row[0] - told[0][0]).abs() > 1e-4), "all texts are alike");
}

#[test]
fn a_linear_head_is_what_transformers_has_for_sequences() {
    for encoder in ["model.encoder=frozen", "model.encoder=fine-tuned"] {
        let (sandbox, run) = trained("linear", &[encoder]);
        export(&sandbox, &format!("{run}/classifier"), "transformers", &["-o", "out"]).ok();
        let out = sandbox.path("out");
        let all = tensors(&out.join("model.safetensors"));
        assert!(
            all.keys().all(|name| name.starts_with("bert.") || name.starts_with("classifier."))
        );
        check(&sandbox, &run, &out, |states| {
            linear(&all, "classifier", &linear(&all, "bert.pooler.dense", &states.get(0)).tanh())
        });
        let config = json(&out.join("config.json"));
        assert_eq!(config["architectures"], serde_json::json!(["BertForSequenceClassification"]));
        assert_eq!(config["problem_type"], "multi_label_classification");
        for (id, label) in labels(&out).iter().enumerate() {
            assert_eq!(config["id2label"][id.to_string()], *label);
            assert_eq!(config["label2id"][label], id);
        }
        let described = json(&sandbox.path(&format!("{run}/classifier/classifier.json")));
        assert_eq!(config["threshold"], described["thresholds"]["used"]);
        assert_eq!(json(&out.join("thresholds.json"))["own"], described["thresholds"]["used"]);
    }
}

#[test]
fn a_logistic_head_is_a_pipeline_of_sentence_transformers() {
    for (rule, is_cls) in [("auto", false), ("mean", false), ("cls", true)] {
        let keys = ["model.encoder=frozen", &format!("model.pooling={rule}")];
        let (sandbox, run) = trained("logistic", &keys);
        // From the folder of the run, into the place beside the classifier.
        export(&sandbox, &run, "sentence-transformers", &[]).ok();
        let out = sandbox.path(&run).join("sentence-transformers");
        let modules = json(&out.join("modules.json"));
        let kinds: Vec<&str> =
            modules.as_array().unwrap().iter().map(|m| m["type"].as_str().unwrap()).collect();
        let names = ["Transformer", "Pooling", "Normalize", "Dense"];
        assert_eq!(kinds, names.map(|name| format!("sentence_transformers.models.{name}")));
        let pooling = json(&out.join("1_Pooling/config.json"));
        assert_eq!(pooling["pooling_mode_cls_token"], is_cls);
        assert_eq!(pooling["pooling_mode_mean_tokens"], !is_cls);
        assert_eq!(json(&out.join("sentence_bert_config.json"))["max_seq_length"], 32);
        let dense = tensors(&out.join("3_Dense/model.safetensors"));
        check(&sandbox, &run, &out, |states| {
            let pooled =
                if is_cls { states.get(0) } else { states.mean_dim(0, false, Kind::Float) };
            linear(&dense, "linear", &(&pooled / pooled.norm()))
        });
    }
}

#[test]
fn a_cnn_head_comes_with_a_short_reader() {
    let (sandbox, run) = trained("cnn", &["model.widths=[5,2]"]);
    export(&sandbox, &run, "transformers", &["-o", "out"]).ok();
    let out = sandbox.path("out");
    let reader = fs_err::read_to_string(out.join("reader.py")).unwrap();
    assert!(reader.lines().count() <= 60);
    let widths = json(&out.join("alhost.json"))["model"]["widths"].clone();
    assert_eq!(widths, serde_json::json!([5, 2]));
    let head = tensors(&out.join("head.safetensors"));
    check(&sandbox, &run, &out, |states| {
        let of_width = |width: i64| {
            let missing = (width - states.size()[0]).max(0);
            let signal = states.tr().constant_pad_nd([0, missing]).unsqueeze(0);
            let part = |part: &str| head[&format!("conv{width}.{part}")].shallow_clone();
            let windows = signal.conv1d(&part("weight"), Some(part("bias")), 1, 0, 1, 1);
            windows.squeeze_dim(0).amax([1_i64], false).relu()
        };
        linear(&head, "output", &Tensor::cat(&[of_width(5), of_width(2)], 0))
    });
}

#[test]
fn a_head_that_a_library_does_not_have_is_refused_with_the_right_one() {
    let (sandbox, run) = trained("linear", &[]);
    export(&sandbox, &run, "sentence-transformers", &["-o", "out"])
        .refused(&["head `linear`", "hint: `--to transformers`"]);
    assert!(!sandbox.path("out").exists());
    let (sandbox, run) = trained("logistic", &["model.encoder=frozen"]);
    export(&sandbox, &run, "transformers", &["-o", "out"])
        .refused(&["head `logistic`", "hint: `--to sentence-transformers`"]);
}

#[test]
fn nothing_but_an_export_is_replaced_and_that_when_told_to() {
    let (sandbox, run) = trained("linear", &[]);
    let write = |args: &[&str]| export(&sandbox, &run, "transformers", args);
    fs_err::create_dir(sandbox.path("empty")).unwrap();
    write(&["-o", "empty"]).ok();
    fs_err::write(sandbox.path("empty/README.md"), "mine").unwrap();
    write(&["-o", "empty"]).refused(&["empty", "is an earlier export", "hint: `--force`"]);
    assert_eq!(sandbox.read("empty/README.md"), "mine");
    write(&["-o", "empty", "--force"]).ok();
    assert!(sandbox.read("empty/README.md").contains("library_name: transformers"));
    sandbox.write("mine/notes.txt", "mine");
    sandbox.write("file", "mine");
    fs_err::os::unix::fs::symlink(sandbox.path("empty"), sandbox.path("link")).unwrap();
    for (place, expected) in [
        ("mine", "is no export"),
        ("file", "is no folder"),
        ("link", "is no folder"),
        (&format!("{run}/classifier"), "is no export"),
        ("file/below", "file"),
    ] {
        write(&["-o", place, "--force"]).refused(&[expected]);
    }
    assert_eq!(sandbox.read("mine/notes.txt"), "mine");
    // What was begun has gone.
    let left = fs_err::read_dir(sandbox.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_str().unwrap().starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_classifier_that_does_not_predict_is_not_exported() {
    let (sandbox, run) = trained("linear", &[]);
    export(&sandbox, "data", "transformers", &["-o", "out"]).refused(&["data", "is no classifier"]);
    export(&sandbox, "absent", "transformers", &["-o", "out"]).refused(&["absent"]);
    for name in ["head.safetensors", "model.safetensors", "tokenizer.json", "config.json"] {
        let path = sandbox.path(&run).join("classifier").join(name);
        let whole = fs_err::read(&path).unwrap();
        let mut damaged = whole.clone();
        let at = damaged.len() - 3;
        damaged[at] ^= 0x40;
        for content in [&damaged, &whole[..whole.len() / 2]] {
            fs_err::write(&path, content).unwrap();
            export(&sandbox, &run, "transformers", &["-o", "out"]).refused(&[name, "hint: "]);
        }
        fs_err::write(&path, whole).unwrap();
    }
    assert!(!sandbox.path("out").exists());
}

#[test]
fn names_of_strangers_stay_names() {
    let (sandbox, run) = trained("linear", &[]);
    let path = format!("{run}/classifier/classifier.json");
    let mut described: Value = serde_json::from_str(&sandbox.read(&path)).unwrap();
    let name =
        "a\n---\nlicense: mit\n# <script>x</script> [b](http://c) | `d` \u{202e} *e* www.f.org";
    described["data"] = name.into();
    let hostile = ["yes", "\"a: b\"\n", "<b>", "\u{202e}x", "{}", "🌾"];
    described["labels"] = serde_json::json!(hostile);
    sandbox.write(&path, &described.to_string());
    export(&sandbox, &run, "transformers", &["-o", "out"]).ok();
    assert_eq!(labels(&sandbox.path("out")), hostile);
    assert_eq!(json(&sandbox.path("out/config.json"))["id2label"]["1"], hostile[1]);
    assert_eq!(json(&sandbox.path("out/alhost.json"))["data"], name);
    let card = sandbox.read("out/README.md");
    assert_eq!(card.lines().filter(|&line| line == "---").count(), 2, "{card}");
    let title = card.lines().find(|line| line.starts_with("# Labels")).unwrap();
    let mut bare = title.to_owned();
    while let Some(at) = bare.find('\\') {
        // What follows a backslash means nothing.
        bare.drain(at..=at + 1);
    }
    for part in ["<", "[", "]", "|", "`", "*", "\u{202e}", "www.", "://"] {
        assert!(!bare.contains(part), "`{part}` in {title}");
    }
    // The folder that the checkpoint lay in is not for others to know.
    assert!(!card.contains("tiny-bert") && !sandbox.read("out/alhost.json").contains("tiny-bert"));
}

/// Runs where `ALHOST_PYTHON` (or `python3`) has the libraries; several interpreters are separated by
/// colons.
#[test]
fn the_libraries_give_the_probabilities_of_alhost() {
    let all = tempfile::tempdir().unwrap();
    let exports = all.path().join("exports");
    for (head, encoder, to) in [
        ("logistic", "model.encoder=frozen", "sentence-transformers"),
        ("linear", "model.encoder=fine-tuned", "transformers"),
        ("cnn", "model.encoder=fine-tuned", "transformers"),
    ] {
        let (sandbox, run) = trained(head, &[encoder]);
        let out = exports.join(head);
        export(&sandbox, &run, to, &["-o", out.to_str().unwrap()]).ok();
        let told = format!("{}.jsonl", out.display());
        let classifier = format!("{run}/classifier");
        let args = ["predict", &classifier, "texts.jsonl", "--top", "99", "-o", &told];
        sandbox.alhost(&args).ok();
        fs_err::copy(sandbox.path("texts.jsonl"), all.path().join("texts.jsonl")).unwrap();
    }
    #[expect(clippy::disallowed_methods, reason = "which interpreters to try, for those who ask")]
    let pythons = std::env::var("ALHOST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    for python in pythons.split(':') {
        let has = ["-c", "import torch, transformers, sentence_transformers, safetensors"];
        let has = Command::new(python).args(has).output();
        if !has.is_ok_and(|has| has.status.success()) {
            eprintln!("did nothing: {python} has no sentence-transformers (set ALHOST_PYTHON)");
            continue;
        }
        let mut compare = Command::new(python);
        compare.arg(workspace().join("tests/tools/export_check.py"));
        let output = compare.arg("compare").arg(all.path()).output().unwrap();
        let told = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "{python}: {}", told.concat());
    }
}
