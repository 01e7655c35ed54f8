//! Fits a masked-LM head where the checkpoint has none (MiniLM), on the texts at hand and with the
//! encoder as it is.
//!
//! Masking as BERT does it: 15% of positions, of which 80% become `[MASK]`, 10% a random piece, and
//! 10% stay. The hidden states at masked positions are computed once; then Adam runs over them for
//! a fixed number of steps. The head starts close to the piece frequencies: the bias is their
//! logarithm, and the transform is scaled down until it has learnt something.

use std::path::{Path, PathBuf};

use alhost_base::ledger::Work;
use alhost_base::progress::Progress;
use alhost_base::seed::shuffle;
use alhost_base::store::{self, sealed};
use alhost_data::tokens::Tokens;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tch::nn::{Adam, OptimizerConfig, VarStore};
use tch::{Kind, Reduction, Tensor};

use crate::encoder::bert::{Affine, Weights};
use crate::encoder::frozen::KEPT_BUDGET;
use crate::files::identity::{self, Computation};
use crate::files::tensors;
use crate::surprisal::mlm::{Fitted, MlmHead, MlmSource, Pieces, Transform};
use crate::surprisal::mlm_data::{Examples, Masked, choose, encode};
use crate::{Checkpoint, ModelError, Specials};

/// A bump makes old cache files unused.
const VERSION: &str = "1";
/// Steps of Adam.
const STEPS: usize = 300;
/// Positions in one step.
const BATCH: usize = 256;
/// Adam's rate at the start; it falls linearly to 0.
const RATE: f64 = 3e-3;
/// One in so many positions is held out, to say how good the head is.
const HELD_OUT: i64 = 16;
/// The layer norm's weight at the start: small, so that the bias decides.
const INITIAL_SCALE: f64 = 0.5;

#[derive(Clone, Copy, Debug)]
pub struct MlmFitOptions<'a> {
    pub seed: u64,
    /// The folder that fitted heads are kept in.
    pub cache: &'a Path,
}

/// The checkpoint's head, or one fitted on the texts in `rows`. `weights` are the checkpoint's.
///
/// A fitted head tells apart only the pieces of these texts (several times fewer than the
/// vocabulary has, which is what it costs), so they should be all that surprisal is wanted of.
pub fn open(
    checkpoint: &Checkpoint,
    weights: &Weights,
    tokens: &Tokens,
    rows: &[u32],
    options: MlmFitOptions<'_>,
    work: Work<'_>,
) -> Result<MlmHead, ModelError> {
    if let Some(head) = MlmHead::of_checkpoint(checkpoint, weights) {
        return Ok(head);
    }
    let file = cache_file(checkpoint, weights, tokens, rows, options);
    let open = || read(&file, weights, checkpoint.specials);
    let making = match store::find("masked-LM head", &file, work, open) {
        Ok(head) => return Ok(head),
        Err(making) => making,
    };
    let head = fit(checkpoint.specials, weights, tokens, rows, options, work.progress);
    write(&file, &head)?;
    making.done(work);
    Ok(head)
}

/// Returns where `open` keeps the head that it fits; `None` where the checkpoint has one.
pub fn kept_at(
    checkpoint: &Checkpoint,
    weights: &Weights,
    tokens: &Tokens,
    rows: &[u32],
    options: MlmFitOptions<'_>,
) -> Option<PathBuf> {
    let fits = !checkpoint.has_mlm_head();
    fits.then(|| cache_file(checkpoint, weights, tokens, rows, options))
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
    let examples = encode(weights, &masked, KEPT_BUDGET, progress);
    let n = examples.pieces.numel() as i64;
    let (held_out, mut train): (Vec<i64>, Vec<i64>) = (0..n).partition(|at| at % HELD_OUT == 0);
    let held_out = examples.select(&held_out);

    let head = Variables::new(weights, &frequencies(tokens, rows, specials, vocabulary), specials);
    let loss_before = tch::no_grad(|| {
        let logits = head.bias.take(&head.pieces.columns(&held_out.pieces));
        mean(&(head.bias.logsumexp(0, false) - logits))
    });
    head.train(&examples, &mut train, &mut rng, progress);
    let loss = tch::no_grad(|| mean(&head.losses(&held_out)));
    let fitted = Fitted { texts: masked.len() as u64, positions: n as u64, loss_before, loss };
    let (transform, bias) = (head.transform.detach(), head.bias.detach());
    MlmHead::tied(transform, head.pieces, bias, weights, MlmSource::Fitted(fitted))
}

/// Returns the mean of a vector; 0 if it is empty.
fn mean(values: &Tensor) -> f64 {
    if values.numel() == 0 { 0.0 } else { values.mean(Kind::Double).double_value(&[]) }
}

