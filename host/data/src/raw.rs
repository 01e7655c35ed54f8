//! A split as it stands in its file: labels not yet matched with a vocabulary.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::error::DataError;
use super::record::{Label, Record, Told};
use super::texts::Texts;

/// The most texts: more than anybody has, and few enough for memory. A Parquet file of some KB can
/// claim any number.
const MAX_TEXTS: usize = 100_000_000;

/// A label as it stands in the files.
#[derive(Clone, Debug)]
pub(super) enum Symbol {
    Name(String),
    Number(i64),
}

impl Symbol {
    /// Returns what stands in the file.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// All labels met so far, each with its place in order of appearance.
#[derive(Default)]
pub(super) struct Names {
    places: HashMap<String, u32>,
    places_of_numbers: HashMap<i64, u32>,
    pub(super) symbols: Vec<Symbol>,
}

impl Names {
    fn place(&mut self, label: &Label<'_>) -> u32 {
        match label {
            Label::Name(name) => {
                if let Some(&place) = self.places.get(&**name) {
                    return place;
                }
                let place = self.add(Symbol::Name((**name).to_owned()));
                self.places.insert((**name).to_owned(), place);
                place
            }
            Label::Number(number) => self.place_of_number(*number),
        }
    }

    pub(super) fn place_of_number(&mut self, number: i64) -> u32 {
        if let Some(&place) = self.places_of_numbers.get(&number) {
            return place;
        }
        let place = self.add(Symbol::Number(number));
        self.places_of_numbers.insert(number, place);
        place
    }

    fn add(&mut self, symbol: Symbol) -> u32 {
        let place = u32::try_from(self.symbols.len()).expect("fewer than 2^32 distinct labels");
        self.symbols.push(symbol);
        place
    }
}

/// One split file. Text `i` stands on line `lines[i]`.
pub(super) struct RawSplit {
    /// The key of `[data]` that names the file: `train`, `dev` or `test`.
    pub(super) key: &'static str,
    pub(super) path: PathBuf,
    pub(super) ids: Vec<String>,
    pub(super) texts: Texts,
    pub(super) lines: Vec<u64>,
    /// The labels of text `i`, as places in [`Names`], are `labels[offsets[i]..offsets[i + 1]]`, in the
    /// file's order.
    labels: Vec<u32>,
    offsets: Vec<u64>,
    /// Texts whose labels stood in one string: split at the separator, or a list written as text.
    pub(super) separated: usize,
    pub(super) unpacked: usize,
}

impl RawSplit {
    pub(super) fn new(key: &'static str, path: PathBuf) -> Self {
        Self {
            key,
            path,
            ids: Vec::new(),
            texts: Texts::default(),
            lines: Vec::new(),
            labels: Vec::new(),
            offsets: vec![0],
            separated: 0,
            unpacked: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn labels(&self, text: usize) -> &[u32] {
        &self.labels[self.offsets[text] as usize..self.offsets[text + 1] as usize]
    }

    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        (0..self.len()).map(|text| self.labels(text))
    }

    /// Appends a text. Where it has no id, its number in the file makes one, such as `train-1`.
    pub(super) fn push(&mut self, record: Record<'_>, names: &mut Names) -> Result<(), DataError> {
        let Record { line, id, text, labels, told } = record;
        if self.len() == MAX_TEXTS {
            return Err(DataError::TooMany { path: self.path.clone(), line, most: MAX_TEXTS });
        }
        let id = id.map_or_else(|| format!("{}-{}", self.key, self.len() + 1), Cow::into_owned);
        for label in &labels {
            if matches!(label, Label::Name(name) if name.is_empty()) {
                return Err(DataError::EmptyLabel { path: self.path.clone(), line, id });
            }
            self.labels.push(names.place(label));
        }
        self.separated += usize::from(told == Told::Separator);
        self.unpacked += usize::from(told == Told::Notation);
        self.offsets.push(self.labels.len() as u64);
        self.ids.push(id);
        self.texts.push(&text);
        self.lines.push(line);
        Ok(())
    }

    /// Replaces the labels of each text.
    pub(super) fn relabel(&mut self, mut row: impl FnMut(&[u32]) -> Vec<u32>) {
        let old = std::mem::take(&mut self.labels);
        for text in 0..self.len() {
            let range = self.offsets[text] as usize..self.offsets[text + 1] as usize;
            self.offsets[text] = self.labels.len() as u64;
            self.labels.extend(row(&old[range]));
        }
        let n = self.len();
        self.offsets[n] = self.labels.len() as u64;
    }

    /// The path and the line of a text.
    pub(super) fn place(&self, text: usize) -> (&Path, u64) {
        (&self.path, self.lines[text])
    }
}
