//! Which labels of a text are its classes. The paper keeps "leaf" labels, which can mean two
//! things; see [`LeafRule`].

use crate::hierarchy::Hierarchy;
use crate::options::LeafRule;
use crate::rows::Rows;

/// Leaves in each row what the rule keeps.
pub(crate) fn apply(rule: LeafRule, hierarchy: &Hierarchy, rows: &mut Rows) {
    match rule {
        LeafRule::None => {}
        LeafRule::Structural => {
            let n_labels = hierarchy.len() as u32;
            let is_leaf: Vec<bool> = (0..n_labels).map(|label| hierarchy.is_leaf(label)).collect();
            rows.filter(|row, kept| {
                kept.extend(row.iter().filter(|&&label| is_leaf[label as usize]));
            });
        }
        LeafRule::MostSpecific => {
            let mut ancestors: Vec<Option<Vec<u32>>> = vec![None; hierarchy.len()];
            rows.filter(|row, kept| {
                for &label in row {
                    let above = &mut ancestors[label as usize];
                    above.get_or_insert_with(|| hierarchy.ancestors(label));
                }
                let is_above = |label: u32, other: u32| {
                    let above = ancestors[other as usize].as_deref().unwrap_or_default();
                    above.binary_search(&label).is_ok()
                };
                let is_most_specific =
                    |&&label: &&u32| !row.iter().any(|&other| is_above(label, other));
                kept.extend(row.iter().filter(is_most_specific));
            });
        }
    }
}
