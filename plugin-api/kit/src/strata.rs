//! Candidates by strata of predicted labels (Qi et al. 2025): some texts of each label, some whose
//! predictions contradict what is labeled, and some of which nothing is predicted.
//!
//! With L labels there are L + 2 strata, and a text may be in several:
//!
//! ```text
//! stratum l     texts of which label l is predicted, unless it is dropped: of two predicted labels a, b that
//!               occur together in c_ab > 0 labeled texts, r is the one in fewer of them (ties: the lower
//!               label) and f the other; f is dropped where 10 c_ab >= 7 n_r
//! stratum L     contradictions: texts of which some a and b are predicted with n_a at least `min_count` and
//!               100 (n_a - c_ab) > 98 n_a
//! stratum L+1   texts of which nothing is predicted
//! ```
//!
//! So a text counts under its specific labels, not under their parents. Its rarest label is never dropped,
//! so that every text of which something is predicted is in the stratum of a label. Where nothing is labeled,
//! nothing is dropped and nothing is a contradiction.

use alhost_plugin_api::DocId;

use crate::cooccurrence::Cooccurrence;

/// What the labeled texts say about pairs of labels.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// For each label, the commoner ones that are dropped beside it.
    implied: Vec<Vec<u32>>,
    /// For each label that occurs often enough, the others that do not contradict it, ascending.
    companions: Vec<Option<Vec<u32>>>,
}

impl Pairs {
    /// `min_count` is the number of labeled texts that a label has to be in, at least, for another one to
    /// contradict it. It is 1 in the article: with few labeled texts almost all pairs then contradict.
    pub fn of(labeled: &Cooccurrence, min_count: u32) -> Self {
        let implied = |label: u32| {
            let n = labeled.count(label);
            let is_rarer = |other: u32| (n, label) < (labeled.count(other), other);
            let is_implied = |&&(other, together): &&(u32, u32)| {
                is_rarer(other) && 10 * u64::from(together) >= 7 * u64::from(n)
            };
            labeled.beside(label).iter().filter(is_implied).map(|&(other, _)| other).collect()
        };
        let companions = |label: u32| {
            let n = labeled.count(label);
            let goes_with =
                |&&(_, together): &&(u32, u32)| 100 * u64::from(n - together) <= 98 * u64::from(n);
            let beside = labeled.beside(label).iter();
            (n >= min_count.max(1))
                .then(|| beside.filter(goes_with).map(|&(other, _)| other).collect())
        };
        let labels = 0..labeled.n_labels() as u32;
        Self {
            implied: labels.clone().map(implied).collect(),
            companions: labels.map(companions).collect(),
        }
    }

    fn contradict(&self, predicted: &[u32]) -> bool {
        predicted.iter().any(|&a| {
            self.companions[a as usize].as_ref().is_some_and(|companions| {
                predicted.iter().any(|b| *b != a && companions.binary_search(b).is_err())
            })
        })
    }
}

/// The strata of a pool.
#[derive(Clone, Debug)]
pub struct Strata {
    /// Of each stratum its texts, as places among those given, ascending.
    members: Vec<Vec<u32>>,
}

/// How many texts of a stratum become candidates, at most.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Of each label, and of the contradictions.
    pub stratum: usize,
    /// Of the texts of which nothing is predicted.
    pub empty: usize,
}

impl Strata {
    /// Sorts texts by their predicted labels. A text has a label once.
    pub fn of(predicted: &[Vec<u32>], pairs: &Pairs) -> Self {
        let n_labels = pairs.implied.len();
        let mut members = vec![Vec::new(); n_labels + 2];
        // The text beside whose labels a label was dropped last.
        let mut dropped_in = vec![None; n_labels];
        for (text, labels) in (0_u32..).zip(predicted) {
            for &label in labels {
                for &common in &pairs.implied[label as usize] {
                    dropped_in[common as usize] = Some(text);
                }
            }
            for &label in labels {
                if dropped_in[label as usize] != Some(text) {
                    members[label as usize].push(text);
                }
            }
            if pairs.contradict(labels) {
                members[n_labels].push(text);
            }
            if labels.is_empty() {
                members[n_labels + 1].push(text);
            }
        }
        Self { members }
    }

    /// The texts of each stratum, ascending.
    pub fn members(&self) -> &[Vec<u32>] {
        &self.members
    }

