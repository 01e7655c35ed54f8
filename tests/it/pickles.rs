//! `pytorch_model.bin` in the forms that training programs leave, and made to do harm: a few hundred bytes
//! that ask for all memory.

use std::io::{Read, Write};
use std::path::Path;

use alhost::learn::{Checkpoint, ModelError, Places};
use tempfile::TempDir;
use zip::CompressionMethod;
use zip::write::FileOptions;

use crate::support::workspace;

/// A folder with this file of weights.
fn checkpoint(weights: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json"] {
        let from = workspace().join("tests/fixtures/tiny-bert-mlm").join(file);
        fs_err::copy(from, folder.path().join(file)).unwrap();
    }
    fs_err::write(folder.path().join("pytorch_model.bin"), weights).unwrap();
    folder
}

fn open(folder: &Path) -> Result<Checkpoint, ModelError> {
    Checkpoint::open(folder.to_str().unwrap(), &Places::default())
}

fn refused(weights: &[u8], expected: &str) {
    let folder = checkpoint(weights);
    let message = open(folder.path()).err().expect("it is no checkpoint").to_string();
    assert!(message.contains("pytorch_model.bin: ") && message.contains("hint: "), "{message}");
    assert!(message.contains(expected), "`{expected}` is not in {message}");
}

/// The fixture's archive with another pickle, and what `more` adds.
fn archive(change: impl Fn(Vec<u8>) -> Vec<u8>, more: &[(&str, &[u8])]) -> Vec<u8> {
    let path = workspace().join("tests/fixtures/tiny-bert-bin/pytorch_model.bin");
    let mut original = zip::ZipArchive::new(fs_err::File::open(path).unwrap()).unwrap();
    let mut written = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = FileOptions::default().compression_method(CompressionMethod::Stored);
    let mut folder = String::new();
    for index in 0..original.len() {
        let mut entry = original.by_index(index).unwrap();
        let name = entry.name().to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if let Some(start) = name.strip_suffix("data.pkl") {
            start.clone_into(&mut folder);
            content = change(content);
        }
        if !name.ends_with("byteorder") {
            written.start_file(name, options).unwrap();
            written.write_all(&content).unwrap();
        }
    }
    for (name, content) in more {
        written.start_file(format!("{folder}{name}"), options).unwrap();
        written.write_all(content).unwrap();
    }
    written.finish().unwrap().into_inner()
}

fn word(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A pickle as the value of a key of a dictionary, beside an epoch.
fn nested(pickle: &[u8], key: &str) -> Vec<u8> {
    let inner = &pickle[2..pickle.len() - 1];
    [b"\x80\x02}", &word("epoch")[..], b"K\x03s", &word(key), inner, b"s."].concat()
}

#[test]
fn a_training_state_holds_the_weights_under_a_usual_key() {
    let plain = open(checkpoint(&archive(|pickle| pickle, &[])).path()).unwrap();
    let name = "encoder.layer.1.output.dense.weight";
    for keys in [&["state_dict"][..], &["model_state_dict"], &["model"], &["state_dict", "model"]] {
        let nest = |pickle| keys.iter().fold(pickle, |pickle: Vec<u8>, key| nested(&pickle, key));
        let opened = open(checkpoint(&archive(nest, &[])).path()).unwrap();
        assert_eq!(opened.tensor(name), plain.tensor(name), "{keys:?}");
    }
    refused(
        &archive(|pickle| nested(&pickle, "surprise"), &[]),
        "no tensors, but `epoch`, `surprise`",
    );
}

#[test]
fn what_torch_did_not_save_as_weights_is_told() {
    let whole_model = |_| b"\x80\x02cmodels\nNet\n)\x81.".to_vec();
    refused(&archive(whole_model, &[]), "something else than a dictionary");
    refused(&archive(|_| b"\x80\x02}.".to_vec(), &[]), "no tensors, but an empty dictionary");
    refused(&archive(|pickle| pickle, &[("byteorder", b"big")]), "highest byte first");
    assert!(
        open(checkpoint(&archive(|pickle| pickle, &[("byteorder", b"little")])).path()).is_ok()
    );
    let npz = archive(|pickle| pickle, &[]);
    let npz = String::from_utf8_lossy(&npz).contains("data.pkl").then(|| {
        let at =
            |from: usize| npz[from..].windows(8).position(|w| w == b"data.pkl").map(|n| from + n);
        let mut other = npz.clone();
        let mut from = 0;
        while let Some(found) = at(from) {
            other[found..found + 8].copy_from_slice(b"data.npy");
            from = found + 8;
        }
        other
    });
    refused(&npz.unwrap(), "not one of `torch.save`");
}

#[test]
fn nothing_that_a_pickle_names_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let command = format!("touch {}", mark.display());
    let pickle = [b"\x80\x02cposix\nsystem\n(", &word(&command)[..], b"tR."].concat();
    refused(&archive(|_| pickle.clone(), &[]), "something else than a dictionary");
    assert!(!mark.exists());
}

