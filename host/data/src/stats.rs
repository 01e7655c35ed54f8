//! The figures that describe a data set: the paper's Table 1, and what goes beyond it.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::lengths::{Lengths, Pieces, Tokenized, median};
use super::{Dataset, Labels, Split};

/// Figures of a data set. "All" means train, dev and test together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    pub name: String,
    pub train: usize,
    pub dev: usize,
    pub test: usize,
    /// Labels in the vocabulary.
    pub classes: usize,
    /// Mean labels of a text, over all texts and over train. The paper's Table 1 has the one for
    /// some data sets and the other for others, so both are given here and below.
    pub classes_per_text: f64,
    pub classes_per_text_train: f64,
    /// Label density: `classes_per_text` as a share of the vocabulary.
    pub density: f64,
    /// Mean texts of a label of the vocabulary, over all texts and over train.
    pub texts_per_class: f64,
    pub texts_per_class_train: f64,
    /// The paper's "average class co-occurrence": texts that carry both labels of a pair, averaged
    /// over all pairs of labels, in all texts. 0 where there is only one label.
    pub cooc_pair_mean: f64,
    /// Texts that carry both labels of a pair, averaged over the pairs that occur.
    pub cooc_pair_mean_nonzero: f64,
    /// Texts of the smallest, the median and the largest label, in all texts.
    pub min_class: u32,
    pub median_class: f64,
    pub max_class: u32,
    pub classes_absent_from_train: usize,
    /// Is none without a dev set.
    pub classes_absent_from_dev: Option<usize>,
    pub classes_absent_from_test: usize,
    /// Distinct sets of labels, in all texts.
    pub labelsets: usize,
    pub no_label_texts: usize,
    /// Words between white space, in all texts. The 95th percentile is the nearest rank.
    pub words_mean: f64,
    pub words_median: f64,
    pub words_p95: u32,
    pub words_max: u32,
    /// Texts equal to one that stands before them.
    pub duplicate_texts: usize,
    /// Distinct texts that stand in more than one split.
    pub texts_in_more_than_one_split: usize,
    /// The checkpoint whose word pieces were counted, and where texts are cut for it.
    pub tokenizer: Option<String>,
    pub max_tokens: Option<usize>,
    /// Word pieces of all texts; none where they were not tokenized.
    pub pieces: Option<Pieces>,
    /// The splits that there are, in the order train, dev, test.
    pub splits: Vec<SplitStats>,
}

/// Figures of one split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitStats {
    pub split: &'static str,
    pub texts: usize,
    pub classes_per_text: f64,
    pub density: f64,
    pub no_label_texts: usize,
    /// Labels of the vocabulary that no text of the split has.
    pub classes_absent: usize,
    /// Texts equal to one that stands before them in the split.
    pub duplicate_texts: usize,
    pub words: Lengths,
    pub pieces: Option<Pieces>,
}

/// Computes the figures of a data set. `tokenized` adds the lengths in word pieces.
pub fn stats(dataset: &Dataset, tokenized: Option<&Tokenized>) -> Stats {
    let splits: Vec<_> = dataset.splits().map(|(_, split)| split).collect();
    let labels: Vec<&Labels> = splits.iter().map(|split| &split.labels).collect();
    let n_labels = dataset.vocabulary.len();
    let (n_texts, assignments) = totals(&splits);

    let class_sizes = ascending_class_sizes(dataset);
    let words = Lengths::of(splits.iter().flat_map(|split| words(split)).collect());
    let pairs = Pairs::count(&labels);
    let repeated = Repeated::count(dataset);

    Stats {
        name: dataset.name.clone(),
        train: dataset.train.ids.len(),
        dev: dataset.dev.as_ref().map_or(0, |dev| dev.ids.len()),
        test: dataset.test.as_ref().map_or(0, |test| test.ids.len()),
        classes: n_labels,
        classes_per_text: ratio(assignments, n_texts),
        classes_per_text_train: dataset.train.labels.cardinality(),
        density: ratio(assignments, n_texts * n_labels),
        texts_per_class: ratio(assignments, n_labels),
        texts_per_class_train: ratio(dataset.train.labels.n_assignments(), n_labels),
        cooc_pair_mean: ratio(pairs.occurrences, n_labels * n_labels.saturating_sub(1) / 2),
        cooc_pair_mean_nonzero: ratio(pairs.occurrences, pairs.distinct),
        min_class: class_sizes.first().copied().unwrap_or(0),
        median_class: median(&class_sizes),
        max_class: class_sizes.last().copied().unwrap_or(0),
        classes_absent_from_train: absent(&dataset.train.labels),
        classes_absent_from_dev: dataset.dev.as_ref().map(|dev| absent(&dev.labels)),
        classes_absent_from_test: dataset.test.as_ref().map_or(0, |test| absent(&test.labels)),
        labelsets: labels.iter().flat_map(|labels| labels.rows()).collect::<HashSet<_>>().len(),
        no_label_texts: labels.iter().flat_map(|l| l.rows()).filter(|row| row.is_empty()).count(),
        words_mean: words.mean,
        words_median: words.median,
        words_p95: words.p95,
        words_max: words.max,
        duplicate_texts: repeated.texts,
        texts_in_more_than_one_split: repeated.across_splits,
        tokenizer: tokenized.map(|tokenized| tokenized.checkpoint.clone()),
        max_tokens: tokenized.map(|tokenized| tokenized.max_tokens),
        pieces: tokenized.map(Tokenized::pieces_of_all),
        splits: of_splits(dataset, tokenized),
    }
}

