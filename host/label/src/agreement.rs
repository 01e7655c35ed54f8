//! How far people who labeled the same texts agree, beyond what chance would bring: Krippendorff's alpha.
//!
//! `alpha = 1 − D_o / D_e` (Krippendorff, *Computing Krippendorff's Alpha-Reliability*, 2011): `D_o` is the
//! mean distance between two answers to one text, `D_e` between two answers to whatever texts. 1 is
//! full agreement, 0 what chance brings, and below 0 people contradict each other. Any number of people
//! may have answered a text; texts with one answer say nothing and are left out.
//!
//! **By label** the answer to a text is whether it has the label, and the distance is 0 or 1 (nominal).
//!
//! **Overall** the answer is the whole set of labels, and the distance is MASI (Passonneau, *Measuring
//! Agreement on Set-Valued Items for Semantic and Pragmatic Annotation*, 2006). The tempting
//! alternative, one nominal alpha over all decisions on a text and a label, flatters: its `D_e` is that of one
//! label of mean frequency, so that people who merely know which labels are frequent seem to agree on the
//! texts. With sets that lies in `D_e`, where it belongs, and the thousands of labels that nobody
//! gives do not occur at all.

use std::collections::BTreeMap;

/// What people's answers to the same texts say.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Texts that two people or more have answered.
    pub n_texts: usize,
    /// Alpha over label sets, with the MASI distance.
    pub overall: Option<f64>,
    /// The labels that were given to these texts, ascending.
    pub by_label: Vec<LabelAgreement>,
}

/// Agreement on one label.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelAgreement {
    pub label: u32,
    pub alpha: Option<f64>,
    /// Texts to which somebody gave the label, of those with several answers. Alpha over few of them says little.
    pub n_texts: usize,
}

/// Compares people's answers: for each text, the label set of each person who answered it.
///
/// An alpha is none where no text has two answers, or where all answers are the same: then nothing shows that
/// anybody would have noticed a difference (0/0 in the definition).
/// The time grows with the square of the number of different label sets: 2,000 take about a tenth of a second.
pub fn agreement(texts: &[Vec<Vec<u32>>]) -> Agreement {
    let mut texts: Vec<Vec<Vec<u32>>> =
        texts.iter().filter(|text| text.len() > 1).cloned().collect();
    for labels in texts.iter_mut().flatten() {
        labels.sort_unstable();
        labels.dedup();
    }
    Agreement {
        n_texts: texts.len(),
        overall: alpha(&texts, &|a, b| masi(a, b)),
        by_label: by_label(&texts),
    }
}

/// Krippendorff's alpha for a distance of one's own: for each text, the answers to it.
///
/// The distance is symmetric and 0 between equal answers. For interval data it is the difference squared.
pub fn alpha<V: Ord>(texts: &[Vec<V>], distance: &dyn Fn(&V, &V) -> f64) -> Option<f64> {
    let mut counts: BTreeMap<&V, usize> = BTreeMap::new();
    // The sum over texts of the distances between ordered pairs, each text divided by its answers less one.
    let mut observed = 0.0;
    for answers in texts.iter().filter(|answers| answers.len() > 1) {
        for answer in answers {
            *counts.entry(answer).or_default() += 1;
        }
        let pairs = answers
            .iter()
            .enumerate()
            .flat_map(|(at, a)| answers[..at].iter().map(move |b| (a, b)));
        let sum: f64 = pairs.map(|(a, b)| distance(a, b)).sum();
        observed += 2.0 * sum / (answers.len() - 1) as f64;
    }
    let counts: Vec<(&V, usize)> = counts.into_iter().collect();
    let mut expected = 0.0;
    for (at, (a, n_a)) in counts.iter().enumerate() {
        let others = counts[..at].iter();
        expected += others.map(|(b, n_b)| 2.0 * (n_a * n_b) as f64 * distance(a, b)).sum::<f64>();
    }
    let n: usize = counts.iter().map(|(_, count)| count).sum();
    // D_o = observed / n and D_e = expected / (n (n − 1)).
    (expected > 0.0).then(|| 1.0 - (n - 1) as f64 * observed / expected)
}

