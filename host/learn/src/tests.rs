//! Tests of the learner as a whole, on a BERT of two layers with random weights.

mod by_hand;
mod logistic;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use alhost_base::ledger::{Notes, Work};
use alhost_base::matrix::Matrix;
use alhost_base::progress::Silent;
use alhost_config::{EncoderMode, HeadBias, HeadKind, ModelConfig, Precision, Start, TrainConfig};
use alhost_data::Labels;
use alhost_data::tokens::Tokens;
use alhost_model::{Dev, Examples, Seeds, Training, Wants, probabilities};
use tch::{Device, Tensor};
use tempfile::TempDir;

use super::*;
use crate::cpu::workers::Workers;
use crate::training::optimizer::Adam;

const N_LABELS: usize = 4;
const LOGITS: Wants = Wants::LOGITS;
const SEEDS: Seeds = Seeds { init: 1, train: 2 };

fn unwatched() -> Work<'static> {
    static NOTES: LazyLock<Notes> = LazyLock::new(Notes::default);
    Work { progress: &Silent, notes: &NOTES }
}

fn checkpoint() -> Checkpoint {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tiny-bert-mlm");
    Checkpoint::open(folder.to_str().unwrap(), &Places::default()).unwrap()
}

/// The tiny BERT without the encoder's dropout, which a frozen encoder does not have either.
fn without_dropout() -> Checkpoint {
    let mut checkpoint = checkpoint();
    checkpoint.config.hidden_dropout_prob = 0.0;
    checkpoint.config.attention_probs_dropout_prob = 0.0;
    checkpoint
}

fn config() -> ModelConfig {
    ModelConfig {
        head: HeadKind::Cnn,
        encoder: EncoderMode::FineTuned,
        max_tokens: 24,
        filters: 16,
        precision: Precision::F32,
        token_budget: 64,
        ..ModelConfig::default()
    }
}

fn train_config() -> TrainConfig {
    TrainConfig { epochs: 3, batch: 4, rate: 1e-3, ..TrainConfig::default() }
}

struct Setup {
    learner: Learner,
    cache: TempDir,
}

fn setup(checkpoint: &Checkpoint, config: &ModelConfig) -> Setup {
    tch::set_num_threads(1); // so small a model is slower on more
    let cache = tempfile::tempdir().unwrap();
    let learner = Learner::new(checkpoint, config, N_LABELS, Device::Cpu, cache.path()).unwrap();
    Setup { learner, cache }
}

/// 20 texts of 2 to 21 tokens. Word `at` of text `i` is `10 + (7 i + 11 at) % 120`, and `i % 4`
/// decides the labels.
fn texts() -> (Tokens, Labels) {
    let mut rows = Vec::new();
    let mut labels = Labels::new(N_LABELS);
    for text in 0..20_u32 {
        let words = (0..text).map(|at| 10 + (text * 7 + at * 11) % 120);
        rows.push([2].into_iter().chain(words).chain([3]).collect());
        labels.push(match text % 4 {
            0 => &[0],
            1 => &[0, 1],
            2 => &[2],
            _ => &[],
        });
    }
    (Tokens::from_rows(&rows, "twenty"), labels)
}

fn all() -> Vec<u32> {
    (0..20).collect()
}

fn train(learner: &mut Learner, config: &TrainConfig) -> Training {
    let (tokens, labels) = texts();
    let examples = Examples { tokens: &tokens, rows: &all(), labels: &labels };
    learner.train(examples, None, config, SEEDS, unwatched()).unwrap()
}

fn logits(learner: &Learner, rows: &[u32]) -> Matrix {
    let (tokens, _) = texts();
    learner.infer(&tokens, rows, LOGITS, unwatched()).unwrap().logits.unwrap()
}

