//! `alhost data stats`: data sets in figures, laid out like the paper's Table 1, and its Figure 1.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alhost_base::ledger::{Notes, Work};
use alhost_config::{Overrides, RunConfig};
use alhost_data::{Dataset, SplitStats, Stats, Tokenized, Tokens};
use alhost_learn::{Checkpoint, Places};
use alhost_report::{ClassSizes, class_distribution};
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use comfy_table::Table;

use super::progress::Bars;
use super::tables::{align, new_table};
use super::terminal::{self, say};
use super::{ConfigArgs, environment};

#[derive(Debug, Args)]
pub(super) struct StatsArgs {
    /// Config files (TOML), a row each; the demonstration where absent.
    #[arg(short, long, value_name = "FILE", num_args = 1..)]
    config: Vec<PathBuf>,
    /// Change one key of all configs, by its full path. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Count word pieces of the model's tokenizer, too.
    #[arg(long, value_enum, default_value_t = CountTokens::Auto)]
    tokens: CountTokens,
    /// Write the paper's Figure 1 to this file, as SVG: the texts of each class.
    #[arg(long, value_name = "FILE")]
    figure: Option<PathBuf>,
    /// As JSON: an object, or a list of them for several configs.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum CountTokens {
    /// Where the tokenizer is on this machine.
    Auto,
    /// Fetch the checkpoint if it is not.
    Yes,
    No,
}

/// The part of a data set that is kept once it has been looked at.
struct Described {
    stats: Stats,
    sizes: Vec<u32>,
    notes: Vec<String>,
}