/// The pieces of the texts, ascending, and the logarithm of each one's share. The unknown piece is
/// always among them, and counts as seen once more than it was.
fn frequencies(
    tokens: &Tokens,
    rows: &[u32],
    specials: Specials,
    vocabulary: usize,
) -> Vec<(i64, f32)> {
    let mut counts = vec![0_u64; vocabulary];
    counts[specials.unknown as usize] = 1;
    for &row in rows {
        let text = tokens.row(row as usize);
        for &piece in text.iter().filter(|&&piece| !specials.has_no_text(piece)) {
            counts[piece as usize] += 1;
        }
    }
    let total = counts.iter().sum::<u64>() as f64;
    let seen = counts.into_iter().enumerate().filter(|&(_, count)| count > 0);
    seen.map(|(piece, count)| (piece as i64, (count as f64 / total).ln() as f32)).collect()
}

/// The head while it is fitted: f32 variables, and the decoder, which stays as it is.
struct Variables {
    vs: VarStore,
    transform: Transform,
    pieces: Pieces,
    bias: Tensor,    // [pieces]
    decoder: Tensor, // [pieces, hidden] of the encoder's kind
}

impl Variables {
    fn new(weights: &Weights, frequencies: &[(i64, f32)], specials: Specials) -> Self {
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
            activation: config.activation(),
        };
        let (ids, bias): (Vec<i64>, Vec<f32>) = frequencies.iter().copied().unzip();
        let ids = Tensor::from_slice(&ids).to_device(weights.device());
        let pieces = Pieces::some(&ids, specials.unknown, config.vocab_size);
        let bias = root.var_copy("bias", &Tensor::from_slice(&bias));
        let decoder = pieces.rows_of(weights.word_embeddings()).to_kind(weights.kind());
        drop(root);
        Self { vs, transform, pieces, bias, decoder }
    }

    /// Cross-entropy in nats, f32 [n].
    fn losses(&self, examples: &Examples) -> Tensor {
        let transformed = self.transform.forward(&examples.hidden_states);
        let logits =
            transformed.to_kind(self.decoder.kind()).linear::<&Tensor>(&self.decoder, None);
        let logits = logits.to_kind(Kind::Float) + &self.bias;
        let columns = self.pieces.columns(&examples.pieces);
        logits.cross_entropy_loss::<&Tensor>(&columns, None, Reduction::None, -100, 0.0)
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

/// Returns the path of a kept head, named by everything that the fit depends on.
fn cache_file(
    checkpoint: &Checkpoint,
    weights: &Weights,
    tokens: &Tokens,
    rows: &[u32],
    options: MlmFitOptions<'_>,
) -> PathBuf {
    let MlmFitOptions { seed, cache } = options;
    let computation = Computation::here(weights.device(), weights.kind()).name();
    let rows: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
    let parts = [
        VERSION,
        &checkpoint.identity().name(),
        &computation,
        tokens.hash(),
        &seed.to_string(),
        &blake3::hash(&rows).to_hex(),
    ];
    let name = identity::hash("alhost 2 masked-LM head", &parts);
    cache.join("mlm").join(&name[..32])
}

fn write(file: &Path, head: &MlmHead) -> Result<(), ModelError> {
    let MlmSource::Fitted(fitted) = head.source() else { return Ok(()) };
    let Fitted { texts, positions, loss_before, loss } = fitted;
    let fitted = Tensor::from_slice(&[*texts as f64, *positions as f64, *loss_before, *loss]);
    let (transform, Pieces::Some { ids, .. }) = (&head.transform, &head.pieces) else {
        return Ok(());
    };
    let tensors = [
        ("dense.weight", &transform.dense.weight),
        ("dense.bias", &transform.dense.bias),
        ("norm.weight", &transform.norm.weight),
        ("norm.bias", &transform.norm.bias),
        ("pieces", ids),
        ("bias", head.bias()),
        ("fitted", &fitted),
    ];
    let tensors = tensors.map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone()));
    Ok(sealed::write(file, &tensors::to_bytes(&tensors))?)
}

/// Reads the head that `write` wrote; `None` if the file is not there, or is something else.
fn read(file: &Path, weights: &Weights, specials: Specials) -> Option<MlmHead> {
    let tensors = tensors::from_bytes(&sealed::read(file)?)?;
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
        activation: weights.config().activation(),
    };
    let source = MlmSource::Fitted(Fitted { texts, positions, loss_before, loss });
    let pieces = Pieces::some(&get("pieces")?, specials.unknown, weights.config().vocab_size);
    Some(MlmHead::tied(transform, pieces, get("bias")?, weights, source))
}
