//! Fits a masked-LM head where the checkpoint has none (MiniLM), on the texts at hand and with the
//! encoder as it is.
//!
//! Masking as BERT does it: 15% of positions, of which 80% become [MASK], 10% a random piece, and
//! 10% stay. The hidden states at masked positions are computed once; then Adam runs over them for
//! a fixed number of steps. The head starts as the piece frequencies: the bias is their logarithm,
//! and the transform is scaled down until it has learnt something.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tch::nn::{Adam, OptimizerConfig, VarStore};
use tch::{Kind, Reduction, Tensor};

use super::batch::{Batch, by_length};
use super::bert::{Affine, Weights};
use super::mlm::{Fitted, MlmHead, MlmSource, Transform};
use super::{Checkpoint, ModelError, Specials};
use crate::data::tokens::Tokens;
use crate::progress::Progress;

/// A bump makes old cache files unused.
const VERSION: &str = "1";
/// Bounds of the work: texts, tokens in them, and steps of Adam.
const MAX_TEXTS: usize = 2000;
const MAX_TOKENS: usize = 80_000;
const STEPS: usize = 60;
/// Positions in one step.
const BATCH: usize = 256;
/// Adam's rate at the start; it falls linearly to 0.
const RATE: f64 = 2e-3;
/// One in so many positions is held out, to say how good the head is.
const HELD_OUT: i64 = 16;
/// The layer norm's weight at the start: small, so that the bias decides.
const INITIAL_SCALE: f64 = 0.1;

#[derive(Clone, Copy, Debug)]
pub struct MlmFitOptions<'a> {
    pub seed: u64,
    /// Tokens in one batch, padding included.
    pub token_budget: usize,
    /// The folder that fitted heads are kept in.
    pub cache: &'a Path,
}

/// The checkpoint's head, or one fitted on the texts in `rows`. `weights` are the checkpoint's.
pub fn open(
    checkpoint: &Checkpoint,
    weights: &Weights,
    tokens: &Tokens,
    rows: &[u32],
    options: MlmFitOptions<'_>,
    progress: &dyn Progress,
) -> Result<MlmHead, ModelError> {
    if let Some(head) = MlmHead::of_checkpoint(checkpoint, weights) {
        return Ok(head);
    }
    let file = cache_file(checkpoint, weights, tokens, rows, options);
    if let Some(head) = read(&file, weights) {
        return Ok(head);
    }
    let head = fit(checkpoint.specials, weights, tokens, rows, options, progress);
    write(&file, &head)?;
    Ok(head)
}

fn fit(
    specials: Specials,
    weights: &Weights,
    tokens: &Tokens,
    rows: &[u32],
    options: MlmFitOptions<'_>,
    progress: &dyn Progress,
) -> MlmHead {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let vocabulary = weights.config().vocab_size as usize;
    let masked: Vec<Masked> = choose(tokens, rows, &mut rng)
        .into_iter()
        .map(|row| Masked::new(tokens.row(row as usize), specials, vocabulary, &mut rng))
        .collect();
    let examples = encode(weights, &masked, options.token_budget, progress);
    let n = examples.pieces.numel() as i64;
    let (held_out, mut train): (Vec<i64>, Vec<i64>) = (0..n).partition(|at| at % HELD_OUT == 0);
    let held_out = examples.select(&held_out);

    let head = Variables::new(weights, &log_frequencies(tokens, rows, specials, vocabulary));
    let loss_before = mean(&(head.bias.logsumexp(0, false) - head.bias.take(&held_out.pieces)));
    head.train(&examples, &mut train, &mut rng, progress);
    let loss = tch::no_grad(|| mean(&head.losses(&held_out)));
    let fitted = Fitted { texts: masked.len() as u64, positions: n as u64, loss_before, loss };
    MlmHead::new(
        head.transform.detach(),
        weights.word_embeddings(),
        head.bias.detach(),
        weights.kind(),
        MlmSource::Fitted(fitted),
    )
}

/// Of a vector; 0 if it is empty.
fn mean(values: &Tensor) -> f64 {
    if values.numel() == 0 { 0.0 } else { values.mean(Kind::Double).double_value(&[]) }
}

/// Texts in a random order, as many as the bounds allow.
fn choose(tokens: &Tokens, rows: &[u32], rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut rows = rows.to_vec();
    shuffle(&mut rows, rng);
    let mut n_tokens = 0;
    rows.truncate(MAX_TEXTS);
    rows.into_iter()
        .take_while(|&row| {
            n_tokens += tokens.row(row as usize).len();
            n_tokens <= MAX_TOKENS
        })
        .collect()
}

