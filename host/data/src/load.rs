//! Reads the splits, checks them against each other, and matches labels with the vocabulary.

use std::path::{Path, PathBuf};

use alhost_base::progress::Progress;
use alhost_config::{DataConfig, DataFormat};

use super::error::DataError;
use super::filters::{self, Filter};
use super::matching::{Matching, check_unlabeled};
use super::raw::{Names, RawSplit};
use super::stats::Repeated;
use super::vocabulary::Vocabulary;
use super::{Dataset, csv, demo, hold_out, ids, jsonl, locate, numbers, read};
use super::{label_names, lines, look, parquet, xmc_json};

/// A data set and what is worth knowing about how it was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub dataset: Dataset,
    /// Notes of what was dropped or is unusual, counted; one sentence each.
    pub notes: Vec<String>,
    /// Names the content: ids, texts, labels and vocabulary of all splits.
    pub hash: String,
}

/// Reads the data set of a config. `root` is what a relative `data.path` starts from.
///
/// The order of the texts is that of the files, whatever the number of threads.
pub fn load(
    config: &DataConfig,
    root: &Path,
    progress: &dyn Progress,
) -> Result<Loaded, DataError> {
    let mut notes = Vec::new();
    let mut dataset = match config.format {
        DataFormat::Demo => demo::make(&config.demo)?,
        _ => {
            let path = config.path.as_ref().ok_or(DataError::NoPath)?;
            // Without the `.` of a path such as `./data`, which would stand in each message.
            let folder: PathBuf = root.join(path).components().collect();
            from_folder(config, &folder, progress, &mut notes)?
        }
    };
    hold_out::draw(&mut dataset, config, &mut notes);
    note_oddities(&dataset, &mut notes);
    let hash = dataset.hash();
    Ok(Loaded { dataset, notes, hash })
}

/// Lists the files that `load` would read; those that are not there are left out.
pub fn files(config: &DataConfig) -> Vec<PathBuf> {
    let (Some(path), false) = (&config.path, config.format == DataFormat::Demo) else {
        return Vec::new();
    };
    let vocabulary = config.vocabulary.as_deref();
    let mut names: Vec<&str> = vocabulary.map_or(label_names::USUAL.to_vec(), |name| vec![name]);
    let given = [&config.train_labels, &config.dev_labels, &config.test_labels];
    for (split, given) in ["train", "dev", "test"].into_iter().zip(given) {
        names.extend(given.as_deref().or(config.format.usual_labels(split)));
    }
    let filters = [&config.train_filter, &config.dev_filter, &config.test_filter];
    names.extend(filters.into_iter().filter_map(|name| name.as_deref()));
    let folder = Path::new(path);
    let mut files: Vec<PathBuf> =
        names.into_iter().filter_map(|name| locate::find(folder, name)).collect();
    for (key, name) in [("train", &config.train), ("dev", &config.dev), ("test", &config.test)] {
        let found = locate::look_for(config.format, folder, key, name);
        files.extend(found.into_iter().flat_map(|found| found.files));
    }
    files
}

fn from_folder(
    config: &DataConfig,
    folder: &Path,
    progress: &dyn Progress,
    notes: &mut Vec<String>,
) -> Result<Dataset, DataError> {
    let numbered = label_names::of(config, folder, notes)?;
    let mut names = Names::default();
    let from = Folder { config, folder, numbered: numbered.as_ref(), progress };
    let mut splits = Vec::new();
    for (key, file) in [("train", &config.train), ("dev", &config.dev), ("test", &config.test)] {
        if !file.is_empty() {
            splits.push(from.read_split(key, file, &mut names, notes)?);
        }
    }
    ids::make_unique(&mut splits, notes)?;
    let (names, numbered) = understood(config, folder, numbered, &mut splits, names, notes)?;
    check_unlabeled(&splits, config.unlabeled, notes)?;
    let seen = look::at(&splits, &names, &config.label_separator)?;
    let vocabulary = match numbered {
        Some(vocabulary) => Some(vocabulary),
        None => Vocabulary::open(config, folder)?,
    };
    let matching = match vocabulary {
        Some(vocabulary) => {
            notes.extend(vocabulary.note());
            Matching::with_file(vocabulary, &names, &splits)?
        }
        None => {
            let n_seen = splits.len() - usize::from(!config.test.is_empty());
            Matching::with_labels_of(&splits[..n_seen], &names)?
        }
    };
    let mut matched =
        splits.into_iter().map(|split| matching.apply(split, config.unlabeled, notes));
    let mut next = || matched.next().expect("a split for each file that is named");
    let train = next()?;
    let dev = if config.dev.is_empty() { None } else { Some(next()?) };
    let test = if config.test.is_empty() { None } else { Some(next()?) };
    drop(matched);
    notes.extend(seen);
    Ok(Dataset { name: folder_name(folder), train, dev, test, vocabulary: matching.vocabulary })
}

/// The name of each label, and the list of names that numbers stand for, if there are numbers.
fn understood(
    config: &DataConfig,
    folder: &Path,
    numbered: Option<Vocabulary>,
    splits: &mut [RawSplit],
    mut names: Names,
    notes: &mut Vec<String>,
) -> Result<(Vec<String>, Option<Vocabulary>), DataError> {
    let length = numbers::understand_vectors(splits, &mut names, notes);
    let numbered = with_numbers(config, folder, numbered, &mut names, notes)?;
    if let (Some(n_labels), Some(numbered)) = (length, &numbered)
        && n_labels != numbered.labels.len()
    {
        let (path, names) = (splits[0].path.clone(), numbered.path.clone());
        let n_names = numbered.labels.len();
        return Err(DataError::MatrixWidth { path, n_labels, n_names, names });
    }
    let names = numbers::named(&names, numbered.as_ref(), splits)?;
    Ok((names, numbered))
}

