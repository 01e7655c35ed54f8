//! `meta.json`: where a data set came from and everything that was decided on the way.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use crate::archive::list_below;
use crate::error::PrepareError;
use crate::filter::Step;
use crate::options::Options;
use crate::prepare::Prepared;
use crate::progress::Progress;
use crate::source::Tally;

#[derive(Serialize)]
struct Meta<'a> {
    recipe: &'static str,
    title: &'static str,
    licence: &'static str,
    /// Version of the program that made the data set.
    version: &'static str,
    options: &'a Options,
    source: &'a [SourceFile],
    documents_read: u64,
    /// Documents, by the reason why they were left out.
    left_out: &'a Tally,
    remarks: &'a Tally,
    steps: &'a [Step],
    texts: Texts,
    classes: u64,
}

#[derive(Serialize)]
struct Texts {
    train: u64,
    dev: u64,
    test: u64,
}

pub(crate) fn text(prepared: &Prepared, source: &[SourceFile]) -> String {
    let [train, dev, test] = prepared.n_texts;
    let meta = Meta {
        recipe: prepared.about.name,
        title: prepared.about.title,
        licence: prepared.about.licence,
        version: env!("CARGO_PKG_VERSION"),
        options: &prepared.options,
        source,
        documents_read: prepared.n_read,
        left_out: &prepared.left_out,
        remarks: &prepared.remarks,
        steps: &prepared.steps,
        texts: Texts { train, dev, test },
        classes: prepared.n_classes,
    };
    serde_json::to_string_pretty(&meta).expect("it has string keys only") + "\n"
}

/// A file of the source, or a folder of many.
#[derive(Serialize)]
pub(crate) struct SourceFile {
    /// Path below the source folder.
    name: String,
    files: u64,
    bytes: u64,
    /// Hash of the file; of a folder, over a line `HASH  NAME\n` for each file, in the order of
    /// names.
    blake3: String,
}

/// Size and hash of everything that was read. A pass of its own, since archives are not read from
/// one end to the other.
pub(crate) fn hashed(
    source: &Path,
    used: &[PathBuf],
    progress: &dyn Progress,
) -> Result<Vec<SourceFile>, PrepareError> {
    let mut total = 0;
    let mut listed = Vec::new();
    for path in used {
        let mut names = Vec::new();
        if path.is_dir() {
            list_below(path, "", &mut names)?;
        }
        let files: Vec<PathBuf> = if path.is_dir() {
            names.iter().map(|name| path.join(name)).collect()
        } else {
            vec![path.clone()]
        };
        for file in &files {
            total += fs_err::metadata(file).map_err(|error| read(file, error))?.len();
        }
        listed.push((path, names, files));
    }
    progress.begin("hashing the source", total);
    let hashed = listed.into_iter().map(|(path, names, files)| {
        let name = path.strip_prefix(source).unwrap_or(path).display().to_string();
        let hashes: Result<Vec<_>, _> = files.par_iter().map(|file| hash(file, progress)).collect();
        Ok(one(name, &names, &hashes?))
    });
    let hashed = hashed.collect();
    progress.end();
    hashed
}

fn one(name: String, names: &[String], hashes: &[(u64, blake3::Hash)]) -> SourceFile {
    let bytes = hashes.iter().map(|(bytes, _)| bytes).sum();
    let blake3 = match (names, hashes) {
        ([], [(_, hash)]) => *hash,
        _ => {
            let mut hasher = blake3::Hasher::new();
            for (name, (_, hash)) in names.iter().zip(hashes) {
                hasher.update(format!("{hash}  {name}\n").as_bytes());
            }
            hasher.finalize()
        }
    };
    SourceFile { name, files: hashes.len() as u64, bytes, blake3: blake3.to_string() }
}

fn hash(path: &Path, progress: &dyn Progress) -> Result<(u64, blake3::Hash), PrepareError> {
    use std::io::Read as _;

    let mut file = fs_err::File::open(path).map_err(|error| read(path, error))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let n = file.read(&mut buffer).map_err(|error| read(path, error))?;
        if n == 0 {
            return Ok((hasher.count(), hasher.finalize()));
        }
        hasher.update(&buffer[..n]);
        progress.advance(n as u64);
    }
}

fn read(path: &Path, source: std::io::Error) -> PrepareError {
    PrepareError::Read { place: path.display().to_string(), source }
}
