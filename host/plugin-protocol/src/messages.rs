//! The messages, in the order in which they are said.

use std::path::PathBuf;

use alhost_plugin_api::ffi::PlugError;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{MAX_TEXT, cut};

/// The first message in either direction. It has this form in every version.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Hello {
    /// The version that the sender speaks.
    pub protocol: u32,
}

/// An error that crosses: code and message of a `PlugError`, cut to a length.
#[derive(Debug, Deserialize, Serialize)]
pub struct Failure {
    pub code: u32,
    pub message: String,
}

impl From<PlugError> for Failure {
    fn from(error: PlugError) -> Self {
        Self { code: error.code, message: cut(error.message.into_string(), MAX_TEXT) }
    }
}

impl From<Failure> for PlugError {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code, message: cut(failure.message, MAX_TEXT).into() }
    }
}

/// Numbers or bytes, in the order in which they lie in memory.
#[derive(Debug, Default, Deserialize, Serialize)]
pub enum Slice {
    #[default]
    Empty,
    Inline(ByteBuf),
    /// `bytes` bytes at `offset` of a memory of `capacity` bytes. Its descriptor comes with the
    /// message unless the other side has it already.
    Shared {
        id: u64,
        capacity: u64,
        offset: u64,
        bytes: u64,
        has_fd: bool,
    },
}

/// An `ffi::Block` on its way.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct BlockMessage {
    pub rows: u64,
    pub cols: u64,
    pub f32s: Slice,
    pub f64s: Slice,
    pub u32s: Slice,
    pub u64s: Slice,
    pub bytes: Slice,
    pub row_index: Option<Slice>,
}

/// An `ffi::RoundInfo` on its way.
#[derive(Debug, Deserialize, Serialize)]
pub struct RoundMessage {
    pub round: u32,
    pub n_texts: u32,
    pub n_labels: u32,
    pub threshold: f32,
    pub pool: Slice,
    pub labeled: Slice,
    pub label_offsets: Slice,
    pub label_ids: Slice,
    pub acquired_in: Slice,
    pub seed: [u8; 32],
}

#[derive(Debug, Deserialize, Serialize)]
pub struct Start {
    /// The host's own copy of the plugin's file, which nobody else changes.
    pub plugin: PathBuf,
    pub blake3: String,
    pub instance: String,
    /// Parameters, as a JSON object.
    pub params: String,
    pub n_texts: u32,
    pub n_labels: u32,
    /// Bytes of memory of its own that the worker may have.
    pub memory_bytes: u64,
}

#[derive(Debug, Deserialize, Serialize)]
pub enum ToWorker {
    Start(Start),
    Select {
        n: u64,
        round: RoundMessage,
    },
    Save,
    Load(Slice),
    /// Answers `Fetch` and `Compute`.
    Block(Result<BlockMessage, Failure>),
    /// A block of a stream; `first` is the place of its first row.
    Streamed {
        first: u64,
        block: BlockMessage,
    },
    /// Answers `Stream`, after its blocks.
    StreamEnd(Result<(), Failure>),
    Cancelled(bool),
}

#[derive(Debug, Deserialize, Serialize)]
pub enum FromWorker {
    /// Answers `Start`, `Load`.
    Done(Result<(), Failure>),
    /// Answers `Select`.
    Answer(Result<AnswerMessage, Failure>),
    /// Answers `Save`.
    Saved(Result<Slice, Failure>),
    Fetch {
        feature: String,
        options: String,
        ids: Slice,
    },
    Stream {
        feature: String,
        options: String,
        ids: Slice,
        rows: u64,
    },
    /// The strategy has seen a block of the stream.
    BlockDone(Result<(), Failure>),
    Compute {
        service: String,
        options: String,
        inputs: Vec<BlockMessage>,
    },
    IsCancelled,
    Progress {
        done: u64,
        total: u64,
    },
    Log {
        level: u8,
        message: String,
    },
}

impl FromWorker {
    /// Names the message, for messages about messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done(_) => "Done",
            Self::Answer(_) => "Answer",
            Self::Saved(_) => "Saved",
            Self::Fetch { .. } => "Fetch",
            Self::Stream { .. } => "Stream",
            Self::BlockDone(_) => "BlockDone",
            Self::Compute { .. } => "Compute",
            Self::IsCancelled => "IsCancelled",
            Self::Progress { .. } => "Progress",
            Self::Log { .. } => "Log",
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
pub struct AnswerMessage {
    pub ids: Slice,
    pub scores: Option<Slice>,
}
