//! Every file of every format, replaced by what lies in its place when something went wrong: the message
//! names the file, says what it is, and has a hint; nothing panics, and nothing waits.

use std::os::unix::fs::PermissionsExt;

use ::parquet::basic::Compression;

use super::formats::written;
use super::parquet::{Column, make};
use super::*;

const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 130\n";
const PAGE: &[u8] = b"<!DOCTYPE html><html><body>Sign in</body></html>\n";
const NUMPY: &[u8] = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<i8', 'shape': (2,), }\n\x00\x01\x02";

/// A format's lines in `[data]`, and its files.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

const CASES: [Case; 7] = [
    (
        "format = \"jsonl\"\ndev = \"\"",
        &[("train.jsonl", TRAIN), ("test.jsonl", TEST), ("labels.txt", "a\nb\nc\nd\n")],
    ),
    ("format = \"csv\"\ndev = \"\"", &[("train.csv", TABLE), ("test.csv", TABLE)]),
    (
        "format = \"tsv\"\ndev = \"\"\nheader = false\ntext_columns = [\"2\"]\nlabels_column = \"1\"",
        &[("train.tsv", "a\tone\nb\ttwo\n"), ("test.tsv", "a\tthree\n")],
    ),
    (
        "format = \"xmc\"\ntrain_filter = \"filter.txt\"",
        &[
            ("train.raw.txt", "one\ntwo\n"),
            ("trn_X_Y.txt", "2 2\n0:1\n1:1\n"),
            ("test.raw.txt", "three\n"),
            ("tst_X_Y.txt", "1 2\n0:1\n"),
            ("labels.txt", "a\nb\n"),
            ("filter.txt", ""),
        ],
    ),
    (
        "format = \"xmc-json\"",
        &[
            ("trn.json", "{\"title\": \"one\", \"target_ind\": [0]}\n"),
            ("tst.json", "{\"title\": \"two\", \"target_ind\": [1]}\n"),
            ("lbl.json", "{\"title\": \"a\"}\n{\"title\": \"b\"}\n"),
        ],
    ),
    (
        "format = \"pairs\"",
        &[
            ("train_texts.txt", "one\ntwo\n"),
            ("train_labels.txt", "a\nb\n"),
            ("test_texts.txt", "three\n"),
            ("test_labels.txt", "a\n"),
        ],
    ),
    ("format = \"parquet\"\ndev = \"\"", &[("train.parquet", ""), ("test.parquet", "")]),
];

const TABLE: &str = "text,labels\none,a\ntwo,b\n";

fn good(files: &[(&str, &str)]) -> TempDir {
    let folder = folder(files);
    for (name, _) in files.iter().filter(|(name, _)| name.ends_with(".parquet")) {
        let labels = Column::OneText(vec!["a", "b"]);
        make(&folder.path().join(name), &["one", "two"], &labels, None, Compression::SNAPPY);
    }
    folder
}

/// Replaces a file and returns what a message must say, where the file cannot be taken for a good
/// one. Elsewhere there is no error, or one with a hint.
fn replaced(path: &Path, by: &str) -> Option<&'static str> {
    let whole = fs_err::read(path).unwrap();
    fs_err::remove_file(path).unwrap();
    let write = |bytes: &[u8]| fs_err::write(path, bytes).unwrap();
    match by {
        "nothing" => write(b""),
        "three bytes" => write(b"abc"),
        "a git-lfs pointer" => write(POINTER),
        "a page" => write(PAGE),
        "numpy" => write(NUMPY),
        "half of it" => write(&whole[..whole.len() / 2]),
        "a folder" => fs_err::create_dir(path).unwrap(),
        "a pipe" => {
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
        }
        _ => {
            write(&whole);
            fs_err::set_permissions(path, PermissionsExt::from_mode(0o000)).unwrap();
        }
    }
    match by {
        "a git-lfs pointer" => Some("git lfs pull"),
        "a page" => Some("a web page (HTML)"),
        "numpy" => Some("a numpy array"),
        "a folder" => Some("is a folder"),
        "a pipe" => Some("is a pipe"),
        // Root may read whatever it likes.
        "no permission" if fs_err::read(path).is_err() => Some("you may not read it"),
        _ => None,
    }
}

#[test]
fn whatever_lies_in_the_place_of_a_file_is_told() {
    let kinds = [
        "nothing",
        "three bytes",
        "a git-lfs pointer",
        "a page",
        "numpy",
        "half of it",
        "a folder",
        "a pipe",
        "no permission",
    ];
    for (lines, files) in CASES {
        let config = written(lines);
        load(&config, good(files).path(), &Silent).unwrap();
        for (name, _) in files {
            for kind in kinds {
                let folder = good(files);
                let expected = replaced(&folder.path().join(name), kind);
                let result = load(&config, folder.path(), &Silent);
                let told = result.err().map(|error| error.to_string()).unwrap_or_default();
                let what = format!("{kind} for {name}: {told}");
                assert!(told.is_empty() || told.contains("\nhint: "), "{what}");
                if let Some(expected) = expected {
                    assert!(told.contains(expected) && told.contains(name), "{what}");
                }
            }
        }
    }
}
