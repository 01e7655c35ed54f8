//! Files that are replaced as a whole: written aside, synced, renamed.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err::File;

use super::error::RecordError;

/// Either the old file or the whole new one is there, whenever the process or the machine stops.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    let aside = aside(path);
    let write = || {
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    if let Err(source) = write() {
        // Half a file is worth nothing, and its room may be what is missing.
        let _removed = fs_err::remove_file(&aside);
        return Err(RecordError::write(source));
    }
    put_in_place(&aside, path)
}

/// Renames a file that is written already.
pub(super) fn put_in_place(aside: &Path, path: &Path) -> Result<(), RecordError> {
    let rename = || {
        File::open(aside)?.sync_all()?;
        fs_err::rename(aside, path)?;
        sync_folder(path.parent().expect("a record lies in a folder"))
    };
    rename().map_err(RecordError::write)
}

/// Makes new names in a folder outlive a power cut.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Where `path` is written before it is renamed. The ending stays, since safetensors goes by it.
pub(super) fn aside(path: &Path) -> PathBuf {
    let mut name = OsString::from(PART);
    name.push(path.file_name().expect("a record has a name"));
    path.with_file_name(name)
}

const PART: &str = "part-";

const MAGIC: &[u8] = b"alhost strategy state 1\n";

/// The strategy's state after it made a selection, wrapped so that damage is noticed.
pub(super) fn write_state(
    folder: &Path,
    selection: usize,
    state: &[u8],
) -> Result<(), RecordError> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(blake3::hash(state).as_bytes());
    bytes.extend_from_slice(state);
    replace(&state_path(folder, selection), &bytes)
}

pub(super) fn read_state(folder: &Path, selection: usize) -> Result<Vec<u8>, RecordError> {
    let path = state_path(folder, selection);
    let bytes = fs_err::read(&path)?;
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

/// The weights that a round ended with.
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
            || name.starts_with(PART);
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
