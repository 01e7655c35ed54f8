//! The demo corpus: texts that the host makes from a seed, so that a first run needs no data.
//!
//! 120 labels in two levels (24 themes with 5 topics, such as `music/jazz`). Label frequencies
//! follow Zipf's law; a text has 1 to 4 labels, mostly of one theme. Its 20 to 60 words come from
//! the vocabularies of its topics and themes and from common words.
//!
//! Texts differ in how technical they are. A technical text has more labels, more words of its
//! topics and rarer ones, which fall into more word pieces; so texts differ in what they teach, and
//! strategies in what they choose.

use alhost_config::DemoConfig;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use super::error::DataError;
use super::{Dataset, Labels, Split, Texts};

const WORDS: &str = include_str!("demo_words.txt");
const TOPICS_OF_THEME: usize = 5;

/// The corpus of a config. A text depends on the seed, its split and its number alone, so that a
/// larger corpus begins with the texts of a smaller one.
pub(super) fn make(config: &DemoConfig) -> Result<Dataset, DataError> {
    let sizes = [
        ("train_texts", config.train_texts, 1),
        ("dev_texts", config.dev_texts, 0),
        ("test_texts", config.test_texts, 1),
    ];
    for (key, given, least) in sizes {
        if !(least..=DemoConfig::MAX_TEXTS).contains(&given) {
            return Err(DataError::DemoSize { key, given, least, most: DemoConfig::MAX_TEXTS });
        }
    }
    let law = Law::new(config.seed);
    let split = |name, n_texts| law.split(name, n_texts);
    Ok(Dataset {
        name: "demo".to_owned(),
        train: split("train", config.train_texts),
        dev: (config.dev_texts > 0).then(|| split("dev", config.dev_texts)),
        test: Some(split("test", config.test_texts)),
        vocabulary: law.words.topics.iter().map(|topic| topic.name.to_owned()).collect(),
    })
}

/// The word table. Topics are sorted by name; those of a theme stand together.
struct Words {
    common: Vec<&'static str>,
    /// The words of theme `t`, which has the topics from `t * TOPICS_OF_THEME` on.
    themes: Vec<Vec<&'static str>>,
    topics: Vec<Topic>,
}

struct Topic {
    name: &'static str,
    words: Vec<&'static str>,
}

impl Words {
    fn new() -> Self {
        let mut common = Vec::new();
        let mut themes = Vec::new();
        let mut topics = Vec::new();
        for line in WORDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, words) = line.split_once(": ").expect("the table has lines `NAME: WORDS`");
            let words: Vec<&str> = words.split(' ').collect();
            if name == "common" {
                common = words;
            } else if name.contains('/') {
                topics.push(Topic { name, words });
            } else {
                themes.push((name, words));
            }
        }
        topics.sort_unstable_by_key(|topic| topic.name);
        themes.sort_unstable_by_key(|(name, _)| *name);
        let themes = themes.into_iter().map(|(_, words)| words).collect();
        Self { common, themes, topics }
    }
}

/// Holds what texts are drawn from.
struct Law {
    seed: u64,
    words: Words,
    /// Says how often each label is drawn, relative to the others.
    weights: Vec<f64>,
}

impl Law {
    fn new(seed: u64) -> Self {
        /// Flattens the head of Zipf's law, so that the most frequent label has some 8 % of the
        /// draws.
        const OFFSET: f64 = 3.0;
        let words = Words::new();
        let mut ranks: Vec<usize> = (0..words.topics.len()).collect();
        shuffle(&mut ranks, &mut stream(seed, "labels", 0));
        let weights = ranks.into_iter().map(|rank| 1.0 / (rank as f64 + OFFSET)).collect();
        Self { seed, words, weights }
    }

    fn split(&self, name: &str, n_texts: usize) -> Split {
        let drawn: Vec<(Vec<usize>, String)> = (0..n_texts)
            .into_par_iter()
            .map(|number| self.text(&mut stream(self.seed, name, number as u64)))
            .collect();
        let mut texts = Texts::default();
        let mut labels = Labels::new(self.weights.len());
        for (topics, text) in &drawn {
            texts.push(text);
            let row: Vec<u32> = topics.iter().map(|&topic| topic as u32).collect();
            labels.push(&row);
        }
        let ids = (1..=n_texts).map(|number| format!("{name}-{number:05}")).collect();
        Split { ids, texts, labels }
    }

    fn text(&self, rng: &mut ChaCha8Rng) -> (Vec<usize>, String) {
        // 0 is plain, 1 is technical; the square makes technical texts rare.
        let technical = square(uniform(rng));
        let topics = self.topics(technical, rng);
        let n_words = 20 + below(rng, 41);
        let words: Vec<&str> = (0..n_words).map(|_| self.word(&topics, technical, rng)).collect();
        (topics, sentences(&words, rng))
    }

