//! The surprisal of a whole split on disk, as safetensors: it depends on the checkpoint and the
//! data alone, and takes a pass through the encoder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use super::ModelError;
use super::frozen::open_partial;
use super::surprisal::{Surprisal, SurprisalOptions};
use crate::data::tokens::Tokens;

/// Part of the name: raise it when the same input gives other losses, or the file changes.
const VERSION: u32 = 1;

/// Where the surprisal of `tokens` is kept. `head` names the masked-LM head, `how` the precision
/// and the kind of device.
pub fn place(
    cache: &Path,
    (weights_hash, head, how): (&str, &str, &str),
    tokens: &Tokens,
    options: SurprisalOptions,
) -> PathBuf {
    let SurprisalOptions { probability, strict, seed, token_budget } = options;
    let mut hasher = blake3::Hasher::new_derive_key("alhost 1 surprisal");
    let numbers = format!("{VERSION} {} {strict} {seed} {token_budget}", probability.to_bits());
    for part in [weights_hash, head, how, tokens.hash(), &numbers] {
        hasher.update(part.as_bytes());
        hasher.update(b"\0");
    }
    let name = hasher.finalize().to_hex();
    cache.join("surprisal").join(format!("{}.safetensors", &name[..32]))
}

/// Under its name the file is always whole.
pub fn write(file: &Path, surprisal: &Surprisal) -> Result<(), ModelError> {
    let numbers = |values: Vec<i64>| Tensor::from_slice(&values);
    let tensors = [
        ("offsets", numbers(surprisal.offsets.iter().map(|&offset| offset as i64).collect())),
        ("positions", numbers(surprisal.positions.iter().map(|&at| i64::from(at)).collect())),
        ("losses", Tensor::from_slice(&surprisal.losses)),
    ];
    let folder = file.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    let aside = open_partial(folder)?;
    Tensor::write_safetensors(&tensors, aside.path())?;
    aside.as_file().sync_all()?;
    aside.persist(file).map_err(|failed| failed.error)?;
    Ok(())
}

/// `None` if there is no such file, or it is not of `n_texts` texts.
pub fn read(file: &Path, n_texts: usize) -> Option<Surprisal> {
    if !file.is_file() {
        return None;
    }
    let tensors = Tensor::read_safetensors(file).ok()?.into_iter();
    let tensors: BTreeMap<String, Tensor> = tensors.collect();
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
        fs_err::write(&file, "no tensors").unwrap();
        assert_eq!(read(&file, 3), None);
    }

    #[test]
    fn whatever_the_losses_depend_on_is_in_the_name() {
        let tokens = Tokens::from_rows(&[vec![2, 9, 3]], "t");
        let options =
            SurprisalOptions { probability: 0.15, strict: false, seed: 1, token_budget: 64 };
        let of = |parts, options| place(Path::new("c"), parts, &tokens, options);
        let parts = ("w", "h", "f32 cpu");
        let mut places = vec![
            of(parts, options),
            of(("x", "h", "f32 cpu"), options),
            of(("w", "i", "f32 cpu"), options),
            of(("w", "h", "bf16 cpu"), options),
            of(parts, SurprisalOptions { probability: 0.5, ..options }),
            of(parts, SurprisalOptions { strict: true, ..options }),
            of(parts, SurprisalOptions { seed: 2, ..options }),
            place(Path::new("c"), parts, &Tokens::from_rows(&[], "u"), options),
        ];
        places.sort();
        places.dedup();
        assert_eq!(places.len(), 8);
    }
}
