//! `alhost data prepare`: one of the paper's data sets, from the files it is distributed as.

use std::path::PathBuf;
use std::process::ExitCode;

use alhost_base::progress::Progress as _;
use alhost_prepare::{
    About, Choices, DateRange, IdFiles, LeafRule, Prepared, Scope, SplitKind, UnknownLabels,
    Unlabeled, defaults, prepare, recipes,
};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use comfy_table::{CellAlignment, Table, presets};
use indicatif::HumanCount;

use super::progress::Bars;
use super::terminal::say;

#[derive(Debug, Args)]
#[command(after_long_help = sources())]
pub(super) struct PrepareArgs {
    /// The data set.
    #[arg(value_parser = PossibleValuesParser::new(
        recipes().map(|about| PossibleValue::new(about.name).help(about.title))
    ))]
    name: String,
    /// Folder with the files as they were obtained; archives need not be unpacked.
    #[arg(long, value_name = "DIR")]
    source: PathBuf,
    /// Folder for the data set; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    labels: LabelArgs,
    #[command(flatten)]
    split: SplitArgs,
    #[command(flatten)]
    texts: TextArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Labels")]
struct LabelArgs {
    /// Which labels of a text are its classes.
    #[arg(long, value_parser = one_of(&[
        ("structural", "those without children in the hierarchy", LeafRule::Structural),
        ("most-specific", "those that are not above another label of the text", LeafRule::MostSpecific),
        ("none", "all", LeafRule::None),
    ]))]
    leaf: Option<LeafRule>,
    /// Drop classes of fewer texts, then texts without a class.
    #[arg(long, value_name = "N")]
    min_count: Option<u64>,
    /// Which texts `--min-count` counts.
    #[arg(long, value_parser = one_of(&[
        ("train", "those of train", Scope::Train),
        ("all", "those of all splits", Scope::All),
    ]))]
    min_count_scope: Option<Scope>,
    /// Make one label of codes that mean the same, such as arXiv's `cs.IT` and `math.IT`.
    #[arg(long)]
    merge_aliases: bool,
    /// What becomes of a text without a class.
    #[arg(long, value_parser = one_of(&[
        ("drop", "it is left out and counted", Unlabeled::Drop),
        ("keep", "it stays, without labels", Unlabeled::Keep),
    ]))]
    unlabeled: Option<Unlabeled>,
    /// What becomes of a label that the hierarchy does not have.
    #[arg(long, value_parser = one_of(&[
        ("error", "nothing is prepared", UnknownLabels::Error),
        ("drop", "the label is dropped and counted", UnknownLabels::Drop),
        ("keep", "the label stays, as a leaf, and is counted", UnknownLabels::Keep),
    ]))]
    unknown_labels: Option<UnknownLabels>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Splits")]
struct SplitArgs {
    /// How the splits are drawn that the distribution does not have.
    #[arg(long, value_parser = one_of(&[
        ("official", "nothing is drawn", SplitKind::Official),
        ("bernoulli", "each text on its own, with the share as probability", SplitKind::Bernoulli),
        ("holdout", "exactly the share, rounded up", SplitKind::Holdout),
    ]))]
    split: Option<SplitKind>,
    /// Share of test.
    #[arg(long, value_name = "SHARE")]
    test_share: Option<f64>,
    /// Share of dev, of what test left (Toxic draws dev first).
    #[arg(long, value_name = "SHARE")]
    dev_share: Option<f64>,
    /// Seed of the splits and of `--sample`; 1 if not given.
    #[arg(long, value_name = "SEED")]
    split_seed: Option<u64>,
    /// Ids of the train texts, one a line, such as `splits/train.ids` of a prepared data set. With
    /// the two below; a text in no list is left out.
    #[arg(long, value_name = "FILE", requires = "ids_dev", requires = "ids_test")]
    ids_train: Option<PathBuf>,
    /// Ids of the dev texts.
    #[arg(long, value_name = "FILE", requires = "ids_train")]
    ids_dev: Option<PathBuf>,
    /// Ids of the test texts.
    #[arg(long, value_name = "FILE", requires = "ids_train")]
    ids_test: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Texts")]
struct TextArgs {
    /// The fields that make a text, in this order, such as `title,abstract`.
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    text: Option<Vec<String>>,
    /// Clean the texts of artefacts that are known.
    #[arg(long)]
    clean: bool,
    /// Take this share of the documents, drawn by their ids; 1 is all of them, where a data set is
    /// sampled unless told otherwise (NYT).
    #[arg(long, value_name = "SHARE")]
    sample: Option<f64>,
    /// Look at the first N documents only.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Take documents of these days, ends included; either may be left out: `2007-01-01..`.
    #[arg(long, value_name = "FROM..TO", value_parser = date_range)]
    date_range: Option<DateRange>,
}

type Named<T> = (&'static str, &'static str, T);

