//! Which part of a label's name a query meant.

use std::ops::Range;

use super::fold::{self, Word};
use super::typing::{Rows, tolerance};

/// The bytes of the name that the query's words stand for, ascending and apart.
pub(super) fn matched(name: &str, query: &str, typed: &[Word]) -> Vec<Range<usize>> {
    if typed.is_empty() {
        let at = name.find(query).filter(|_| !query.is_empty());
        return at.map(|at| at..at + query.len()).into_iter().collect();
    }
    let words = fold::words(name);
    let phrase = (0..words.len()).find(|&at| stands_at(&words[at..], typed));
    let mut ranges: Vec<Range<usize>> = match phrase {
        Some(at) => {
            let pairs = words[at..].iter().zip(typed);
            pairs.map(|(word, typed)| word.span(0..typed.n_letters())).collect()
        }
        None => typed.iter().filter_map(|typed| best(&words, typed)).collect(),
    };
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

fn stands_at(words: &[Word], typed: &[Word]) -> bool {
    let Some((last, whole)) = typed.split_last() else { return false };
    words.len() >= typed.len()
        && whole.iter().zip(words).all(|(typed, word)| typed.letters == word.letters)
        && words[whole.len()].letters.starts_with(&last.letters)
}

/// The part of the name that fits a typed word best: the beginning of a word, a part, or with errors.
fn best(words: &[Word], typed: &Word) -> Option<Range<usize>> {
    if let Some(word) = words.iter().find(|word| word.letters.starts_with(&typed.letters)) {
        return Some(word.span(0..typed.n_letters()));
    }
    for word in words {
        if let Some(at) = word.letters.find(&typed.letters) {
            let before = word.letters[..at].chars().count();
            return Some(word.span(before..before + typed.n_letters()));
        }
    }
    let mut rows = Rows::new(&typed.letters, tolerance(typed.n_letters()));
    let near = |word: &Word| {
        rows.turn_to(&word.letters, 0);
        rows.nearest().map(|(errors, n_letters)| (errors, word.span(0..n_letters)))
    };
    words.iter().filter_map(near).min_by_key(|(errors, _)| *errors).map(|(_, span)| span)
}
