//! Splits that are drawn and not read: a dev set out of train, and a part of test.

use alhost_config::DataConfig;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::{Dataset, Labels, Split, Texts};

/// Draws what the config asks for; the texts that are drawn stay in the order of their file.
pub(super) fn draw(dataset: &mut Dataset, config: &DataConfig, notes: &mut Vec<String>) {
    let n_train = dataset.train.ids.len();
    // At least one text on each side.
    let wanted = ((n_train as f64 * config.dev_share).round() as usize).max(1);
    if config.dev_share > 0.0 && dataset.dev.is_none() && n_train > 1 {
        let of_dev = chosen(n_train, wanted.min(n_train - 1), config.split_seed, "dev");
        let dev = part(&dataset.train, &of_dev, true);
        let train = part(&dataset.train, &of_dev, false);
        notes.push(format!(
            "dev: {} of {n_train} train texts, drawn by `data.split_seed` = {}",
            dev.ids.len(),
            config.split_seed
        ));
        (dataset.dev, dataset.train) = (Some(dev), train);
    }
    let Some(test) = &dataset.test else { return };
    let n_test = test.ids.len();
    if config.test_texts > 0 && config.test_texts < n_test {
        let kept = chosen(n_test, config.test_texts, config.split_seed, "test");
        dataset.test = Some(part(test, &kept, true));
        notes.push(format!(
            "test: {} of {n_test} texts, drawn by `data.split_seed` = {}",
            config.test_texts, config.split_seed
        ));
    }
}

/// Draws `k` of `n` places, which are true, each set of `k` as likely as any other (Fisher and
/// Yates).
fn chosen(n: usize, k: usize, seed: u64, purpose: &str) -> Vec<bool> {
    let mut hasher = blake3::Hasher::new_derive_key("alhost 1 split");
    hasher.update(&seed.to_le_bytes());
    hasher.update(purpose.as_bytes());
    let mut rng = ChaCha8Rng::from_seed(*hasher.finalize().as_bytes());
    let mut places: Vec<usize> = (0..n).collect();
    let mut chosen = vec![false; n];
    for i in 0..k {
        // Of 2^64 numbers, at most n more fall on one place than on another.
        let other = i + (rng.next_u64() % (n - i) as u64) as usize;
        places.swap(i, other);
        chosen[places[i]] = true;
    }
    chosen
}

/// The texts of which `chosen` says `wanted`.
fn part(split: &Split, chosen: &[bool], wanted: bool) -> Split {
    let mut part = Split {
        ids: Vec::new(),
        texts: Texts::default(),
        labels: Labels::new(split.labels.n_labels()),
    };
    for text in (0..chosen.len()).filter(|&text| chosen[text] == wanted) {
        part.ids.push(split.ids[text].clone());
        part.texts.push(split.texts.get(text));
        part.labels.push(split.labels.row(text));
    }
    part
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn so_many_are_chosen_and_the_seed_decides_which(n in 1_usize..60, share in 0.0..1.0_f64, seed: u64) {
            let k = (n as f64 * share) as usize;
            let of = |seed| chosen(n, k, seed, "dev");
            prop_assert_eq!(of(seed).iter().filter(|&&is| is).count(), k);
            prop_assert_eq!(of(seed), of(seed));
        }
    }

    #[test]
    fn every_place_is_as_likely_as_another() {
        let mut counts = [0; 10];
        for seed in 0..5000 {
            for (count, is) in counts.iter_mut().zip(chosen(10, 3, seed, "dev")) {
                *count += i32::from(is);
            }
        }
        // 1,500 each; the standard deviation is 32.
        assert!(counts.iter().all(|&count| (count - 1500).abs() < 160), "{counts:?}");
        assert_ne!(chosen(100, 50, 1, "dev"), chosen(100, 50, 1, "test"));
    }
}