/// One minus Jaccard's similarity, weighted: 1 for equal sets, 2/3 where one contains the other, 1/3 for an
/// overlap, 0 for none. Two empty sets are equal.
pub fn masi(a: &[u32], b: &[u32]) -> f64 {
    if a == b {
        return 0.0;
    }
    let n_shared = n_shared(a, b);
    let n_all = a.len() + b.len() - n_shared;
    let monotonicity = match n_shared {
        0 => 0.0,
        n if n == a.len().min(b.len()) => 2.0 / 3.0,
        _ => 1.0 / 3.0,
    };
    1.0 - n_shared as f64 / n_all as f64 * monotonicity
}

/// How many labels two ascending lists share.
fn n_shared(a: &[u32], b: &[u32]) -> usize {
    a.iter().filter(|label| b.binary_search(label).is_ok()).count()
}

/// Nominal alphas of all labels in one pass: only texts that have a label add to its disagreement.
fn by_label(texts: &[Vec<Vec<u32>>]) -> Vec<LabelAgreement> {
    let n: usize = texts.iter().map(Vec::len).sum();
    let mut sums: BTreeMap<u32, Sums> = BTreeMap::new();
    for answers in texts {
        let mut with: BTreeMap<u32, usize> = BTreeMap::new();
        for &label in answers.iter().flatten() {
            *with.entry(label).or_default() += 1;
        }
        for (label, n_with) in with {
            let sums = sums.entry(label).or_default();
            sums.n_texts += 1;
            sums.n_with += n_with;
            let n_pairs = 2 * n_with * (answers.len() - n_with);
            sums.observed += n_pairs as f64 / (answers.len() - 1) as f64;
        }
    }
    let agreement = |(label, sums): (u32, Sums)| {
        let expected = 2.0 * sums.n_with as f64 * (n - sums.n_with) as f64;
        let alpha = (expected > 0.0).then(|| 1.0 - (n - 1) as f64 * sums.observed / expected);
        LabelAgreement { label, alpha, n_texts: sums.n_texts }
    };
    sums.into_iter().map(agreement).collect()
}

#[derive(Default)]
struct Sums {
    n_texts: usize,
    /// Answers with the label.
    n_with: usize,
    observed: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nominal<V: Ord>(texts: &[Vec<V>]) -> Option<f64> {
        alpha(texts, &|a, b| f64::from(u8::from(a != b)))
    }

