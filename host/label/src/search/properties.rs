//! What holds for a search whatever the labels and whatever is typed.

use proptest::prelude::*;
use proptest::sample::Index;

use super::{LabelIndex, fold};

fn index(names: &[String]) -> LabelIndex {
    let mut index = LabelIndex::new(Some("/"));
    for name in names {
        index.push(name);
    }
    index
}

fn found(index: &LabelIndex, query: &str) -> Vec<String> {
    let hits = index.search(query, index.len(), &|_| 0.0);
    hits.into_iter().map(|hit| index.names()[hit.label as usize].clone()).collect()
}

/// Paths of few syllables, so that labels share words and beginnings.
fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("(ma|ri|Öl|ße){1,5}([ /-](ma|ri|to|é){1,4}){0,3}", 1..20)
}

proptest! {
    #[test]
    fn every_label_is_found_first_by_its_own_name(names in prop::collection::vec("\\PC{1,12}", 1..20)) {
        let index = index(&names);
        for name in names.iter().filter(|name| !name.trim().is_empty()) {
            let hits = index.search(name, 1, &|_| 0.0);
            prop_assert_eq!(index.names()[hits[0].label as usize].trim(), name.trim());
        }
    }

    #[test]
    fn every_label_is_found_by_each_beginning_of_its_words(names in names()) {
        let index = index(&names);
        for name in &names {
            for word in fold::words(name) {
                let letters: Vec<char> = word.letters.chars().collect();
                for n_letters in 1..=letters.len() {
                    let typed: String = letters[..n_letters].iter().collect();
                    prop_assert!(found(&index, &typed).contains(name), "{} by {}", name, typed);
                }
            }
        }
    }

    #[test]
    fn every_label_is_found_with_one_error_in_a_long_word(
        names in names(), place in any::<Index>(), kind in 0..4, letter in "[a-z]",
    ) {
        let index = index(&names);
        for name in &names {
            for word in fold::words(name).into_iter().filter(|word| word.n_letters() > 4) {
                let mut typed: Vec<char> = word.letters.chars().collect();
                let at = place.index(typed.len() - 1);
                let letter = letter.chars().next().unwrap();
                match kind {
                    0 => drop(typed.remove(at)),
                    1 => typed.insert(at, letter),
                    2 => typed[at] = letter,
                    _ => typed.swap(at, at + 1),
                }
                let typed: String = typed.into_iter().collect();
                prop_assert!(found(&index, &typed).contains(name), "{} by {}", name, typed);
            }
        }
    }

    #[test]
    fn the_order_in_which_labels_came_does_not_matter(names in names(), query in "(ma|ri|to|o|-| ){0,5}") {
        let mut names = names;
        let one = found(&index(&names), &query);
        names.reverse();
        prop_assert_eq!(found(&index(&names), &query), one);
    }

    #[test]
    fn a_shorter_list_is_the_beginning_of_a_longer_one(names in names(), query in "(ma|ri|mar|o| ){0,5}") {
        let index = index(&names);
        let all = index.search(&query, names.len(), &|label| f64::from(label % 3));
        for n in 0..all.len() {
            let some = index.search(&query, n, &|label| f64::from(label % 3));
            prop_assert_eq!(&some[..], &all[..n]);
        }
    }

    #[test]
    fn whatever_is_typed_the_emphasis_lies_within_the_name(
        names in prop::collection::vec(any::<String>(), 0..12), query in any::<String>(), from in any::<Index>(),
    ) {
        let index = index(&names);
        // A part of a name finds something, which any text seldom does.
        let part: String = names.first().map_or_else(String::new, |name| {
            name.chars().skip(from.index(name.chars().count() + 1)).take(4).collect()
        });
        for query in [query, part] {
            for hit in index.search(&query, names.len(), &|_| 0.0) {
                let name = &names[hit.label as usize];
                let mut end = 0;
                for range in hit.matched {
                    prop_assert!(range.start < range.end && range.start >= end);
                    prop_assert!(name.get(range.clone()).is_some());
                    end = range.end;
                }
            }
        }
    }
}