#[test]
fn bombs_are_refused() {
    let mut laughs = [b"\x80\x02", &word("lol")[..], b"q\x00"].concat();
    for k in 0..40 {
        laughs.extend([b'(', b'h', k, b'h', k, b't', b'q', k + 1]);
    }
    laughs.push(b'.');
    let deep = [b"\x80\x02)", &vec![0x85; 3_000_000][..], b"."].concat();
    for pickle in [laughs, deep] {
        refused(&archive(|_| pickle.clone(), &[]), "something else than a dictionary");
    }
    refused(&archive(|_| vec![b')'; 5_000_000], &[]), "steps");
    refused(
        &archive(|_| [b"\x80\x02X\xff\xff\xff\xff", &[b'a'; 100][..]].concat(), &[]),
        "cut short",
    );
}

/// `{w0: tensor over storage 0, w1: tensor over storage 1, ..}`, each of `n_elements` numbers.
fn many_tensors(n: usize, n_elements: u32, offset: &[u8]) -> Vec<u8> {
    let mut pickle = b"\x80\x02}(".to_vec();
    for k in 0..n {
        let size = [b"J", &n_elements.to_le_bytes()[..], b"\x85K\x01\x85"].concat();
        pickle.extend(word(&format!("w{k}")));
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        pickle.extend([word("storage"), b"ctorch\nFloatStorage\n".to_vec()].concat());
        pickle.extend([word(&k.to_string()), b"Nt".to_vec(), b"Q".to_vec()].concat());
        pickle.extend([offset, &size, b"\x89}tR"].concat());
    }
    pickle.extend(b"u.");
    pickle
}

/// A zip archive, stored, in which `n` names stand for one entry.
fn overlapping(pickle: &[u8], body: &[u8], n: usize) -> Vec<u8> {
    let crc = |bytes: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    };
    let numbers = |name: &str, content: &[u8]| {
        let (len, name) = ((content.len() as u32).to_le_bytes(), (name.len() as u16).to_le_bytes());
        [&[0; 4], &crc(content).to_le_bytes()[..], &len, &len, &name, &[0; 2]].concat()
    };
    let local = |name: &str, content: &[u8]| {
        [b"PK\x03\x04\x14\0\0\0\0\0", &numbers(name, content)[..], name.as_bytes(), content]
            .concat()
    };
    let central = |name: &str, content: &[u8], at: u32| {
        let head =
            [b"PK\x01\x02\x14\0\x14\0\0\0\0\0", &numbers(name, content)[..], &[0; 10]].concat();
        [head, at.to_le_bytes().to_vec(), name.as_bytes().to_vec()].concat()
    };
    let mut file = local("a/data.pkl", pickle);
    let at = file.len() as u32;
    let mut folder = central("a/data.pkl", pickle, 0);
    file.extend(local("a/data/0", body));
    for k in 0..n {
        folder.extend(central(&format!("a/data/{k}"), body, at));
    }
    let start = file.len() as u32;
    file.extend(&folder);
    let n = (n as u16 + 1).to_le_bytes();
    file.extend([b"PK\x05\x06\0\0\0\0", &n[..], &n].concat());
    file.extend([&(folder.len() as u32).to_le_bytes()[..], &start.to_le_bytes(), &[0; 2]].concat());
    file
}

#[test]
fn four_thousand_names_for_one_entry_share_one_copy() {
    // Of 4 MiB: 16 GiB, were each a copy.
    let file = overlapping(&many_tensors(4000, 1 << 20, b"K\x00"), &vec![0; 4 << 20], 4000);
    refused(&file, "holds no layers of BERT, but `w0`, `w1`");
}

#[test]
fn a_view_beyond_its_storage_is_refused() {
    let body = [0; 400];
    let largest = [&[0x8a, 8][..], &i64::MAX.to_le_bytes()].concat();
    for offset in [&b"K\x01"[..], &largest, b"J\xff\xff\xff\xff"] {
        let file = overlapping(&many_tensors(1, 100, offset), &body, 1);
        refused(&file, "`w0` [100] does not fit into its storage of 100");
    }
    refused(&overlapping(&many_tensors(2, 100, b"K\x00"), &body, 1), "no storage `1`");
}
