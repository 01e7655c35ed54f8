//! Keeps what was lent for as long as the stand-in lives, without a lock around it.

use std::sync::OnceLock;

use crate::ffi::Block;

/// The owner of a block's slices.
#[derive(Default)]
pub(super) struct Owned {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) f32s: Vec<f32>,
    pub(super) f64s: Vec<f64>,
    pub(super) u32s: Vec<u32>,
    pub(super) u64s: Vec<u64>,
    pub(super) bytes: Vec<u8>,
}

impl Owned {
    pub(super) fn lend(&self) -> Block<'_> {
        Block {
            rows: self.rows,
            cols: self.cols,
            f32s: self.f32s.as_slice().into(),
            f64s: self.f64s.as_slice().into(),
            u32s: self.u32s.as_slice().into(),
            u64s: self.u64s.as_slice().into(),
            bytes: self.bytes.as_slice().into(),
            ..Block::EMPTY
        }
    }
}

/// A list that only grows, so that a reference into it stays valid.
#[derive(Default)]
pub(super) struct Arena(OnceLock<Box<Node>>);

struct Node {
    value: Owned,
    next: Arena,
}

impl Arena {
    pub(super) fn keep(&self, value: Owned) -> &Owned {
        let mut node = Box::new(Node { value, next: Self::default() });
        let mut end = self;
        loop {
            match end.0.set(node) {
                Ok(()) => {
                    let node = end.0.get().expect("it has just been set");
                    return &node.value;
                }
                Err(refused) => node = refused,
            }
            end = &end.0.get().expect("it refused, so it is set").next;
        }
    }
}
