//! The file of token ids: written once, then mapped into memory. The unsafe code of `data`.
#![allow(unsafe_code, reason = "a memory map, and its bytes seen as u32")]

use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use alhost_base::aside;
use alhost_base::store::sealed;
use memmap2::{Mmap, MmapOptions};
use tempfile::NamedTempFile;

use super::tokenize::Rows;
use super::tokens::WordPieces;

/// Bytes before the ids: number of texts and of ids, u64, little-endian. `store::sealed` knows whether the
/// file is whole, and its name says of what.
const HEADER: usize = 16;

/// u32 for each text behind the ids: its length, then (after all lengths) words, pieces, unknown.
const PER_TEXT: usize = 4;

// The file is mapped as it is.
const _: () = assert!(cfg!(target_endian = "little"), "token files are little-endian");

/// A whole, checked file.
pub(super) struct Arena {
    map: Mmap,
    n_texts: usize,
    n_ids: usize,
}

impl Arena {
    /// Opens a token file; none if there is no such file, or if it is damaged and is to be made
    /// anew.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let sealed = sealed::open(path)?;
        let len = usize::try_from(sealed.len).ok()?;
        // SAFETY: a file under this name is complete when it gets the name (`Writer::finish`) and
        // is never changed afterwards, only replaced; its map then keeps the old content.
        let map = unsafe { MmapOptions::new().len(len).map(&sealed.file) }.ok()?;
        let (n_texts, rest) = map.split_first_chunk()?;
        let (n_ids, _) = rest.split_first_chunk()?;
        let n_texts = usize::try_from(u64::from_le_bytes(*n_texts)).ok()?;
        let n_ids = usize::try_from(u64::from_le_bytes(*n_ids)).ok()?;
        let n_words = n_texts.checked_mul(PER_TEXT)?.checked_add(n_ids)?;
        if n_words.checked_mul(4)?.checked_add(HEADER)? != len {
            return None;
        }
        let arena = Self { map, n_texts, n_ids };
        let total: u64 = arena.lengths().iter().map(|&length| u64::from(length)).sum();
        (total == arena.n_ids as u64).then_some(arena)
    }

    pub(super) fn ids(&self) -> &[u32] {
        &self.words()[..self.n_ids]
    }

    pub(super) fn lengths(&self) -> &[u32] {
        &self.words()[self.n_ids..self.n_ids + self.n_texts]
    }

    pub(super) fn word_pieces(&self) -> Vec<WordPieces> {
        self.words()[self.n_ids + self.n_texts..]
            .chunks_exact(3)
            .map(|counts| WordPieces { words: counts[0], pieces: counts[1], unknown: counts[2] })
            .collect()
    }

    /// All that follows the header.
    fn words(&self) -> &[u32] {
        // SAFETY: any four bytes are a u32.
        let (before, words, after) = unsafe { self.map[HEADER..].align_to::<u32>() };
        // A map starts at a page, HEADER is a multiple of 4, and `open` checked the length.
        debug_assert!(before.is_empty() && after.is_empty());
        words
    }
}

/// Writes a token file under a temporary name; it gets its own when it is whole and on the disk.
pub(super) struct Writer {
    file: BufWriter<NamedTempFile>,
    n_ids: usize,
    lengths: Vec<u32>,
    word_pieces: Vec<WordPieces>,
}

impl Writer {
    /// Begins a file. `path` is where it will be; its folder is made.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 20, aside::create(path)?);
        file.write_all(&[0; HEADER])?;
        Ok(Self { file, n_ids: 0, lengths: Vec::new(), word_pieces: Vec::new() })
    }

    pub(super) fn push(&mut self, rows: &Rows) -> io::Result<()> {
        self.n_ids += rows.ids.len();
        self.lengths.extend(&rows.lengths);
        self.word_pieces.extend(&rows.word_pieces);
        self.write(rows.ids.iter().copied())
    }

    fn write(&mut self, words: impl Iterator<Item = u32>) -> io::Result<()> {
        let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        self.file.write_all(&bytes)
    }

    /// Gives the file its name atomically: at any moment, `path` is the old file, or none, or the
    /// whole new one.
    pub(super) fn finish(mut self, path: &Path) -> io::Result<()> {
        let lengths = std::mem::take(&mut self.lengths);
        let word_pieces = std::mem::take(&mut self.word_pieces);
        self.write(lengths.iter().copied())?;
        self.write(
            word_pieces.iter().flat_map(|counts| [counts.words, counts.pieces, counts.unknown]),
        )?;
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        for n in [lengths.len(), self.n_ids] {
            file.write_all(&(n as u64).to_le_bytes())?;
        }
        sealed::put(file, path)?;
        Ok(())
    }
}
