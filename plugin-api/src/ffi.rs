//! The ABI. Authors of plugins never see this module: the layer in front of it hides it.
//!
//! Everything before a `last_prefix_field`, and every struct that is not a prefix type, is frozen
//! for all of 1.x. New features and services are new string ids and need no change here.
#![allow(
    unsafe_code,
    missing_docs,
    non_local_definitions,
    non_camel_case_types,
    unused_qualifications,
    clippy::expl_impl_clone_on_copy,
    clippy::mem_forget,
    clippy::used_underscore_binding,
    reason = "what abi_stable's macros expand to"
)]

use abi_stable::library::RootModule;
use abi_stable::sabi_types::{RMut, RRef, VersionStrings};
use abi_stable::std_types::{RBox, ROption, RResult, RSlice, RStr, RString, RVec};
use abi_stable::{StableAbi, declare_root_module_statics, package_version_strings, sabi_trait};

use crate::{DocId, Error};

/// The data that a feature or a service hands over, borrowed for one call. Each id says which
/// slices it uses (see `crate::features` and `crate::services`); the others are empty.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct Block<'a> {
    pub rows: usize,
    pub cols: usize,
    pub f32s: RSlice<'a, f32>,
    pub f64s: RSlice<'a, f64>,
    pub u32s: RSlice<'a, u32>,
    /// Offsets of ragged rows: one more than there are stored rows.
    pub u64s: RSlice<'a, u64>,
    pub bytes: RSlice<'a, u8>,
    /// Row `r` of the answer is stored row `row_index[r]`, so that a subset needs no gather.
    pub row_index: ROption<RSlice<'a, u32>>,
}

impl Block<'_> {
    pub const EMPTY: Block<'static> = Block {
        rows: 0,
        cols: 0,
        f32s: RSlice::EMPTY,
        f64s: RSlice::EMPTY,
        u32s: RSlice::EMPTY,
        u64s: RSlice::EMPTY,
        bytes: RSlice::EMPTY,
        row_index: ROption::RNone,
    };
}

/// The owner of a block's slices, on the side that lends. It does not cross.
#[derive(Clone, Debug, Default)]
pub struct OwnedBlock {
    pub rows: usize,
    pub cols: usize,
    pub f32s: Vec<f32>,
    pub f64s: Vec<f64>,
    pub u32s: Vec<u32>,
    pub u64s: Vec<u64>,
    pub bytes: Vec<u8>,
}

impl OwnedBlock {
    pub fn lend(&self) -> Block<'_> {
        Block {
            rows: self.rows,
            cols: self.cols,
            f32s: self.f32s.as_slice().into(),
            f64s: self.f64s.as_slice().into(),
            u32s: self.u32s.as_slice().into(),
            u64s: self.u64s.as_slice().into(),
            bytes: self.bytes.as_slice().into(),
            row_index: ROption::RNone,
        }
    }
}

/// The facts that a strategy may know of the round, borrowed for one call.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct RoundInfo<'a> {
    pub round: u32,
    /// Texts of the train split, labeled or not.
    pub n_texts: u32,
    pub n_labels: u32,
    /// Probability above which a label is predicted; NaN before the first training.
    pub threshold: f32,
    /// Unlabeled texts, ascending.
    pub pool: RSlice<'a, u32>,
    /// Labeled texts, in the order in which they were labeled.
    pub labeled: RSlice<'a, u32>,
    /// Labels of `labeled[i]`: `label_ids[label_offsets[i]..label_offsets[i + 1]]`, ascending.
    pub label_offsets: RSlice<'a, u64>,
    pub label_ids: RSlice<'a, u32>,
    /// Round in which `labeled[i]` was labeled.
    pub acquired_in: RSlice<'a, u32>,
    /// Seed of this strategy in this round.
    pub seed: [u8; 32],
}

/// The facts that a strategy may know when it is created.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct EnvInfo<'a> {
    pub instance: RStr<'a>,
    pub n_texts: u32,
    pub n_labels: u32,
}

