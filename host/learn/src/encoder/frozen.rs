//! The pre-trained encoder's answers on a split, computed once and kept on disk: the poolings of
//! each text, and, for a CNN head on a frozen encoder, all hidden states.
//!
//! The files are read a text at a time where they are needed, through the system's page cache: the
//! states of 19,000 texts of 100 tokens are 1.5 GB, which is nothing to hold on the heap.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use alhost_base::aside;
use alhost_base::matrix::{Matrix, MatrixRoom};
use alhost_base::progress::Progress;
use alhost_base::store::sealed;
use alhost_data::tokens::Tokens;
use alhost_plugin_api::features::Pooling;
use fs_err::File;
use tch::{Device, Kind, Tensor};
use tempfile::NamedTempFile;

use crate::ModelError;
use crate::device::OneThread;
use crate::encoder::batch::{self, Batch};
use crate::encoder::bert::Weights;
use crate::encoder::states::Encoded;
use crate::files::identity;

/// Tokens in one batch of what is kept, whatever `model.token_budget` says: a batch's shape shows in the
/// last bits, and what is kept must not depend on who asks first.
pub(crate) const KEPT_BUDGET: usize = 4096;

/// The amount that is kept of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keep {
    Pooled,
    /// The poolings, and every token's state.
    States,
}

impl Keep {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pooled => "pre-trained embeddings",
            Self::States => "hidden states",
        }
    }
}

/// The files of one split.
pub(crate) struct Kept {
    /// f32 [texts, 2, hidden]: `[CLS]`, then mean.
    pooled: File,
    states: Option<StatesFile>,
    hidden: usize,
}

/// bf16 [tokens, hidden], text after text.
struct StatesFile {
    file: File,
    /// The first token of each text; one more than there are texts.
    offsets: Vec<u64>,
}

/// The place of one split's files, whose names say what they were made from.
pub(crate) struct Place {
    folder: PathBuf,
    key: String,
}

impl Place {
    /// `checkpoint` and `computation` are names, see `identity`.
    pub(crate) fn new(cache: &Path, checkpoint: &str, computation: &str, tokens: &Tokens) -> Self {
        let key =
            identity::hash("alhost 2 hidden states", &[checkpoint, computation, tokens.hash()]);
        Self { folder: cache.join("states"), key: key[..32].to_owned() }
    }

    /// The last of the files that are written for `keep`.
    pub(crate) fn main_file(&self, keep: Keep) -> PathBuf {
        self.file(match keep {
            Keep::Pooled => "pooled",
            Keep::States => "states",
        })
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.key))
    }
}

impl Kept {
    /// The files at `place` if all that is asked for is there and whole.
    pub(crate) fn open(place: &Place, tokens: &Tokens, hidden: usize, keep: Keep) -> Option<Self> {
        let pooled = open_sized(&place.file("pooled"), pooled_bytes(tokens, hidden))?;
        let states = match keep {
            Keep::Pooled => None,
            Keep::States => {
                let offsets = offsets(tokens);
                let bytes = offsets[tokens.len()] * state_bytes(hidden) as u64;
                Some(StatesFile { file: open_sized(&place.file("states"), bytes)?, offsets })
            }
        };
        Some(Self { pooled, states, hidden })
    }

    /// Encodes the whole split and keeps it. Under its name a file is always whole.
    pub(crate) fn compute(
        place: &Place,
        weights: &Weights,
        tokens: &Tokens,
        device: Device,
        keep: Keep,
        progress: &dyn Progress,
    ) -> Result<Self, ModelError> {
        let hidden = weights.config().hidden_size as usize;
        let pooled = sized(&place.file("pooled"), pooled_bytes(tokens, hidden))?;
        let offsets = offsets(tokens);
        let bytes = offsets[tokens.len()] * state_bytes(hidden) as u64;
        let states = match keep {
            Keep::Pooled => None,
            Keep::States => Some(sized(&place.file("states"), bytes)?),
        };

        let _one = weights.workers().map(|_| OneThread::only());
        let rows: Vec<u32> = (0..tokens.len() as u32).collect();
        progress.begin("encode with the pre-trained model", rows.len() as u64);
        for batch_rows in batch::by_length(tokens, &rows, KEPT_BUDGET) {
            let batch = Batch::new(tokens, &batch_rows, device);
            let encoded = Encoded::new(weights.forward(&batch), batch.lengths);
            write_pooled(pooled.as_file(), &batch_rows, &encoded)?;
            if let Some(states) = &states {
                write_states(states.as_file(), &batch_rows, &encoded, &offsets)?;
            }
            progress.advance(batch_rows.len() as u64);
        }
        progress.end();

        let states = match states {
            Some(states) => {
                Some(StatesFile { file: sealed::put(states, &place.file("states"))?.file, offsets })
            }
            None => None,
        };
        Ok(Self { pooled: sealed::put(pooled, &place.file("pooled"))?.file, states, hidden })
    }

