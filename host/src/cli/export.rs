//! `alhost export`: a trained classifier as a folder for another library.

use std::path::PathBuf;
use std::process::ExitCode;

use alhost_engine::export::{self, Earlier, Source, Target};
use alhost_engine::saved_classifier::SavedClassifier;
use alhost_learn::Torch;
use clap::{Args, ValueEnum};

use super::environment;
use super::terminal::say;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Folder of a classifier, from `alhost train`, or of the run whose it is.
    classifier: PathBuf,
    /// The library that is to load it.
    #[arg(long, value_enum)]
    to: Library,
    /// Folder for the export, which must not be there yet; by default beside the classifier, named as
    /// the library.
    #[arg(short, long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Replace an earlier export, with what was changed in it since. Nothing else is ever replaced.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Library {
    /// For the heads `linear` and `cnn`.
    Transformers,
    /// For the head `logistic`.
    SentenceTransformers,
}

pub(super) fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let to = match args.to {
        Library::Transformers => Target::Transformers,
        Library::SentenceTransformers => Target::SentenceTransformers,
    };
    let earlier = if args.force { Earlier::Replaced } else { Earlier::Refused };
    let folder = export::classifier_in(&args.classifier);
    // Opened as for predicting, which finds whatever is wrong with it.
    let classifier = SavedClassifier::open(&folder, "cpu", &Torch(environment::places()))?;
    let out = match &args.out {
        Some(out) => out.clone(),
        None => fs_err::canonicalize(&folder)?.with_file_name(to.name()),
    };
    export::export(Source { classifier: &classifier, folder: &folder }, to, &out, earlier)?;
    say!("{}: for {}; its README.md says how to use it", out.display(), to.name());
    Ok(ExitCode::SUCCESS)
}