/// Reads one of these names; help shows what each means.
fn one_of<T: Copy + Send + Sync>(values: &'static [Named<T>]) -> impl TypedValueParser<Value = T> {
    let names = values.iter().map(|(name, help, _)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(names).map(|given| {
        let named = values.iter().find(|(name, ..)| *name == given);
        named.expect("the parser lets no other name through").2
    })
}

fn date_range(text: &str) -> Result<DateRange, String> {
    DateRange::parse(text)
        .ok_or_else(|| "days as YYYY-MM-DD..YYYY-MM-DD, the earlier one first".to_owned())
}

/// Returns the help below the options.
fn sources() -> String {
    let sources: Vec<String> = recipes().map(source).collect();
    format!("What to obtain (docs/prepare.md has more):\n\n{}", sources.join("\n\n"))
}

/// Returns what to obtain for a data set, and what is done with it by default.
fn source(about: &About) -> String {
    let About { name, obtain, licence, .. } = about;
    let options = defaults(name).expect("each recipe has a name that is found");
    let (leaf, scope) = (options.leaf.name(), options.min_count_scope.name());
    let (min_count, split) = (options.min_count, options.split.kind.name());
    let mut lines = vec![
        format!("  {name}: {obtain}"),
        format!("  Licence: {licence}"),
        format!(
            "  By default: --leaf {leaf} --min-count {min_count} --min-count-scope {scope} --split {split}"
        ),
    ];
    if !about.offers.is_empty() {
        let own: Vec<&str> = about.offers.iter().map(|knob| knob.option()).collect();
        lines.push(format!("  Offers: {}", own.join(", ")));
    }
    if !about.text_fields.is_empty() {
        let (fields, used) = (about.text_fields.join(","), options.text.join(","));
        lines.push(format!("  Fields for --text: {fields}; by default {used}"));
    }
    lines.join("\n")
}

impl PrepareArgs {
    fn choices(&self) -> Choices {
        let Self { labels, split, texts, .. } = self;
        let ids = match (&split.ids_train, &split.ids_dev, &split.ids_test) {
            (Some(train), Some(dev), Some(test)) => {
                Some(IdFiles { train: train.clone(), dev: dev.clone(), test: test.clone() })
            }
            _ => None,
        };
        Choices {
            leaf: labels.leaf,
            min_count: labels.min_count,
            min_count_scope: labels.min_count_scope,
            unlabeled: labels.unlabeled,
            unknown_labels: labels.unknown_labels,
            merge_aliases: labels.merge_aliases,
            split: split.split,
            test_share: split.test_share,
            dev_share: split.dev_share,
            split_seed: split.split_seed,
            ids,
            text: texts.text.clone(),
            clean: texts.clean,
            sample: texts.sample,
            limit: texts.limit,
            dates: texts.date_range.clone(),
        }
    }
}

pub(super) fn run(args: &PrepareArgs, bars: &Bars) -> anyhow::Result<ExitCode> {
    let prepared = prepare(&args.name, &args.source, &args.out, &args.choices(), &Shown(bars))?;
    say!("{}\n{}", prepared.about.title, table(&prepared));
    for (what, n) in &prepared.remarks {
        say!("note: {} {what}", HumanCount(*n));
    }
    say!("{}", against_paper(&prepared));
    let out = args.out.display();
    say!("data set: {out} (data.format = \"jsonl\", data.path = \"{out}\")");
    Ok(ExitCode::SUCCESS)
}

struct Shown<'a>(&'a Bars);

impl alhost_prepare::Progress for Shown<'_> {
    fn begin(&self, what: &str, total: u64) {
        self.0.begin(what, total);
    }

    fn advance(&self, by: u64) {
        self.0.advance(by);
    }

    fn end(&self) {
        self.0.end();
    }
}

fn table(prepared: &Prepared) -> Table {
    let mut rows = vec![("documents read".to_owned(), HumanCount(prepared.n_read).to_string())];
    for (reason, n) in &prepared.left_out {
        rows.push((format!("left out: {reason}"), HumanCount(*n).to_string()));
    }
    for step in &prepared.steps {
        rows.push((format!("labels after {}", step.after), HumanCount(step.labels).to_string()));
    }
    let [train, dev, test] = prepared.n_texts.map(|n| HumanCount(n).to_string());
    rows.push(("train / dev / test".to_owned(), format!("{train} / {dev} / {test}")));
    rows.push(("classes".to_owned(), HumanCount(prepared.n_classes).to_string()));
    rows.push(("labels per train text".to_owned(), decimals(prepared.labels_per_train_text)));
    rows.push(("labels per text, all splits".to_owned(), decimals(prepared.labels_per_text)));
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    for (what, value) in rows {
        table.add_row([what, value]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn decimals(value: f64) -> String {
    format!("{value:.3}")
}

/// Tells how this differs from the row of the paper's Table 1, in words.
fn against_paper(prepared: &Prepared) -> String {
    let paper = &prepared.about.paper;
    if !prepared.by_default {
        return "not compared with the paper's Table 1, since other choices than its were made"
            .to_owned();
    }
    let over = if paper.over_train { "train" } else { "all splits" };
    let row = match paper.splits {
        Some(splits) => splits.map(|n| HumanCount(n).to_string()).join(" / "),
        None => HumanCount(paper.texts).to_string(),
    };
    let mut text = format!(
        "the paper's Table 1: {row} texts, {} classes, {} labels per text over {over}\n",
        HumanCount(paper.classes),
        paper.labels_per_text
    );
    let differences = differences(prepared);
    if differences.is_empty() {
        text += "texts and classes are as many as the paper's";
    } else {
        text += "this differs: ";
        text += &differences.join(", ");
    }
    format!("{text}\n{}", paper.open)
}

/// Lists differences such as `3 more train texts`.
fn differences(prepared: &Prepared) -> Vec<String> {
    let paper = &prepared.about.paper;
    let mut pairs = match paper.splits {
        Some(splits) => {
            let names = ["train texts", "dev texts", "test texts"];
            let pairs = names.into_iter().zip(prepared.n_texts.into_iter().zip(splits));
            pairs.map(|(what, (here, there))| (what, here, there)).collect()
        }
        None => vec![("texts", prepared.n_texts.iter().sum(), paper.texts)],
    };
    pairs.push(("classes", prepared.n_classes, paper.classes));
    pairs.retain(|(_, here, there)| here != there);
    let told = |(what, here, there): (&str, u64, u64)| {
        let how = if here > there { "more" } else { "fewer" };
        format!("{} {how} {what}", HumanCount(here.abs_diff(there)))
    };
    pairs.into_iter().map(told).collect()
}
