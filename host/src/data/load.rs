//! Reads the splits, checks them against each other, and matches labels with the vocabulary.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::error::DataError;
use super::raw::{Names, RawSplit};
use super::stats::Repeated;
use super::vocabulary::{Vocabulary, nearest};
use super::{Dataset, Labels, Split, Texts, csv, demo, hold_out, jsonl, read};
use super::{label_names, lines, parquet, xmc_json};
use crate::config::{DataConfig, DataFormat, OnUnlabeled};
use crate::progress::Progress;

/// A data set and what is worth knowing about how it was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub dataset: Dataset,
    /// What was dropped or is unusual, counted; one sentence each.
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

/// The files that `load` would read; those that are not there are left out.
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
    let folder = Path::new(path);
    let mut files: Vec<PathBuf> =
        names.into_iter().filter_map(|name| read::find(folder, name)).collect();
    for name in [&config.train, &config.dev, &config.test] {
        files.extend(read::find_all(folder, name));
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
    let names = &mut Names::default();
    let from = Folder { config, folder, numbered: numbered.as_ref(), progress };
    let mut read = |key, file: &str| from.read_split(key, file, names);
    let train = read("train", &config.train)?;
    let dev = if config.dev.is_empty() { None } else { Some(read("dev", &config.dev)?) };
    let test = read("test", &config.test)?;

    let mut splits = vec![&train];
    splits.extend(&dev);
    let learnt_from = splits.clone();
    splits.push(&test);
    check_ids(&splits)?;
    for split in splits.iter().filter(|split| split.dropped > 0) {
        notes.push(format!(
            "{}: {} without label dropped",
            split.key,
            counted(split.dropped, "text")
        ));
    }
    let vocabulary = match numbered {
        Some(vocabulary) => Some(vocabulary),
        None => Vocabulary::open(config, folder)?,
    };
    let matching = match vocabulary {
        Some(vocabulary) => {
            if !vocabulary.named {
                let path = vocabulary.path.display();
                notes.push(format!(
                    "vocabulary: taken from {path}, which was found beside the splits"
                ));
            }
            Matching::with_file(vocabulary, names, &splits)?
        }
        None => Matching::with_labels_of(&learnt_from, names)?,
    };
    Ok(Dataset {
        name: folder_name(folder),
        train: matching.apply(train, config.unlabeled, notes)?,
        dev: dev.map(|dev| matching.apply(dev, config.unlabeled, notes)).transpose()?,
        test: matching.apply(test, config.unlabeled, notes)?,
        vocabulary: matching.vocabulary,
    })
}

fn folder_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map_or("data".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Where splits are read from.
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
    ) -> Result<RawSplit, DataError> {
        let path = match self.config.format {
            DataFormat::Parquet => self.folder.join(file),
            _ => read::find_split(self.folder, key, file)?,
        };
        let mut split = RawSplit::new(key, path, self.config.unlabeled);
        self.progress.begin(&format!("reading {key}"), 0);
        let result = self.read_into(&mut split, file, names);
        self.progress.end();
        result?;
        if split.ids.is_empty() {
            return Err(DataError::EmptySplit { key, path: split.path, dropped: split.dropped });
        }
        Ok(split)
    }

    fn read_into(
        &self,
        split: &mut RawSplit,
        file: &str,
        names: &mut Names,
    ) -> Result<(), DataError> {
        let Self { config, folder, progress, .. } = *self;
        let numbered = || self.numbered.expect("`label_names::of` gives them for this format");
        let labels = || label_names::matrix_file(config, folder, split.key);
        match config.format {
            DataFormat::Csv | DataFormat::Tsv => {
                csv::read(read::open(&split.path)?, config, split, names, progress)
            }
            DataFormat::Jsonl | DataFormat::Demo => {
                jsonl::read(read::open(&split.path)?, split, names, progress)
            }
            DataFormat::Xmc => {
                let (texts, labels) = (read::open(&split.path)?, labels()?);
                lines::read_xmc(texts, &labels, numbered(), split, names, progress)
            }
            DataFormat::Pairs => {
                let (texts, labels) = (read::open(&split.path)?, labels()?);
                lines::read_pairs(texts, &labels, split, names, progress)
            }
            DataFormat::XmcJson => {
                let source = read::open(&split.path)?;
                xmc_json::read(source, config, numbered(), split, names, progress)
            }
            DataFormat::Parquet => {
                let shards = read::find_shards(folder, split.key, file)?;
                parquet::read(&shards, config, self.numbered, split, names, progress)
            }
        }
    }
}

fn check_ids(splits: &[&RawSplit]) -> Result<(), DataError> {
    let n_texts = splits.iter().map(|split| split.ids.len()).sum();
    let mut first: HashMap<&str, (&RawSplit, u64)> = HashMap::with_capacity(n_texts);
    for split in splits {
        for (id, &line) in split.ids.iter().zip(&split.lines) {
            if let Some((other, first_line)) = first.insert(id, (split, line)) {
                return Err(DataError::DuplicateId {
                    path: split.path.clone(),
                    line,
                    id: id.clone(),
                    first_path: other.path.clone(),
                    first_line,
                });
            }
        }
    }
    Ok(())
}

