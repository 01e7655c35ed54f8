//! The messages between a host and a worker, in postcard's encoding. Both are built together, so the
//! version is there to catch an `alhost-worker` of another build, not to be negotiated.

use std::path::PathBuf;

use alhost_plugin_api::ffi::PlugError;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::rates::{MAX_TEXT, cut};

pub(crate) const PROTOCOL: u32 = 2;

/// An error that crosses: code and message of a `PlugError`, cut to a length.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Failure {
    pub(crate) code: u32,
    pub(crate) message: String,
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
pub(crate) enum Slice {
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
pub(crate) struct BlockMessage {
    pub(crate) rows: u64,
    pub(crate) cols: u64,
    pub(crate) f32s: Slice,
    pub(crate) f64s: Slice,
    pub(crate) u32s: Slice,
    pub(crate) u64s: Slice,
    pub(crate) bytes: Slice,
    pub(crate) row_index: Option<Slice>,
}

/// An `ffi::RoundInfo` on its way.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct RoundMessage {
    pub(crate) round: u32,
    pub(crate) n_texts: u32,
    pub(crate) n_labels: u32,
    pub(crate) threshold: f32,
    pub(crate) pool: Slice,
    pub(crate) labeled: Slice,
    pub(crate) label_offsets: Slice,
    pub(crate) label_ids: Slice,
    pub(crate) acquired_in: Slice,
    pub(crate) seed: [u8; 32],
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Start {
    pub(crate) protocol: u32,
    /// The host's own copy of the plugin's file, which nobody else changes.
    pub(crate) plugin: PathBuf,
    pub(crate) blake3: String,
    pub(crate) instance: String,
    /// Parameters, as a JSON object.
    pub(crate) params: String,
    pub(crate) n_texts: u32,
    pub(crate) n_labels: u32,
    /// Bytes of memory of its own that the worker may have.
    pub(crate) memory_bytes: u64,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum ToWorker {
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
pub(crate) enum FromWorker {
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
    pub(crate) fn name(&self) -> &'static str {
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
pub(crate) struct AnswerMessage {
    pub(crate) ids: Slice,
    pub(crate) scores: Option<Slice>,
}
