//! How well a label's name fits a query all of whose words it has.

use super::Shape;
use super::fold::{self, Word};
use super::vocabulary::Vocabulary;

/// How well a label's name fits a query all of whose words begin words of the name, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// To the byte.
    Name,
    /// But for case and accents.
    Letters,
    /// But for signs and spaces, too.
    Words,
    /// The same for the last part of the path.
    LastPart,
    /// The name, or the last part of its path, begins so.
    Beginning,
    /// The query's words stand side by side in the name.
    Phrase,
    /// They stand anywhere, in any order.
    Anywhere,
}

/// A query, looked at from the labels' side.
pub(super) struct Sought<'a> {
    query: &'a str,
    folded: String,
    /// The words' ids, where some label has such a word.
    ids: Vec<Option<u32>>,
    /// The letters of the last word.
    last: &'a [u8],
}

impl<'a> Sought<'a> {
    pub(super) fn new(query: &'a str, typed: &'a [Word], vocabulary: &Vocabulary) -> Sought<'a> {
        Sought {
            query,
            folded: fold::text(query),
            ids: typed.iter().map(|word| vocabulary.id(&word.letters)).collect(),
            last: typed.last().map_or(b"", |word| word.letters.as_bytes()),
        }
    }

    pub(super) fn fit(&self, name: &str, shape: &Shape, vocabulary: &Vocabulary) -> Fit {
        let stands_at = |at: usize| self.stands_at(at, &shape.words, vocabulary);
        let n_above = shape.n_above as usize;
        if stands_at(0) && self.ends_at(0, &shape.words) {
            return self.same_words(name);
        }
        if stands_at(n_above) && self.ends_at(n_above, &shape.words) {
            return Fit::LastPart;
        }
        if stands_at(0) || stands_at(n_above) {
            return Fit::Beginning;
        }
        if (1..shape.words.len()).any(stands_at) {
            return Fit::Phrase;
        }
        Fit::Anywhere
    }

    fn same_words(&self, name: &str) -> Fit {
        if name == self.query {
            return Fit::Name;
        }
        if fold::text(name) == self.folded { Fit::Letters } else { Fit::Words }
    }

    /// Whether the query's words stand in the name from a word on, the last of them perhaps unfinished.
    fn stands_at(&self, at: usize, words: &[u32], vocabulary: &Vocabulary) -> bool {
        let Some(here) = words.get(at..at + self.ids.len()) else { return false };
        let Some((last, whole)) = here.split_last() else { return false };
        whole.iter().zip(&self.ids).all(|(&word, &id)| Some(word) == id)
            && vocabulary.letters(*last).starts_with(self.last)
    }

    /// Whether the name is over where the query is, and its last word is the query's.
    fn ends_at(&self, at: usize, words: &[u32]) -> bool {
        let last = self.ids.last().copied().flatten();
        words.len() == at + self.ids.len() && words.last().copied() == last
    }
}