/// Texts of each label in all splits, the largest first: the paper's Figure 1.
pub fn class_sizes(dataset: &Dataset) -> Vec<u32> {
    let mut sizes = vec![0; dataset.vocabulary.len()];
    for (_, split) in dataset.splits() {
        for (size, count) in sizes.iter_mut().zip(split.labels.counts()) {
            *size += count;
        }
    }
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

/// Counts the texts of some splits, and their pairs of text and label.
fn totals(splits: &[&Split]) -> (usize, usize) {
    let texts = splits.iter().map(|split| split.ids.len()).sum();
    let assignments = splits.iter().map(|split| split.labels.n_assignments()).sum();
    (texts, assignments)
}

fn ascending_class_sizes(dataset: &Dataset) -> Vec<u32> {
    let mut sizes = class_sizes(dataset);
    sizes.reverse();
    sizes
}

fn of_splits(dataset: &Dataset, tokenized: Option<&Tokenized>) -> Vec<SplitStats> {
    dataset
        .splits()
        .enumerate()
        .map(|(number, (name, split))| {
            let pieces = tokenized.map(|tokenized| tokenized.pieces_of(number));
            of_split(name, split, pieces)
        })
        .collect()
}

fn of_split(name: &'static str, split: &Split, pieces: Option<Pieces>) -> SplitStats {
    let labels = &split.labels;
    let distinct: HashSet<&str> = split.texts.iter().collect();
    SplitStats {
        split: name,
        texts: split.texts.len(),
        classes_per_text: labels.cardinality(),
        density: ratio(labels.n_assignments(), labels.len() * labels.n_labels()),
        no_label_texts: labels.rows().filter(|row| row.is_empty()).count(),
        classes_absent: absent(labels),
        duplicate_texts: split.texts.len() - distinct.len(),
        words: Lengths::of(words(split).collect()),
        pieces,
    }
}

/// Words of each text, between white space.
fn words(split: &Split) -> impl Iterator<Item = u32> {
    split.texts.iter().map(|text| text.split_whitespace().count() as u32)
}

/// Divides two counts; 0 where there is nothing to divide by.
pub(super) fn ratio(numerator: usize, denominator: usize) -> f64 {
    if denominator == 0 { 0.0 } else { numerator as f64 / denominator as f64 }
}

fn absent(labels: &Labels) -> usize {
    labels.counts().iter().filter(|&&count| count == 0).count()
}

/// Unordered pairs of labels of one text.
struct Pairs {
    /// Pairs, one for each text and pair in it.
    occurrences: usize,
    distinct: usize,
}

impl Pairs {
    fn count(labels: &[&Labels]) -> Self {
        let mut occurrences = 0;
        let mut distinct = HashSet::new();
        for row in labels.iter().flat_map(|labels| labels.rows()) {
            occurrences += row.len() * row.len().saturating_sub(1) / 2;
            for (i, &first) in row.iter().enumerate() {
                distinct.extend(row[i + 1..].iter().map(|&second| (first, second)));
            }
        }
        Self { occurrences, distinct: distinct.len() }
    }
}

/// Texts that stand more than once in a data set.
pub(super) struct Repeated {
    /// Texts equal to an earlier one.
    pub(super) texts: usize,
    /// Texts equal to an earlier one whose labels they do not have.
    pub(super) with_other_labels: usize,
    /// Distinct texts in more than one split.
    pub(super) across_splits: usize,
}

impl Repeated {
    pub(super) fn count(dataset: &Dataset) -> Self {
        // For each text, a bit for each split that it stands in, and its labels where it stands first.
        let mut first_of: HashMap<&str, (u8, &[u32])> = HashMap::new();
        let (mut texts, mut with_other_labels) = (0, 0);
        for (number, (_, split)) in dataset.splits().enumerate() {
            for (text, row) in split.texts.iter().zip(split.labels.rows()) {
                let (splits, first) = first_of.entry(text).or_insert((0, row));
                texts += usize::from(*splits != 0);
                with_other_labels += usize::from(*first != row);
                *splits |= 1 << number;
            }
        }
        let across_splits = first_of.values().filter(|of| of.0.count_ones() > 1).count();
        Self { texts, with_other_labels, across_splits }
    }
}
