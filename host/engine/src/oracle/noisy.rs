//! An oracle that makes mistakes as people do: it misses labels, rare ones more often, and now and then
//! gives one that is wrong.

use std::sync::Arc;

use alhost_base::seed::{Purpose, RunSeed};
use alhost_data::{Dataset, Labels};
use alhost_plugin_api::{DocId, Rng};
use anyhow::Result;

use super::{Annotation, Answer, Oracle};
use crate::pool::ValidSelection;

/// The gold labels with noise. What it says of a text depends on the seed and the text alone, so that it is
/// the same for every strategy and after a stop.
pub struct Noisy {
    dataset: Arc<Dataset>,
    /// Probability that a label which applies is missed, by label.
    missed: Vec<f64>,
    /// Probability, for each label that applies, that a wrong one is given besides.
    wrong: f64,
    /// Labels as often as they occur in train: what wrong ones are drawn from.
    occurrences: Vec<u32>,
    seed: RunSeed,
}

impl Noisy {
    /// `missed` is the share of all labels of train that it would miss; `wrong` the number of wrong labels
    /// that it tries to give for each right one, both in [0, 1). Inverse propensities are by label.
    pub fn new(
        dataset: &Arc<Dataset>,
        inverse_propensities: &[f64],
        (missed, wrong): (f64, f64),
        seed: RunSeed,
    ) -> Self {
        let gold = &dataset.train.labels;
        let occurrences = gold.rows().flatten().copied().collect();
        let missed = miss_probabilities(gold, inverse_propensities, missed);
        Self { dataset: Arc::clone(dataset), missed, wrong, occurrences, seed }
    }

    fn labels(&self, text: DocId) -> Vec<u32> {
        let gold = self.dataset.train.labels.row(text.0 as usize);
        let mut rng = Rng::stream(&self.seed.derive(Purpose::Noise, text.0 as usize), "noise");
        let mut given = Vec::new();
        for &label in gold {
            if rng.f64() >= self.missed[label as usize] {
                given.push(label);
            }
            if rng.f64() < self.wrong {
                let drawn = self.occurrences[rng.below(self.occurrences.len())];
                if !gold.contains(&drawn) && !given.contains(&drawn) {
                    given.push(drawn);
                }
            }
        }
        given.sort_unstable();
        given
    }
}

impl Oracle for Noisy {
    fn answer(&mut self, selection: &ValidSelection) -> Result<Answer> {
        let given = selection.ids().iter().map(|id| (*id, Annotation::Labels(self.labels(*id))));
        Ok(Answer::Given(given.collect()))
    }
}

/// Probabilities of missing each label, in proportion to 1 - its propensity (a rare label is missed more
/// often) and at most 1, such that the share `missed` of all labels of train is missed.
fn miss_probabilities(gold: &Labels, inverse_propensities: &[f64], missed: f64) -> Vec<f64> {
    let counts = gold.counts();
    let capped = |scale: f64| {
        inverse_propensities.iter().map(move |inverse| (scale * (1.0 - 1.0 / inverse)).min(1.0))
    };
    let share = |scale: f64| {
        let expected = capped(scale).zip(&counts).map(|(p, &n)| p * f64::from(n));
        expected.sum::<f64>() / gold.n_assignments().max(1) as f64
    };
    // The share grows with the scale; a hundred halvings are more than a double can tell apart.
    let (mut low, mut high) = (0.0, if missed > 0.0 { MOST_SCALE } else { 0.0 });
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if share(middle) < missed { low = middle } else { high = middle }
    }
    capped(high).collect()
}

/// Beyond, every label of a propensity below 1 is missed always.
const MOST_SCALE: f64 = 1e9;

#[cfg(test)]
mod tests {
    use alhost_data::{Split, Texts};

    use super::*;

    /// 200 texts: label 0 in all, label 1 in every tenth, label 2 in one.
    fn dataset() -> Arc<Dataset> {
        let split = || Split { ids: Vec::new(), texts: Texts::default(), labels: Labels::new(3) };
        let mut dataset = Dataset {
            name: "made up".to_owned(),
            vocabulary: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
            train: split(),
            dev: None,
            test: Some(split()),
        };
        for text in 0..200_u32 {
            let labels: Vec<u32> =
                [Some(0), (text % 10 == 0).then_some(1), (text == 7).then_some(2)]
                    .into_iter()
                    .flatten()
                    .collect();
            dataset.train.labels.push(&labels);
        }
        Arc::new(dataset)
    }

    #[test]
    fn rare_labels_are_missed_more_often_and_as_many_as_asked() {
        let dataset = dataset();
        let gold = &dataset.train.labels;
        let inverse = [1.2, 2.0, 8.0];
        for missed in [0.0, 0.1, 0.5] {
            let p = miss_probabilities(gold, &inverse, missed);
            let share = (200.0 * p[0] + 20.0 * p[1] + p[2]) / 221.0;
            assert!((share - missed).abs() < 1e-9, "{missed}: {share}");
            assert!(p[0] <= p[1] && p[1] <= p[2], "{p:?}");
        }
    }

    #[test]
    fn the_seed_and_the_text_decide_what_is_said_of_it() {
        let dataset = dataset();
        let noisy = |seed| Noisy::new(&dataset, &[1.2, 2.0, 8.0], (0.3, 0.2), RunSeed(seed));
        let all = |oracle: &Noisy| (0..200).map(|id| oracle.labels(DocId(id))).collect::<Vec<_>>();
        let said = all(&noisy(1));
        assert_eq!(said, all(&noisy(1)));
        assert_ne!(said, all(&noisy(2)));
        let gold = &dataset.train.labels;
        let n_missed = (0..200).filter(|&id| !said[id].contains(&0)).count();
        assert!((30..90).contains(&n_missed), "{n_missed}");
        let n_wrong: usize = (0..200)
            .map(|id| said[id].iter().filter(|&label| !gold.row(id).contains(label)).count())
            .sum();
        assert!(n_wrong > 0 && n_wrong < 40, "{n_wrong}");
        let none = Noisy::new(&dataset, &[1.2, 2.0, 8.0], (0.0, 0.0), RunSeed(1));
        assert!(all(&none).iter().zip(gold.rows()).all(|(said, gold)| said == gold));
    }
}
