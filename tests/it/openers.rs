//! Every file of a checkpoint, in every state in which such a file is found to be no such file: each
//! message has the path, plain words and a hint, and none takes long.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alhost::learn::{Checkpoint, Places};
use tempfile::TempDir;

use crate::support::workspace;

const SHARD: &str = "model-00002-of-00002.safetensors";

fn fixtures() -> PathBuf {
    workspace().join("tests/fixtures")
}

/// A whole checkpoint that has this file.
fn checkpoint_with(file: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tiny = fixtures().join("tiny-bert-mlm");
    for name in ["config.json", "tokenizer.json"] {
        fs_err::copy(tiny.join(name), folder.path().join(name)).unwrap();
    }
    match file {
        "pytorch_model.bin" => {
            fs_err::copy(fixtures().join("tiny-bert-bin").join(file), folder.path().join(file))
                .unwrap();
        }
        "model.safetensors.index.json" | SHARD => crate::checkpoint::write_shards(folder.path()),
        _ => {
            let name = "model.safetensors";
            fs_err::copy(tiny.join(name), folder.path().join(name)).unwrap();
        }
    }
    assert!(
        Checkpoint::open(folder.path().to_str().unwrap(), &Places::default()).is_ok(),
        "{file}"
    );
    folder
}

/// Puts something else in the place of a file; gives back what the message must say of it.
type Spoil = fn(&Path) -> &'static str;

fn other_contents() -> Vec<(&'static str, Spoil)> {
    fn write(path: &Path, content: &[u8]) {
        fs_err::write(path, content).unwrap();
    }
    vec![
        ("nothing", |path| {
            write(path, b"");
            ""
        }),
        ("three bytes", |path| {
            write(path, b"abc");
            ""
        }),
        ("a pointer", |path| {
            write(path, b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 90\n");
            "git lfs pull"
        }),
        ("a page", |path| {
            write(path, b"<!DOCTYPE html>\n<html><body>Sign in</body></html>");
            "web page"
        }),
        ("an array", |path| {
            write(
                path,
                b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}\n",
            );
            "numpy"
        }),
        ("half", |path| {
            let whole = fs_err::read(path).unwrap();
            write(path, &whole[..whole.len() / 2]);
            ""
        }),
    ]
}

fn no_readable_files() -> Vec<(&'static str, Spoil)> {
    vec![
        ("another's", |path| {
            use std::os::unix::fs::PermissionsExt;
            fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o0)).unwrap();
            "you may not read it"
        }),
        ("a folder", |path| {
            fs_err::remove_file(path).unwrap();
            fs_err::create_dir(path).unwrap();
            "is a folder"
        }),
        ("a pipe", |path| {
            fs_err::remove_file(path).unwrap();
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
            "is a pipe"
        }),
        ("a broken link", |path| {
            fs_err::remove_file(path).unwrap();
            fs_err::os::unix::fs::symlink("gone", path).unwrap();
            "is a link to a file that is not there"
        }),
    ]
}

#[test]
fn each_file_that_is_none_is_told_with_its_path_and_a_hint() {
    let files = [
        "config.json",
        "model.safetensors",
        "pytorch_model.bin",
        "model.safetensors.index.json",
        SHARD,
    ];
    for file in files {
        for (what, spoil) in other_contents().into_iter().chain(no_readable_files()) {
            let folder = checkpoint_with(file);
            let path = folder.path().join(file);
            let expected = spoil(&path);
            if what == "another's" && fs_err::File::open(&path).is_ok() {
                eprintln!("nothing is tried for {file} without permission: root may read all");
                continue;
            }
            let since = Instant::now();
            let opened = Checkpoint::open(folder.path().to_str().unwrap(), &Places::default());
            let message = opened.err().unwrap_or_else(|| panic!("{file} as {what}")).to_string();
            assert!(since.elapsed() < Duration::from_secs(5), "{file} as {what}");
            assert!(message.starts_with(path.to_str().unwrap()), "{file} as {what}: {message}");
            assert!(message.contains("hint: "), "{file} as {what}: {message}");
            assert!(message.contains(expected), "`{expected}`, {file} as {what}: {message}");
        }
    }
}