fn distance(a: &Matrix, b: &Matrix) -> f32 {
    assert_eq!((a.rows, a.cols), (b.rows, b.cols));
    a.data.iter().zip(b.data.iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn micro_f1(probabilities: &Matrix, labels: &Labels) -> f64 {
    let (mut tp, mut decided) = (0, 0);
    for (text, gold) in labels.rows().enumerate() {
        let predicted = probabilities.row(text).iter().enumerate().filter(|(_, p)| **p > 0.5);
        for (label, _) in predicted {
            decided += 1;
            tp += usize::from(gold.contains(&(label as u32)));
        }
    }
    2.0 * tp as f64 / (decided + labels.n_assignments()) as f64
}

#[test]
fn it_learns_twenty_texts_by_heart() {
    for head in [HeadKind::Linear, HeadKind::Cnn] {
        let mut setup = setup(&without_dropout(), &ModelConfig { head, ..config() });
        let training = train(&mut setup.learner, &TrainConfig { epochs: 40, ..train_config() });
        let probabilities = probabilities(logits(&setup.learner, &all()));
        let f1 = micro_f1(&probabilities, &texts().1);
        assert!(f1 > 0.99, "{head:?}: micro-F1 {f1}, losses {:?}", training.losses);
    }
}

#[test]
fn the_same_seeds_give_the_same_model_and_others_another() {
    let trained = |init, train| {
        let seeds = Seeds { init, train };
        let mut setup = setup(&checkpoint(), &config());
        let (tokens, labels) = texts();
        let examples = Examples { tokens: &tokens, rows: &all(), labels: &labels };
        let learner = &mut setup.learner;
        learner.train(examples, None, &train_config(), seeds, unwatched()).unwrap();
        logits(learner, &all())
    };
    let first = trained(1, 2);
    assert_eq!(first, trained(1, 2));
    assert!(distance(&first, &trained(3, 2)) > 1e-4);
    assert!(distance(&first, &trained(1, 3)) > 1e-4);
}

#[test]
fn a_pretrained_start_forgets_the_training_before() {
    let mut setup = setup(&checkpoint(), &config());
    train(&mut setup.learner, &train_config());
    let first = logits(&setup.learner, &all());
    train(&mut setup.learner, &train_config());
    assert_eq!(first, logits(&setup.learner, &all()));
    train(&mut setup.learner, &TrainConfig { start: Start::Warm, ..train_config() });
    assert!(distance(&first, &logits(&setup.learner, &all())) > 1e-4);
}

#[test]
fn a_prediction_does_not_depend_on_the_other_texts() {
    for head in [HeadKind::Linear, HeadKind::Cnn] {
        let mut setup = setup(&checkpoint(), &ModelConfig { head, ..config() });
        train(&mut setup.learner, &train_config());
        let together = logits(&setup.learner, &all());
        let mixed: Vec<u32> = vec![7, 0, 19, 7];
        let some = logits(&setup.learner, &mixed);
        for (at, &row) in mixed.iter().enumerate() {
            let alone = logits(&setup.learner, &[row]);
            for (label, &value) in alone.row(0).iter().enumerate() {
                assert!((value - together.row(row as usize)[label]).abs() < 1e-5);
                assert!((value - some.row(at)[label]).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn a_frozen_encoder_is_one_trained_at_rate_zero() {
    for head in [HeadKind::Linear, HeadKind::Cnn] {
        let tuned = ModelConfig { head, ..config() };
        let frozen = ModelConfig { encoder: EncoderMode::Frozen, ..tuned.clone() };
        let (mut tuned, mut frozen) =
            (setup(&without_dropout(), &tuned), setup(&without_dropout(), &frozen));
        // The head's rate is a multiple of the encoder's.
        let almost_zero = TrainConfig { rate: 1e-9, head_rate: 1e6, ..train_config() };
        let first = train(&mut tuned.learner, &almost_zero);
        let second = train(&mut frozen.learner, &almost_zero);
        assert!((first.losses[2] - second.losses[2]).abs() < 1e-3);
        let apart = distance(&logits(&tuned.learner, &all()), &logits(&frozen.learner, &all()));
        assert!(apart < 0.02, "{head:?}: {apart} apart"); // the kept states are bf16
    }
}

#[test]
fn kept_states_are_what_the_encoder_gives_and_are_computed_once() {
    let frozen = ModelConfig { encoder: EncoderMode::Frozen, ..config() };
    let setup = setup(&checkpoint(), &frozen);
    let tuned = self::setup(&checkpoint(), &config());
    let (tokens, _) = texts();
    let wants = Wants { cls: true, mean: true, ..Wants::default() };
    let rows = [3, 17, 0];
    let kept = setup.learner.infer(&tokens, &rows, wants, unwatched()).unwrap();
    let live = tuned.learner.infer(&tokens, &rows, wants, unwatched()).unwrap();
    assert!(distance(&kept.cls.unwrap(), live.cls.as_ref().unwrap()) < 0.02); // bf16
    assert!(distance(&kept.mean.unwrap(), live.mean.as_ref().unwrap()) < 1e-5);

    let files = || {
        let mut files: Vec<_> = fs_err::read_dir(setup.cache.path().join("states"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| !entry.path().to_string_lossy().ends_with(".once"))
            .map(|entry| (entry.path(), entry.metadata().unwrap().modified().unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = files();
    assert_eq!(before.len(), 2, "poolings and states");
    setup.learner.infer(&tokens, &rows, wants, unwatched()).unwrap();
    assert_eq!(before, files());

    // A file that is not whole is made anew.
    fs_err::OpenOptions::new().write(true).open(&before[0].0).unwrap().set_len(10).unwrap();
    let again = setup.learner.infer(&tokens, &rows, wants, unwatched()).unwrap();
    assert!(distance(&again.mean.unwrap(), &live.mean.unwrap()) < 1e-5);
}

#[test]
fn pretrained_embeddings_stay_while_the_model_is_trained() {
    let mut setup = setup(&checkpoint(), &config());
    let (tokens, _) = texts();
    let wants = Wants { cls: true, mean: true, ..Wants::default() };
    let rows = [5, 2];
    let untrained = setup.learner.infer(&tokens, &rows, wants, unwatched()).unwrap();
    train(&mut setup.learner, &train_config());
    let pretrained =
        |pooling| setup.learner.pretrained(&tokens, &rows, pooling, unwatched()).unwrap();
    assert!(distance(&pretrained(Pooling::Cls), &untrained.cls.unwrap()) < 1e-5);
    assert!(distance(&pretrained(Pooling::Mean), untrained.mean.as_ref().unwrap()) < 1e-5);
    let trained = setup.learner.infer(&tokens, &rows, wants, unwatched()).unwrap();
    assert!(distance(&trained.mean.unwrap(), &untrained.mean.unwrap()) > 1e-3);
}

#[test]
fn training_the_words_in_use_is_training_all_words() {
    let (tokens, labels) = texts();
    let examples = Examples { tokens: &tokens, rows: &all(), labels: &labels };
    let steps = |learner: &mut Learner, mut adam: Adam| {
        for texts in all().chunks(7) {
            let loss = learner.loss(examples, None, texts).unwrap();
            let variables: Vec<&Tensor> = adam.variables().collect();
            adam.step(&Tensor::run_backward(&[loss], &variables, false, false));
        }
        learner.encoder.embed_all();
        learner.encoder.word_embeddings().detach().copy()
    };
    let config = ModelConfig { dropout: 0.0, ..config() };

    let mut some = setup(&without_dropout(), &config);
    some.learner.restart(1, HeadBias::LogOdds, &labels);
    let adam = some.learner.optimizer(examples, &train_config(), Arc::new(Workers::start()));
    let some = steps(&mut some.learner, adam);

    let mut whole = setup(&without_dropout(), &config);
    whole.learner.restart(1, HeadBias::LogOdds, &labels);
    let head = whole.learner.head.vars().trainable_variables();
    let encoder = whole.learner.encoder_vars.trainable_variables();
    let adam = Adam::new(vec![(head, 1e-2), (encoder, 1e-3)], Arc::new(Workers::start()));
    let whole = steps(&mut whole.learner, adam);

    assert!((&whole - &some).abs().max().double_value(&[]) < 1e-6);
    let pretrained = checkpoint().tensor(learner::WORDS).unwrap().shallow_clone();
    let moved = (&whole - pretrained).abs().amax([1_i64].as_slice(), false);
    assert!(moved.double_value(&[2]) > 1e-4, "[CLS] is in every text");
    assert!(moved.double_value(&[5]) < 1e-9, "word 5 is in none");
}

#[test]
fn the_epoch_with_the_best_dev_score_is_taken() {
    let (tokens, labels) = texts();
    let rows = all();
    let examples = Examples { tokens: &tokens, rows: &rows, labels: &labels };
    let run_from = |min_epochs, epochs: usize, scores: &'static [f64], patience| {
        let mut setup = setup(&checkpoint(), &config());
        let seen = std::cell::RefCell::new(Vec::new());
        let score = |probabilities: &Matrix, _: &Labels| {
            seen.borrow_mut().push(probabilities.clone());
            scores[seen.borrow().len() - 1]
        };
        let dev = Dev { examples, score: &score };
        let config = TrainConfig { epochs, min_epochs, patience, ..train_config() };
        let training =
            setup.learner.train(examples, Some(dev), &config, SEEDS, unwatched()).unwrap();
        (training, seen.take(), probabilities(logits(&setup.learner, &rows)))
    };

    let run = |epochs, scores, patience| run_from(1, epochs, scores, patience);

    let (training, seen, last) = run(5, &[0.1, 0.3, 0.2, 0.3, 0.9], 2);
    assert_eq!((training.best_epoch, training.epochs), (2, 4), "a tie is no improvement");
    assert_eq!(training.dev_score, Some(0.3));
    assert!(distance(&seen[1], &last) < 1e-6, "the second epoch's weights are back");
    assert!(distance(&seen[3], &last) > 1e-4);

    let (training, ..) = run(5, &[0.1, 0.3, 0.2, 0.3, 0.9], 0);
    assert_eq!((training.best_epoch, training.epochs), (5, 5), "no patience means no stop");

    // The first score is that of the third epoch.
    let (training, seen, _) = run_from(3, 9, &[0.3, 0.1, 0.2], 2);
    assert_eq!((training.best_epoch, training.epochs, seen.len()), (3, 5, 3));
}

#[test]
fn early_stopping_may_look_at_some_dev_texts() {
    let (tokens, labels) = texts();
    let rows: Vec<u32> = (0..20).rev().collect();
    let examples = Examples { tokens: &tokens, rows: &all(), labels: &labels };
    let mut dev_labels = Labels::new(N_LABELS);
    for &row in &rows {
        dev_labels.push(labels.row(row as usize));
    }
    let sizes = std::cell::RefCell::new(Vec::new());
    let score = |probabilities: &Matrix, labels: &Labels| {
        sizes.borrow_mut().push((probabilities.rows, labels.len()));
        micro_f1(probabilities, labels)
    };
    let dev = Examples { tokens: &tokens, rows: &rows, labels: &dev_labels };
    let dev = Dev { examples: dev, score: &score };
    let mut setup = setup(&without_dropout(), &config());
    let config = TrainConfig { dev_texts: 8, epochs: 40, patience: 0, ..train_config() };
    let training = setup.learner.train(examples, Some(dev), &config, SEEDS, unwatched()).unwrap();
    assert!(sizes.borrow().iter().all(|&sizes| sizes == (8, 8)));
    // Rows and labels stay together: what was learnt by heart is known again.
    assert!(training.dev_score.unwrap() > 0.99);
}

#[test]
fn a_rate_beyond_reason_is_an_error_that_names_it() {
    let mut setup = setup(&checkpoint(), &config());
    let (tokens, labels) = texts();
    let examples = Examples { tokens: &tokens, rows: &all(), labels: &labels };
    let config = TrainConfig { rate: 1e30, ..train_config() };
    let error = setup.learner.train(examples, None, &config, SEEDS, unwatched()).unwrap_err();
    assert!(error.to_string().contains("`train.rate` 1e30"), "{error}");
}

#[test]
fn dropout_passes_differ_and_their_seed_decides_them() {
    let mut setup = setup(&checkpoint(), &config());
    train(&mut setup.learner, &train_config());
    let (tokens, _) = texts();
    let rows = [4, 9, 1];
    let mc = |mc_seed| {
        let wants = Wants { mc_passes: 50, mc_seed, ..Wants::default() };
        setup.learner.infer(&tokens, &rows, wants, unwatched()).unwrap().mc.unwrap()
    };
    let passes = mc(1);
    assert_eq!((passes.rows, passes.cols), (3, 50 * N_LABELS));
    assert_eq!(passes, mc(1));
    assert!(distance(&passes, &mc(2)) > 1e-4);
    // A pass is one classifier for all texts, whichever others are asked about.
    let wants = Wants { mc_passes: 50, mc_seed: 1, ..Wants::default() };
    let alone = setup.learner.infer(&tokens, &[9], wants, unwatched()).unwrap().mc.unwrap();
    let apart = alone.row(0).iter().zip(passes.row(1)).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-5);
    let without = probabilities(logits(&setup.learner, &rows));
    for text in 0..3 {
        let (passes, _) = passes.row(text).as_chunks::<N_LABELS>();
        let mean = passes.iter().map(|pass| pass[0]).sum::<f32>() / 50.0;
        assert!((mean - without.row(text)[0]).abs() < 0.05, "the mean is near the prediction");
    }
}

#[test]
fn no_text_gives_empty_rows_of_the_right_width() {
    let setup = setup(&checkpoint(), &config());
    let (tokens, _) = texts();
    let wants = Wants { features: true, mean: true, mc_passes: 2, ..LOGITS };
    let outputs = setup.learner.infer(&tokens, &[], wants, unwatched()).unwrap();
    let shape = |matrix: Option<Matrix>| matrix.map(|m| (m.rows, m.cols));
    assert_eq!(shape(outputs.logits), Some((0, 4)));
    assert_eq!(shape(outputs.features), Some((0, 48)));
    assert_eq!(shape(outputs.mean), Some((0, 32)));
    assert_eq!(shape(outputs.mc), Some((0, 8)));
    assert_eq!(shape(outputs.cls), None);
}

#[test]
fn a_saved_model_goes_on_as_if_it_had_stayed() {
    for encoder in [EncoderMode::FineTuned, EncoderMode::Frozen] {
        let config = ModelConfig { encoder, ..config() };
        let mut first = setup(&checkpoint(), &config);
        train(&mut first.learner, &train_config());
        let file = first.cache.path().join("model.safetensors");
        first.learner.save(&file).unwrap();

        let mut second = setup(&checkpoint(), &config);
        second.learner.load(&file).unwrap();
        assert_eq!(logits(&first.learner, &all()), logits(&second.learner, &all()));

        let warm = TrainConfig { start: Start::Warm, ..train_config() };
        assert_eq!(train(&mut first.learner, &warm), train(&mut second.learner, &warm));
        assert_eq!(logits(&first.learner, &all()), logits(&second.learner, &all()));
    }
}

#[test]
fn only_the_words_that_moved_are_saved() {
    let mut setup = setup(&checkpoint(), &config());
    train(&mut setup.learner, &train_config());
    let file = setup.cache.path().join("model.safetensors");
    setup.learner.save(&file).unwrap();
    let saved = Tensor::read_safetensors(&file).unwrap();
    let (_, words) = saved.iter().find(|(name, _)| name == "words").unwrap();
    let ids = Vec::<i64>::try_from(words).unwrap();
    assert!(ids.contains(&2) && !ids.contains(&5), "{ids:?}");
}

#[test]
fn a_model_of_another_shape_or_checkpoint_is_refused() {
    let mut trained = setup(&checkpoint(), &config());
    train(&mut trained.learner, &train_config());
    let file = trained.cache.path().join("model.safetensors");
    trained.learner.save(&file).unwrap();
    let refused = |checkpoint: &Checkpoint, config: &ModelConfig| {
        let mut setup = setup(checkpoint, config);
        setup.learner.load(&file).unwrap_err().to_string()
    };
    let error = refused(&checkpoint(), &ModelConfig { filters: 8, ..config() });
    assert!(error.contains("head.conv3.bias is [16], expected [8]"), "{error}");
    let error = refused(&checkpoint(), &ModelConfig { widths: vec![2], ..config() });
    assert!(error.contains("head.conv2.bias is missing"), "{error}");
    let mut other = checkpoint();
    other.weights_hash = "another".to_owned();
    let error = refused(&other, &config());
    assert!(error.contains("was trained from another checkpoint"), "{error}");
}
