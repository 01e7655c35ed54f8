//! `alhost predict`: texts in, labels out, both as JSONL.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use alhost_base::aside;
use alhost_base::progress::Progress as _;
use alhost_engine::export::classifier_in;
use alhost_engine::prediction::Choice;
use alhost_engine::saved_classifier::SavedClassifier;
use alhost_learn::Torch;
use anyhow::Context as _;

use super::progress::Bars;
use super::{PredictArgs, environment, terminal};

pub(super) fn predict(args: &PredictArgs, bars: &Bars) -> anyhow::Result<ExitCode> {
    let folder = classifier_in(&args.classifier);
    let classifier = SavedClassifier::open(&folder, &args.device, &Torch(environment::places()))?;
    let choice = match args.top {
        Some(top) => Choice::Top(top.get()),
        None => {
            let choice = classifier.choice(args.threshold)?;
            if choice == Choice::Above(None) {
                tracing::warn!(
                    "the classifier's threshold predicts nothing; see --threshold, --top"
                );
            }
            choice
        }
    };
    let (mut n_texts, mut n_labels) = (0, 0);
    let mut label = |out: &mut dyn Write| -> anyhow::Result<()> {
        bars.begin("predicting", 0);
        let done = alhost_data::for_each_block(&args.texts, |texts| {
            let predictions = classifier.predict(&texts, choice)?;
            for prediction in &predictions {
                out.write_all(terminal::json_line(prediction)?.as_bytes())?;
                n_labels += prediction.labels.len();
            }
            n_texts += predictions.len();
            bars.advance(predictions.len() as u64);
            anyhow::Ok(())
        });
        bars.end();
        done?;
        Ok(out.flush()?)
    };
    match &args.out {
        None => label(&mut BufWriter::new(terminal::Output))?,
        Some(path) => write_whole(path, label)?,
    }
    tracing::info!("{n_texts} texts, {:.2} labels a text", n_labels as f64 / n_texts.max(1) as f64);
    Ok(ExitCode::SUCCESS)
}

/// Writes a file that is always whole under its name.
fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let file = aside::create(path)?;
    write(&mut BufWriter::new(file.as_file()))?;
    aside::put(file, path).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(())
}
