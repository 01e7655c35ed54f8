//! The second pass: spooled texts to `train.jsonl.gz`, `dev.jsonl.gz` and `test.jsonl.gz`, and the
//! small files beside them.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::Path;

use fs_err::File;
use libdeflater::{CompressionLvl, Compressor};
use rayon::prelude::*;
use serde::Serialize;

use crate::document::Part;
use crate::error::PrepareError;
use crate::filter::Filtered;
use crate::hierarchy::Hierarchy;
use crate::progress::Progress;
use crate::spool::{Pack, Spooled};

/// Compression takes most of the time; from here on, levels save little and cost much.
const LEVEL: i32 = 4;

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    text: &'a str,
    labels: &'a [&'a str],
}

/// Holds what a pack adds to one part.
#[derive(Default)]
struct Piece {
    lines: Vec<u8>,
    ids: String,
}

/// The files of one part.
struct Files {
    texts: BufWriter<File>,
    ids: BufWriter<File>,
}

pub(crate) fn write_texts(
    folder: &Path,
    spooled: &Spooled,
    filtered: &Filtered,
    hierarchy: &Hierarchy,
    progress: &dyn Progress,
) -> Result<(), PrepareError> {
    let failed = |source| written(folder, source);
    fs_err::create_dir_all(folder.join("splits")).map_err(failed)?;
    let mut files = Vec::new();
    for part in Part::ALL {
        let create = |name: String| File::create(folder.join(name)).map(BufWriter::new);
        let texts = create(format!("{}.jsonl.gz", part.name())).map_err(failed)?;
        let ids = create(format!("splits/{}.ids", part.name())).map_err(failed)?;
        files.push(Files { texts, ids });
    }
    progress.begin("writing", filtered.parts.len() as u64);
    spooled.each(|packs| {
        let pieces: Vec<_> =
            packs.par_iter().map(|pack| pieces(pack, filtered, hierarchy, progress)).collect();
        for pieces in pieces {
            for (file, piece) in files.iter_mut().zip(pieces.map_err(failed)?) {
                file.texts.write_all(&piece.lines).map_err(failed)?;
                file.ids.write_all(piece.ids.as_bytes()).map_err(failed)?;
            }
        }
        Ok(())
    })?;
    for file in &mut files {
        file.texts.flush().and_then(|()| file.ids.flush()).map_err(failed)?;
    }
    progress.end();
    Ok(())
}

/// Makes a pack's texts a member of each part's gzip file. Members may follow one another in a
/// file, so they can be made in parallel.
fn pieces(
    pack: &Pack,
    filtered: &Filtered,
    hierarchy: &Hierarchy,
    progress: &dyn Progress,
) -> std::io::Result<[Piece; 3]> {
    let unpacked = pack.unpack()?;
    let mut pieces: [Piece; 3] = Default::default();
    let mut labels = Vec::new();
    for (place, id, text) in unpacked.texts() {
        let Some(part) = filtered.parts[place] else { continue };
        labels.clear();
        labels.extend(filtered.rows.row(place).iter().map(|&label| hierarchy.id(label)));
        let piece = &mut pieces[part as usize];
        serde_json::to_writer(&mut piece.lines, &Line { id, text, labels: &labels })?;
        piece.lines.push(b'\n');
        piece.ids.push_str(id);
        piece.ids.push('\n');
    }
    progress.advance(pack.n_texts());
    for piece in &mut pieces {
        // An empty file is a gzip file without a member.
        if !piece.lines.is_empty() {
            piece.lines = gzip(&piece.lines)?;
        }
    }
    Ok(pieces)
}

/// One whole member of a gzip file.
fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let level = CompressionLvl::new(LEVEL).expect("levels go from 0 to 12");
    let mut packer = Compressor::new(level);
    let mut packed = vec![0; packer.gzip_compress_bound(bytes.len())];
    let length = packer.gzip_compress(bytes, &mut packed).map_err(std::io::Error::other)?;
    packed.truncate(length);
    Ok(packed)
}

/// `labels.txt`, the vocabulary, and `labels.tsv`, which tells more of each label.
pub(crate) fn write_labels(
    folder: &Path,
    filtered: &Filtered,
    hierarchy: &Hierarchy,
) -> Result<(), PrepareError> {
    let mut names = String::new();
    let mut table = "id\tname\tparents\tn_train\tn_all\n".to_owned();
    for &label in &filtered.classes {
        if hierarchy.id(label).contains(['\n', '\r']) {
            return Err(PrepareError::Malformed {
                place: format!("label {:?}", hierarchy.id(label)),
                problem: "it has a line end, and labels.txt has one label a line".to_owned(),
                hint: "correct it in the source".to_owned(),
            });
        }
        names.push_str(hierarchy.id(label));
        names.push('\n');
        table.push_str(&cells(hierarchy, label));
        let (n_train, n_all) = (filtered.n_train[label as usize], filtered.n_all[label as usize]);
        let _infallible = writeln!(table, "\t{n_train}\t{n_all}");
    }
    write(folder, "labels.txt", &names)?;
    write(folder, "labels.tsv", &table)
}

/// The whole hierarchy, since parents are mostly no classes themselves.
pub(crate) fn write_hierarchy(folder: &Path, hierarchy: &Hierarchy) -> Result<(), PrepareError> {
    let mut table = "id\tname\tparents\tleaf\n".to_owned();
    let mut labels: Vec<u32> = (0..hierarchy.len() as u32).collect();
    labels.sort_unstable_by_key(|&label| hierarchy.id(label));
    for label in labels {
        table.push_str(&cells(hierarchy, label));
        table.push_str(if hierarchy.is_leaf(label) { "\t1\n" } else { "\t0\n" });
    }
    write(folder, "hierarchy.tsv", &table)
}

/// Id, name and parents of a label.
fn cells(hierarchy: &Hierarchy, label: u32) -> String {
    let name = hierarchy.name(label).replace(['\t', '\n', '\r'], " ");
    let parents: Vec<&str> =
        hierarchy.parents(label).iter().map(|&parent| hierarchy.id(parent)).collect();
    format!("{}\t{name}\t{}", hierarchy.id(label), parents.join(","))
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) -> Result<(), PrepareError> {
    let path = folder.join(name);
    fs_err::write(&path, text).map_err(|source| written(&path, source))
}

pub(crate) fn written(path: &Path, source: std::io::Error) -> PrepareError {
    PrepareError::Write { place: path.display().to_string(), source }
}
