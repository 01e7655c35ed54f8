//! The settings by which the discriminator is built and trained: three published variants, any
//! value replaceable.

use alhost_plugin_api::prelude::*;

/// The source of the settings.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Preset {
    /// Fromme et al. 2022: 2 epochs. The rest is not stated there, and is the reference's.
    Paper,
    /// The code of Gissin and Shalev-Shwartz for inputs of any other shape than their images.
    Reference,
    /// The port to text of Ein-Dor et al. 2020.
    Ibm,
}

/// Whether the two classes count by their size.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClassWeights {
    /// Every text counts 1. So it is in the reference, whose weights come out as 1 by mistake.
    None,
    /// `N / (2 N_c)`: both classes count the same, as was intended there.
    Balanced,
}

/// Settings in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub widths: Vec<u32>,
    pub rate: f64,
    pub batch: u32,
    pub epochs: u32,
    pub stop_accuracy: Option<f64>,
    pub mini_queries: usize,
}

impl Preset {
    pub fn settings(self) -> Settings {
        let paper = Settings {
            widths: vec![256; 3],
            rate: 1e-3,
            batch: 32,
            epochs: 2,
            stop_accuracy: None,
            mini_queries: 10,
        };
        match self {
            Self::Paper => paper,
            Self::Reference => {
                Settings { epochs: 1000, stop_accuracy: Some(0.98), mini_queries: 20, ..paper }
            }
            Self::Ibm => Settings {
                widths: vec![768; 3],
                rate: 1e-4,
                batch: 100,
                epochs: 10,
                stop_accuracy: None,
                mini_queries: 5,
            },
        }
    }
}

impl ClassWeights {
    /// Returns the weights for `n_labeled` texts of class 0 and `n_unlabeled` of class 1.
    pub fn of(self, n_labeled: usize, n_unlabeled: usize) -> [f64; 2] {
        let all = (n_labeled + n_unlabeled) as f64;
        match self {
            Self::None => [1.0, 1.0],
            Self::Balanced => [n_labeled, n_unlabeled].map(|n| all / (2.0 * n.max(1) as f64)),
        }
    }
}

/// Sizes of the mini-queries of a query for `n` texts: as equal as can be, larger ones first, none
/// empty.
pub fn mini_query_sizes(n: usize, mini_queries: usize) -> Vec<usize> {
    let parts = mini_queries.min(n);
    (0..parts).map(|i| n / parts + usize::from(i < n % parts)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_add_up_and_differ_by_at_most_one() {
        let check = |n: usize, parts: usize, expected: &[usize]| {
            assert_eq!(mini_query_sizes(n, parts), expected, "{n} in {parts}");
        };
        check(100, 10, &[10; 10]);
        check(10, 4, &[3, 3, 2, 2]);
        check(3, 20, &[1, 1, 1]);
        check(0, 5, &[]);
        for n in 1..60 {
            for parts in 1..25 {
                let sizes = mini_query_sizes(n, parts);
                assert_eq!(sizes.iter().sum::<usize>(), n);
                assert!(sizes[0] - sizes[sizes.len() - 1] <= 1);
            }
        }
    }

    #[test]
    fn balanced_classes_count_the_same_in_all() {
        let [labeled, unlabeled] = ClassWeights::None.of(40, 200);
        assert!((labeled - 1.0).abs() < 1e-12 && (unlabeled - 1.0).abs() < 1e-12);
        let [labeled, unlabeled] = ClassWeights::Balanced.of(40, 200);
        assert!((labeled * 40.0 - unlabeled * 200.0).abs() < 1e-9);
        assert!((labeled - 3.0).abs() < 1e-12, "{labeled}");
    }
}
