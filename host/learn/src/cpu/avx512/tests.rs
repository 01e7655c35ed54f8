//! The encoder by hand against autograd, on a BERT of two layers.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::dropout::{Dropout, Mask, Masks};
use super::layer::{ATTENDED, EMBEDDED, OUTPUT};
use crate::cpu::workers::Workers;
use crate::cpu::{Train, available, trainer};
use crate::encoder::batch::Batch;
use crate::encoder::bert::{Encoder, Pass};
use crate::files::bert_config::BertConfig;
use crate::random::seeded;

const SEED: u64 = 5;
const LENGTHS: [u32; 6] = [1, 150, 2, 77, 31, 64];
const CONFIG: &str = r#"{"vocab_size": 200, "hidden_size": 60, "num_hidden_layers": 2, "num_attention_heads": 3,
    "intermediate_size": 130, "max_position_embeddings": 160, "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0}"#;

/// An encoder whose weights are drawn, so that no bias is 0 and no scale 1. What it is by name is what its
/// gradients are by place.
struct Setup {
    config: BertConfig,
    vars: tch::nn::VarStore,
    encoder: Encoder,
    words: Tensor,
}

fn setup(change: impl Fn(&mut BertConfig)) -> Option<Setup> {
    let mut config: BertConfig = serde_json::from_str(CONFIG).unwrap();
    change(&mut config);
    if !available(Device::Cpu, &config) {
        println!("nothing tested: this CPU lacks AVX512-BF16");
        return None;
    }
    let vars = tch::nn::VarStore::new(Device::Cpu);
    let mut encoder = Encoder::new(&vars.root(), &config);
    let _generator = seeded(1);
    let mut variables: Vec<_> = vars.variables().into_iter().collect();
    variables.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    tch::no_grad(|| {
        for (name, mut variable) in variables {
            let drawn = Tensor::randn(variable.size(), (Kind::Float, Device::Cpu)) * 0.2;
            let center = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
            variable.copy_(&(drawn + center));
        }
    });
    let words = encoder.embed_rows(&(0..200).collect::<Vec<_>>());
    Some(Setup { config, vars, encoder, words })
}

fn texts() -> Vec<Vec<u32>> {
    let word = |text: u32, at: u32| (text * 31 + at * at * 7) % 190 + 1;
    let text = |(text, len): (usize, u32)| (0..len).map(|at| word(text as u32, at)).collect();
    LENGTHS.into_iter().enumerate().map(text).collect()
}

fn slices(texts: &[Vec<u32>]) -> Vec<&[u32]> {
    texts.iter().map(Vec::as_slice).collect()
}

impl Setup {
    /// The variables in the order of their names.
    fn variables(&self) -> Vec<(String, Tensor)> {
        let mut variables: Vec<_> = self.vars.variables().into_iter().collect();
        for (name, tensor) in &mut variables {
            if name == crate::learner::WORDS {
                *tensor = self.words.shallow_clone();
            }
        }
        variables.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        variables
    }

    fn trainer(&self, kind: Kind) -> Box<dyn Train> {
        trainer(self.encoder.variables(), kind, SEED, Arc::new(Workers::start()))
    }

    fn batch() -> Batch {
        Batch::from_texts(&slices(&texts()), Device::Cpu)
    }
}

/// A gradient for the hidden states, zero behind each text's end, and the states' part in the loss.
fn loss(states: &Tensor) -> Tensor {
    let _generator = seeded(9);
    let mut gradient = Tensor::randn(states.size(), (Kind::Float, Device::Cpu));
    for (text, len) in LENGTHS.into_iter().enumerate() {
        let padding = states.size()[1] - i64::from(len);
        drop(gradient.get(text as i64).narrow(0, i64::from(len), padding).zero_());
    }
    gradient = gradient.to_kind(states.kind()).to_kind(Kind::Float);
    (states.to_kind(Kind::Float) * gradient).sum(Kind::Float)
}

/// The greatest difference over the greatest value.
fn apart(ours: &Tensor, theirs: &Tensor) -> f64 {
    let (ours, theirs) = (ours.to_kind(Kind::Float), theirs.to_kind(Kind::Float));
    let greatest = theirs.abs().max().double_value(&[]);
    (ours - theirs).abs().max().double_value(&[]) / greatest.max(1e-9)
}

