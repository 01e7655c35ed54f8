//! The words that occur in labels, and which labels each occurs in.

use std::collections::BTreeMap;
use std::ops::Bound;

use memchr::memmem;

use super::typing::{Rows, tolerance};

/// Greater than any letter of a word, so that it ends the range of words that begin alike.
const LAST: char = char::MAX;

/// Between the words where they lie one after another. No word has a control character.
const END: u8 = b'\n';

#[derive(Default)]
pub(super) struct Vocabulary {
    /// In the order of the letters: words that begin alike are neighbors.
    ids: BTreeMap<Box<str>, u32>,
    /// For each word by its id, the labels that have it, ascending.
    labels: Vec<Vec<u32>>,
    /// All words in the order of their ids, for a search that looks into the middle of them.
    all: Vec<u8>,
    /// For each word, where it begins in `all`.
    starts: Vec<usize>,
}

impl Vocabulary {
    /// Notes that a label has a word; the labels come in ascending order. Answers the word's id.
    pub(super) fn add(&mut self, word: &str, label: u32) -> u32 {
        let id = self.id(word).unwrap_or_else(|| self.add_word(word));
        let labels = &mut self.labels[id as usize];
        if labels.last() != Some(&label) {
            labels.push(label);
        }
        id
    }

    fn add_word(&mut self, word: &str) -> u32 {
        let id = self.labels.len() as u32;
        self.ids.insert(word.into(), id);
        self.labels.push(Vec::new());
        self.starts.push(self.all.len());
        self.all.extend_from_slice(word.as_bytes());
        self.all.push(END);
        id
    }

    pub(super) fn id(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }

    pub(super) fn labels(&self, word: u32) -> &[u32] {
        &self.labels[word as usize]
    }

    /// The letters of a word.
    pub(super) fn letters(&self, word: u32) -> &[u8] {
        let start = self.starts[word as usize];
        let next = self.starts.get(word as usize + 1).copied().unwrap_or(self.all.len());
        &self.all[start..next - 1]
    }

    pub(super) fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = u32> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let words = self.ids.range::<str, _>(from);
        words.take_while(move |(word, _)| word.starts_with(prefix)).map(|(_, &id)| id)
    }

    /// The words that have the letters anywhere in them.
    pub(super) fn with_infix(&self, infix: &str) -> Vec<u32> {
        let mut found: Vec<u32> = memmem::find_iter(&self.all, infix)
            .map(|at| self.starts.partition_point(|&start| start <= at) as u32 - 1)
            .collect();
        found.dedup();
        found
    }

    /// The words of which some beginning is few typing errors away, with the number of errors.
    ///
    /// Words that begin alike share the work, and where a beginning is hopeless, all of them are left out.
    pub(super) fn near(&self, typed: &str) -> Vec<(u32, u8)> {
        let tolerance = tolerance(typed.chars().count());
        if tolerance == 0 {
            return Vec::new();
        }
        let mut rows = Rows::new(typed, tolerance);
        let mut found = Vec::new();
        let mut words = self.ids.range::<str, _>(..);
        while let Some((word, &id)) = words.next() {
            let shared = rows.letters().iter().zip(word.chars()).take_while(|(a, b)| *a == b);
            let n_shared = shared.count();
            rows.turn_to(word, n_shared);
            if let Some((errors, _)) = rows.nearest() {
                found.push((id, errors));
            } else if rows.is_hopeless() && rows.letters().len() <= SHORT {
                let mut past: String = rows.letters().iter().collect();
                past.push(LAST);
                words =
                    self.ids.range::<str, _>((Bound::Excluded(past.as_str()), Bound::Unbounded));
            }
        }
        found
    }
}

/// Beginnings of so many letters have enough words behind them that to look up the next one is cheaper
/// than to pass them by.
const SHORT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(words: &[&str]) -> Vocabulary {
        let mut vocabulary = Vocabulary::default();
        for (label, word) in words.iter().enumerate() {
            vocabulary.add(word, label as u32);
        }
        vocabulary
    }

    #[test]
    fn a_word_of_several_labels_is_one_word() {
        let mut vocabulary = vocabulary(&["oil", "gas", "oil"]);
        assert_eq!(vocabulary.add("oil", 2), 0);
        assert_eq!(vocabulary.labels(0), [0, 2]);
        assert_eq!(vocabulary.letters(0), b"oil");
        assert_eq!(vocabulary.letters(1), b"gas");
    }

    #[test]
    fn words_are_found_by_their_beginning_their_middle_and_with_errors() {
        let vocabulary = vocabulary(&["agriculture", "agrarian", "culture", "cult", "zoo"]);
        assert_eq!(vocabulary.with_prefix("agr").collect::<Vec<_>>(), [1, 0]);
        assert_eq!(vocabulary.with_infix("cult"), [0, 2, 3]);
        assert_eq!(vocabulary.with_infix("oo"), [4]);
        assert_eq!(vocabulary.with_infix("xx"), [0; 0]);
        assert_eq!(vocabulary.near("cultrue"), [(2, 1)]);
        assert_eq!(vocabulary.near("agricutlure"), [(0, 1)]);
        assert_eq!(vocabulary.near("zooo"), [(4, 1)]);
        assert_eq!(vocabulary.near("zo"), []);
    }
}