/// The vocabulary, and for each label number of the files the label's id in it.
struct Matching {
    vocabulary: Vec<String>,
    ids: Vec<Option<u32>>,
}

impl Matching {
    /// Every label of the files must be in the vocabulary.
    fn with_file(
        vocabulary: Vocabulary,
        names: &Names,
        splits: &[&RawSplit],
    ) -> Result<Self, DataError> {
        let ids: Vec<Option<u32>> = names.names.iter().map(|name| vocabulary.id(name)).collect();
        if ids.iter().all(Option::is_some) {
            return Ok(Self { vocabulary: vocabulary.labels, ids });
        }
        for split in splits {
            for text in 0..split.ids.len() {
                let unknown =
                    split.labels(text).iter().find(|&&label| ids[label as usize].is_none());
                if let Some(&label) = unknown {
                    let label = names.names[label as usize].clone();
                    return Err(DataError::UnknownLabel {
                        path: split.path.clone(),
                        line: split.lines[text],
                        nearest: nearest(&label, &vocabulary.labels),
                        label,
                        n_labels: vocabulary.labels.len(),
                        vocabulary: vocabulary.path,
                    });
                }
            }
        }
        // A name is numbered only when a text is kept or the reading ends in an error.
        unreachable!("a label that no text has was numbered");
    }

    /// The sorted labels of these splits.
    fn with_labels_of(splits: &[&RawSplit], names: &Names) -> Result<Self, DataError> {
        let mut seen = vec![false; names.names.len()];
        for split in splits {
            for text in 0..split.ids.len() {
                for &label in split.labels(text) {
                    seen[label as usize] = true;
                }
            }
        }
        let mut numbers: Vec<usize> = (0..seen.len()).filter(|&number| seen[number]).collect();
        if numbers.is_empty() {
            return Err(DataError::EmptyVocabulary);
        }
        numbers.sort_unstable_by_key(|&number| &names.names[number]);
        let mut ids = vec![None; seen.len()];
        for (id, &number) in numbers.iter().enumerate() {
            ids[number] = Some(id as u32);
        }
        let vocabulary = numbers.iter().map(|&number| names.names[number].clone()).collect();
        Ok(Self { vocabulary, ids })
    }

    /// Replaces label numbers by label ids. Labels outside the vocabulary are dropped and counted,
    /// and so are texts that lose all their labels by it, unless texts without label are kept.
    fn apply(
        &self,
        raw: RawSplit,
        unlabeled: OnUnlabeled,
        notes: &mut Vec<String>,
    ) -> Result<Split, DataError> {
        let mut labels = Labels::new(self.vocabulary.len());
        let mut lost_labels: HashSet<u32> = HashSet::new();
        let mut lost_texts = Vec::new();
        let mut repeated = 0;
        for text in 0..raw.ids.len() {
            let numbers = raw.labels(text);
            let row: Vec<u32> = numbers.iter().filter_map(|&n| self.ids[n as usize]).collect();
            lost_labels.extend(numbers.iter().filter(|&&n| self.ids[n as usize].is_none()));
            if row.is_empty() && !numbers.is_empty() && unlabeled != OnUnlabeled::Keep {
                lost_texts.push(text);
            } else {
                labels.push(&row);
                repeated += row.len() - labels.row(labels.len() - 1).len();
            }
        }
        if repeated > 0 {
            let count = counted(repeated, "label");
            notes.push(format!("{}: {count} repeated in one text counted once", raw.key));
        }
        if !lost_labels.is_empty() {
            let count = counted(lost_labels.len(), "label");
            let also = match lost_texts.len() {
                0 => String::new(),
                n => format!(", and {} that had no other", counted(n, "text")),
            };
            let key = raw.key;
            notes.push(format!("{key}: {count} found in neither train nor dev dropped{also}"));
        }
        if lost_texts.len() == raw.ids.len() {
            let dropped = raw.dropped + lost_texts.len();
            return Err(DataError::EmptySplit { key: raw.key, path: raw.path, dropped });
        }
        let (ids, texts) = without(raw.ids, raw.texts, &lost_texts);
        Ok(Split { ids, texts, labels })
    }
}

/// The texts and their ids without those at the places in `left_out`, which are sorted.
fn without(ids: Vec<String>, texts: Texts, left_out: &[usize]) -> (Vec<String>, Texts) {
    if left_out.is_empty() {
        return (ids, texts);
    }
    let kept = |text: &usize| left_out.binary_search(text).is_err();
    let mut kept_texts = Texts::default();
    for text in (0..texts.len()).filter(kept) {
        kept_texts.push(texts.get(text));
    }
    let kept_ids = ids.into_iter().enumerate().filter(|(text, _)| kept(text)).map(|(_, id)| id);
    (kept_ids.collect(), kept_texts)
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
        notes.push(format!("{} the same as an earlier one", counted(repeated.texts, "text")));
    }
    if repeated.across_splits > 0 {
        let count = counted(repeated.across_splits, "text");
        notes.push(format!("{count} in more than one split (test scores are a little too high)"));
    }
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
