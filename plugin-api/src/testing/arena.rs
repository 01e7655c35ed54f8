//! Keeps what was lent for as long as the stand-in lives, without a lock around it.

use std::sync::OnceLock;

pub(super) use crate::ffi::OwnedBlock as Owned;

use super::trouble::sum;

/// Blocks that stay where they are, so that references to them stay valid.
#[derive(Default)]
pub(super) struct Arena {
    first: Link,
    is_watched: bool,
}

/// The rest of the list; it only grows.
type Link = OnceLock<Box<Node>>;

struct Node {
    value: Owned,
    /// The sum of the values when they were lent, where that is watched.
    sum: Option<u64>,
    next: Link,
}

impl Arena {
    pub(super) fn keep(&self, value: Owned) -> &Owned {
        let sum = self.is_watched.then(|| sum_of(&value));
        let mut node = Box::new(Node { value, sum, next: Link::default() });
        let mut end = &self.first;
        loop {
            match end.set(node) {
                Ok(()) => {
                    let node = end.get().expect("it has just been set");
                    return &node.value;
                }
                Err(refused) => node = refused,
            }
            end = &end.get().expect("it refused, so it is set").next;
        }
    }

    /// Notes what is lent from now on.
    pub(super) fn watch(&mut self) {
        self.is_watched = true;
    }

    /// Whether all that was noted is as it was.
    pub(super) fn is_untouched(&self) -> bool {
        let mut nodes = std::iter::successors(self.first.get(), |node| node.next.get());
        nodes.all(|node| node.sum.is_none_or(|sum| sum == sum_of(&node.value)))
    }
}

fn sum_of(block: &Owned) -> u64 {
    let f32s = block.f32s.iter().map(|x| u64::from(x.to_bits()));
    let f64s = block.f64s.iter().map(|x| x.to_bits());
    let u32s = block.u32s.iter().map(|&x| u64::from(x));
    let bytes = block.bytes.iter().map(|&x| u64::from(x));
    sum(f32s.chain(f64s).chain(u32s).chain(block.u64s.iter().copied()).chain(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_written_to_is_noticed() {
        let mut arena = Arena::default();
        arena.watch();
        let block = || Owned { f32s: vec![1.0, 2.0], ..Owned::default() };
        arena.keep(block());
        arena.keep(block());
        assert!(arena.is_untouched());
        let node = arena.first.get_mut().unwrap();
        node.next.get_mut().unwrap().value.f32s[1] = 3.0;
        assert!(!arena.is_untouched());
    }
}
