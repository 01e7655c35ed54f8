//! A step of a fine-tuning by hand against one by autograd, with both heads.

use tch::Kind;

use super::*;
use crate::cpu;

/// The texts of the step that is compared.
const BATCH: [u32; 5] = [3, 19, 0, 7, 12];

/// The loss of some texts and its gradients, three ways.
struct Steps {
    by_hand: (f64, Vec<Tensor>),
    /// By autograd, in the same format.
    autograd: (f64, Vec<Tensor>),
    /// By autograd, in f32.
    exact: (f64, Vec<Tensor>),
}

fn steps(head: HeadKind, precision: Precision, seed: i64) -> Option<Steps> {
    let (tokens, labels) = texts();
    let examples = Examples { tokens: &tokens, rows: &all(), labels: &labels };
    let config = ModelConfig { head, precision, dropout: 0.0, ..config() };
    let mut setup = setup(&without_dropout(), &config);
    let learner = &mut setup.learner;
    learner.restart(seed, HeadBias::LogOdds, &labels);
    let workers = Arc::new(Workers::start());
    let adam = learner.optimizer(examples, &train_config(), Arc::clone(&workers));
    let Some(mut by_hand) = learner.by_hand(1, &workers) else {
        assert!(!cpu::available(Device::Cpu, learner.encoder.config()));
        println!("nothing tested: this CPU lacks AVX512-BF16");
        return None;
    };
    let (loss, gradients) = learner.loss_by_hand(examples, &BATCH, &mut by_hand);
    let mut autograd = |kind| {
        learner.kind = kind;
        let loss = learner.loss(examples, None, &BATCH).unwrap();
        let variables: Vec<&Tensor> = adam.variables().collect();
        let gradients = Tensor::run_backward(&[&loss], &variables, false, false);
        (loss.double_value(&[]), gradients)
    };
    let kind = if precision == Precision::F32 { Kind::Float } else { Kind::BFloat16 };
    let by_hand = (loss.double_value(&[]), gradients);
    Some(Steps { by_hand, autograd: autograd(kind), exact: autograd(Kind::Float) })
}

fn greatest(tensor: &Tensor) -> f64 {
    tensor.abs().max().double_value(&[])
}

/// The distance of all gradients together, over their length.
fn apart(some: &[Tensor], others: &[Tensor]) -> f64 {
    let square = |tensor: Tensor| tensor.square().sum(Kind::Double).double_value(&[]);
    let apart: f64 = some.iter().zip(others).map(|(a, b)| square(a - b)).sum();
    (apart / others.iter().map(|tensor| square(tensor.shallow_clone())).sum::<f64>()).sqrt()
}

#[test]
fn in_f32_losses_and_gradients_by_hand_are_autograds() {
    for head in [HeadKind::Linear, HeadKind::Cnn] {
        let Some(Steps { by_hand, exact, .. }) = steps(head, Precision::F32, 1) else { return };
        assert!((by_hand.0 - exact.0).abs() < 1e-6);
        let scale = exact.1.iter().map(greatest).fold(0.0, f64::max);
        for (place, (ours, theirs)) in by_hand.1.iter().zip(&exact.1).enumerate() {
            assert_eq!(ours.size(), theirs.size());
            // The gradient of a key's bias is 0 but for rounding.
            let apart = greatest(&(ours - theirs)) / greatest(theirs).max(scale * 1e-3);
            assert!(apart < 1e-4, "{head:?}, variable {place}: {apart} apart");
        }
    }
}

/// With a CNN head, rounding may take the maximum of another window, or a filter across the bend of ReLU. That is
/// a step in the gradient, by hand as by autograd, and each meets it with other weights. So medians over several
/// heads are compared.
#[test]
fn in_bf16_they_are_as_near_to_those_of_f32_as_autograds_are() {
    for head in [HeadKind::Linear, HeadKind::Cnn] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for seed in 1..=15 {
            let Some(steps) = steps(head, Precision::Bf16, seed) else { return };
            ours.push(apart(&steps.by_hand.1, &steps.exact.1));
            theirs.push(apart(&steps.autograd.1, &steps.exact.1));
            assert!((steps.by_hand.0 - steps.exact.0).abs() < 2e-3);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        assert!(ours < 1.2 * theirs && ours < 0.1, "{head:?}: {ours} apart, and autograd {theirs}");
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn a_training_is_the_same_with_one_thread_and_with_two() {
    for head in [HeadKind::Linear, HeadKind::Cnn] {
        let trained = |threads| {
            let config = ModelConfig { head, precision: Precision::Auto, ..config() };
            let mut setup = setup(&checkpoint(), &config);
            tch::set_num_threads(threads);
            let training = train(&mut setup.learner, &train_config());
            (training.losses, logits(&setup.learner, &all()))
        };
        assert_eq!(trained(1), trained(2), "{head:?}");
        tch::set_num_threads(1);
    }
}
