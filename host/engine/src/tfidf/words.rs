//! Texts as rows of TF-IDF, as scikit-learn's `TfidfVectorizer(sublinear_tf=True)` makes them: lower-cased
//! words of two letters or more, `1 + ln(tf)` times `ln((1 + n) / (1 + df)) + 1`, each row of length 1.

use std::collections::{BTreeSet, HashMap};

use rayon::prelude::*;
use regex::Regex;

/// The words of a collection of texts, and how rare each is.
pub(super) struct TfIdf {
    words: Regex,
    columns: HashMap<String, u32>,
    /// Inverse document frequency, by column.
    idf: Vec<f64>,
}

/// Sparse rows: column and value, ascending by column.
pub(super) type Rows = Vec<Vec<(u32, f32)>>;

impl TfIdf {
    /// Words and frequencies from `texts`; columns are in the order of the words.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let words = Regex::new(r"\b\w\w+\b").expect("the pattern is one");
        let mut frequencies: HashMap<String, u32> = HashMap::new();
        let mut n = 0;
        for text in texts {
            let text = text.to_lowercase();
            let found: BTreeSet<&str> = words.find_iter(&text).map(|word| word.as_str()).collect();
            for word in found {
                match frequencies.get_mut(word) {
                    Some(frequency) => *frequency += 1,
                    None => drop(frequencies.insert(word.to_owned(), 1)),
                }
            }
            n += 1;
        }
        let mut sorted: Vec<(String, u32)> = frequencies.into_iter().collect();
        sorted.sort_unstable();
        let idf =
            |&(_, df): &(String, u32)| ((1.0 + f64::from(n)) / (1.0 + f64::from(df))).ln() + 1.0;
        Self {
            words,
            idf: sorted.iter().map(idf).collect(),
            columns: sorted
                .into_iter()
                .zip(0..)
                .map(|((word, _), column)| (word, column))
                .collect(),
        }
    }

    pub(super) fn n_columns(&self) -> usize {
        self.idf.len()
    }

    /// A row for each text. Words that the collection has not are left out; a text without any has an
    /// empty row.
    pub(super) fn rows(&self, texts: &[&str]) -> Rows {
        texts.par_iter().map(|text| self.row(text)).collect()
    }

    fn row(&self, text: &str) -> Vec<(u32, f32)> {
        let text = text.to_lowercase();
        let mut counts: HashMap<u32, u32> = HashMap::new();
        for word in self.words.find_iter(&text) {
            if let Some(&column) = self.columns.get(word.as_str()) {
                *counts.entry(column).or_default() += 1;
            }
        }
        let weight = |(column, tf): (u32, u32)| {
            (column, (1.0 + f64::from(tf).ln()) * self.idf[column as usize])
        };
        let mut row: Vec<(u32, f64)> = counts.into_iter().map(weight).collect();
        row.sort_unstable_by_key(|entry| entry.0);
        let length = row.iter().map(|entry| entry.1 * entry.1).sum::<f64>().sqrt();
        row.into_iter().map(|(column, value)| (column, (value / length) as f32)).collect()
    }
}
