//! Chance, drawn per text from its id: the same seed puts a text into the same part whatever
//! else is in the source, in which order, and on however many threads.

use crate::document::Part;
use crate::options::{Share, Split, SplitKind};

/// Hashes an id into all that chance knows of a text.
pub(crate) fn key(id: &str) -> u64 {
    first_word(&blake3::hash(id.as_bytes()))
}

/// A number in [0, 1) for a text and a purpose.
pub(crate) fn uniform(key: u64, purpose: &str, seed: u64) -> f64 {
    unit(place(key, stream(purpose, seed)))
}

/// Hashes what sets the draws of one purpose and seed apart from all others.
fn stream(purpose: &str, seed: u64) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"alhost prepare\0").update(&seed.to_le_bytes()).update(purpose.as_bytes());
    first_word(&hasher.finalize())
}

fn first_word(hash: &blake3::Hash) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(word)
}

/// Applies the mixing function of `SplitMix64` to both words one after the other.
fn place(key: u64, stream: u64) -> u64 {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    mix(mix(key).wrapping_add(stream))
}

/// The upper 53 bits, which an `f64` holds exactly.
fn unit(word: u64) -> f64 {
    (word >> 11) as f64 / (1_u64 << 53) as f64
}

/// Puts what the distribution leaves open into parts: draws in their order, the rest is train.
/// Texts that are `out` stay where they are and do not count.
pub(crate) fn split(split: &Split, keys: &[u64], parts: &mut [Part], out: &[bool]) {
    for part in parts.iter_mut().filter(|part| **part == Part::Unassigned) {
        *part = Part::Train;
    }
    if split.kind == SplitKind::Official {
        return;
    }
    for draw in &split.draws {
        let stream = stream(draw.part.name(), split.seed);
        let open = (0..parts.len()).filter(|&text| parts[text] == Part::Train && !out[text]);
        let mut open: Vec<(u64, usize)> =
            open.map(|text| (place(keys[text], stream), text)).collect();
        match (split.kind, draw.share) {
            (SplitKind::Bernoulli, Share::Fraction(share)) => {
                open.retain(|&(place, _)| unit(place) < share);
            }
            (_, share) => {
                open.sort_unstable();
                open.truncate(held_out(share, open.len()));
            }
        }
        for (_, text) in open {
            parts[text] = draw.part;
        }
    }
}

