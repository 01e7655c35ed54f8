//! Keeps what it takes to go on beside the records: the strategy's state after its last selection,
//! and weights.

use std::path::{Path, PathBuf};

use alhost_base::{aside, foreign};

use super::error::RecordError;

/// Beginnings of the names that versions before this one gave to a file that was not whole yet.
const LEFT: [&str; 2] = ["part-", "partial-"];

/// Most bytes of a state's file: no strategy may keep as much.
const LIMIT: u64 = 1 << 30;

const MAGIC: &[u8] = b"alhost strategy state 1\n";

/// Writes the strategy's state after it made a selection, wrapped so that damage is noticed.
pub(super) fn write_state(
    folder: &Path,
    selection: usize,
    state: &[u8],
) -> Result<(), RecordError> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(blake3::hash(state).as_bytes());
    bytes.extend_from_slice(state);
    aside::replace(&state_path(folder, selection), &bytes).map_err(RecordError::write)
}

pub(super) fn read_state(folder: &Path, selection: usize) -> Result<Vec<u8>, RecordError> {
    let path = state_path(folder, selection);
    let bytes = foreign::read(&path, LIMIT)?;
    let state = bytes.strip_prefix(MAGIC).and_then(|rest| {
        let (hash, state) = rest.split_at_checked(blake3::OUT_LEN)?;
        (blake3::hash(state).as_bytes() == hash).then(|| state.to_vec())
    });
    let message = "not a strategy's state, or damaged".to_owned();
    state.ok_or(RecordError::Inconsistent { path, message })
}

fn state_path(folder: &Path, selection: usize) -> PathBuf {
    folder.join(format!("strategy-{selection}.state"))
}

/// BLAKE3 of a file, in hex.
pub(super) fn hash(path: &Path) -> Result<String, RecordError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(foreign::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Returns the path of the weights that a round ended with.
pub(super) fn model_path(folder: &Path, round: usize) -> PathBuf {
    folder.join(format!("model-{round}.safetensors"))
}

/// Removes what belongs to earlier selections and rounds than these, and half-written files.
pub(super) fn forget_before(
    folder: &Path,
    selection: usize,
    round: usize,
) -> Result<(), RecordError> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("").to_owned();
        let number = |prefix: &str, suffix: &str| -> Option<usize> {
            name.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()
        };
        let old = number("strategy-", ".state").is_some_and(|number| number < selection)
            || number("model-", ".safetensors").is_some_and(|number| number < round)
            || LEFT.iter().any(|left| name.starts_with(left));
        if old {
            fs_err::remove_file(&path).map_err(RecordError::write)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        for state in [&b""[..], b"some state"] {
            write_state(folder.path(), 3, state).unwrap();
            assert_eq!(read_state(folder.path(), 3).unwrap(), state);
        }
        let path = state_path(folder.path(), 3);
        let whole = fs_err::read(&path).unwrap();
        for length in 0..whole.len() {
            fs_err::write(&path, &whole[..length]).unwrap();
            let error = read_state(folder.path(), 3).unwrap_err().to_string();
            assert!(error.contains("strategy-3.state"), "{error}");
        }
    }

    #[test]
    fn what_is_older_goes_and_what_is_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["strategy-1.state", "strategy-2.state", "model-0.safetensors", "notes.txt"];
        for name in names.iter().chain(&["model-1.safetensors", "part-strategy-3.state"]) {
            fs_err::write(folder.path().join(name), "x").unwrap();
        }
        forget_before(folder.path(), 2, 1).unwrap();
        let mut left: Vec<String> = fs_err::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["model-1.safetensors", "notes.txt", "strategy-2.state"]);
    }
}
