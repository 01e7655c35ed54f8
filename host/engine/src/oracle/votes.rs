//! What several people say of one text, as one annotation.

use std::collections::BTreeMap;

use super::Annotation;

/// Counts the last answers of each person, oldest first. A label applies if more than half of those who labeled the text
/// say so; where it is one half, the last of them decides. A text is skipped if nobody labeled it.
pub fn count(votes: &[Annotation]) -> Annotation {
    let labeled: Vec<&Vec<u32>> = votes
        .iter()
        .filter_map(|vote| match vote {
            Annotation::Labels(labels) => Some(labels),
            Annotation::Skipped => None,
        })
        .collect();
    let Some(last) = labeled.last() else { return Annotation::Skipped };
    let mut said = BTreeMap::<u32, usize>::new();
    for labels in &labeled {
        labels.iter().for_each(|&label| *said.entry(label).or_default() += 1);
    }
    let applies = |&(label, times): &(u32, usize)| {
        2 * times > labeled.len() || (2 * times == labeled.len() && last.contains(&label))
    };
    Annotation::Labels(said.into_iter().filter(applies).map(|(label, _)| label).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_majority_decides_and_at_a_tie_the_last() {
        let check = |votes: &[Option<&[u32]>], expected: Option<&[u32]>| {
            let one = |vote: Option<&[u32]>| match vote {
                Some(labels) => Annotation::Labels(labels.to_vec()),
                None => Annotation::Skipped,
            };
            let votes: Vec<Annotation> = votes.iter().copied().map(one).collect();
            assert_eq!(count(&votes), one(expected), "{votes:?}");
        };
        check(&[Some(&[3, 1])], Some(&[1, 3]));
        check(&[Some(&[])], Some(&[]));
        check(&[None], None);
        check(&[None, Some(&[2])], Some(&[2]));
        check(&[Some(&[2]), None], Some(&[2]));
        check(&[Some(&[1, 2]), Some(&[2, 3])], Some(&[2, 3]));
        check(&[Some(&[1, 2]), Some(&[])], Some(&[]));
        check(&[Some(&[1, 2]), Some(&[2, 3]), Some(&[3])], Some(&[2, 3]));
        check(&[Some(&[1]), Some(&[1]), None, Some(&[2]), Some(&[2])], Some(&[2]));
    }
}
