//! Keeps what was lent for as long as the stand-in lives, without a lock around it.

use std::sync::OnceLock;

pub(super) use crate::ffi::OwnedBlock as Owned;

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