/// Returns ceil(share * n), as scikit-learn's `train_test_split(test_size=share)`.
fn held_out(share: Share, n: usize) -> usize {
    match share {
        Share::Fraction(share) => (share * n as f64).ceil() as usize,
        Share::Texts(n_texts) => n_texts as usize,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::options::Draw;

    fn drawn(kind: SplitKind, draws: &[(Part, Share)], n: usize, seed: u64) -> Vec<Part> {
        let draws = draws.iter().map(|&(part, share)| Draw { part, share }).collect();
        let keys: Vec<u64> = (0..n).map(|text| key(&text.to_string())).collect();
        let mut parts = vec![Part::Unassigned; n];
        split(&Split { kind, draws, seed }, &keys, &mut parts, &vec![false; n]);
        parts
    }

    fn count(parts: &[Part], part: Part) -> usize {
        parts.iter().filter(|&&p| p == part).count()
    }

    #[test]
    fn the_papers_counts_of_toxic_and_ag_news_come_out() {
        let fifth = Share::Fraction(0.2);
        let draws = [(Part::Dev, fifth), (Part::Test, fifth)];
        let parts = drawn(SplitKind::Holdout, &draws, 159_571, 1);
        let counts = Part::ALL.map(|part| count(&parts, part));
        assert_eq!(counts, [102_124, 31_915, 25_532]);

        let draws = [(Part::Dev, Share::Texts(7_600))];
        let parts = drawn(SplitKind::Holdout, &draws, 120_000, 1);
        assert_eq!([count(&parts, Part::Train), count(&parts, Part::Dev)], [112_400, 7_600]);
    }

    #[test]
    fn a_bernoulli_draw_takes_about_its_share() {
        let draws = [(Part::Test, Share::Fraction(0.3)), (Part::Dev, Share::Fraction(0.1))];
        let n = 36_486;
        let parts = drawn(SplitKind::Bernoulli, &draws, n, 7);
        // Five standard deviations: sqrt(n * p * (1 - p)).
        let near = |got: usize, p: f64, n: f64| {
            (got as f64 - p * n).abs() < 5.0 * (n * p * (1.0 - p)).sqrt()
        };
        let n_test = count(&parts, Part::Test);
        assert!(near(n_test, 0.3, n as f64), "{n_test}");
        let n_dev = count(&parts, Part::Dev);
        assert!(near(n_dev, 0.1, (n - n_test) as f64), "{n_dev}");
    }

    /// What is on a user's disk must not be drawn otherwise by a later version.
    #[test]
    fn draws_stay_the_same_for_ever() {
        let draws = [(Part::Test, Share::Fraction(0.3)), (Part::Dev, Share::Fraction(0.3))];
        let letter = |part: Part| match part {
            Part::Train => '-',
            Part::Dev => 'd',
            Part::Test => 't',
            Part::Unassigned => '?',
        };
        let shown = |kind, seed| -> String {
            drawn(kind, &draws, 24, seed).into_iter().map(letter).collect()
        };
        let got = [
            shown(SplitKind::Bernoulli, 1),
            shown(SplitKind::Bernoulli, 2),
            shown(SplitKind::Holdout, 2),
        ];
        assert_eq!(got, GOLDEN);
    }

    const GOLDEN: [&str; 3] =
        ["tt--d-tt--dd-d---dt-tt-t", "--d-t-dt-----td--dt-td-d", "--d-t-tt--t--td--dtttd-d"];

    proptest! {
        #[test]
        fn a_bernoulli_draw_looks_at_one_text_alone(seed: u64, n in 1_usize..60, m in 1_usize..60) {
            let draws = [(Part::Test, Share::Fraction(0.4)), (Part::Dev, Share::Fraction(0.4))];
            let few = drawn(SplitKind::Bernoulli, &draws, n.min(m), seed);
            let more = drawn(SplitKind::Bernoulli, &draws, n.max(m), seed);
            prop_assert_eq!(&few[..], &more[..few.len()]);
        }

        /// Brute force: a text is held out if fewer than ceil(share * n) come before it.
        #[test]
        fn a_holdout_is_the_texts_that_come_first(seed: u64, n in 1_usize..60, share in 0.01..0.99) {
            let parts = drawn(SplitKind::Holdout, &[(Part::Dev, Share::Fraction(share))], n, seed);
            let at = |text: usize| (place(key(&text.to_string()), stream("dev", seed)), text);
            for (text, part) in parts.into_iter().enumerate() {
                let n_before = (0..n).filter(|&other| at(other) < at(text)).count();
                let is_held = (n_before as f64) < (share * n as f64).ceil();
                prop_assert_eq!(part == Part::Dev, is_held);
            }
        }

        #[test]
        fn official_parts_and_texts_that_are_out_stay(seed: u64, given in prop::collection::vec((0..4_u8, any::<bool>()), 1..40)) {
            let given: Vec<(Part, bool)> = given
                .into_iter()
                .map(|(part, out)| ([Part::Train, Part::Dev, Part::Test, Part::Unassigned][part as usize], out))
                .collect();
            let keys: Vec<u64> = (0..given.len()).map(|text| key(&text.to_string())).collect();
            let mut parts: Vec<Part> = given.iter().map(|&(part, _)| part).collect();
            let out: Vec<bool> = given.iter().map(|&(_, out)| out).collect();
            let draws = vec![Draw { part: Part::Dev, share: Share::Fraction(0.5) }];
            let rule = Split { kind: SplitKind::Holdout, draws, seed };
            split(&rule, &keys, &mut parts, &out);
            let open = |&(part, out): &(Part, bool)| !out && matches!(part, Part::Train | Part::Unassigned);
            let n_open = given.iter().filter(|g| open(g)).count();
            let n_drawn = given.iter().zip(&parts).filter(|&(g, &part)| open(g) && part == Part::Dev).count();
            prop_assert_eq!(n_drawn, n_open.div_ceil(2));
            for (&(before, out), &after) in given.iter().zip(&parts) {
                if matches!(before, Part::Dev | Part::Test) {
                    prop_assert_eq!(after, before);
                } else if out {
                    prop_assert_eq!(after, Part::Train);
                }
            }
        }
    }
}
