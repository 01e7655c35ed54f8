//! Counts how often each label occurs in train, and tells what follows from it: inverse
//! propensities, and which classes are the head, the torso and the tail.

use alhost_data::Labels;

/// Gold labels of the whole train split, counted. They are for evaluation only: a strategy never
/// sees them.
#[derive(Clone, Debug)]
pub struct LabelFrequencies {
    /// Texts of train that carry each label.
    counts: Vec<u32>,
    n_texts: usize,
}

/// Classes by how often they occur in train; see [`LabelFrequencies::groups`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Group {
    Head,
    Torso,
    Tail,
}

impl LabelFrequencies {
    pub fn of(train: &Labels) -> Self {
        Self { counts: train.counts(), n_texts: train.len() }
    }

    /// Returns `1/p_l = 1 + C·(N_l + b)^-a` with `C = (ln N - 1)·(b + 1)^a`, by label: how many
    /// texts ought to carry a label for each one that does, rare labels being missed more often
    /// (Jain, Prabhu and Varma 2016, "Extreme multi-label loss functions"). It is never below 1,
    /// where the formula would be for N < 3.
    pub fn inverse_propensities(&self, a: f64, b: f64) -> Vec<f64> {
        let scale = (((self.n_texts as f64).ln() - 1.0) * (b + 1.0).powf(a)).max(0.0);
        let counts = self.counts.iter();
        counts.map(|&count| 1.0 + scale * (f64::from(count) + b).powf(-a)).collect()
    }

    /// Returns the group of each label. Labels from the most frequent down (equal ones by id) are
    /// the head until they hold a third of all (text, label) pairs of train, the torso until they
    /// hold two thirds, and the tail is the rest. So all three weigh the same in a micro average,
    /// and the head is a few classes where the tail is most of them.
    pub fn groups(&self) -> Vec<Group> {
        let mut order: Vec<usize> = (0..self.counts.len()).collect();
        order.sort_by_key(|&label| std::cmp::Reverse(self.counts[label])); // stable
        let total: u64 = self.counts.iter().map(|&count| u64::from(count)).sum();
        let mut groups = vec![Group::Tail; self.counts.len()];
        let mut before = 0;
        for label in order {
            if 3 * before < total {
                groups[label] = Group::Head;
            } else if 3 * before < 2 * total {
                groups[label] = Group::Torso;
            }
            before += u64::from(self.counts[label]);
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies(counts: &[u32], n_texts: usize) -> LabelFrequencies {
        LabelFrequencies { counts: counts.to_vec(), n_texts }
    }

    #[test]
    fn labels_are_counted_over_train() {
        let mut train = Labels::new(3);
        for row in [&[0, 2][..], &[2], &[]] {
            train.push(row);
        }
        let LabelFrequencies { counts, n_texts } = LabelFrequencies::of(&train);
        assert_eq!((counts, n_texts), (vec![1, 0, 2], 3));
    }

    #[test]
    fn groups_hold_a_third_each() {
        use Group::{Head, Tail, Torso};
        let check = |counts: &[u32], expected: &[Group]| {
            assert_eq!(frequencies(counts, 100).groups(), expected, "{counts:?}");
        };
        check(&[3, 3, 3], &[Head, Torso, Tail]);
        // 30 pairs: 12 pass the first third, 12 + 6 + 2 the second.
        check(&[2, 12, 1, 6, 2, 7], &[Tail, Head, Tail, Torso, Tail, Torso]);
        // One class holds everything, another is not in train.
        check(&[0, 5], &[Tail, Head]);
        check(&[0, 0], &[Tail, Tail]);
        check(&[], &[]);
    }

    #[test]
    fn rare_labels_have_high_inverse_propensities() {
        let inverse = frequencies(&[0, 1, 1000], 10_000).inverse_propensities(0.55, 1.5);
        // By hand for N_l = 1: (b + 1)^a cancels, so 1 + (ln 10000 - 1).
        assert!((inverse[1] - 10_000.0_f64.ln()).abs() < 1e-12, "{inverse:?}");
        assert!(inverse[0] > inverse[1] && inverse[1] > inverse[2] && inverse[2] > 1.0);
        let few = frequencies(&[1, 2], 2).inverse_propensities(0.55, 1.5);
        assert!(few.iter().all(|&inverse| (inverse - 1.0).abs() < 1e-15), "{few:?}");
    }
}