/// Compares states and gradients with those of `reference`, whose states are made from the variables.
fn check(setup: &Setup, kind: Kind, reference: &Tensor, limits: (f64, f64)) {
    let (names, variables): (Vec<String>, Vec<Tensor>) = setup.variables().into_iter().unzip();
    let theirs = Tensor::run_backward(&[loss(reference)], &variables, false, false);

    let mut trainer = setup.trainer(kind);
    trainer.forward(&slices(&texts()));
    let states = trainer.output(false).set_requires_grad(true);
    for (text, len) in LENGTHS.into_iter().enumerate() {
        let of = |states: &Tensor| states.detach().get(text as i64).narrow(0, 0, i64::from(len));
        let apart = apart(&of(&states), &of(reference));
        assert!(apart < limits.0, "text {text}: states {apart} apart");
    }
    let gradient = Tensor::run_backward(&[loss(&states)], &[&states], false, false);
    trainer.backward(&gradient[0]);
    for ((name, ours), theirs) in names.iter().zip(trainer.gradients()).zip(&theirs) {
        assert_eq!(ours.size(), theirs.size(), "{name}");
        // Keys are shifted alike by their bias, which softmax does not see.
        if !name.ends_with("key.bias") {
            let apart = apart(&ours, theirs);
            assert!(apart < limits.1, "{name}: {apart} apart");
        }
    }
}

fn check_autograd(change: impl Fn(&mut BertConfig), kind: Kind, limits: (f64, f64)) {
    let Some(setup) = setup(change) else { return };
    let pass = Pass { kind, train: true };
    check(&setup, kind, &setup.encoder.forward(&Setup::batch(), pass), limits);
}

const F32: (f64, f64) = (1e-5, 1e-4);

#[test]
fn without_dropout_gradients_are_autograds() {
    check_autograd(|_| {}, Kind::Float, F32);
    check_autograd(|config| config.hidden_act = "gelu_new".to_owned(), Kind::Float, F32);
    check_autograd(|config| config.hidden_act = "relu".to_owned(), Kind::Float, F32);
    check_autograd(|config| config.type_vocab_size = 1, Kind::Float, F32);
    check_autograd(|config| config.num_hidden_layers = 1, Kind::Float, F32);
}

#[test]
fn in_bf16_they_are_those_of_f32_but_for_rounding() {
    let Some(setup) = setup(|_| {}) else { return };
    let exact = setup.encoder.forward(&Setup::batch(), Pass { kind: Kind::Float, train: true });
    check(&setup, Kind::BFloat16, &exact, (0.03, 0.06));
}

/// The encoder as its definition has it, text by text, with the masks of the trainer's first step.
fn with_masks(setup: &Setup, dropout: Dropout) -> Tensor {
    let variables = setup.variables();
    let get = |name: &str| &variables.iter().find(|(known, _)| known == name).unwrap().1;
    let width = i64::from(*LENGTHS.iter().max().unwrap());
    let mut first_row = 0;
    let mut states = Vec::new();
    for (text, words) in texts().iter().enumerate() {
        let state = masked_text(setup, &get, dropout, (text, first_row), words);
        first_row += words.len();
        states.push(state.constant_pad_nd([0, 0, 0, width - words.len() as i64]));
    }
    Tensor::stack(&states, 0)
}

fn masked_text<'a>(
    setup: &Setup,
    get: &impl Fn(&str) -> &'a Tensor,
    dropout: Dropout,
    (text, first_row): (usize, usize),
    words: &[u32],
) -> Tensor {
    let (len, hidden) = (words.len(), setup.config.hidden_size);
    let (heads, size) = (setup.config.num_attention_heads, setup.config.head_size());
    let mask = |layer, place, states: Tensor| {
        let mask = dropout.hidden(layer, place);
        let first = first_row * hidden as usize;
        states * factors(mask, first, &[len as i64, hidden])
    };
    let norm = |name: &str, states: Tensor| {
        let (weight, bias) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
        states.layer_norm([hidden], Some(weight), Some(bias), 1e-12, false)
    };
    let ids: Vec<i64> = words.iter().map(|&word| i64::from(word)).collect();
    let embedded = get(crate::learner::WORDS).index_select(0, &Tensor::from_slice(&ids))
        + get("embeddings.position_embeddings.weight").narrow(0, 0, len as i64)
        + get("embeddings.token_type_embeddings.weight").get(0);
    let mut states = mask(0, EMBEDDED, norm("embeddings.LayerNorm", embedded));
    for layer in 0..setup.config.num_hidden_layers {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let of = |part: &str, what: &str| get(&name(&format!("{part}.{what}")));
        let linear =
            |part: &str, input: &Tensor| input.linear(of(part, "weight"), Some(of(part, "bias")));
        let part = |part: &str| {
            let projected = linear(&format!("attention.self.{part}"), &states);
            projected.view([len as i64, heads, size]).transpose(0, 1)
        };
        let scores = part("query").matmul(&part("key").transpose(1, 2)) / (size as f64).sqrt();
        let masks = (0..heads as usize).map(|head| {
            factors(dropout.attention(layer, text, head), 0, &[len as i64, len as i64])
        });
        let weights =
            scores.softmax(-1, Kind::Float) * Tensor::stack(&masks.collect::<Vec<_>>(), 0);
        let context = weights.matmul(&part("value")).transpose(0, 1).reshape([len as i64, hidden]);
        let attended = mask(layer, ATTENDED, linear("attention.output.dense", &context));
        let attended = norm(&name("attention.output.LayerNorm"), attended + &states);
        let output = linear("output.dense", &linear("intermediate.dense", &attended).gelu("none"));
        states = norm(&name("output.LayerNorm"), mask(layer, OUTPUT, output) + attended);
    }
    states
}