/// The labels by number, where the files turn out to have numbers.
fn with_numbers(
    config: &DataConfig,
    folder: &Path,
    numbered: Option<Vocabulary>,
    names: &mut Names,
    notes: &mut Vec<String>,
) -> Result<Option<Vocabulary>, DataError> {
    if numbered.is_some() {
        return Ok(numbered);
    }
    let mut of_list = Vec::new();
    let listed = label_names::listed(config, folder, &mut of_list)?;
    numbers::understand_text(names, listed.as_ref(), notes);
    let numbered = listed.filter(|_| numbers::has_numbers(names));
    if numbered.is_some() {
        notes.append(&mut of_list);
    }
    Ok(numbered)
}

fn folder_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map_or("data".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Holds where splits are read from.
#[derive(Clone, Copy)]
struct Folder<'a> {
    config: &'a DataConfig,
    folder: &'a Path,
    /// The labels by number, where the format has numbers.
    numbered: Option<&'a Vocabulary>,
    progress: &'a dyn Progress,
}

impl Folder<'_> {
    fn read_split(
        &self,
        key: &'static str,
        file: &str,
        names: &mut Names,
        notes: &mut Vec<String>,
    ) -> Result<RawSplit, DataError> {
        let found = locate::find_split(self.config.format, self.folder, key, file)?;
        notes.extend(found.note);
        let path = match &found.files[..] {
            [one] => one.clone(),
            _ => self.folder.join(file),
        };
        let mut split = RawSplit::new(key, path);
        self.progress.begin(&format!("reading {key}"), 0);
        let result = self.read_into(&mut split, &found.files, names, notes);
        self.progress.end();
        result?;
        if split.len() == 0 {
            return Err(DataError::EmptySplit { key, path: split.path, dropped: 0 });
        }
        Ok(split)
    }

    fn read_into(
        &self,
        split: &mut RawSplit,
        files: &[PathBuf],
        names: &mut Names,
        notes: &mut Vec<String>,
    ) -> Result<(), DataError> {
        let Self { config, folder, progress, .. } = *self;
        let labels = || label_names::matrix_file(config, folder, split.key);
        match config.format {
            DataFormat::Csv | DataFormat::Tsv => {
                csv::read(read::open(&split.path)?, config, split, names, notes, progress)
            }
            DataFormat::Jsonl | DataFormat::Demo => {
                jsonl::read(read::open(&split.path)?, config, split, names, progress)
            }
            DataFormat::Xmc => {
                let numbered = self.numbered.expect("`label_names::of` gives them for this format");
                let (texts, labels) = (read::open(&split.path)?, labels()?);
                let filter = self.filter(split.key, notes)?;
                let matrix = lines::matrix_of(&labels, numbered, filter.as_ref())?;
                lines::read_xmc(texts, &labels, &matrix, split, names, progress)
            }
            DataFormat::Pairs => {
                let (texts, labels) = (read::open(&split.path)?, labels()?);
                lines::read_pairs(texts, &labels, split, names, progress)
            }
            DataFormat::XmcJson => {
                xmc_json::read(read::open(&split.path)?, config, split, names, progress)
            }
            DataFormat::Parquet => parquet::read(files, config, split, names, notes, progress),
        }
    }

    /// The pairs that the config takes out of a split; a note where it does not, but the folder has them.
    fn filter(
        &self,
        key: &'static str,
        notes: &mut Vec<String>,
    ) -> Result<Option<Filter>, DataError> {
        let (config, folder) = (self.config, self.folder);
        let (filter_key, given) = match key {
            "train" => ("train_filter", &config.train_filter),
            "dev" => ("dev_filter", &config.dev_filter),
            _ => ("test_filter", &config.test_filter),
        };
        if let Some(name) = given {
            let path = locate::find_one(folder, filter_key, name)?;
            return Filter::read(&path).map(Some);
        }
        let usual = filters::USUAL.iter().find(|(split, _)| *split == key);
        let found = usual.filter(|(_, name)| locate::find(folder, name).is_some());
        notes.extend(found.map(|(_, name)| {
            format!("{key}: `{name}` is not applied; `data.{filter_key} = \"{name}\"` takes its pairs out")
        }));
        Ok(None)
    }
}

/// Notes what a person would want to know before trusting a score.
fn note_oddities(dataset: &Dataset, notes: &mut Vec<String>) {
    for (key, split) in dataset.splits() {
        let empty = split.texts.iter().filter(|text| text.trim().is_empty()).count();
        if empty > 0 {
            notes.push(format!("{key}: {} without a word", counted(empty, "text")));
        }
    }
    let absent = dataset.train.labels.counts().iter().filter(|&&count| count == 0).count();
    if absent > 0 {
        notes.push(format!("train: {} of the vocabulary in no text", counted(absent, "label")));
    }
    let repeated = Repeated::count(dataset);
    if repeated.texts > 0 {
        let other = match repeated.with_other_labels {
            0 => String::new(),
            n if n * 2 > repeated.texts => {
                format!(", {n} of them with other labels (is it a line for each label?)")
            }
            n => format!(", {n} of them with other labels"),
        };
        let count = counted(repeated.texts, "text");
        notes.push(format!("{count} the same as an earlier one{other}"));
    }
    if repeated.across_splits > 0 {
        let count = counted(repeated.across_splits, "text");
        notes.push(format!("{count} in more than one split (test scores are a little too high)"));
    }
}

pub(super) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
