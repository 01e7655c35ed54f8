//! What is believed of the arms: for each arm and label, a Beta distribution of the share of the arm's picks
//! that carry the label.

use serde::{Deserialize, Serialize};

/// Least parameter of a Beta: that of an arm that is never chosen would decay to 0, where there is none.
pub const FLOOR: f64 = 0.01;

/// The parameters a and b, `[arms][labels]`: picks with and without the label, of which the old count less.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Beliefs {
    a: Vec<Vec<f64>>,
    b: Vec<Vec<f64>>,
}

impl Beliefs {
    /// Before anything is known: every share is as likely.
    pub fn even(n_arms: usize, n_labels: usize) -> Self {
        let ones = vec![vec![1.0; n_labels]; n_arms];
        Self { a: ones.clone(), b: ones }
    }

    /// From both parameters, `[arms][labels]`.
    pub fn new(a: Vec<Vec<f64>>, b: Vec<Vec<f64>>) -> Self {
        Self { a, b }
    }

    /// Number of arms.
    pub fn n_arms(&self) -> usize {
        self.a.len()
    }

    /// a and b of an arm, label by label.
    pub fn of(&self, arm: usize) -> impl Iterator<Item = (f64, f64)> {
        self.a[arm].iter().copied().zip(self.b[arm].iter().copied())
    }

    /// The beliefs after a batch, of whose texts `seen` tells the arm and the labels: what was believed of
    /// any arm counts `decay` times as much as before, and each pick counts for the arm that picked.
    #[must_use]
    pub fn after<'a>(&self, decay: f64, seen: impl Iterator<Item = (usize, &'a [u32])>) -> Self {
        let mut n_picks = vec![0_u32; self.n_arms()];
        let mut with: Vec<Vec<u32>> = self.a.iter().map(|of_arm| vec![0; of_arm.len()]).collect();
        for (arm, labels) in seen {
            n_picks[arm] += 1;
            for &label in labels {
                with[arm][label as usize] += 1;
            }
        }
        let mut after = self.clone();
        for (arm, with) in with.iter().enumerate() {
            for (label, &with) in with.iter().enumerate() {
                let without = n_picks[arm] - with;
                let grown = |old: f64, n: u32| (decay * old + f64::from(n)).max(FLOOR);
                after.a[arm][label] = grown(self.a[arm][label], with);
                after.b[arm][label] = grown(self.b[arm][label], without);
            }
        }
        after
    }

    /// These beliefs once labels were added behind the others, of which nothing is known.
    #[must_use]
    pub fn grown(mut self, n_labels: usize) -> Self {
        for row in self.a.iter_mut().chain(&mut self.b) {
            row.resize(row.len().max(n_labels), 1.0);
        }
        self
    }

    /// Number of labels that the first arm's beliefs are about.
    pub fn n_labels(&self) -> usize {
        self.a.first().map_or(0, Vec::len)
    }

    /// Why these cannot be beliefs of as many arms about as many labels; `None` if they can.
    pub fn misfit(&self, n_arms: usize, n_labels: usize) -> Option<String> {
        // Picks are texts, which are numbered by a u32.
        let is_count = |x: &f64| (FLOOR..=f64::from(u32::MAX)).contains(x);
        for (name, rows) in [("a", &self.a), ("b", &self.b)] {
            if rows.len() != n_arms {
                return Some(format!("`{name}` is of {} strategies, not {n_arms}", rows.len()));
            }
            for row in rows {
                if row.len() != n_labels {
                    return Some(format!("`{name}` is of {} labels, not {n_labels}", row.len()));
                }
                if let Some(x) = row.iter().find(|&x| !is_count(x)) {
                    return Some(format!(
                        "`{name}` is {x} somewhere, but must be at least {FLOOR}"
                    ));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two arms, two labels. At decay 1/2: arm 0 picks a text with label 1 and one without any, arm 1
    /// picks nothing.
    #[test]
    fn what_was_picked_counts_and_the_rest_fades() {
        let seen: [(usize, &[u32]); 2] = [(0, &[1]), (0, &[])];
        let got = Beliefs::even(2, 2).after(0.5, seen.into_iter());
        let rows = |first: [f64; 2]| vec![first.to_vec(), vec![0.5, 0.5]];
        assert_eq!(got, Beliefs::new(rows([0.5, 1.5]), rows([2.5, 1.5])));
    }

    #[test]
    fn nothing_fades_below_the_floor() {
        let nothing = || std::iter::empty::<(usize, &[u32])>();
        let forgotten = Beliefs::even(1, 2).after(0.0, nothing());
        assert_eq!(forgotten, Beliefs::new(vec![vec![FLOOR; 2]], vec![vec![FLOOR; 2]]));
        assert_eq!(Beliefs::even(1, 2).after(1.0, nothing()), Beliefs::even(1, 2));
    }

    #[test]
    fn what_cannot_be_believed_is_told() {
        let check = |a: Vec<Vec<f64>>, b: Vec<Vec<f64>>, expected: Option<&str>| {
            let got = Beliefs::new(a, b).misfit(2, 1);
            assert_eq!(got.as_deref(), expected);
        };
        let two = || vec![vec![0.5], vec![2.0]];
        check(two(), two(), None);
        check(vec![vec![1.0]], two(), Some("`a` is of 1 strategies, not 2"));
        check(two(), vec![vec![1.0], vec![1.0, 2.0]], Some("`b` is of 2 labels, not 1"));
        let at_least = "but must be at least 0.01";
        for (x, shown) in [(0.0, "0"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-1.0, "-1")] {
            let expected = format!("`b` is {shown} somewhere, {at_least}");
            check(two(), vec![vec![1.0], vec![x]], Some(&expected));
        }
    }
}
