//! The model card: `README.md` with what hubs read in its front matter, and what a person has to know
//! before using the classifier.
//!
//! Names of data sets and checkpoints are text of strangers. One that goes into the front matter has
//! passed as the name of a hub; in Markdown, every character that could mean something is escaped. Names
//! of labels are in no card.

use std::fmt::Write as _;
use std::path::Path;

use alhost_base::text;
use alhost_config::{EncoderMode, HeadKind, ModelConfig, PoolingRule};
use alhost_metrics::Metrics;

use super::layout::Head;
use crate::saved_classifier::Description;

/// The most bytes of a name that are shown.
const LONGEST: usize = 200;

/// `README.md`.
pub(super) fn card(description: &Description, head: &Head) -> String {
    let parts = [
        front_matter(&description.model),
        about(description),
        usage(description),
        thresholds(description),
        description.test.as_ref().map_or_else(String::new, scores),
        making(description),
        caveats(description, head),
    ];
    let parts: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|p| !p.is_empty()).collect();
    parts.join("\n\n") + "\n"
}

/// The name on the hub of the checkpoint that a training started from; `None` where it was a folder,
/// or may have been.
pub(super) fn base_model(checkpoint: &str) -> Option<&str> {
    if checkpoint == "minilm" {
        return Some("sentence-transformers/all-MiniLM-L6-v2");
    }
    let repo = checkpoint.split_once('@').map_or(checkpoint, |(repo, _revision)| repo);
    let is_part = |part: &str| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(is_allowed)
    };
    let is_id = repo.len() <= 96 && repo.split('/').count() <= 2 && repo.split('/').all(is_part);
    (is_id && !Path::new(checkpoint).exists()).then_some(repo)
}

fn front_matter(model: &ModelConfig) -> String {
    let library = match model.head {
        HeadKind::Logistic => "sentence-transformers",
        HeadKind::Linear | HeadKind::Cnn => "transformers",
    };
    let mut yaml = format!(
        "---\nlibrary_name: {library}\npipeline_tag: text-classification\ntags:\n\
         - text-classification\n- multi-label-classification\n- alhost\n"
    );
    if let Some(base) = base_model(&model.checkpoint) {
        // Letters, digits and `-_./` alone, in quotes since `1.5` and `no` are names too.
        let _infallible = writeln!(yaml, "base_model: \"{base}\"");
    }
    yaml + "# Whoever publishes this says its license here.\n---"
}

fn about(description: &Description) -> String {
    let Description { data, labels, labeled, .. } = description;
    format!(
        "# Labels for texts: {name}\n\n\
         A multi-label text classifier: for a text, it gives the probability of each of {} labels. It was \
         trained on {labeled} labeled texts of the data set *{name}*.\n\n\
         `labels.json` has the names of the labels in the order of the outputs. `alhost.json` says in full how this \
         was made, with a hash of each file.",
        labels.len(),
        name = escape(data),
    )
}

fn usage(description: &Description) -> String {
    let threshold = match description.thresholds.used {
        Some(threshold) => threshold.to_string(),
        None => "0.5  # The classifier has none of its own.".to_owned(),
    };
    let snippet = match description.model.head {
        HeadKind::Linear => LINEAR,
        HeadKind::Logistic => LOGISTIC,
        HeadKind::Cnn => CNN,
    };
    let pooled = if description.model.pooling == PoolingRule::Cls { CLS } else { MEAN };
    let snippet = snippet.trim().replace("THRESHOLD", &threshold).replace("POOLED", pooled);
    format!("## Use\n\nIn this folder:\n\n{snippet}")
}

const LINEAR: &str = r#"
```python
from transformers import pipeline

classify = pipeline("text-classification", model=".", top_k=None)
threshold = THRESHOLD
texts = ["Wheat exports rose in March.", "The court dismissed the appeal."]
for text, scores in zip(texts, classify(texts, truncation=True)):
    print(text, [(s["label"], s["score"]) for s in scores if s["score"] > threshold])
```
"#;

const LOGISTIC: &str = r#"
```python
import json
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(".")
labels = json.load(open("labels.json", encoding="utf-8"))
threshold = THRESHOLD
texts = ["Wheat exports rose in March.", "The court dismissed the appeal."]
for text, probabilities in zip(texts, model.encode(texts)):
    best_first = probabilities.argsort()[::-1]
    print(text, [(labels[i], float(probabilities[i])) for i in best_first if probabilities[i] > threshold])
```

`encode` gives probabilities and not embeddings. The same with transformers alone:

```python
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

tokenizer, encoder = AutoTokenizer.from_pretrained("."), AutoModel.from_pretrained(".").eval()
dense = load_file("3_Dense/model.safetensors")
tokens = tokenizer(["Wheat exports rose in March."], padding=True, truncation=True, return_tensors="pt")
with torch.no_grad():
    states = encoder(**tokens).last_hidden_state  # [texts, tokens, hidden]
POOLED
embedding = torch.nn.functional.normalize(pooled)
print((embedding @ dense["linear.weight"].T + dense["linear.bias"]).sigmoid())
```
"#;

const MEAN: &str = "mask = tokens[\"attention_mask\"][:, :, None]\n\
    pooled = (states * mask).sum(1) / mask.sum(1)";
const CLS: &str = "pooled = states[:, 0]";

const CNN: &str = r#"
```python
from reader import Classifier

classifier = Classifier(".")
threshold = THRESHOLD
for text in ["Wheat exports rose in March.", "The court dismissed the appeal."]:
    print(text, classifier.predict(text, threshold))
```