    /// Draws 1 to 4 labels: the first by frequency, each further one mostly of the first one's
    /// theme.
    fn topics(&self, technical: f64, rng: &mut ChaCha8Rng) -> Vec<usize> {
        const SAME_THEME: f64 = 0.75;
        let one_more = 0.35 + 0.35 * technical;
        let mut topics = vec![weighted(&self.weights, rng)];
        while topics.len() < 4 && uniform(rng) < one_more {
            let first = topics[0] / TOPICS_OF_THEME * TOPICS_OF_THEME;
            let another = if uniform(rng) < SAME_THEME {
                first + weighted(&self.weights[first..first + TOPICS_OF_THEME], rng)
            } else {
                weighted(&self.weights, rng)
            };
            if !topics.contains(&another) {
                topics.push(another);
            }
        }
        topics
    }

    fn word(&self, topics: &[usize], technical: f64, rng: &mut ChaCha8Rng) -> &'static str {
        let from_topics = 0.16 + 0.16 * technical;
        let from_themes = 0.12;
        let from_anywhere = 0.04;
        let topic = topics[below(rng, topics.len())];
        let place = uniform(rng);
        let words = if place < from_topics {
            &self.words.topics[topic].words
        } else if place < from_topics + from_themes {
            &self.words.themes[topic / TOPICS_OF_THEME]
        } else if place < from_topics + from_themes + from_anywhere {
            &self.words.topics[below(rng, self.words.topics.len())].words
        } else {
            return self.words.common[skewed(rng, self.words.common.len(), 1.0)];
        };
        // Plain texts take the usual words, which stand first; technical ones all alike.
        words[skewed(rng, words.len(), 1.0 - technical)]
    }
}

/// Writes words as sentences of 6 to 15, with a capital and a full stop.
fn sentences(words: &[&str], rng: &mut ChaCha8Rng) -> String {
    let mut text = String::new();
    let mut left = 0;
    for (number, word) in words.iter().enumerate() {
        if left == 0 {
            left = 6 + below(rng, 10);
            let (first, rest) = word.split_at(1);
            text += &first.to_ascii_uppercase();
            text += rest;
        } else {
            text += word;
        }
        left -= 1;
        let last = number + 1 == words.len();
        text += match (left == 0 || last, last) {
            (true, true) => ".",
            (true, false) => ". ",
            (false, _) => " ",
        };
    }
    text
}

/// The random numbers of one text.
fn stream(seed: u64, what: &str, number: u64) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new_derive_key("alhost 1 demo corpus");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(what.as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// Draws a number in [0, 1), with 53 random bits.
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((uniform(rng) * n as f64) as usize).min(n - 1)
}

/// Draws a number below `n`. All are alike with `skew` 0; with 1, small ones are more frequent
/// (density 1 / sqrt). It takes products alone, since `powf` may differ in the last bit from one
/// machine to the next.
fn skewed(rng: &mut ChaCha8Rng, n: usize, skew: f64) -> usize {
    let small = uniform(rng) < skew;
    let place = uniform(rng);
    let place = if small { square(place) } else { place };
    ((place * n as f64) as usize).min(n - 1)
}

fn square(x: f64) -> f64 {
    x * x
}

fn weighted(weights: &[f64], rng: &mut ChaCha8Rng) -> usize {
    let mut left = uniform(rng) * weights.iter().sum::<f64>();
    for (place, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return place;
        }
    }
    weights.len() - 1
}

fn shuffle(values: &mut [usize], rng: &mut ChaCha8Rng) {
    for last in (1..values.len()).rev() {
        values.swap(last, below(rng, last + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_word_table_is_whole() {
        let words = Words::new();
        assert_eq!((words.themes.len(), words.topics.len()), (24, 24 * TOPICS_OF_THEME));
        assert!(words.common.len() >= 150, "{} common words", words.common.len());
        assert!(words.themes.iter().all(|words| words.len() == 15));
        for topics in words.topics.chunks(TOPICS_OF_THEME) {
            let theme = |topic: &Topic| topic.name.split('/').next();
            assert!(topics.iter().all(|topic| theme(topic) == theme(&topics[0])));
        }
        for topic in &words.topics {
            assert!(topic.words.len() >= 12, "{}", topic.name);
            let distinct: HashSet<_> = topic.words.iter().collect();
            assert_eq!(distinct.len(), topic.words.len(), "{}", topic.name);
        }
        let all = words.topics.iter().map(|topic| &topic.words).chain(&words.themes);
        for word in all.chain([&words.common]).flatten() {
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase()), "{word:?}");
        }
    }

    #[test]
    fn draws_stay_in_range_and_small_ones_are_more_frequent_when_skewed() {
        let rng = &mut stream(7, "test", 0);
        for (skew, expected) in [(0.0, 0.5), (1.0, 1.0 / 3.0)] {
            let draws: Vec<usize> = (0..20_000).map(|_| skewed(rng, 100, skew)).collect();
            assert!(draws.iter().all(|&draw| draw < 100));
            let mean = draws.iter().sum::<usize>() as f64 / 20_000.0 / 100.0;
            assert!((mean - expected).abs() < 0.02, "{skew}: {mean}");
        }
        let draws = (0..20_000).filter(|_| weighted(&[1.0, 0.0, 3.0], rng) == 2).count();
        assert!((14_500..15_500).contains(&draws), "{draws}");
    }
}
