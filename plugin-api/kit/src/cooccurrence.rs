//! How often labels occur in the labeled texts, alone and together.

use std::collections::BTreeMap;

/// Counts of labels and of pairs of labels. It holds only the pairs that occur.
#[derive(Clone, Debug)]
pub struct Cooccurrence {
    counts: Vec<u32>,
    /// For each label, the labels beside which it occurs and in how many texts, ascending by label.
    beside: Vec<Vec<(u32, u32)>>,
}

impl Cooccurrence {
    /// Counts in the labels of each labeled text. A text has a label once; labels are below `n_labels`.
    pub fn of(labeled: &[&[u32]], n_labels: usize) -> Self {
        let mut counts = vec![0; n_labels];
        let mut pairs: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for labels in labeled {
            for &a in *labels {
                counts[a as usize] += 1;
                for &b in labels.iter().filter(|&&b| b != a) {
                    *pairs.entry((a, b)).or_default() += 1;
                }
            }
        }
        let mut beside = vec![Vec::new(); n_labels];
        for ((a, b), together) in pairs {
            beside[a as usize].push((b, together));
        }
        Self { counts, beside }
    }

    /// Labels of the data set.
    pub fn n_labels(&self) -> usize {
        self.counts.len()
    }

    /// Texts that carry a label.
    pub fn count(&self, label: u32) -> u32 {
        self.counts[label as usize]
    }

    /// The other labels that occur beside a label, ascending, each with the number of texts that carry both.
    pub fn beside(&self, label: u32) -> &[(u32, u32)] {
        &self.beside[label as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_not_labels() {
        let counted = Cooccurrence::of(&[&[0, 2, 3], &[], &[2, 3], &[3]], 5);
        let counts: Vec<u32> = (0..5).map(|label| counted.count(label)).collect();
        assert_eq!(counts, [1, 0, 2, 3, 0]);
        assert_eq!(counted.beside(3), [(0, 1), (2, 2)]);
        assert_eq!(counted.beside(0), [(2, 1), (3, 1)]);
        assert_eq!(counted.beside(1), []);
        assert_eq!(counted.n_labels(), 5);
    }
}
