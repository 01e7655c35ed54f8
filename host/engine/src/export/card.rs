//! The model card: `README.md` with what hubs read in its front matter, and what a person has to know
//! before using the classifier.
//!
//! Names of data sets and checkpoints are text of strangers. One that goes into the front matter has
//! passed as the name of a hub; elsewhere, what would mean something in Markdown is escaped. Names of
//! labels are in no card.

use std::fmt::Write as _;
use std::path::Path;

use alhost_base::{markdown, text};
use alhost_config::{EncoderMode, HeadKind, ModelConfig, PoolingRule};
use alhost_metrics::{Estimate, Metrics};

use super::layout::Head;
use super::usage;
use crate::saved_classifier::Description;

/// The most bytes of a name that are shown.
const LONGEST: usize = 200;

/// `README.md`.
pub(super) fn card(description: &Description, head: &Head) -> String {
    let parts = [
        front_matter(&description.model),
        about(description),
        usage::usage(description),
        thresholds(description),
        scores(description),
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
        name = plain(data),
    )
}

fn thresholds(description: &Description) -> String {
    let all = &description.thresholds;
    let rows = [
        (
            "own",
            all.used,
            "the one that its scores are for; `alhost predict` takes it where it is told nothing else",
        ),
        (
            "micro-f1",
            all.micro,
            "best for micro-F1 on held-out texts: all decisions count alike, so frequent labels count most",
        ),
        (
            "macro-f1",
            all.macro_f1,
            "best for macro-F1 on them: all labels count alike; finds more rare ones, and more wrong ones",
        ),
        (
            "macro-f1-paper",
            all.macro_paper,
            "best on them for the harmonic mean of macro precision and macro recall",
        ),
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
        table.push_str(
            "| `per-label` | a list | one for each label, in the order of `labels.json` |\n",
        );
    }
    table
}

/// A number of [`Metrics`].
type Metric = fn(&Metrics) -> f64;

fn scores(description: &Description) -> String {
    let parts = [
        description.test.as_ref().map(on_test),
        description.estimate.as_ref().map(|estimate| on_audit(estimate, description.labeled)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return "## Scores\n\nNone: it was judged on no texts, so nobody knows how good it is."
            .to_owned();
    }
    format!("## Scores\n\n{}", parts.join("\n\n"))
}

fn on_test(test: &Metrics) -> String {
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
    let mut table = "On the test split of the data set, at the threshold `own`:\n\n\
                     | metric | test |\n| --- | ---: |\n"
        .to_owned();
    for (name, value) in metrics {
        let _infallible = writeln!(table, "| {name} | {:.4} |", value(test));
    }
    table.trim_end().to_owned()
}

fn on_audit(estimate: &Estimate, labeled: usize) -> String {
    let interval = match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => format!(", 95% interval {low:.3} to {high:.3}"),
        _ => ", too few for an interval".to_owned(),
    };
    format!(
        "An estimate from {} texts that were drawn at random and kept from training: micro-F1 {:.3}{interval}. After \
         it was made, they were trained on as well, so they are among the {labeled} texts.",
        estimate.texts, estimate.micro_f1
    )
}

fn making(description: &Description) -> String {
    let model = &description.model;
    let base = base_model(&model.checkpoint)
        .map_or("a checkpoint of its maker's".to_owned(), |base| format!("`{base}`"));
    let encoder = match model.encoder {
        EncoderMode::Frozen => "as it was pre-trained",
        EncoderMode::FineTuned => "trained along",
    };
    let head = match (model.head, model.pooling) {
        (HeadKind::Linear, _) => "`[CLS]`, a dense layer with tanh, a linear layer".to_owned(),
        (HeadKind::Logistic, PoolingRule::Cls) => {
            "logistic regression on the state of `[CLS]`, scaled to length 1".to_owned()
        }
        (HeadKind::Logistic, _) => {
            "logistic regression on the mean of a text's states, scaled to length 1".to_owned()
        }
        (HeadKind::Cnn, _) => format!(
            "convolutions of widths {:?} with {} filters each, maximum over time, a linear layer",
            model.widths, model.filters
        ),
    };
    format!(
        "## How it was made\n\n\
         * Trained with alhost {}, exported with alhost {}; seed {}.\n\
         * Encoder: {base}, {encoder}.\n\
         * Head: {head}.\n\
         * Texts are cut after {} tokens, those that the tokenizer puts around a text included.",
        plain(&description.host),
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
        let _infallible = writeln!(
            list,
            "* {n} of {} labels were on no text in training: their probabilities are the same, small ones for every text.",
            description.labels.len()
        );
    }
    list
}

