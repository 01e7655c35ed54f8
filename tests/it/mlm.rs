//! Surprisal with a masked-LM head that had to be fitted.

use std::path::{Path, PathBuf};

use alhost::base::ledger::{Notes, Work};
use alhost::base::progress::Silent;
use alhost::data::tokens::Tokens;
use alhost::learn::encoder::bert::{Encoder, Weights};
use alhost::learn::surprisal::mlm::{Fitted, MlmHead, MlmSource};
use alhost::learn::surprisal::mlm_fit::{self, MlmFitOptions};
use alhost::learn::surprisal::{self, Sampling};
use alhost::learn::{Checkpoint, Places};
use alhost_model::Surprisal;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// The tiny checkpoint, with its head or robbed of it.
fn checkpoint(with_head: bool) -> Checkpoint {
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(TINY);
    if with_head {
        return Checkpoint::open(tiny.to_str().unwrap(), &Places::default()).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json"] {
        fs_err::copy(tiny.join(file), folder.path().join(file)).unwrap();
    }
    let mut tensors = Tensor::read_safetensors(tiny.join("model.safetensors")).unwrap();
    tensors.retain(|(name, _)| !name.starts_with("cls."));
    Tensor::write_safetensors(&tensors, folder.path().join("model.safetensors")).unwrap();
    Checkpoint::open(folder.path().to_str().unwrap(), &Places::default()).unwrap()
}

const TINY: &str = "tests/fixtures/tiny-bert-mlm";

fn weights(checkpoint: &Checkpoint) -> Weights {
    tch::set_num_threads(1); // The tensors are tiny.
    let mut vs = VarStore::new(Device::Cpu);
    let encoder = Encoder::new(&vs.root(), &checkpoint.config);
    checkpoint.load_into(&mut vs);
    encoder.weights(Kind::Float)
}

/// Each text is one piece, of 20, over and over: what is hidden can be told from the rest.
fn tokens() -> Tokens {
    let text = |i: u32| {
        let content = vec![10 + i % 20; 8 + (i % 7) as usize];
        [vec![2], content, vec![3]].concat()
    };
    Tokens::from_rows(&(0..300).map(text).collect::<Vec<_>>(), "repeats")
}

fn fit(checkpoint: &Checkpoint, weights: &Weights, seed: u64, cache: &Path) -> MlmHead {
    let options = MlmFitOptions { seed, cache };
    let rows: Vec<u32> = (0..300).collect();
    let notes = Notes::default();
    let work = Work { progress: &Silent, notes: &notes };
    mlm_fit::open(checkpoint, weights, &tokens(), &rows, options, work).unwrap()
}

fn surprisal(checkpoint: &Checkpoint, weights: &Weights, mlm: &MlmHead) -> Surprisal {
    let options = Sampling { probability: 0.15, strict: false, seed: 3, token_budget: 512 };
    let rows: Vec<u32> = (0..50).collect();
    let specials = checkpoint.specials;
    surprisal::compute(weights, mlm, &tokens(), specials, &rows, options, &Silent)
}

/// The fitted heads in a cache folder.
fn heads(cache: &Path) -> Vec<PathBuf> {
    let files = fs_err::read_dir(cache.join("mlm")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_none()).collect()
}

#[test]
fn a_checkpoint_with_a_head_keeps_it() {
    let checkpoint = checkpoint(true);
    let cache = tempfile::tempdir().unwrap();
    let head = fit(&checkpoint, &weights(&checkpoint), 1, cache.path());
    assert_eq!(head.source(), &MlmSource::Checkpoint);
    assert_eq!(fs_err::read_dir(cache.path()).unwrap().count(), 0);
}

#[test]
fn a_fitted_head_beats_the_piece_frequencies() {
    let checkpoint = checkpoint(false);
    let cache = tempfile::tempdir().unwrap();
    let head = fit(&checkpoint, &weights(&checkpoint), 1, cache.path());
    let MlmSource::Fitted(Fitted { texts, loss_before, loss, .. }) = *head.source() else {
        panic!("the checkpoint has no head");
    };
    assert_eq!(texts, 300);
    // 20 pieces, almost equally frequent.
    assert!((loss_before - 20_f64.ln()).abs() < 0.1, "{loss_before}");
    assert!(loss < loss_before / 2.0, "{loss} against {loss_before}");
}

#[test]
fn a_piece_that_the_fit_has_not_seen_counts_as_the_unknown_one() {
    let checkpoint = checkpoint(false);
    let weights = weights(&checkpoint);
    let cache = tempfile::tempdir().unwrap();
    let head = fit(&checkpoint, &weights, 1, cache.path());
    let hidden_states = Tensor::randn([3, 32], (Kind::Float, Device::Cpu));
    let losses = |piece: u32| -> Vec<f32> {
        head.losses(&hidden_states, &Tensor::from_slice(&[i64::from(piece); 3])).try_into().unwrap()
    };
    let unknown = losses(checkpoint.specials.unknown);
    assert_eq!(losses(100), unknown);
    assert_ne!(losses(10), unknown);
}

#[test]
fn a_fit_is_kept_and_repeatable() {
    let checkpoint = checkpoint(false);
    let weights = weights(&checkpoint);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let losses = |seed, folder: usize| {
        let head = fit(&checkpoint, &weights, seed, folders[folder].path());
        surprisal(&checkpoint, &weights, &head).losses
    };
    let files = |folder: usize| heads(folders[folder].path()).len();
    let first = losses(1, 0);
    assert_eq!(losses(1, 1), first, "another folder: fitted again");
    assert_eq!(losses(1, 0), first, "read from the cache");
    assert_eq!(files(0), 1);
    assert_ne!(losses(2, 0), first, "another seed");
    assert_eq!(files(0), 2);
}

#[test]
fn a_spoilt_cache_file_is_replaced() {
    let checkpoint = checkpoint(false);
    let weights = weights(&checkpoint);
    let cache = tempfile::tempdir().unwrap();
    let first = surprisal(&checkpoint, &weights, &fit(&checkpoint, &weights, 1, cache.path()));
    let file = heads(cache.path()).pop().unwrap();
    fs_err::write(&file, b"cut short").unwrap();
    let again = surprisal(&checkpoint, &weights, &fit(&checkpoint, &weights, 1, cache.path()));
    assert_eq!(first, again);
    assert!(fs_err::metadata(&file).unwrap().len() > 1000);
}

#[test]
fn the_surprisal_of_a_text_does_not_depend_on_the_others() {
    let checkpoint = checkpoint(true);
    let weights = weights(&checkpoint);
    let mlm = MlmHead::of_checkpoint(&checkpoint, &weights).unwrap();
    let all = surprisal(&checkpoint, &weights, &mlm);
    let options = Sampling { probability: 0.15, strict: false, seed: 3, token_budget: 40 };
    let specials = checkpoint.specials;
    let some = [41, 7];
    let some_of = surprisal::compute(&weights, &mlm, &tokens(), specials, &some, options, &Silent);
    for (i, &row) in some.iter().enumerate() {
        let ((positions, losses), expected) = (some_of.row(i), all.row(row as usize));
        assert_eq!(positions, expected.0);
        assert!(!positions.is_empty());
        for (loss, expected) in losses.iter().zip(expected.1) {
            assert!((loss - expected).abs() < 1e-5, "{loss} and {expected}");
        }
    }
}