    fn close(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    /// Turns one line a person into one list a text; `.` is no answer.
    fn columns(people: &[&str]) -> Vec<Vec<char>> {
        let rows: Vec<Vec<char>> = people.iter().map(|row| row.chars().collect()).collect();
        let column = |at: usize| rows.iter().map(|row| row[at]).filter(|&c| c != '.').collect();
        (0..rows[0].len()).map(column).collect()
    }

    /// The examples of Krippendorff (2011), B and C, and of the third edition of *Content Analysis*, as
    /// `krippendorff.alpha(reliability_data=..., level_of_measurement="nominal")` 0.9.0 counts them.
    #[test]
    fn published_examples_come_out() {
        close(nominal(&columns(&["0100000010", "1110010000"])), 0.095_238_095_238_095_34);
        let four = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."];
        close(nominal(&columns(&four)), 0.743_421_052_631_579);
        let three = [".....34121133.3", "1.213343.......", "..21344.21133.4"];
        close(nominal(&columns(&three)), 0.691_358_024_691_358);
    }

    /// Made by seed 7: five labels, three people, some of whom left texts out.
    fn made_up() -> Vec<Vec<Vec<u32>>> {
        let lines = [
            "1234 013",
            "13 4 3",
            "034 0 03",
            "0 2",
            "23 023",
            "12 0123 0124",
            "024 1234",
            "03",
            "13 13 13",
            "234 234 234",
            "0 0",
            "23 2 2",
        ];
        let set = |set: &str| set.bytes().map(|digit| u32::from(digit - b'0')).collect();
        lines.iter().map(|line| line.split(' ').map(set).collect()).collect()
    }

    /// Overall: nltk 3.10.4, `AnnotationTask(data, distance=masi_distance).alpha()`. By label: `krippendorff.alpha`
    /// of the 0 and 1 of each person, nominal.
    #[test]
    fn other_programs_say_the_same() {
        let found = agreement(&made_up());
        assert_eq!(found.n_texts, 11);
        close(found.overall, 0.352_836_815_235_888_4);
        let expected = [
            (0.278_074_866_310_160_43, 7),
            (0.7, 5),
            (0.723_076_923_076_923_1, 7),
            (0.278_074_866_310_160_43, 9),
            (0.368_421_052_631_578_87, 6),
        ];
        assert_eq!(found.by_label.len(), expected.len());
        for (found, (alpha, n_texts)) in found.by_label.iter().zip(expected) {
            close(found.alpha, alpha);
            assert_eq!(found.n_texts, n_texts);
        }
    }

    #[test]
    fn masi_weighs_containment_and_overlap() {
        let check = |a: &[u32], b: &[u32], expected: f64| {
            assert!((masi(a, b) - expected).abs() < 1e-15, "{a:?} {b:?}");
            assert!((masi(b, a) - expected).abs() < 1e-15, "{b:?} {a:?}");
        };
        check(&[], &[], 0.0);
        check(&[1], &[1], 0.0);
        check(&[], &[1], 1.0);
        check(&[1], &[2], 1.0);
        check(&[1], &[1, 2], 1.0 - 0.5 * 2.0 / 3.0);
        check(&[1, 2], &[2, 3], 1.0 - 1.0 / 9.0);
    }

    #[test]
    fn without_two_answers_or_a_difference_there_is_no_alpha() {
        let check = |texts: &[Vec<Vec<u32>>], n_texts: usize, overall: Option<f64>| {
            let found = agreement(texts);
            assert_eq!((found.n_texts, found.overall), (n_texts, overall), "{texts:?}");
        };
        check(&[], 0, None);
        check(&[vec![]], 0, None);
        check(&[vec![vec![1]], vec![vec![2]]], 0, None);
        check(&[vec![vec![1], vec![1]], vec![vec![1], vec![1]]], 2, None);
        check(&[vec![vec![1], vec![1]], vec![vec![2], vec![2]]], 2, Some(1.0));
        // One text, two people, two answers: as far apart as answers are anyway.
        check(&[vec![vec![1], vec![2]]], 1, Some(0.0));
        check(&[vec![vec![1], vec![2]], vec![vec![2], vec![1]]], 2, Some(-0.5));
    }

    #[test]
    fn the_order_of_labels_and_their_repetition_do_not_matter() {
        let check = |labels: Vec<u32>| {
            let texts = [vec![labels, vec![1, 2]], vec![vec![3], vec![3]]];
            assert_eq!(agreement(&texts).overall, Some(1.0));
        };
        check(vec![2, 1]);
        check(vec![1, 2, 1]);
    }

    proptest! {
        #[test]
        fn one_pass_gives_each_labels_nominal_alpha(
            texts in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(0_u32..4, 0..4), 0..4), 0..8,
            ),
        ) {
            for found in agreement(&texts).by_label {
                let has = |labels: &Vec<u32>| labels.contains(&found.label);
                let binary: Vec<Vec<bool>> =
                    texts.iter().map(|answers| answers.iter().map(has).collect()).collect();
                match (found.alpha, nominal(&binary)) {
                    (Some(one), Some(other)) => prop_assert!((one - other).abs() < 1e-12),
                    (one, other) => prop_assert_eq!(one, other),
                }
            }
        }
    }
}