/// Makes a name of strangers plain in the middle of a line of Markdown.
fn plain(name: &str) -> String {
    let name = markdown::in_line(&text::shortened(name, LONGEST));
    if name.is_empty() { "(no name)".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_model_is_one_that_a_hub_can_have() {
        let check =
            |name: &str, expected: Option<&str>| assert_eq!(base_model(name), expected, "{name:?}");
        check("minilm", Some("sentence-transformers/all-MiniLM-L6-v2"));
        check("bert-base-cased", Some("bert-base-cased"));
        check("google/bert_uncased_L-2@abc/1", Some("google/bert_uncased_L-2"));
        for folder in
            ["/home/me/model", "../model", "a/b/c", "src", "", "a b", "a\"\nb", "a/", "~/m"]
        {
            check(folder, None);
        }
    }

    #[test]
    fn a_name_stays_in_its_line_and_means_nothing_there() {
        let check = |name: &str, expected: &str| assert_eq!(plain(name), expected, "{name:?}");
        check("reuters-all", "reuters-all");
        check("[x](http://y.z)", "\\[x\\](http&#58;//y.z)");
        check("<b>\n---\n", "&lt;b> ---");
        check("  ", "(no name)");
        assert!(plain(&"x".repeat(10_000)).len() < 300);
    }

    fn described(more: &serde_json::Value) -> Description {
        let mut all = serde_json::json!({
            "format": 1, "host": "0.1.0", "data": "tickets", "data_hash": "", "labeled": 40, "seed": 1,
            "model": ModelConfig::default(), "labels": ["a", "b", "c"],
            "thresholds": { "used": null, "micro": 0.25, "macro_paper": null, "macro_f1": null },
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[track_caller]
    fn says(description: &Description, n_unseen: usize, expected: &[&str], unsaid: &[&str]) {
        let card = card(description, &Head { n_unseen: Some(n_unseen) });
        for part in expected {
            assert!(card.contains(part), "no `{part}` in:\n{card}");
        }
        for part in unsaid {
            assert!(!card.contains(part), "`{part}` in:\n{card}");
        }
    }

    #[test]
    fn a_card_says_what_is_known_and_nothing_else() {
        let none = described(&serde_json::json!({}));
        let expected = [
            "base_model: \"sentence-transformers/all-MiniLM-L6-v2\"",
            "each of 3 labels",
            "40 labeled texts of the data set *tickets*",
            "threshold = 0.5  # The classifier has none of its own.",
            "| `own` | null (gives no label) |",
            "| `micro-f1` | 0.2500 |",
            "nobody knows how good it is",
        ];
        says(&none, 0, &expected, &["`macro-f1`", "`per-label`", "in training: their", "interval"]);
        let estimate =
            serde_json::json!({ "texts": 31, "micro_f1": 0.5, "low": 0.25, "high": 0.75 });
        let more = serde_json::json!({
            "estimate": estimate, "thresholds_per_label": [0.1, 0.2, 0.3],
        });
        let expected = [
            "from 31 texts",
            "micro-F1 0.500, 95% interval 0.250 to 0.750",
            "| `per-label` | a list |",
            "* 2 of 3 labels were on no text in training",
        ];
        says(&described(&more), 2, &expected, &["nobody knows"]);
    }
}