/// A text with some positions hidden.
struct Masked {
    ids: Vec<u32>,
    /// Positions to predict, and the pieces that were there.
    targets: Vec<(u32, u32)>,
}

impl Masked {
    fn new(text: &[u32], specials: Specials, vocabulary: usize, rng: &mut ChaCha8Rng) -> Self {
        let mut ids = text.to_vec();
        let mut targets = Vec::new();
        for (position, &piece) in text.iter().enumerate() {
            if specials.contains(piece) || below(rng, 100) >= 15 {
                continue;
            }
            targets.push((position as u32, piece));
            ids[position] = match below(rng, 10) {
                0 => below(rng, vocabulary) as u32,
                1 => piece,
                _ => specials.mask,
            };
        }
        Self { ids, targets }
    }
}

fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    // The high half of a 128-bit product; its bias is below n / 2^64.
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(rng, last + 1));
    }
}

/// Hidden states where a piece was hidden, and that piece.
struct Examples {
    hidden_states: Tensor, // f32 [n, hidden]
    pieces: Tensor,        // i64 [n]
}

impl Examples {
    fn select(&self, at: &[i64]) -> Self {
        let at = Tensor::from_slice(at).to_device(self.pieces.device());
        Self {
            hidden_states: self.hidden_states.index_select(0, &at),
            pieces: self.pieces.index_select(0, &at),
        }
    }
}

fn encode(
    weights: &Weights,
    masked: &[Masked],
    token_budget: usize,
    progress: &dyn Progress,
) -> Examples {
    let texts: Vec<Vec<u32>> = masked.iter().map(|text| text.ids.clone()).collect();
    let tokens = Tokens::from_rows(&texts, "");
    let all: Vec<u32> = (0..masked.len() as u32).collect();
    let hidden_size = weights.config().hidden_size;
    let float = (Kind::Float, weights.device());
    let mut hidden_states = vec![Tensor::empty([0, hidden_size], float)];
    let mut pieces = Vec::new();
    progress.begin("masked-LM head: encoding", masked.len() as u64);
    for rows in by_length(&tokens, &all, token_budget) {
        let batch = Batch::new(&tokens, &rows, weights.device());
        let mut flat = Vec::new(); // Index into [batch * len].
        for (i, &row) in rows.iter().enumerate() {
            for &(position, piece) in &masked[row as usize].targets {
                flat.push(i as i64 * batch.width() + i64::from(position));
                pieces.push(i64::from(piece));
            }
        }
        let flat = Tensor::from_slice(&flat).to_device(weights.device());
        let states = weights.forward(&batch).flatten(0, 1).index_select(0, &flat);
        hidden_states.push(states.to_kind(Kind::Float));
        progress.advance(rows.len() as u64);
    }
    progress.end();
    Examples {
        hidden_states: Tensor::cat(&hidden_states, 0),
        pieces: Tensor::from_slice(&pieces).to_device(weights.device()),
    }
}

/// Logarithm of each piece's share of all content, with add-one smoothing.
fn log_frequencies(
    tokens: &Tokens,
    rows: &[u32],
    specials: Specials,
    vocabulary: usize,
) -> Vec<f32> {
    let mut counts = vec![1_u64; vocabulary];
    for &row in rows {
        for &piece in tokens.row(row as usize).iter().filter(|&&piece| !specials.contains(piece)) {
            counts[piece as usize] += 1;
        }
    }
    let total = counts.iter().sum::<u64>() as f64;
    counts.into_iter().map(|count| (count as f64 / total).ln() as f32).collect()
}

/// The head while it is fitted: f32 variables, and the decoder, which stays as it is.
struct Variables {
    vs: VarStore,
    transform: Transform,
    bias: Tensor,    // [vocabulary]
    decoder: Tensor, // [vocabulary, hidden] of the encoder's kind
}

impl Variables {
    fn new(weights: &Weights, bias: &[f32]) -> Self {
        let config = weights.config();
        let vs = VarStore::new(weights.device());
        let hidden = config.hidden_size;
        let root = vs.root();
        let affine = |name: &str, weight: &Tensor| Affine {
            weight: (&root / name).var_copy("weight", weight),
            bias: (&root / name).zeros("bias", &[hidden]),
        };
        let float = (Kind::Float, weights.device());
        let transform = Transform {
            dense: affine("dense", &Tensor::eye(hidden, float)),
            norm: affine("norm", &Tensor::full([hidden], INITIAL_SCALE, float)),
            layer_norm_eps: config.layer_norm_eps,
        };
        let bias = root.var_copy("bias", &Tensor::from_slice(bias));
        let decoder = weights.word_embeddings().detach().to_kind(weights.kind());
        drop(root);
        Self { vs, transform, bias, decoder }
    }

