//! The surprisal of a whole split on disk, as safetensors: it depends on the checkpoint and the
//! data alone, and takes a pass through the encoder.

use std::path::{Path, PathBuf};

use alhost_base::store::sealed;
use alhost_data::tokens::Tokens;
use tch::{Kind, Tensor};

use crate::ModelError;
use crate::files::{identity, tensors};
use crate::surprisal::{Sampling, Surprisal};

/// Part of the name: raise it when the same input gives other losses, or the file changes.
const VERSION: u32 = 2;

/// Returns the path at which the surprisal of `tokens` is kept. `checkpoint` and `computation` are
/// names, see `identity`; `head` names the masked-LM head.
pub fn place(
    cache: &Path,
    (checkpoint, head, computation): (&str, &str, &str),
    tokens: &Tokens,
    options: Sampling,
) -> PathBuf {
    let Sampling { probability, strict, seed, token_budget } = options;
    let numbers = format!("{VERSION} {} {strict} {seed} {token_budget}", probability.to_bits());
    let parts = [checkpoint, head, computation, tokens.hash(), &numbers];
    let name = identity::hash("alhost 2 surprisal", &parts);
    cache.join("surprisal").join(&name[..32])
}

/// Writes a file that is always whole under its name.
pub fn write(file: &Path, surprisal: &Surprisal) -> Result<(), ModelError> {
    let numbers = |values: Vec<i64>| Tensor::from_slice(&values);
    let tensors = [
        ("offsets", numbers(surprisal.offsets.iter().map(|&offset| offset as i64).collect())),
        ("positions", numbers(surprisal.positions.iter().map(|&at| i64::from(at)).collect())),
        ("losses", Tensor::from_slice(&surprisal.losses)),
    ];
    let tensors = tensors.map(|(name, tensor)| (name.to_owned(), tensor));
    Ok(sealed::write(file, &tensors::to_bytes(&tensors))?)
}

/// Reads what `write` wrote; `None` if there is no such file, if it is damaged, or not of `n_texts`
/// texts.
pub fn read(file: &Path, n_texts: usize) -> Option<Surprisal> {
    let tensors = tensors::from_bytes(&sealed::read(file)?)?;
    let numbers = |name: &str| {
        let tensor = tensors.get(name).filter(|tensor| tensor.kind() == Kind::Int64)?;
        Vec::<i64>::try_from(tensor).ok()
    };
    let offsets: Vec<u64> = numbers("offsets")?.into_iter().map(|n| n as u64).collect();
    let positions: Vec<u32> = numbers("positions")?.into_iter().map(|n| n as u32).collect();
    let losses = Vec::<f32>::try_from(tensors.get("losses")?).ok()?;
    let is_whole = offsets.len() == n_texts + 1
        && offsets.is_sorted()
        && offsets.last() == Some(&(losses.len() as u64))
        && positions.len() == losses.len();
    is_whole.then_some(Surprisal { offsets, positions, losses })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Surprisal {
        Surprisal {
            offsets: vec![0, 2, 2, 3],
            positions: vec![1, 5, 2],
            losses: vec![0.1, 7.5, 3.0],
        }
    }

    #[test]
    fn what_was_written_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sub/s.safetensors");
        assert_eq!(read(&file, 3), None);
        for surprisal in [example(), Surprisal { offsets: vec![0], ..Surprisal::default() }] {
            write(&file, &surprisal).unwrap();
            assert_eq!(read(&file, surprisal.len()), Some(surprisal));
        }
    }

    #[test]
    fn a_file_of_other_texts_or_none_at_all_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.safetensors");
        write(&file, &example()).unwrap();
        assert_eq!(read(&file, 4), None);
        sealed::write(&file, b"no tensors").unwrap();
        assert_eq!(read(&file, 3), None);
    }

    #[test]
    fn whatever_the_losses_depend_on_is_in_the_name() {
        let tokens = Tokens::from_rows(&[vec![2, 9, 3]], "t");
        let options = Sampling { probability: 0.15, strict: false, seed: 1, token_budget: 64 };
        let of = |parts, options| place(Path::new("c"), parts, &tokens, options);
        let parts = ("w", "h", "here");
        let mut places = vec![
            of(parts, options),
            of(("x", "h", "here"), options),
            of(("w", "i", "here"), options),
            of(("w", "h", "there"), options),
            of(parts, Sampling { probability: 0.5, ..options }),
            of(parts, Sampling { strict: true, ..options }),
            of(parts, Sampling { seed: 2, ..options }),
            of(parts, Sampling { token_budget: 65, ..options }),
            place(Path::new("c"), parts, &Tokens::from_rows(&[], "u"), options),
        ];
        places.sort();
        places.dedup();
        assert_eq!(places.len(), 9);
    }
}
