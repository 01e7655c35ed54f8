//! Finds labels while somebody types: by their beginning, by words of their path, by parts of words,
//! and in spite of typing errors.
//!
//! It is an index of the distinct words, not of the labels: 31,000 labels have some ten thousand, and a word
//! of a query concerns few. Beginnings are a range of the sorted words; parts of words are found
//! in one pass over all of them in one piece of memory; words that begin alike share the table of
//! typing errors (`typing.rs`). Each is asked only where what ranks higher did not fill the list. A
//! key stroke at 31,000 labels takes a millisecond or two (`cargo bench -p alhost-label`).
//!
//! Three crates were considered. `nucleo-matcher` scores letters in order with gaps between, as one
//! wants it for file names: it forgives no swapped or wrong letter, and wants words in the order of the name.
//! `fst` with Levenshtein automata is built once, while labels are added during labeling, and its
//! automata know no swap. `strsim` compares two whole words, not a beginning of one, and shares no work
//! between words.

mod fitting;
mod fold;
mod marking;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod tree;
mod typing;
mod vocabulary;

use std::cmp::Ordering;
use std::ops::Range;

pub use tree::Child;

use fitting::{Fit, Sought};
use fold::Word;
use tree::Tree;
use vocabulary::Vocabulary;

/// Labels by their names, which may be paths; more can be added at any time.
pub struct LabelIndex {
    separator: Option<String>,
    names: Vec<String>,
    /// For each label, what its name consists of.
    shapes: Vec<Shape>,
    vocabulary: Vocabulary,
    tree: Tree,
}

struct Shape {
    /// The words by their ids, in the order of the name.
    words: Box<[u32]>,
    /// How many words come before the last part of the path.
    n_above: u32,
    n_letters: u32,
}

/// A label that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub label: u32,
    /// What of the name was meant, for emphasis: bytes, ascending and apart, at character boundaries.
    pub matched: Vec<Range<usize>>,
}

/// How far a search reaches for a word of the query. What is further costs more than anything nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Beginnings,
    Parts,
    Errors,
}

/// What it costs when a word of the query is only a part of a word, and for each typing error.
const PART: u32 = 1;
const ERROR: u32 = 1 << 16;

/// The cost of what does not match. It swallows whatever is added to it.
const NO_MATCH: u32 = u32::MAX;

struct Candidate {
    label: u32,
    cost: u32,
    fit: Fit,
    prior: f64,
}

impl LabelIndex {
    /// An index without labels. An empty separator is none.
    pub fn new(separator: Option<&str>) -> LabelIndex {
        LabelIndex {
            separator: separator.filter(|separator| !separator.is_empty()).map(str::to_owned),
            names: Vec::new(),
            shapes: Vec::new(),
            vocabulary: Vocabulary::default(),
            tree: Tree::default(),
        }
    }

