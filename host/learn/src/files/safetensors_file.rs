//! Reads a file of safetensors, after a look at its header: what is wrong with the file is said in plain
//! words, and nothing is allocated for what it does not hold.
//!
//! The format: 8 bytes with the header's length, the header (JSON: type, shape and place of each
//! tensor), the tensors (<https://github.com/huggingface/safetensors#format>).

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use alhost_base::{Unreadable, foreign};
use fs_err::File;
use serde_json::{Map, Value};
use tch::Tensor;

/// The header of a BERT of 24 layers has 0.04 MB.
const MOST_HEADER: u64 = 8 << 20;

const TYPES: [&str; 10] = ["BOOL", "U8", "I8", "I16", "I32", "I64", "BF16", "F16", "F32", "F64"];

const FETCH: &str = "the download or copy may have ended early; fetch the file again";

/// All tensors, by name.
pub(crate) fn read(path: &Path) -> Result<Vec<(String, Tensor)>, Unreadable> {
    check(path)?;
    Tensor::read_safetensors(path).map_err(|error| {
        let problem = format!("its header and its tensors do not fit together: {error}");
        Unreadable::new(path, problem, "the file is damaged; fetch or save it again")
    })
}

fn check(path: &Path) -> Result<(), Unreadable> {
    let bad = |problem: String, hint: &str| Err(Unreadable::new(path, problem, hint));
    let system = |error| Unreadable::of(path, &error);
    let mut file = foreign::open(path)?;
    let len = file.metadata().map_err(system)?.len();
    let n_header = header_len(path, &mut file, len)?;
    let mut text = Vec::new();
    file.take(n_header).read_to_end(&mut text).map_err(system)?;
    let Ok(Value::Object(header)) = serde_json::from_slice(&text) else {
        return bad("its header is damaged".to_owned(), "fetch or save the file again");
    };
    if let Some((name, kind)) = unknown_type(&header) {
        let hint = "convert the weights to f32, f16 or bf16";
        let problem = format!("`{name}` has numbers of type {kind}, which are not supported");
        return bad(problem, hint);
    }
    let whole = (8 + n_header).saturating_add(end(&header));
    if whole > len {
        return bad(format!("is cut short: {len} bytes of {whole}"), FETCH);
    }
    Ok(())
}

/// The bytes of the header, which is next in the file then.
fn header_len(path: &Path, file: &mut File, len: u64) -> Result<u64, Unreadable> {
    let bad = |problem: String, hint: &str| Err(Unreadable::new(path, problem, hint));
    let system = |error| Unreadable::of(path, &error);
    let mut start = Vec::new();
    file.by_ref().take(512).read_to_end(&mut start).map_err(system)?;
    file.seek(SeekFrom::Start(8)).map_err(system)?;
    if let Some((what, hint)) = foreign::mistaken(&start) {
        return bad(format!("is {what}"), hint);
    }
    let Some((header, rest)) = start.split_first_chunk() else {
        return bad(format!("has only {len} bytes, so it is no file of safetensors"), FETCH);
    };
    if rest.first() != Some(&b'{') {
        let kind = foreign::looks_like(&start);
        let hint = "check that this is the file you mean, and fetch it again";
        return bad(format!("is no file of safetensors; it looks like {kind}"), hint);
    }
    let header = u64::from_le_bytes(*header);
    if header > len - 8 {
        let problem = format!("is cut short: {len} bytes, of which the header alone has {header}");
        return bad(problem, FETCH);
    }
    if header > MOST_HEADER {
        let problem = format!("its header has {header} bytes, above {MOST_HEADER}");
        return bad(problem, "check that this is the file you mean");
    }
    Ok(header)
}

/// Returns the entries that describe tensors.
fn tensors(header: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    header.iter().filter(|(name, _)| *name != "__metadata__")
}

fn unknown_type(header: &Map<String, Value>) -> Option<(&str, &str)> {
    let named =
        tensors(header).filter_map(|(name, about)| Some((&**name, about["dtype"].as_str()?)));
    named.into_iter().find(|(_, kind)| !TYPES.contains(kind))
}

/// Bytes from the end of the header to the end of the last tensor.
fn end(header: &Map<String, Value>) -> u64 {
    tensors(header).filter_map(|(_, about)| about["data_offsets"][1].as_u64()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8], expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        fs_err::write(&path, content).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("w.safetensors: ") && error.contains("hint: "), "{error}");
        assert!(error.contains(expected), "`{expected}` is not in {error}");
    }

    fn file(header: &str, n_bytes: usize) -> Vec<u8> {
        let len = (header.len() as u64).to_le_bytes();
        [&len[..], header.as_bytes(), &vec![0; n_bytes]].concat()
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let whole = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        check(b"", "has only 0 bytes");
        check(b"abc", "has only 3 bytes");
        check(b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}", "looks like a numpy array");
        check(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull");
        check(b"<!DOCTYPE html><p>Sign in", "web page");
        check(&file(whole, 7), "is cut short");
        check(&file(whole, 9), "do not fit together");
        check(&file(whole, 8)[..30], "is cut short");
        check(&[&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "is cut short");
        check(&file("{nothing}", 0), "header is damaged");
        check(&file(&whole.replace("F32", "F8_E4M3"), 8), "`w` has numbers of type F8_E4M3");
        check(&file(&whole.replace("[2]", "[4611686018427387904,4]"), 8), "do not fit together");
        check(&file(&whole.replace("8]", "18446744073709551615]"), 8), "is cut short");
        check(&file(&whole.replace("[0,8]", "\"all\""), 8), "do not fit together");
    }

    #[test]
    fn a_whole_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let header = r#"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        fs_err::write(&path, file(header, 8)).unwrap();
        assert_eq!(read(&path).unwrap()[0].1.size(), [2]);
    }
}
