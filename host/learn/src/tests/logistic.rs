//! Tests of a learner with a logistic head.

use alhost_config::{Chosen, Penalty};

use super::*;

fn logistic() -> ModelConfig {
    ModelConfig { head: HeadKind::Logistic, encoder: EncoderMode::Frozen, ..config() }
}

#[test]
fn a_logistic_head_depends_on_neither_order_nor_seed_nor_the_trainings_before() {
    let mut setup = setup(&checkpoint(), &logistic());
    let (tokens, labels) = texts();
    let fitted = |learner: &mut Learner, order: &[u32], seed: i64| {
        let mut ordered = Labels::new(N_LABELS);
        for &row in order {
            ordered.push(labels.row(row as usize));
        }
        let examples = Examples { tokens: &tokens, rows: order, labels: &ordered };
        learner
            .train(
                examples,
                None,
                &train_config(),
                Seeds { init: seed, train: seed + 1 },
                unwatched(),
            )
            .unwrap();
        logits(learner, &all())
    };
    let first = fitted(&mut setup.learner, &all(), 1);
    let backwards: Vec<u32> = (0..20).rev().collect();
    assert_eq!(first, fitted(&mut setup.learner, &backwards, 7));
    let fewer = fitted(&mut setup.learner, &all()[..10], 1);
    assert!(distance(&first, &fewer) > 1e-2);
    assert_eq!(first, fitted(&mut setup.learner, &all(), 1));
}

#[test]
fn a_logistic_head_learns_and_its_file_has_all_of_it() {
    let mut first = setup(&checkpoint(), &logistic());
    let weak = TrainConfig { c: Penalty::C(1e5), ..train_config() };
    let training = train(&mut first.learner, &weak);
    assert_eq!((training.c, training.dev_score), (Some(1e5), None));
    let f1 = micro_f1(&probabilities(logits(&first.learner, &all())), &texts().1);
    assert!(f1 > 0.9, "micro-F1 {f1}, losses {:?}", training.losses);

    let file = first.cache.path().join("model.safetensors");
    first.learner.save(&file).unwrap();
    let mut second = setup(&checkpoint(), &logistic());
    second.learner.load(&file).unwrap();
    assert_eq!(logits(&first.learner, &all()), logits(&second.learner, &all()));
    let drawn = |learner: &Learner, mc_seed| {
        let wants = Wants { mc_passes: 40, mc_seed, ..Wants::default() };
        learner.infer(&texts().0, &all(), wants, unwatched()).unwrap().mc.unwrap()
    };
    let passes = drawn(&first.learner, 1);
    assert_eq!(passes, drawn(&second.learner, 1));
    assert!(distance(&passes, &drawn(&first.learner, 2)) > 1e-4);
    // A draw is one model for all texts, whatever batches they come in.
    let wants = Wants { mc_passes: 40, mc_seed: 1, ..Wants::default() };
    let alone = first.learner.infer(&texts().0, &[7], wants, unwatched()).unwrap().mc.unwrap();
    for (alone, together) in alone.row(0).iter().zip(passes.row(7)) {
        assert!((alone - together).abs() < 1e-5);
    }
}

#[test]
fn dev_chooses_the_penalty() {
    let mut setup = setup(&checkpoint(), &logistic());
    let (tokens, labels) = texts();
    let examples = Examples { tokens: &tokens, rows: &all(), labels: &labels };
    let by_dev = TrainConfig { c: Penalty::Chosen(Chosen::Dev), ..train_config() };
    // The largest probability grows as the penalty gets weaker.
    let largest = |probabilities: &Matrix, _: &Labels| {
        f64::from(probabilities.data.iter().copied().fold(0.0, f32::max))
    };
    let mut chosen = |sign: f64| {
        let score = |probabilities: &Matrix, gold: &Labels| sign * largest(probabilities, gold);
        let dev = Some(Dev { examples, score: &score });
        setup.learner.train(examples, dev, &by_dev, SEEDS, unwatched()).unwrap()
    };
    let (weakest, strongest) = (chosen(1.0), chosen(-1.0));
    assert_eq!((weakest.c, strongest.c), (Some(300.0), Some(1.0)));
    assert!(weakest.dev_score.unwrap() > -strongest.dev_score.unwrap());
    let error = setup.learner.train(examples, None, &by_dev, SEEDS, unwatched()).unwrap_err();
    assert!(error.to_string().contains("train.c"), "{error}");
}

#[test]
fn one_text_is_too_few_for_a_logistic_head() {
    let mut setup = setup(&checkpoint(), &logistic());
    let (tokens, _) = texts();
    let mut labels = Labels::new(N_LABELS);
    labels.push(&[0]);
    let examples = Examples { tokens: &tokens, rows: &[3], labels: &labels };
    let error =
        setup.learner.train(examples, None, &train_config(), SEEDS, unwatched()).unwrap_err();
    assert!(error.to_string().contains("at least two"), "{error}");
}
