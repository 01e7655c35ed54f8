//! Labels that are numbers, whatever the format: vectors of 0 and 1, numbers written as text, and the
//! names that numbers stand for.

use super::error::DataError;
use super::raw::{Names, RawSplit, Symbol};
use super::structure::whole;
use super::vocabulary::Vocabulary;

/// Understands rows that have a 0 or a 1 for each label: all of one length, nothing else in any of them,
/// and at least one that could be no set of two labels since it has one of them twice. Gives the length.
pub(super) fn understand_vectors(
    splits: &mut [RawSplit],
    names: &mut Names,
    notes: &mut Vec<String>,
) -> Option<usize> {
    let ones: Option<Vec<bool>> = names.symbols.iter().map(one_or_zero).collect();
    let ones = ones.filter(|ones| !ones.is_empty())?;
    let is = |place: u32| ones[place as usize];
    let length = vector_length(splits, is)?;
    let mut numbered = Names::default();
    let places: Vec<u32> = (0..length as i64).map(|n| numbered.place_of_number(n)).collect();
    for split in splits {
        split.relabel(|row| {
            row.iter()
                .zip(&places)
                .filter(|(value, _)| is(**value))
                .map(|(_, place)| *place)
                .collect()
        });
    }
    *names = numbered;
    notes.push(format!(
        "labels: each text has a vector of {length} zeros and ones (multi-hot), read as the labels 0 to \
         {}",
        length - 1
    ));
    Some(length)
}

/// Returns the length of all rows that are not empty, if they can only be vectors.
fn vector_length(splits: &[RawSplit], is: impl Fn(u32) -> bool) -> Option<usize> {
    let rows = || splits.iter().flat_map(RawSplit::rows).filter(|row| !row.is_empty());
    let length = rows().next()?.len();
    let repeats = |row: &[u32]| row.iter().skip(1).any(|&place| is(place) == is(row[0]));
    let are_vectors = rows().all(|row| row.len() == length) && rows().any(repeats);
    (length > 1 && are_vectors).then_some(length)
}

fn one_or_zero(symbol: &Symbol) -> Option<bool> {
    match symbol {
        Symbol::Number(0) => Some(false),
        Symbol::Number(1) => Some(true),
        Symbol::Number(_) => None,
        Symbol::Name(name) => match name.as_str() {
            "0" | "0.0" | "False" | "false" => Some(false),
            "1" | "1.0" | "True" | "true" => Some(true),
            _ => None,
        },
    }
}

/// Takes labels for numbers that are all whole numbers written as text: with `.0` behind them, as pandas
/// writes a column that lacks a value, or where a list of names knows none of them.
pub(super) fn understand_text(
    names: &mut Names,
    listed: Option<&Vocabulary>,
    notes: &mut Vec<String>,
) {
    let numbers: Option<Vec<i64>> = names.symbols.iter().map(number).collect();
    let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) else { return };
    let texts = || {
        names.symbols.iter().filter_map(|symbol| match symbol {
            Symbol::Name(name) => Some(name.as_str()),
            Symbol::Number(_) => None,
        })
    };
    let with_point = texts().any(|name| name.contains('.'));
    let unknown = listed
        .filter(|listed| texts().next().is_some() && texts().all(|name| listed.id(name).is_none()));
    if !with_point && unknown.is_none() {
        return;
    }
    if let Some(listed) = unknown {
        let path = listed.path.display();
        notes.push(format!("labels: numbers, which stand for the lines of {path}, from 0"));
    }
    if with_point {
        notes.push("labels: numbers with `.0` behind them were read as whole numbers".to_owned());
    }
    names.symbols = numbers.into_iter().map(Symbol::Number).collect();
}

fn number(symbol: &Symbol) -> Option<i64> {
    match symbol {
        Symbol::Number(number) => Some(*number),
        Symbol::Name(name) => {
            let is_plain = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            is_plain.then(|| whole(name.parse().ok(), name.parse().ok())).flatten()
        }
    }
}

pub(super) fn has_numbers(names: &Names) -> bool {
    names.symbols.iter().any(|symbol| matches!(symbol, Symbol::Number(_)))
}

/// The name of each label; a number has that of its line in the list, or is its own.
pub(super) fn named(
    names: &Names,
    listed: Option<&Vocabulary>,
    splits: &[RawSplit],
) -> Result<Vec<String>, DataError> {
    let name = |symbol: &Symbol| match (symbol, listed) {
        (Symbol::Number(number), Some(listed)) => {
            usize::try_from(*number).ok().and_then(|number| listed.labels.get(number)).cloned()
        }
        _ => Some(symbol.text()),
    };
    let named: Vec<Option<String>> = names.symbols.iter().map(name).collect();
    if let (Some(place), Some(listed)) = (named.iter().position(Option::is_none), listed) {
        return Err(outside(names, place as u32, listed, splits));
    }
    Ok(named.into_iter().flatten().collect())
}

/// A number that the list has no line for, where it stands first.
fn outside(names: &Names, place: u32, listed: &Vocabulary, splits: &[RawSplit]) -> DataError {
    let find = |split: &RawSplit| split.rows().position(|row| row.contains(&place));
    let at = splits.iter().find_map(|split| find(split).map(|text| split.place(text)));
    let (path, line) = at.map_or((listed.path.clone(), 1), |(path, line)| (path.to_owned(), line));
    let number = match names.symbols[place as usize] {
        Symbol::Number(number) => number,
        Symbol::Name(_) => unreachable!("only numbers can lack a name"),
    };
    let (n_labels, names) = (listed.labels.len(), listed.path.clone());
    DataError::LabelNumber { path, line, number, n_labels, names }
}
