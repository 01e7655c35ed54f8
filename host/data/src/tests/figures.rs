//! Tests of the figures of a data set: by hand, on real data, and the paper's.

use alhost_base::ledger::{Notes, Work};

use super::*;

#[test]
fn figures_of_real_data_are_the_known_ones() {
    let Some(data) = shared() else { return };
    for name in ["reuters-all", "arxiv-40k", "eurlex-lux-leaf"] {
        let config = DataConfig { path: Some(name.to_owned()), ..config(DataFormat::Jsonl) };
        let loaded = load(&config, &data, &Silent).unwrap();
        let ours = serde_json::to_value(stats(&loaded.dataset, None)).unwrap();
        let known = fs_err::read_to_string(data.join(name).join("stats.json")).unwrap();
        let known: serde_json::Value = serde_json::from_str(&known).unwrap();
        let mut compared = 0;
        for (key, known) in known.as_object().unwrap() {
            let (Some(known), Some(ours)) = (known.as_f64(), ours[key].as_f64()) else { continue };
            // Known to two or three digits after the point.
            let digits = known.to_string().split('.').nth(1).map_or(0, str::len) as i32;
            let tolerance =
                if known.fract() == 0.0 { 0.005 } else { 0.5001 * 0.1_f64.powi(digits) };
            assert!((known - ours).abs() <= tolerance, "{name} {key}: {known} and {ours}");
            compared += 1;
        }
        assert_eq!(compared, 22, "{name}");
    }
}

fn splits_of_the_small_case() -> Vec<SplitStats> {
    vec![
        SplitStats {
            split: "train",
            texts: 4,
            classes_per_text: 6.0 / 4.0,
            density: 6.0 / 16.0,
            no_label_texts: 1,
            classes_absent: 1,
            duplicate_texts: 1,
            words: Lengths { mean: 5.0 / 4.0, median: 1.0, p95: 3, max: 3 },
            pieces: None,
        },
        SplitStats {
            split: "test",
            texts: 1,
            classes_per_text: 1.0,
            density: 1.0 / 4.0,
            no_label_texts: 0,
            classes_absent: 3,
            duplicate_texts: 0,
            words: Lengths { mean: 1.0, median: 1.0, p95: 1, max: 1 },
            pieces: None,
        },
    ]
}

fn stats_of_the_small_case(name: &str) -> Stats {
    Stats {
        name: name.to_owned(),
        train: 4,
        dev: 0,
        test: 1,
        classes: 4,
        classes_per_text: 7.0 / 5.0,
        classes_per_text_train: 6.0 / 4.0,
        density: 7.0 / 20.0,
        texts_per_class: 7.0 / 4.0,
        texts_per_class_train: 6.0 / 4.0,
        cooc_pair_mean: 4.0 / 6.0,
        cooc_pair_mean_nonzero: 4.0 / 3.0,
        min_class: 0,
        median_class: 2.0,
        max_class: 3,
        classes_absent_from_train: 1,
        classes_absent_from_dev: None,
        classes_absent_from_test: 3,
        labelsets: 5,
        no_label_texts: 1,
        words_mean: 6.0 / 5.0,
        words_median: 1.0,
        words_p95: 3,
        words_max: 3,
        duplicate_texts: 2,
        texts_in_more_than_one_split: 1,
        tokenizer: None,
        max_tokens: None,
        pieces: None,
        splits: splits_of_the_small_case(),
    }
}

#[test]
fn figures_of_a_small_case() {
    // Label sets: ab, abc, b, none | c.
    let train = r#"{"id": 1, "text": "a b  c", "labels": ["a", "b"]}
{"id": 2, "text": "a", "labels": ["a", "b", "c"]}
{"id": 3, "text": "a", "labels": ["b"]}
{"id": 4, "text": "", "labels": []}"#;
    let test = r#"{"id": 5, "text": "a", "labels": ["c"]}"#;
    let folder =
        folder(&[("train.jsonl", train), ("test.jsonl", test), ("labels.txt", "a\nb\nc\nd")]);
    let config = DataConfig {
        dev: String::new(),
        unlabeled: OnUnlabeled::Keep,
        ..config(DataFormat::Jsonl)
    };
    let loaded = load(&config, folder.path(), &Silent).unwrap();
    let expected = stats_of_the_small_case(&loaded.dataset.name);
    assert_eq!(class_sizes(&loaded.dataset), [3, 2, 2, 0]);
    assert_eq!(stats(&loaded.dataset, None), expected);
}

#[test]
fn word_pieces_are_counted_over_whole_texts() {
    let folder = small("train", &TRAIN.replace("one", "one two three four"));
    let loaded = load_jsonl(&folder);
    let tokenizer = tokens::tests::tokenizer();
    let open = |split: &Split, max_tokens| {
        Tokens::open(
            &tokenizer,
            "t",
            &split.texts,
            max_tokens,
            folder.path(),
            Work { progress: &Silent, notes: &Notes::default() },
        )
        .unwrap()
    };
    let check = |max_tokens: usize, truncated: f64, in_train: f64| {
        let splits = loaded.dataset.splits().map(|(_, split)| open(split, max_tokens)).collect();
        let tokenized = Tokenized { checkpoint: "t".to_owned(), max_tokens, splits };
        let whole: Vec<u32> =
            (0..2).map(|text| tokenized.splits[0].word_pieces(text).pieces).collect();
        let ours = stats(&loaded.dataset, Some(&tokenized));
        let train = ours.splits[0].pieces.unwrap();
        assert!((train.lengths.mean - f64::from(whole[0] + whole[1]) / 2.0).abs() < 1e-12);
        assert_eq!(train.lengths.max, whole[0].max(whole[1]));
        assert!((train.truncated - in_train).abs() < 1e-12, "{train:?}");
        assert!((ours.pieces.unwrap().truncated - truncated).abs() < 1e-12, "{ours:?}");
        assert_eq!(ours.max_tokens, Some(max_tokens));
    };
    // The longest text has 14 pieces, the second 8; [CLS] and [SEP] count too.
    check(16, 0.0, 0.0);
    check(15, 1.0 / 4.0, 1.0 / 2.0);
    check(10, 1.0 / 4.0, 1.0 / 2.0);
    check(9, 2.0 / 4.0, 2.0 / 2.0);
}

/// The paper's figure for Toxic (Table 1), from the pair counts that are well known.
#[test]
fn co_occurrence_is_averaged_over_all_pairs_as_in_the_paper() {
    let pair_counts =
        [1595, 7926, 449, 7344, 1302, 1517, 112, 1371, 313, 301, 6155, 1032, 307, 98, 1160];
    let mut labels = Labels::new(6);
    let pairs = (0..6).flat_map(|first| (first + 1..6).map(move |second| [first, second]));
    for (pair, count) in pairs.zip(pair_counts) {
        for _ in 0..count {
            labels.push(&pair);
        }
    }
    let n_texts = labels.len();
    let mut texts = Texts::default();
    (0..n_texts).for_each(|_| texts.push(""));
    let ids = (0..n_texts).map(|id| id.to_string()).collect();
    let train = Split { ids, texts, labels };
    let test = Split { ids: vec![], texts: Texts::default(), labels: Labels::new(6) };
    let vocabulary = (0..6).map(|label| label.to_string()).collect();
    let toxic =
        Dataset { name: "toxic".to_owned(), vocabulary, train, dev: None, test: Some(test) };
    assert!((stats(&toxic, None).cooc_pair_mean - 2065.4667).abs() < 1e-4);
}
