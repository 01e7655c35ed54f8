//! Indices of an array as `sbatch --array` takes them: `1,4-9`.

use std::collections::BTreeSet;
use std::fmt::Write;

/// Returns the shortest list of single indices and ranges.
pub(crate) fn ranges(indices: &BTreeSet<u32>) -> String {
    let mut text = String::new();
    let mut rest = indices.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while let Some(next) = rest.next_if(|next| last.checked_add(1) == Some(*next)) {
            last = next;
        }
        if !text.is_empty() {
            text.push(',');
        }
        // Two neighbours are as long either way.
        match last - first {
            0 => write!(text, "{first}"),
            1 => write!(text, "{first},{last}"),
            _ => write!(text, "{first}-{last}"),
        }
        .expect("a string takes what is written to it");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_become_a_range() {
        let check = |indices: &[u32], expected: &str| {
            assert_eq!(ranges(&indices.iter().copied().collect()), expected);
        };
        check(&[1, 4, 5, 6, 7, 8, 9], "1,4-9");
        check(&[0], "0");
        check(&[3, 4, 9], "3,4,9");
        check(&[9, 0, 2, 1], "0-2,9");
        check(&[u32::MAX - 1, u32::MAX], "4294967294,4294967295");
    }

    proptest! {
        #[test]
        fn every_index_is_in_it_once(indices in prop::collection::btree_set(0u32..60, 1..40)) {
            let mut read = Vec::new();
            for part in ranges(&indices).split(',') {
                let (first, last) = part.split_once('-').unwrap_or((part, part));
                read.extend(first.parse::<u32>().unwrap()..=last.parse().unwrap());
            }
            prop_assert_eq!(read, indices.into_iter().collect::<Vec<_>>());
        }
    }
}
