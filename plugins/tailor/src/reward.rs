//! What labels are worth, and which arm is worth most.

use alhost_plugin_api::Choice;
use alhost_plugin_kit::ranking;

/// What is looked for.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reward {
    /// Labels of which there are few.
    Rare,
    /// Labels of any kind.
    Positive,
}

impl Reward {
    /// What each label of a text is worth, where `counts` of the `n_labeled` labeled texts carry it.
    pub fn worth(self, counts: &[u32], n_labeled: usize) -> Vec<f64> {
        let rare = |&count: &u32| {
            let worth = 1.0 / f64::from(count.max(1));
            // Of a label that most texts carry, the texts without it are what is rare.
            if 2 * count as usize > n_labeled { -worth } else { worth }
        };
        match self {
            Self::Rare => counts.iter().map(rare).collect(),
            Self::Positive => vec![1.0; counts.len()],
        }
    }
}

/// What a text is worth whose labels come in these shares.
pub fn value(shares: impl Iterator<Item = f64>, worth: &[f64]) -> f64 {
    shares.zip(worth).map(|(share, worth)| share * worth).sum()
}

/// The arm of the largest value, ties to the first. There is at least one.
pub fn best(values: &[f64]) -> usize {
    ranking::highest(values, 1)[0] as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_labels_are_worth_more_and_usual_ones_less_than_nothing() {
        let counts = [0, 1, 2, 4, 5, 8];
        let expected = [1.0, 1.0, 0.5, 0.25, -0.2, -0.125];
        assert_eq!(Reward::Rare.worth(&counts, 8), expected);
        assert_eq!(Reward::Positive.worth(&counts, 8), [1.0; 6]);
        assert_eq!(Reward::Rare.worth(&[0, 0], 0), [1.0; 2], "nothing is labeled");
    }

    #[test]
    fn the_first_of_equal_arms_is_best() {
        assert_eq!(best(&[0.5, 0.75, 0.75]), 1);
        assert_eq!(best(&[-1.0]), 0);
        let got = value([0.5, 0.25].into_iter(), &[1.0, -2.0]);
        assert!(got.abs() < 1e-12, "{got}");
    }
}