`reader.py` is the reference: transformers has no such head, so it computes it from `head.safetensors`. As a
program, it reads texts and writes labels, a JSON object a line:

```
python reader.py < texts.jsonl > predictions.jsonl
```
"#;

fn thresholds(description: &Description) -> String {
    let all = &description.thresholds;
    let rows = [
        ("own", all.used, "the one that it was judged by, and that its maker chose to predict with"),
        ("micro-f1", all.micro, "best for micro-F1 on dev: all decisions count alike, so frequent labels count most"),
        ("macro-f1", all.macro_f1, "best for macro-F1 on dev: all labels count alike; finds more rare ones, and more wrong ones"),
        ("macro-f1-paper", all.macro_paper, "best on dev for the harmonic mean of macro precision and macro recall"),
    ];
    let mut table = "## Thresholds\n\nA label is given where its probability is above. `thresholds.json` has:\n\n\
                     | name | value | |\n| --- | ---: | --- |\n"
        .to_owned();
    for (name, threshold, what) in rows {
        let value = match threshold {
            Some(threshold) => format!("{threshold:.4}"),
            None if name == "own" => "null (gives no label)".to_owned(),
            None => continue,
        };
        let _infallible = writeln!(table, "| `{name}` | {value} | {what} |");
    }
    if description.thresholds_per_label.is_some() {
        table.push_str("| `per-label` | a list | one for each label, in the order of `labels.json` |\n");
    }
    table
}

/// A number of [`Metrics`].
type Metric = fn(&Metrics) -> f64;

fn scores(test: &Metrics) -> String {
    let metrics: [(&str, Metric); 9] = [
        ("micro-F1", |m| m.micro_f1),
        ("micro precision", |m| m.micro_precision),
        ("micro recall", |m| m.micro_recall),
        ("macro-F1 (mean of the labels' F1)", |m| m.macro_f1),
        ("macro precision", |m| m.macro_precision),
        ("macro recall", |m| m.macro_recall),
        ("subset accuracy (all labels of a text right)", |m| m.subset_accuracy),
        ("Hamming loss", |m| m.hamming_loss),
        ("labels given to a text", |m| m.labels_per_text),
    ];
    let mut table = "## Scores\n\nOn the test split of the data set, at the threshold `own`:\n\n\
                     | metric | test |\n| --- | ---: |\n"
        .to_owned();
    for (name, value) in metrics {
        let _infallible = writeln!(table, "| {name} | {:.4} |", value(test));
    }
    table
}

fn making(description: &Description) -> String {
    let model = &description.model;
    let base = base_model(&model.checkpoint).map_or("a checkpoint of its maker's".to_owned(), |base| format!("`{base}`"));
    let encoder = match model.encoder {
        EncoderMode::Frozen => "as it was pre-trained",
        EncoderMode::FineTuned => "trained along",
    };
    let head = match (model.head, model.pooling) {
        (HeadKind::Linear, _) => "`[CLS]`, a dense layer with tanh, a linear layer".to_owned(),
        (HeadKind::Logistic, PoolingRule::Cls) => "logistic regression on the state of `[CLS]`, scaled to length 1".to_owned(),
        (HeadKind::Logistic, _) => "logistic regression on the mean of a text's states, scaled to length 1".to_owned(),
        (HeadKind::Cnn, _) => format!("convolutions of widths {:?} with {} filters each, maximum over time, a linear layer", model.widths, model.filters),
    };
    format!(
        "## How it was made\n\n\
         * Trained with alhost {}, exported with alhost {}; seed {}.\n\
         * Encoder: {base}, {encoder}.\n\
         * Head: {head}.\n\
         * Texts are cut after {} tokens, those that the tokenizer puts around a text included.",
        escape(&description.host),
        env!("CARGO_PKG_VERSION"),
        description.seed,
        model.max_tokens,
    )
}

fn caveats(description: &Description, head: &Head) -> String {
    let mut list = "## Caveats\n\n\
        * It knows the labels of its data set and what their annotators took them for; texts of another kind, \
        language or time may get wrong labels with high probabilities.\n\
        * Rare labels are found less often than the scores above say, since frequent ones dominate most of them.\n\
        * Numbers are those of `alhost predict` in f32. In lower precision, a probability may differ in the third digit.\n"
        .to_owned();
    if let Some(n) = head.n_unseen.filter(|&n| n > 0) {
        let _infallible = writeln!(list, "* {n} of {} labels were on no text in training: their probabilities are the same, small ones for every text.", description.labels.len());
    }
    list
}

/// Makes text of strangers plain in the middle of a line of Markdown.
fn escape(name: &str) -> String {
    let name = text::in_line(text::shortened(name, LONGEST).trim()).into_owned();
    let mut safe = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            // A reference is no part of an address, so that none becomes a link by itself.
            ':' | '.' | '@' | '&' | '<' | '>' => {
                let _infallible = write!(safe, "&#{};", u32::from(c));
            }
            // These mean nothing within a line.
            '-' | '/' | '\'' | '"' | ',' | ';' | '(' | ')' | '+' | '=' | '%' | '?' => safe.push(c),
            c if c.is_ascii_punctuation() => safe.extend(['\\', c]),
            c => safe.push(c),
        }
    }
    if safe.is_empty() { "(no name)".to_owned() } else { safe }
}
