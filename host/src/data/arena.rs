//! The file of token ids: written once, then mapped into memory. The unsafe code of `data`.
#![allow(unsafe_code, reason = "a memory map, and its bytes seen as u32")]

use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use fs_err::File;
use memmap2::Mmap;
use tempfile::NamedTempFile;

use super::tokenize::Rows;
use super::tokens::WordPieces;

const MAGIC: [u8; 8] = *b"alhtok\r\n";

/// Bytes before the ids: `MAGIC`, number of texts, number of ids (u64 each), key and checksum of
/// the rest (32 bytes each), and zeros. All numbers are little-endian.
const HEADER: usize = 96;

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
    /// None if there is no such file, or it is torn, or of other content: it is to be made anew.
    pub(super) fn open(path: &Path, key: blake3::Hash) -> Option<Self> {
        let file = File::open(path).ok()?;
        // SAFETY: a file under this name is complete when it gets the name (`Writer::finish`) and
        // is never changed afterwards, only replaced; its map then keeps the old content.
        let map = unsafe { Mmap::map(&file) }.ok()?;
        let header = Header::read(&map)?;
        let n_words = header.n_texts.checked_mul(PER_TEXT)?.checked_add(header.n_ids)?;
        let whole = header.key == *key.as_bytes()
            && n_words.checked_mul(4)?.checked_add(HEADER)? == map.len()
            && header.checksum == *blake3::hash(&map[HEADER..]).as_bytes();
        if !whole {
            tracing::warn!("{}: not a whole token file; it is made anew", path.display());
            return None;
        }
        let arena = Self { map, n_texts: header.n_texts, n_ids: header.n_ids };
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

struct Header {
    n_texts: usize,
    n_ids: usize,
    key: [u8; 32],
    checksum: [u8; 32],
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEADER)?.strip_prefix(&MAGIC)?;
        let (n_texts, bytes) = bytes.split_first_chunk()?;
        let (n_ids, bytes) = bytes.split_first_chunk()?;
        let (key, bytes) = bytes.split_first_chunk()?;
        let (checksum, _) = bytes.split_first_chunk()?;
        Some(Self {
            n_texts: usize::try_from(u64::from_le_bytes(*n_texts)).ok()?,
            n_ids: usize::try_from(u64::from_le_bytes(*n_ids)).ok()?,
            key: *key,
            checksum: *checksum,
        })
    }

    fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&(self.n_texts as u64).to_le_bytes());
        bytes[16..24].copy_from_slice(&(self.n_ids as u64).to_le_bytes());
        bytes[24..56].copy_from_slice(&self.key);
        bytes[56..88].copy_from_slice(&self.checksum);
        bytes
    }
}

/// Writes a token file under a temporary name; it gets its own when it is whole and on the disk.
pub(super) struct Writer {
    file: BufWriter<NamedTempFile>,
    hasher: blake3::Hasher,
    n_ids: usize,
    lengths: Vec<u32>,
    word_pieces: Vec<WordPieces>,
}

impl Writer {
    /// `path` is where the file will be; its folder is made.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs_err::create_dir_all(folder)?;
        let mut file = BufWriter::with_capacity(1 << 20, NamedTempFile::new_in(folder)?);
        file.write_all(&[0; HEADER])?;
        Ok(Self {
            file,
            hasher: blake3::Hasher::new(),
            n_ids: 0,
            lengths: Vec::new(),
            word_pieces: Vec::new(),
        })
    }

    pub(super) fn push(&mut self, rows: &Rows) -> io::Result<()> {
        self.n_ids += rows.ids.len();
        self.lengths.extend(&rows.lengths);
        self.word_pieces.extend(&rows.word_pieces);
        self.write(rows.ids.iter().copied())
    }

    fn write(&mut self, words: impl Iterator<Item = u32>) -> io::Result<()> {
        let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        self.hasher.update(&bytes);
        self.file.write_all(&bytes)
    }

    /// Atomic: at any moment, `path` is the old file, or none, or the whole new one.
    pub(super) fn finish(mut self, path: &Path, key: blake3::Hash) -> io::Result<()> {
        let lengths = std::mem::take(&mut self.lengths);
        let word_pieces = std::mem::take(&mut self.word_pieces);
        self.write(lengths.iter().copied())?;
        self.write(
            word_pieces.iter().flat_map(|counts| [counts.words, counts.pieces, counts.unknown]),
        )?;
        let header = Header {
            n_texts: lengths.len(),
            n_ids: self.n_ids,
            key: *key.as_bytes(),
            checksum: *self.hasher.finalize().as_bytes(),
        };
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header.bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }
}
