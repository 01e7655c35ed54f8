//! Ids and texts on disk between the two passes: the first counts labels, the second knows which
//! texts stay. What is held at a time does not grow with the source.

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use fs_err::File;
use rayon::prelude::*;

use crate::error::PrepareError;

/// Texts of about so many bytes are packed together, and so many packs are made or read at a time.
/// Both are fixed, so that what is written does not depend on the number of threads.
const PACK_BYTES: usize = 4 << 20;
pub(crate) const PACKS: usize = 4;
/// Level of compression of temporary data: speed counts, size hardly.
const LEVEL: i32 = 1;

/// Takes texts in the order of the source.
pub(crate) struct Spool {
    path: PathBuf,
    file: BufWriter<File>,
    full: Vec<Pack>,
    open: Pack,
}

/// Texts one after the other: length of id, length of text (`u32`, little-endian), id, text.
#[derive(Default)]
pub(crate) struct Pack {
    /// Place of the first text in the source.
    first: u64,
    n_texts: u64,
    bytes: Vec<u8>,
}

impl Spool {
    pub(crate) fn create(path: PathBuf) -> Result<Self, PrepareError> {
        let file = File::create(&path).map_err(|source| written(&path, source))?;
        let file = BufWriter::new(file);
        Ok(Self { path, file, full: Vec::new(), open: Pack::default() })
    }

    pub(crate) fn push(&mut self, id: &str, text: &str) -> Result<(), PrepareError> {
        let bytes = &mut self.open.bytes;
        bytes.extend_from_slice(&(id.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(text.as_bytes());
        self.open.n_texts += 1;
        if self.open.bytes.len() >= PACK_BYTES {
            self.close();
        }
        if self.full.len() >= PACKS {
            self.flush()?;
        }
        Ok(())
    }

    fn close(&mut self) {
        let first = self.open.first + self.open.n_texts;
        let next = Pack { first, n_texts: 0, bytes: Vec::new() };
        self.full.push(std::mem::replace(&mut self.open, next));
    }

    fn flush(&mut self) -> Result<(), PrepareError> {
        let packed: Vec<_> = std::mem::take(&mut self.full)
            .into_par_iter()
            .map(|pack| Ok((pack.first, pack.n_texts, zstd::bulk::compress(&pack.bytes, LEVEL)?)))
            .collect();
        for pack in packed {
            self.write(pack).map_err(|source| written(&self.path, source))?;
        }
        Ok(())
    }

    fn write(&mut self, pack: std::io::Result<(u64, u64, Vec<u8>)>) -> std::io::Result<()> {
        let (first, n_texts, bytes) = pack?;
        for number in [first, n_texts, bytes.len() as u64] {
            self.file.write_all(&number.to_le_bytes())?;
        }
        self.file.write_all(&bytes)
    }

    pub(crate) fn finish(mut self) -> Result<Spooled, PrepareError> {
        self.close();
        self.flush()?;
        self.file.flush().map_err(|source| written(&self.path, source))?;
        Ok(Spooled { path: self.path })
    }
}

/// A spool that is complete.
pub(crate) struct Spooled {
    path: PathBuf,
}

impl Spooled {
    /// Gives up to [`PACKS`] packs at a time, still packed.
    pub(crate) fn each(
        &self,
        mut each: impl FnMut(Vec<Pack>) -> Result<(), PrepareError>,
    ) -> Result<(), PrepareError> {
        let failed = |source| read(&self.path, source);
        let mut file = BufReader::new(File::open(&self.path).map_err(failed)?);
        loop {
            let mut packs = Vec::new();
            while packs.len() < PACKS
                && let Some(pack) = next(&mut file).map_err(failed)?
            {
                packs.push(pack);
            }
            if packs.is_empty() {
                return Ok(());
            }
            each(packs)?;
        }
    }

    /// The id of the text at a place of the source.
    pub(crate) fn id(&self, text: u64) -> Result<Option<String>, PrepareError> {
        let mut found = None;
        self.each(|packs| {
            let is_here = |pack: &&Pack| (pack.first..pack.first + pack.n_texts).contains(&text);
            if let Some(pack) = packs.iter().find(is_here) {
                let place = (text - pack.first) as usize;
                let unpacked = pack.unpack().map_err(|source| read(&self.path, source))?;
                found = unpacked.texts().nth(place).map(|(_, id, _)| id.to_owned());
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn next(file: &mut impl Read) -> std::io::Result<Option<Pack>> {
    let mut numbers = [[0; 8]; 3];
    for (index, number) in numbers.iter_mut().enumerate() {
        match file.read_exact(number) {
            Err(error) if index == 0 && error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Ok(None);
            }
            other => other?,
        }
    }
    let [first, n_texts, n_bytes] = numbers.map(u64::from_le_bytes);
    let mut bytes = vec![0; n_bytes as usize];
    file.read_exact(&mut bytes)?;
    Ok(Some(Pack { first, n_texts, bytes }))
}

impl Pack {
    pub(crate) fn n_texts(&self) -> u64 {
        self.n_texts
    }

    pub(crate) fn unpack(&self) -> std::io::Result<Unpacked> {
        let bytes = zstd::stream::decode_all(&self.bytes[..])?;
        Ok(Unpacked { first: self.first, bytes })
    }
}

pub(crate) struct Unpacked {
    first: u64,
    bytes: Vec<u8>,
}

impl Unpacked {
    /// Gives each text's place in the source, its id and the text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        let mut rest = &self.bytes[..];
        (self.first as usize..).map_while(move |place| {
            let (id_length, text_length) = (length(rest, 0)?, length(rest, 4)?);
            let (both, after) = rest[8..].split_at(id_length + text_length);
            rest = after;
            let (id, text) = both.split_at(id_length);
            let text_of = |bytes| std::str::from_utf8(bytes).expect("it was written from a str");
            Some((place, text_of(id), text_of(text)))
        })
    }
}

fn length(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(word.try_into().expect("it has four bytes")) as usize)
}

fn written(path: &Path, source: std::io::Error) -> PrepareError {
    PrepareError::Write { place: path.display().to_string(), source }
}

fn read(path: &Path, source: std::io::Error) -> PrepareError {
    PrepareError::Read { place: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_in_comes_out_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(folder.path().join("spool")).unwrap();
        // Some packs' worth, with texts of all lengths, also none and one longer than a pack.
        let text = |i: usize| "é".repeat(if i == 40 { PACK_BYTES } else { i * 7_919 % 200_000 });
        for i in 0..100 {
            spool.push(&format!("id{i}"), &text(i)).unwrap();
        }
        let spooled = spool.finish().unwrap();
        let mut n_texts = 0;
        spooled
            .each(|packs| {
                for pack in packs {
                    for (place, id, got) in pack.unpack().unwrap().texts() {
                        assert_eq!((place, id), (n_texts, &*format!("id{n_texts}")));
                        assert!(got == text(n_texts), "text {n_texts}");
                        n_texts += 1;
                    }
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(n_texts, 100);
        assert_eq!(spooled.id(73).unwrap().as_deref(), Some("id73"));
        assert_eq!(spooled.id(100).unwrap(), None);
    }
}
