//! Labels that are joined by `#` in a cell, taken apart with the help of the project's labels, since a name may
//! have such a sign itself.

use crate::error::quoted;
use crate::names::Names;

/// Takes a cell apart. Refused is what can be taken apart in several ways, and what has names that the project
/// does not know.
pub(super) fn labels(cell: &str, names: &Names<'_>) -> Result<Vec<String>, String> {
    if !cell.contains('#') {
        return Ok(vec![cell.to_owned()]);
    }
    let unclear = |how: &str| {
        Err(format!("its labels {} can be taken apart {how}; import JSONL instead", quoted(cell)))
    };
    // For each place where a name may end: in how many ways what stands before it is names, where 2 is many,
    // and where the last of them begins.
    let ends: Vec<usize> = cell.match_indices('#').map(|(at, _)| at).chain([cell.len()]).collect();
    let mut ways = vec![(0, 0); ends.len()];
    for (end, &to) in ends.iter().enumerate() {
        for begin in (0..=end).rev() {
            let from = if begin == 0 { 0 } else { ends[begin - 1] + 1 };
            if to - from > names.longest() {
                break;
            }
            let before = if begin == 0 { 1 } else { ways[begin - 1].0 };
            if before > 0 && names.has(&cell[from..to]) {
                ways[end] = (2.min(ways[end].0 + before), begin);
            }
        }
    }
    match ways[ends.len() - 1].0 {
        1 => Ok(taken_apart(cell, &ends, &ways)),
        0 => unclear("in no way into labels of the project"),
        _ => unclear("in several ways"),
    }
}

fn taken_apart(cell: &str, ends: &[usize], ways: &[(usize, usize)]) -> Vec<String> {
    let mut labels = Vec::new();
    let mut end = ends.len();
    while end > 0 {
        let begin = ways[end - 1].1;
        let from = if begin == 0 { 0 } else { ends[begin - 1] + 1 };
        labels.push(cell[from..ends[end - 1]].to_owned());
        end = begin;
    }
    labels.reverse();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::LabelSet;

    fn check(known: &[&str], cell: &str, expected: Result<&[&str], &str>) {
        let names = known.iter().map(|name| (*name).to_owned()).collect();
        let set = LabelSet { names, separator: None };
        match (labels(cell, &Names::of(&set)), expected) {
            (Ok(labels), Ok(expected)) => assert_eq!(labels, expected, "{cell}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{cell}: {why}"),
            (other, _) => panic!("{cell}: {other:?}"),
        }
    }

    #[test]
    fn joined_labels_are_those_of_the_project() {
        check(&["grain", "trade"], "grain#trade", Ok(&["grain", "trade"]));
        check(&["c#", "f#", "a"], "a#c##f#", Ok(&["a", "c#", "f#"]));
        check(&["#"], "#", Ok(&["#"]));
        check(&["#", "a"], "##a", Ok(&["#", "a"]));
        check(&[], "new", Ok(&["new"]));
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        check(&["a", "b", "a#b"], "a#b", Err("several ways"));
        check(&["a"], "a#b", Err("in no way"));
        check(&["a"], "a#", Err("in no way"));
        let many = vec!["a"; 50_000].join("#");
        check(&["a", "a#a"], &many, Err("several ways"));
    }
}
