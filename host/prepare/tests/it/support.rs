//! A folder with a source, and what a preparation made of it.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use alhost_prepare::{Choices, PrepareError, Prepared, Silent, prepare};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use tempfile::TempDir;
use unzip::write::SimpleFileOptions;

pub(crate) struct Sandbox {
    folder: TempDir,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Text {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) labels: Vec<String>,
}

/// A prepared data set, read again.
pub(crate) struct Made {
    pub(crate) folder: PathBuf,
    pub(crate) prepared: Prepared,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let sandbox = Self { folder: tempfile::tempdir().unwrap() };
        fs_err::create_dir(sandbox.source()).unwrap();
        sandbox
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.path("source")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of the source.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.source().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    pub(crate) fn prepare(&self, name: &str, choices: &Choices) -> Result<Made, PrepareError> {
        let n_before = fs_err::read_dir(self.folder.path()).unwrap().count();
        let folder = self.path(&format!("out{n_before}"));
        let prepared = prepare(name, &self.source(), &folder, choices, &Silent);
        // Whatever happens, there is the folder or nothing.
        let n_new = fs_err::read_dir(self.folder.path()).unwrap().count() - n_before;
        assert_eq!(n_new, usize::from(prepared.is_ok()), "{prepared:?}");
        Ok(Made { folder, prepared: prepared? })
    }

    pub(crate) fn make(&self, name: &str, choices: &Choices) -> Made {
        self.prepare(name, choices).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The whole message; the hint is on the last line.
    pub(crate) fn error(&self, name: &str, choices: &Choices) -> String {
        match self.prepare(name, choices) {
            Ok(made) => panic!("no error, but {:?}", made.prepared),
            Err(error) => error.to_string(),
        }
    }
}

impl Made {
    pub(crate) fn texts(&self, part: &str) -> Vec<Text> {
        let file = fs_err::File::open(self.folder.join(format!("{part}.jsonl.gz"))).unwrap();
        let mut lines = String::new();
        MultiGzDecoder::new(file).read_to_string(&mut lines).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns the texts of all parts, by id.
    pub(crate) fn all(&self) -> BTreeMap<String, Text> {
        let texts = ["train", "dev", "test"].into_iter().flat_map(|part| self.texts(part));
        texts.map(|text| (text.id.clone(), text)).collect()
    }

    pub(crate) fn ids(&self, part: &str) -> Vec<String> {
        self.texts(part).into_iter().map(|text| text.id).collect()
    }

    pub(crate) fn file(&self, name: &str) -> String {
        fs_err::read_to_string(self.folder.join(name)).unwrap()
    }

    pub(crate) fn classes(&self) -> Vec<String> {
        self.file("labels.txt").lines().map(str::to_owned).collect()
    }

    pub(crate) fn meta(&self) -> serde_json::Value {
        serde_json::from_str(&self.file("meta.json")).unwrap()
    }

    /// How many documents were left out for this reason.
    pub(crate) fn left_out(&self, reason: &str) -> u64 {
        self.prepared.left_out.get(reason).copied().unwrap_or_default()
    }

    pub(crate) fn remarked(&self, what: &str) -> u64 {
        self.prepared.remarks.get(what).copied().unwrap_or_default()
    }
}

pub(crate) fn gz(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes.as_ref()).unwrap();
    packer.finish().unwrap()
}

pub(crate) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = unzip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub(crate) fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Every file below a folder with its bytes.
pub(crate) fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(
                tree(&path).into_iter().map(|(below, bytes)| {
                    (Path::new(path.file_name().unwrap()).join(below), bytes)
                }),
            );
        } else {
            files.insert(path.file_name().unwrap().into(), fs_err::read(&path).unwrap());
        }
    }
    files
}
