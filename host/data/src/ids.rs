//! Ids are unique across the splits. Where those of one split are counted anew in another, as the row
//! numbers of pandas are, the split's name before them makes them so.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::error::DataError;
use super::raw::RawSplit;

/// A text: its split and its place there.
type At = (usize, usize);

/// Refuses an id that is used twice, unless ids restart in each split.
pub(super) fn make_unique(
    splits: &mut [RawSplit],
    notes: &mut Vec<String>,
) -> Result<(), DataError> {
    let shared = match shared_ids(splits) {
        Ok(shared) if shared.is_empty() => return Ok(()),
        Ok(shared) => shared,
        Err(twice) => return Err(duplicate(splits, twice)),
    };
    let first = shared[0];
    if !restart(splits, &shared) {
        return Err(duplicate(splits, first));
    }
    notes.push(format!(
        "ids: {} stand in more than one split, since each split counts anew; the split's name was put \
         before all, such as `{}-{}`",
        shared.len(),
        splits[0].key,
        splits[0].ids[0]
    ));
    for split in splits {
        let key = split.key;
        split.ids.iter_mut().for_each(|id| *id = format!("{key}-{id}"));
    }
    Ok(())
}

/// The texts whose id an earlier split has as well, each after that one; or two of one split.
fn shared_ids(splits: &[RawSplit]) -> Result<Vec<(At, At)>, (At, At)> {
    let n_texts = splits.iter().map(RawSplit::len).sum();
    let mut first: HashMap<&str, At> = HashMap::with_capacity(n_texts);
    let mut shared = Vec::new();
    for (number, split) in splits.iter().enumerate() {
        for (text, id) in split.ids.iter().enumerate() {
            match first.entry(id) {
                Entry::Vacant(entry) => {
                    entry.insert((number, text));
                }
                Entry::Occupied(entry) if entry.get().0 == number => {
                    return Err((*entry.get(), (number, text)));
                }
                // The last split that has it, so that twice in that one is seen.
                Entry::Occupied(mut entry) => {
                    shared.push((entry.insert((number, text)), (number, text)));
                }
            }
        }
    }
    Ok(shared)
}

/// Whether the splits count anew: their ids are whole numbers from 0 or 1 on, or most ids of the smallest
/// split that shares any are used again. Equal texts under equal ids are the same text in two splits.
fn restart(splits: &[RawSplit], shared: &[(At, At)]) -> bool {
    let same = shared.iter().filter(|(first, second)| {
        splits[first.0].texts.get(first.1) == splits[second.0].texts.get(second.1)
    });
    if same.count() * 2 >= shared.len() {
        return false;
    }
    let counts = |split: &RawSplit| {
        let numbers: Option<Vec<u64>> = split.ids.iter().map(|id| id.parse().ok()).collect();
        numbers.is_some_and(|numbers| numbers.into_iter().min().is_some_and(|least| least <= 1))
    };
    let involved = |number: &usize| shared.iter().any(|(a, b)| a.0 == *number || b.0 == *number);
    let numbers: Vec<usize> = (0..splits.len()).filter(involved).collect();
    let smallest = numbers.iter().map(|&number| splits[number].len()).min().unwrap_or(0);
    numbers.iter().all(|&number| counts(&splits[number]))
        || (shared.len() > 1 && shared.len() * 2 > smallest)
}

fn duplicate(splits: &[RawSplit], (first, second): (At, At)) -> DataError {
    let (first_path, first_line) = splits[first.0].place(first.1);
    let (path, line) = splits[second.0].place(second.1);
    DataError::DuplicateId {
        path: path.to_owned(),
        line,
        id: splits[second.0].ids[second.1].clone(),
        first_path: first_path.to_owned(),
        first_line,
    }
}