#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct PlugError {
    pub code: u32,
    pub message: RString,
}

impl From<Error> for PlugError {
    fn from(error: Error) -> Self {
        Self { code: error.code(), message: error.message().into() }
    }
}

impl From<PlugError> for Error {
    fn from(error: PlugError) -> Self {
        Error::from_code(error.code, error.message.into_string())
    }
}

/// Services owned by the host. [any thread, during the call they were lent for]
#[sabi_trait]
pub trait Host: Send + Sync {
    fn round(&self) -> RoundInfo<'_>;
    fn fetch(
        &self,
        feature: RStr<'_>,
        options: RStr<'_>,
        ids: RSlice<'_, u32>,
    ) -> RResult<Block<'_>, PlugError>;
    /// Does what `fetch` does, but in blocks of at most `rows` texts that are gone when the sink
    /// returns.
    fn stream(
        &self,
        feature: RStr<'_>,
        options: RStr<'_>,
        ids: RSlice<'_, u32>,
        rows: usize,
        sink: SinkMut<'_>,
    ) -> RResult<(), PlugError>;
    fn compute(
        &self,
        service: RStr<'_>,
        options: RStr<'_>,
        inputs: RSlice<'_, Block<'_>>,
    ) -> RResult<Block<'_>, PlugError>;
    fn cancelled(&self) -> bool;
    fn progress(&self, done: u64, total: u64);
    #[sabi(last_prefix_field)] // 1.1 appends below, each method with a default body
    fn log(&self, level: u8, message: RStr<'_>);
}
pub type HostRef<'a> = Host_TO<'a, RRef<'a, ()>>;

/// Takes the blocks of `Host::stream`, one after the other.
#[sabi_trait]
pub trait Sink {
    #[sabi(last_prefix_field)]
    fn block(&mut self, first: usize, block: &Block<'_>) -> RResult<(), PlugError>;
}
pub type SinkMut<'a> = Sink_TO<'a, RMut<'a, ()>>;

/// A strategy's answer: a claim until the host has checked it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct Answer {
    pub ids: RVec<u32>,
    pub scores: ROption<RVec<f64>>,
}

#[sabi_trait]
pub trait RawStrategy: Send {
    fn select(&mut self, host: &HostRef<'_>, n: usize) -> RResult<Answer, PlugError>;
    fn save(&mut self) -> RResult<RVec<u8>, PlugError>;
    #[sabi(last_prefix_field)] // 1.1 appends below, each method with a default body
    fn load(&mut self, state: RSlice<'_, u8>) -> RResult<(), PlugError>;
}
pub type StrategyBox = RawStrategy_TO<'static, RBox<()>>;

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginMod_Ref)))]
#[sabi(missing_field(option))] // a newer host reads an absent field as `None`
pub struct PluginMod {
    /// The same text as in the file's `.alhost.manifest` section.
    pub manifest: extern "C" fn() -> RStr<'static>,
    #[sabi(last_prefix_field)] // 1.1 appends below
    pub create: for<'a> extern "C" fn(
        params: RStr<'a>,
        env: EnvInfo<'a>,
    ) -> RResult<StrategyBox, PlugError>,
}

impl RootModule for PluginMod_Ref {
    declare_root_module_statics! {PluginMod_Ref}
    const BASE_NAME: &'static str = "alhost_plugin";
    const NAME: &'static str = "alhost strategy plugin";
    // Expanded here, so that the version a plugin carries is that of the plugin-api inside it.
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// Text ids as they cross the boundary.
pub fn raw_ids(ids: &[DocId]) -> &[u32] {
    // SAFETY: `DocId` is a transparent wrapper of `u32`.
    unsafe { std::slice::from_raw_parts(ids.as_ptr().cast(), ids.len()) }
}

/// The inverse of `raw_ids`.
pub fn doc_ids(ids: &[u32]) -> &[DocId] {
    // SAFETY: `DocId` is a transparent wrapper of `u32`.
    unsafe { std::slice::from_raw_parts(ids.as_ptr().cast(), ids.len()) }
}