fn factors(mask: impl Mask, first: usize, size: &[i64]) -> Tensor {
    let n: i64 = size.iter().product();
    let factors: Vec<f32> = (0..n).map(|index| mask.factor(first as u32 + index as u32)).collect();
    Tensor::from_slice(&factors).view(size)
}

#[test]
fn with_dropout_gradients_are_those_of_the_same_masks() {
    let with_dropout = |config: &mut BertConfig| {
        (config.hidden_dropout_prob, config.attention_probs_dropout_prob) = (0.1, 0.3);
    };
    let Some(setup) = setup(with_dropout) else { return };
    let dropout = Dropout { seed: SEED, step: 1, hidden: 0.1, attention: 0.3 };
    let reference = with_masks(&setup, dropout);
    let none = setup.encoder.forward(&Setup::batch(), Pass { kind: Kind::Float, train: false });
    assert!(apart(&reference, &none) > 0.1, "dropout changes the states");
    check(&setup, Kind::Float, &reference, F32);
    check(&setup, Kind::BFloat16, &with_masks(&setup, dropout), (0.03, 0.06));
}

#[test]
fn only_the_first_state_of_each_text_may_have_a_part_in_the_loss() {
    let Some(setup) = setup(|_| {}) else { return };
    let (_, variables): (Vec<String>, Vec<Tensor>) = setup.variables().into_iter().unzip();
    let reference = setup.encoder.forward(&Setup::batch(), Pass { kind: Kind::Float, train: true });
    let theirs = reference.narrow(1, 0, 1).square().sum(Kind::Float);
    let theirs = Tensor::run_backward(&[theirs], &variables, false, false);
    let mut trainer = setup.trainer(Kind::Float);
    trainer.forward(&slices(&texts()));
    let states = trainer.output(true);
    assert!(apart(&states, &reference.narrow(1, 0, 1).detach()) < 1e-5);
    trainer.backward(&(states * 2.0));
    for (ours, theirs) in trainer.gradients().iter().zip(&theirs).skip(5) {
        assert!(apart(ours, theirs) < 1e-4 || theirs.abs().max().double_value(&[]) < 1e-4);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit_and_each_step_has_other_masks() {
    let Some(setup) = setup(|config| config.hidden_dropout_prob = 0.1) else { return };
    let run = |threads| {
        tch::set_num_threads(threads);
        let mut trainer = setup.trainer(Kind::BFloat16);
        let mut seen = Vec::new();
        for _ in 0..2 {
            trainer.forward(&slices(&texts()));
            let states = trainer.output(false);
            trainer.backward(&states.to_kind(Kind::Float));
            seen.push(states);
            seen.extend(trainer.gradients().iter().map(Tensor::copy));
        }
        seen
    };
    let (one, two) = (run(1), run(2));
    tch::set_num_threads(1);
    assert!(one.iter().zip(&two).all(|(one, two)| one.equal(two)));
    assert!(!one[0].equal(&one[one.len() / 2]), "the second step drops other values");
}

#[test]
fn inference_is_the_encoders() {
    let Some(setup) = setup(|_| {}) else { return };
    for (kind, limit) in [(Kind::Float, 1e-5), (Kind::BFloat16, 0.03)] {
        let weights = setup.encoder.weights(kind);
        let ours = weights.forward(&Setup::batch());
        let theirs =
            setup.encoder.forward(&Setup::batch(), Pass { kind: Kind::Float, train: false });
        for (text, len) in LENGTHS.into_iter().enumerate() {
            let of =
                |states: &Tensor| states.detach().get(text as i64).narrow(0, 0, i64::from(len));
            let apart = apart(&of(&ours), &of(&theirs));
            assert!(apart < limit, "{kind:?}, text {text}: {apart} apart");
        }
    }
}

#[test]
fn the_states_of_a_text_are_the_same_bits_in_any_company() {
    let Some(setup) = setup(|_| {}) else { return };
    let weights = setup.encoder.weights(Kind::BFloat16);
    let together = weights.forward(&Setup::batch());
    for (text, words) in texts().iter().enumerate() {
        let alone = weights.forward(&Batch::from_texts(&[words], Device::Cpu)).get(0);
        assert!(alone.equal(&together.get(text as i64).narrow(0, 0, words.len() as i64)));
    }
}