    /// The texts that are among the first of a stratum, ascending. `key` orders each stratum for itself: it
    /// is called with a stratum and a text in it, and the lowest come first, ties by text.
    pub fn candidates(&self, quotas: Quotas, key: &dyn Fn(u32, u32) -> u64) -> Vec<u32> {
        let mut candidates = Vec::new();
        for (stratum, members) in (0_u32..).zip(&self.members) {
            let is_empty = stratum as usize + 1 == self.members.len();
            let quota = if is_empty { quotas.empty } else { quotas.stratum };
            let mut keyed: Vec<(u64, u32)> =
                members.iter().map(|&text| (key(stratum, text), text)).collect();
            if quota < keyed.len() {
                keyed.select_nth_unstable(quota);
                keyed.truncate(quota);
            }
            candidates.extend(keyed.into_iter().map(|(_, text)| text));
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }
}

/// The key of a text that puts each stratum into a random order of its own: a hash, so that whether a text
/// comes before another one depends on these two, on the seed and on the stratum, and on nothing else.
pub fn random_key(seed: u64, stratum: u32, text: DocId) -> u64 {
    mix(mix(seed, stratum), text.0)
}

/// 64 well-mixed bits: `SplitMix64` (Steele, Lea and Flood 2014), started at the key and advanced by `steps`.
fn mix(key: u64, steps: u32) -> u64 {
    let mut z = key.wrapping_add((u64::from(steps) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The quota of texts of which nothing is predicted, which shrinks from query to query:
/// floor(base sqrt(1 - (query - 1) / planned)), `query` from 1. It is `base` where it is not known how many
/// queries are planned.
pub fn empty_quota(base: usize, query: u32, planned: Option<u32>) -> usize {
    let Some(planned) = planned.filter(|&planned| planned > 0) else { return base };
    let left = planned.saturating_sub(query.saturating_sub(1));
    let square = (base as u128).pow(2) * u128::from(left.min(planned)) / u128::from(planned);
    square.isqrt() as usize
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    use super::*;

    fn slices(sets: &[Vec<u32>]) -> Vec<&[u32]> {
        sets.iter().map(Vec::as_slice).collect()
    }

    fn strata(predicted: &[Vec<u32>], labeled: &[Vec<u32>], n_labels: usize, min: u32) -> Strata {
        let counted = Cooccurrence::of(&slices(labeled), n_labels);
        Strata::of(predicted, &Pairs::of(&counted, min))
    }

    /// Membership as the arrays have it: a row of 0 and 1 for each stratum.
    fn dense(strata: &Strata, n_texts: usize) -> Vec<f64> {
        let mut dense = vec![0.0; strata.members().len() * n_texts];
        for (members, row) in strata.members().iter().zip(dense.chunks_mut(n_texts)) {
            for &text in members {
                row[text as usize] = 1.0;
            }
        }
        dense
    }

    #[test]
    fn golden_candidates() {
        for case in alhost_golden::all() {
            let (n_labels, threshold) = (case.cols("proba"), case.number("threshold"));
            let proba = case.f32s("proba");
            let predicted: Vec<Vec<u32>> = proba
                .chunks(n_labels)
                .map(|row| crate::labels::predicted(row, threshold).collect())
                .collect();
            let labeled = if case.values("y_labeled").is_empty() {
                Vec::new()
            } else {
                case.sets("y_labeled")
            };
            let n_texts = predicted.len();
            let strata = strata(&predicted, &labeled, n_labels, 1);
            case.assert_close("crab_strata", &dense(&strata, n_texts));
            let (stratum, empty) = (case.whole("crab_quota"), case.whole("crab_empty_quota"));
            let orders = case.u32s("crab_order");
            let key = |stratum: u32, text: u32| {
                let order = &orders[stratum as usize * n_texts..][..n_texts];
                order.iter().position(|&other| other == text).unwrap() as u64
            };
            let candidates = strata.candidates(Quotas { stratum, empty }, &key);
            case.assert_picks("crab_candidates", &candidates);
        }
    }

    /// Label 0 is in 4 labeled texts, 3 of them with label 1, which is in no other.
    #[test]
    fn a_parent_is_dropped_beside_its_child() {
        let labeled = [vec![0, 1], vec![0, 1], vec![0, 1], vec![0], vec![2]];
        let predicted = [vec![0, 1], vec![0], vec![0, 2], vec![]];
        let strata = strata(&predicted, &labeled, 3, 1);
        // 0 and 2 never occur together.
        assert_eq!(strata.members(), [vec![1, 2], vec![0], vec![2], vec![2], vec![3]]);
    }

    #[test]
    fn rare_labels_contradict_nothing_where_they_have_to_be_seen_more_often() {
        let labeled = [vec![0], vec![0], vec![1]];
        let contradictions = |min_count: u32| {
            strata(&[vec![0, 1], vec![1, 2]], &labeled, 3, min_count).members()[3].clone()
        };
        assert_eq!(contradictions(0), [0, 1]);
        assert_eq!(contradictions(1), [0, 1]);
        assert_eq!(contradictions(2), [0]);
        assert_eq!(contradictions(3), [0_u32; 0]);
    }

    #[test]
    fn each_stratum_gives_its_first_texts() {
        let predicted = [vec![0], vec![0, 1], vec![0], vec![], vec![], vec![1]];
        let strata = strata(&predicted, &[], 2, 1);
        let backwards = |_: u32, text: u32| u64::from(10 - text);
        let check = |stratum: usize, empty: usize, expected: &[u32]| {
            assert_eq!(strata.candidates(Quotas { stratum, empty }, &backwards), expected);
        };
        check(1, 1, &[2, 4, 5]);
        check(2, 0, &[1, 2, 5]);
        check(0, 9, &[3, 4]);
        check(9, 9, &[0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn strata_and_seeds_have_orders_of_their_own() {
        let order = |seed: u64, stratum: u32, texts: u32| {
            let mut order: Vec<u32> = (0..texts).collect();
            order.sort_by_key(|&text| random_key(seed, stratum, DocId(text)));
            order
        };
        assert_ne!(order(1, 0, 50), order(1, 1, 50));
        assert_ne!(order(1, 0, 50), order(2, 0, 50));
        let mut fewer = order(1, 0, 50);
        fewer.retain(|&text| text < 20);
        assert_eq!(order(1, 0, 20), fewer, "the others do not matter");
        // Selections are part of published results: this one must not change within 1.x.
        assert_eq!(mix(0, 0), 0xe220_a839_7b1d_cdaf, "the first number of SplitMix64(0)");
    }

    #[test]
    fn the_quota_of_empty_predictions_shrinks() {
        let check = |query: u32, planned: Option<u32>, expected: usize| {
            assert_eq!(empty_quota(40, query, planned), expected, "{query} of {planned:?}");
        };
        check(1, Some(12), 40);
        check(3, Some(12), 36); // 40 sqrt(10/12) = 36.5
        check(12, Some(12), 11); // 40 sqrt(1/12) = 11.5
        check(13, Some(12), 0);
        check(99, Some(12), 0);
        check(4, Some(4), 20); // exactly
        check(0, Some(4), 40);
        check(5, None, 40);
        check(5, Some(0), 40);
    }

    /// The definition, pair by pair.
    fn naive(predicted: &[u32], labeled: &[Vec<u32>], n_labels: u32, min_count: usize) -> Vec<u32> {
        let carry = |labels: &[u32]| {
            labeled.iter().filter(|set| labels.iter().all(|label| set.contains(label))).count()
        };
        let pairs = predicted.iter().flat_map(|&a| predicted.iter().map(move |&b| (a, b)));
        let (mut dropped, mut contradicts) = (Vec::new(), false);
        for (a, b) in pairs.filter(|(a, b)| a != b) {
            let (n_a, n_b, c) = (carry(&[a]), carry(&[b]), carry(&[a, b]));
            if (n_a, a) < (n_b, b) && c > 0 && 10 * c >= 7 * n_a {
                dropped.push(b);
            }
            contradicts |= n_a > 0 && n_a >= min_count && 100 * (n_a - c) > 98 * n_a;
        }
        let mut strata: Vec<u32> =
            predicted.iter().copied().filter(|label| !dropped.contains(label)).collect();
        strata.extend(contradicts.then_some(n_labels));
        strata.extend(predicted.is_empty().then_some(n_labels + 1));
        strata
    }

    proptest! {
        #[test]
        fn strata_are_those_of_the_definition(
            predicted in vec(btree_set(0_u32..6, 0..5), 1..12),
            labeled in vec(btree_set(0_u32..6, 0..4), 0..40),
            min_count in 0_u32..4,
        ) {
            let lists = |sets: Vec<std::collections::BTreeSet<u32>>| -> Vec<Vec<u32>> {
                sets.into_iter().map(|set| set.into_iter().collect()).collect()
            };
            let (predicted, labeled) = (lists(predicted), lists(labeled));
            let strata = strata(&predicted, &labeled, 6, min_count);
            for (text, labels) in (0_u32..).zip(&predicted) {
                let got: Vec<u32> = (0..8)
                    .filter(|&stratum: &u32| strata.members()[stratum as usize].contains(&text))
                    .collect();
                prop_assert_eq!(got, naive(labels, &labeled, 6, min_count as usize));
            }
        }
    }
}