    /// Cross-entropy in nats, f32 [n].
    fn losses(&self, examples: &Examples) -> Tensor {
        let transformed = self.transform.forward(&examples.hidden_states);
        let logits =
            transformed.to_kind(self.decoder.kind()).linear::<&Tensor>(&self.decoder, None);
        let logits = logits.to_kind(Kind::Float) + &self.bias;
        logits.cross_entropy_loss::<&Tensor>(&examples.pieces, None, Reduction::None, -100, 0.0)
    }

    fn train(
        &self,
        examples: &Examples,
        order: &mut [i64],
        rng: &mut ChaCha8Rng,
        progress: &dyn Progress,
    ) {
        if order.is_empty() {
            return;
        }
        let mut adam = Adam::default().build(&self.vs, RATE).expect("Adam takes any variables");
        progress.begin("masked-LM head: fitting", STEPS as u64);
        let mut at = order.len();
        for step in 0..STEPS {
            if at >= order.len() {
                shuffle(order, rng);
                at = 0;
            }
            let end = (at + BATCH).min(order.len());
            let loss = self.losses(&examples.select(&order[at..end])).mean(Kind::Float);
            at = end;
            adam.set_lr(RATE * (1.0 - step as f64 / STEPS as f64));
            adam.backward_step(&loss);
            progress.advance(1);
        }
        progress.end();
    }
}

/// Named by everything that the fit depends on.
fn cache_file(
    checkpoint: &Checkpoint,
    weights: &Weights,
    tokens: &Tokens,
    rows: &[u32],
    options: MlmFitOptions<'_>,
) -> PathBuf {
    let mut hasher = blake3::Hasher::new_derive_key("alhost 1 masked-LM head");
    let (kind, device) = (weights.kind(), weights.device().is_cuda());
    let seed = options.seed;
    let parts = format!(
        "{VERSION} {} {} {seed} {kind:?} {device}",
        checkpoint.weights_hash,
        tokens.hash(),
    );
    hasher.update(parts.as_bytes());
    for row in rows {
        hasher.update(&row.to_le_bytes());
    }
    let name = hasher.finalize().to_hex();
    options.cache.join(format!("mlm-{}.safetensors", &name[..32]))
}

fn write(file: &Path, head: &MlmHead) -> Result<(), ModelError> {
    let MlmSource::Fitted(fitted) = head.source() else { return Ok(()) };
    let Fitted { texts, positions, loss_before, loss } = fitted;
    let fitted = Tensor::from_slice(&[*texts as f64, *positions as f64, *loss_before, *loss]);
    let transform = &head.transform;
    let tensors = [
        ("dense.weight", &transform.dense.weight),
        ("dense.bias", &transform.dense.bias),
        ("norm.weight", &transform.norm.weight),
        ("norm.bias", &transform.norm.bias),
        ("bias", head.bias()),
        ("fitted", &fitted),
    ];
    let tensors = tensors.map(|(name, tensor)| (name, tensor.to_device(tch::Device::Cpu)));
    let folder = file.parent().expect("a cache file is in a folder");
    fs_err::create_dir_all(folder)?;
    // Written aside and renamed, so that a file under this name is always whole.
    let aside = tempfile::NamedTempFile::new_in(folder)?.into_temp_path();
    Tensor::write_safetensors(&tensors, &aside)?;
    aside.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// None if the file is not there, or is not what `write` wrote.
fn read(file: &Path, weights: &Weights) -> Option<MlmHead> {
    if !file.is_file() {
        return None;
    }
    let tensors: BTreeMap<String, Tensor> =
        Tensor::read_safetensors(file).ok()?.into_iter().collect();
    let get = |name: &str| tensors.get(name).map(|tensor| tensor.to_device(weights.device()));
    let affine = |name: &str| {
        Some(Affine {
            weight: get(&format!("{name}.weight"))?,
            bias: get(&format!("{name}.bias"))?,
        })
    };
    let fitted = Vec::<f64>::try_from(get("fitted")?).ok()?;
    let [texts, positions, loss_before, loss] = *fitted.as_slice() else { return None };
    let (texts, positions) = (texts as u64, positions as u64);
    let transform = Transform {
        dense: affine("dense")?,
        norm: affine("norm")?,
        layer_norm_eps: weights.config().layer_norm_eps,
    };
    let source = MlmSource::Fitted(Fitted { texts, positions, loss_before, loss });
    let decoder = weights.word_embeddings();
    Some(MlmHead::new(transform, decoder, get("bias")?, weights.kind(), source))
}