    /// Returns what `States::encode` gives, from the files.
    pub(crate) fn encode(
        &self,
        rows: &[u32],
        kind: Kind,
        device: Device,
    ) -> Result<Encoded, ModelError> {
        let hidden = self.hidden as i64;
        let pooled = self.read_pooled(rows)?;
        let pooled = Tensor::from_slice(&pooled).view([-1, 2, hidden]).to_device(device);
        let (hidden_states, lengths) = match &self.states {
            None => (pooled.narrow(1, 0, 1), vec![1; rows.len()]),
            Some(states) => states.read(rows, self.hidden)?,
        };
        let hidden_states = hidden_states.to_device(device).to_kind(kind);
        Ok(Encoded::with_mean(hidden_states, lengths, pooled.select(1, 1)))
    }

    /// One pooling of each text, [rows, hidden].
    pub(crate) fn pooled(
        &self,
        rows: &[u32],
        pooling: Pooling,
        matrices: &MatrixRoom,
    ) -> Result<Matrix, ModelError> {
        let skipped = match pooling {
            Pooling::Cls => 0,
            Pooling::Mean => self.hidden,
        };
        let mut matrix = matrices.matrix(rows.len(), self.hidden);
        for (place, row) in rows.iter().enumerate() {
            let both = self.read_pooled(&[*row])?;
            matrix.row_mut(place).copy_from_slice(&both[skipped..skipped + self.hidden]);
        }
        Ok(matrix)
    }

    fn read_pooled(&self, rows: &[u32]) -> Result<Vec<f32>, ModelError> {
        let mut values = Vec::with_capacity(rows.len() * 2 * self.hidden);
        let text_bytes = 2 * self.hidden * 4;
        let mut bytes = vec![0; text_bytes];
        for &row in rows {
            read_at(&self.pooled, &mut bytes, u64::from(row) * text_bytes as u64)?;
            let (words, _) = bytes.as_chunks::<4>();
            values.extend(words.iter().copied().map(f32::from_ne_bytes));
        }
        Ok(values)
    }
}

impl StatesFile {
    /// bf16 [batch, len, hidden], zero behind each text's end.
    fn read(&self, rows: &[u32], hidden: usize) -> Result<(Tensor, Vec<i64>), ModelError> {
        let span = |row: u32| (self.offsets[row as usize], self.offsets[row as usize + 1]);
        let lengths: Vec<i64> =
            rows.iter().map(|&row| span(row)).map(|(start, end)| (end - start) as i64).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let row_bytes = longest as usize * state_bytes(hidden);
        let mut bytes = vec![0; rows.len() * row_bytes];
        for (to, &row) in bytes.chunks_exact_mut(row_bytes.max(1)).zip(rows) {
            let (start, end) = span(row);
            let len = (end - start) as usize * state_bytes(hidden);
            read_at(&self.file, &mut to[..len], start * state_bytes(hidden) as u64)?;
        }
        let shape = [rows.len() as i64, longest, hidden as i64];
        Ok((Tensor::from_data_size(&bytes, &shape, Kind::BFloat16), lengths))
    }
}

fn write_pooled(file: &std::fs::File, rows: &[u32], encoded: &Encoded) -> io::Result<()> {
    let pooled = Tensor::stack(&[encoded.cls(), encoded.mean()], 1); // f32 [batch, 2, hidden]
    let bytes = bytes(&pooled);
    let text_bytes = bytes.len() / rows.len();
    for (text, &row) in bytes.chunks_exact(text_bytes).zip(rows) {
        file.write_all_at(text, u64::from(row) * text_bytes as u64)?;
    }
    Ok(())
}

fn write_states(
    file: &std::fs::File,
    rows: &[u32],
    encoded: &Encoded,
    offsets: &[u64],
) -> io::Result<()> {
    let states = encoded.hidden_states.to_kind(Kind::BFloat16);
    let state_bytes = state_bytes(states.size()[2] as usize);
    let bytes = bytes(&states);
    for (i, &row) in rows.iter().enumerate() {
        let start = i * states.size()[1] as usize * state_bytes;
        let text = &bytes[start..start + encoded.lengths[i] as usize * state_bytes];
        file.write_all_at(text, offsets[row as usize] * state_bytes as u64)?;
    }
    Ok(())
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    let tensor = tensor.to_device(Device::Cpu).contiguous();
    let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    bytes
}

fn pooled_bytes(tokens: &Tokens, hidden: usize) -> u64 {
    (tokens.len() * 2 * hidden * 4) as u64
}

/// Returns the bytes of one token's state, in bf16.
fn state_bytes(hidden: usize) -> usize {
    hidden * 2
}

fn offsets(tokens: &Tokens) -> Vec<u64> {
    let mut offsets = vec![0];
    let mut end = 0;
    for text in 0..tokens.len() {
        end += tokens.row(text).len() as u64;
        offsets.push(end);
    }
    offsets
}

fn open_sized(path: &Path, bytes: u64) -> Option<File> {
    let sealed = sealed::open(path)?;
    (sealed.len == bytes).then_some(sealed.file)
}

/// A file to be named `path`, of so many bytes.
fn sized(path: &Path, bytes: u64) -> Result<NamedTempFile, ModelError> {
    let file = aside::create(path)?;
    file.as_file().set_len(bytes)?;
    Ok(file)
}

fn read_at(file: &File, bytes: &mut [u8], at: u64) -> Result<(), ModelError> {
    let read = file.file().read_exact_at(bytes, at);
    Ok(read.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path(file))))?)
}

fn path(file: &File) -> std::path::Display<'_> {
    file.path().display()
}