    /// Adds a label, and answers its number; they count from 0, in the order in which they come.
    pub fn push(&mut self, name: &str) -> u32 {
        let label = self.names.len() as u32;
        let words = fold::words(name);
        let last_part = match &self.separator {
            Some(separator) => name.rfind(separator.as_str()).unwrap_or(0),
            None => 0,
        };
        let n_above = words.iter().take_while(|word| word.start() < last_part).count() as u32;
        let n_letters = words.iter().map(Word::n_letters).sum::<usize>() as u32;
        let words = words.iter().map(|word| self.vocabulary.add(&word.letters, label)).collect();
        self.shapes.push(Shape { words, n_above, n_letters });
        self.tree.add(name, self.separator.as_deref(), label);
        self.names.push(name.to_owned());
        label
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names, each at its label's number.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What lies one step below a path in the hierarchy, by name: the top for an empty path, nothing for a
    /// path that there is not.
    pub fn children(&self, path: &str) -> Vec<Child> {
        self.tree.children(path, self.separator.as_deref())
    }

    /// The `n` best labels for what was typed so far.
    ///
    /// They come in this order: the same name; a name, or last part of a path, that begins so; a name with
    /// these words side by side; with words that begin like those of the query, in any order; with parts
    /// of words; with typing errors (one in a word of 4 letters, two from 8 on), the fewer the better.
    /// Among equals the higher prior comes first, then the shorter name, then the alphabet.
    /// An empty query finds all labels. A prior that is not a number counts as the lowest.
    pub fn search(&self, query: &str, n: usize, prior: &dyn Fn(u32) -> f64) -> Vec<Hit> {
        let query = query.trim();
        let typed = fold::words(query);
        let mut found = match (query, &*typed) {
            ("", _) => self.all(),
            (signs, []) => self.with_signs(signs),
            (_, typed) => self.with_words(query, typed, n),
        };
        for candidate in &mut found {
            let value = prior(candidate.label);
            candidate.prior = if value.is_nan() { f64::NEG_INFINITY } else { value };
        }
        let by_length = !query.is_empty();
        let order = |a: &Candidate, b: &Candidate| self.order(a, b, by_length);
        if (1..found.len()).contains(&n) {
            found.select_nth_unstable_by(n - 1, order);
        }
        found.truncate(n);
        found.sort_unstable_by(order);
        let hit = |candidate: Candidate| Hit {
            label: candidate.label,
            matched: marking::matched(&self.names[candidate.label as usize], query, &typed),
        };
        found.into_iter().map(hit).collect()
    }

    fn order(&self, a: &Candidate, b: &Candidate, by_length: bool) -> Ordering {
        let n_letters = |candidate: &Candidate| {
            if by_length { self.shapes[candidate.label as usize].n_letters } else { 0 }
        };
        let name = |candidate: &Candidate| &self.names[candidate.label as usize];
        (a.cost, a.fit)
            .cmp(&(b.cost, b.fit))
            .then_with(|| b.prior.total_cmp(&a.prior))
            .then_with(|| n_letters(a).cmp(&n_letters(b)))
            .then_with(|| name(a).cmp(name(b)))
            .then_with(|| a.label.cmp(&b.label))
    }

    fn all(&self) -> Vec<Candidate> {
        let labels = 0..self.names.len() as u32;
        labels.map(|label| Candidate { label, cost: 0, fit: Fit::Anywhere, prior: 0.0 }).collect()
    }

    /// The labels for a query without a letter (`+`, `C` has one), which is compared sign by sign.
    fn with_signs(&self, signs: &str) -> Vec<Candidate> {
        let finder = memchr::memmem::Finder::new(signs);
        let candidate = |(label, name): (usize, &String)| {
            let at = finder.find(name.as_bytes())?;
            let fit = match at {
                _ if name == signs => Fit::Name,
                0 => Fit::Beginning,
                _ => Fit::Anywhere,
            };
            Some(Candidate { label: label as u32, cost: 0, fit, prior: 0.0 })
        };
        self.names.iter().enumerate().filter_map(candidate).collect()
    }

    /// The labels for a query with words, reaching no further than it takes to find `n`.
    fn with_words(&self, query: &str, typed: &[Word], n: usize) -> Vec<Candidate> {
        let mut costs = self.costs(typed, Reach::Beginnings);
        for reach in [Reach::Parts, Reach::Errors] {
            if costs.iter().filter(|&&cost| cost != NO_MATCH).count() >= n {
                break;
            }
            costs = self.costs(typed, reach);
        }
        let sought = Sought::new(query, typed, &self.vocabulary);
        let candidate = |(label, &cost): (usize, &u32)| {
            if cost == NO_MATCH {
                return None;
            }
            let fit = match cost {
                0 => sought.fit(&self.names[label], &self.shapes[label], &self.vocabulary),
                _ => Fit::Anywhere,
            };
            Some(Candidate { label: label as u32, cost, fit, prior: 0.0 })
        };
        costs.iter().enumerate().filter_map(candidate).collect()
    }

    /// For each label, what it costs to find all words of the query in its name.
    fn costs(&self, typed: &[Word], reach: Reach) -> Vec<u32> {
        let mut totals = vec![0_u32; self.names.len()];
        for (at, word) in typed.iter().enumerate() {
            // Said twice, it is looked up once.
            if typed[..at].iter().any(|before| before.letters == word.letters) {
                continue;
            }
            let mut costs = vec![NO_MATCH; self.names.len()];
            let mut found = Vec::new();
            // The dearest first, so that what costs less is written over it.
            if reach >= Reach::Errors {
                found = self.vocabulary.near(&word.letters);
                found.sort_unstable_by_key(|&(_, errors)| std::cmp::Reverse(errors));
            }
            let mut note = |id: u32, cost: u32| {
                for &label in self.vocabulary.labels(id) {
                    costs[label as usize] = cost;
                }
            };
            for (id, errors) in found {
                note(id, u32::from(errors) * ERROR);
            }
            if reach >= Reach::Parts {
                for id in self.vocabulary.with_infix(&word.letters) {
                    note(id, PART);
                }
            }
            for id in self.vocabulary.with_prefix(&word.letters) {
                note(id, 0);
            }
            for (total, cost) in totals.iter_mut().zip(costs) {
                *total = total.saturating_add(cost);
            }
            if totals.iter().all(|&total| total == NO_MATCH) {
                break;
            }
        }
        totals
    }
}