pub(super) fn stats(args: &StatsArgs, bars: &Bars) -> anyhow::Result<ExitCode> {
    let one =
        |config: Option<&PathBuf>| ConfigArgs { config: config.cloned(), set: args.set.clone() };
    let mut configs: Vec<ConfigArgs> = args.config.iter().map(|path| one(Some(path))).collect();
    if configs.is_empty() {
        configs.push(one(None));
    }
    let mut sets = Vec::new();
    for config in configs {
        let config = config.read(Overrides::default())?.check(&environment::lookup)?;
        sets.push(describe(&config, args.tokens, bars)?);
    }
    if let Some(path) = &args.figure {
        write_figure(path, &sets)?;
    }
    if args.json {
        let all: Vec<&Stats> = sets.iter().map(|set| &set.stats).collect();
        let shown = match all[..] {
            [one] => serde_json::to_value(one)?,
            _ => serde_json::to_value(&all)?,
        };
        terminal::print_json(&shown)?;
        return Ok(ExitCode::SUCCESS);
    }
    say!("{}", table_1(&sets));
    say!("all: train, dev and test together\n\nlabels and repeated texts\n{}", of_labels(&sets));
    say!("\nlengths\n{}", of_lengths(&sets));
    for set in &sets {
        for note in &set.notes {
            say!("note: {}: {note}", set.stats.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(config: &RunConfig, tokens: CountTokens, bars: &Bars) -> anyhow::Result<Described> {
    let loaded = alhost_data::load(&config.data, Path::new(""), bars)?;
    let mut notes = loaded.notes;
    let tokenized = match tokens {
        CountTokens::No => None,
        CountTokens::Yes => Some(tokenize(config, &loaded.dataset, &environment::places(), bars)?),
        CountTokens::Auto => {
            let places = Places { hub_offline: true, ..environment::places() };
            let tokenized = tokenize(config, &loaded.dataset, &places, bars);
            if tokenized.is_err() {
                notes.push(format!(
                    "word pieces not counted, since the tokenizer of `{}` cannot be read here \
                     (--tokens yes says why, or fetches it)",
                    config.model.checkpoint
                ));
            }
            tokenized.ok()
        }
    };
    Ok(Described {
        stats: alhost_data::stats(&loaded.dataset, tokenized.as_ref()),
        sizes: alhost_data::class_sizes(&loaded.dataset),
        notes,
    })
}

fn tokenize(
    config: &RunConfig,
    dataset: &Dataset,
    places: &Places,
    bars: &Bars,
) -> anyhow::Result<Tokenized> {
    let (checkpoint, max_tokens) = (config.model.checkpoint.clone(), config.model.max_tokens);
    let (tokenizer, hash) = Checkpoint::tokenizer_of(&checkpoint, places)?;
    let cache = environment::cache(config)?;
    let notes = Notes::default();
    let work = Work { progress: bars, notes: &notes };
    let splits = dataset
        .splits()
        .map(|(_, split)| Tokens::open(&tokenizer, &hash, &split.texts, max_tokens, &cache, work));
    Ok(Tokenized { splits: splits.collect::<Result<_, _>>()?, checkpoint, max_tokens })
}

fn write_figure(path: &Path, sets: &[Described]) -> anyhow::Result<()> {
    let lines: Vec<ClassSizes> = sets
        .iter()
        .map(|set| ClassSizes { name: set.stats.name.clone(), sizes: set.sizes.clone() })
        .collect();
    let svg = class_distribution(&lines).context("no class has a text, so there is no figure")?;
    fs_err::write(path, svg)?;
    tracing::info!("figure: {}", path.display());
    Ok(())
}

/// The columns of the paper's Table 1. It gives means over all texts for some data sets and over
/// train for others; here are both.
fn table_1(sets: &[Described]) -> Table {
    let mut table = new_table();
    table.set_header([
        "data set",
        "train",
        "dev",
        "test",
        "classes",
        "classes/text\n(all)",
        "classes/text\n(train)",
        "texts/class\n(all)",
        "texts/class\n(train)",
        "co-occurrence\nof classes",
    ]);
    for Described { stats, .. } in sets {
        table.add_row([
            stats.name.clone(),
            stats.train.to_string(),
            stats.dev.to_string(),
            stats.test.to_string(),
            stats.classes.to_string(),
            format!("{:.3}", stats.classes_per_text),
            format!("{:.3}", stats.classes_per_text_train),
            format!("{:.2}", stats.texts_per_class),
            format!("{:.2}", stats.texts_per_class_train),
            format!("{:.2}", stats.cooc_pair_mean),
        ]);
    }
    align(&mut table);
    table
}

fn of_labels(sets: &[Described]) -> Table {
    let mut table = new_table();
    table.set_header([
        "data set",
        "split",
        "texts",
        "labels\na text",
        "density",
        "without\nlabel",
        "classes\nabsent",
        "repeated\ntexts",
        "texts of a class\nleast / median / most",
        "label\nsets",
    ]);
    for Described { stats, .. } in sets {
        let texts: usize = stats.splits.iter().map(|split| split.texts).sum();
        let sizes = (stats.min_class, stats.median_class, stats.max_class);
        for (name, split) in
            stats.splits.iter().enumerate().map(|(i, split)| (first(stats, i), split))
        {
            let empty = String::new;
            table.add_row(label_row(name, split).into_iter().chain([empty(), empty()]));
        }
        table.add_row([
            String::new(),
            "all".to_owned(),
            texts.to_string(),
            format!("{:.3}", stats.classes_per_text),
            format!("{:.5}", stats.density),
            stats.no_label_texts.to_string(),
            String::new(),
            format!(
                "{} ({} across splits)",
                stats.duplicate_texts, stats.texts_in_more_than_one_split
            ),
            format!("{} / {} / {}", sizes.0, sizes.1, sizes.2),
            stats.labelsets.to_string(),
        ]);
    }
    align(&mut table);
    table
}

/// A data set's name stands in its first row only.
fn first(stats: &Stats, row: usize) -> &str {
    if row == 0 { &stats.name } else { "" }
}

fn label_row(name: &str, split: &SplitStats) -> [String; 8] {
    [
        name.to_owned(),
        split.split.to_owned(),
        split.texts.to_string(),
        format!("{:.3}", split.classes_per_text),
        format!("{:.5}", split.density),
        split.no_label_texts.to_string(),
        split.classes_absent.to_string(),
        split.duplicate_texts.to_string(),
    ]
}

fn of_lengths(sets: &[Described]) -> Table {
    let mut table = new_table();
    let has_pieces = sets.iter().any(|set| set.stats.pieces.is_some());
    let mut header = vec!["data set", "split", "words\nmean", "median", "95 %", "longest"];
    if has_pieces {
        header.extend(["pieces\nmean", "median", "95 %", "longest", "truncated"]);
    }
    table.set_header(header);
    for Described { stats, .. } in sets {
        let all = alhost_data::Lengths {
            mean: stats.words_mean,
            median: stats.words_median,
            p95: stats.words_p95,
            max: stats.words_max,
        };
        let splits = stats.splits.iter().map(|split| (split.split, split.words, split.pieces));
        let rows = splits.chain([("all", all, stats.pieces)]).enumerate();
        for (row, (split, words, pieces)) in rows {
            let mut cells = vec![first(stats, row).to_owned(), split.to_owned()];
            cells.extend(lengths(words));
            if let Some(pieces) = pieces {
                cells.extend(lengths(pieces.lengths));
                let at = stats.max_tokens.unwrap_or(0);
                cells.push(format!("{:.1} % at {at}", 100.0 * pieces.truncated));
            }
            table.add_row(cells);
        }
    }
    align(&mut table);
    table
}

fn lengths(of: alhost_data::Lengths) -> [String; 4] {
    [format!("{:.1}", of.mean), format!("{:.0}", of.median), of.p95.to_string(), of.max.to_string()]
}
