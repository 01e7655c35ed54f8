//! Threads that take pieces of work from a list, in its order, and room that they use one after the other.

use std::sync::{Mutex, PoisonError};

use rayon::iter::{ParallelBridge, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::device;

/// As many threads as libtorch computes with; none are started for a single one.
pub(crate) struct Workers(Option<ThreadPool>);

impl Workers {
    /// Starts them. Where the system lets no threads be started, the caller's does the work.
    pub(crate) fn start() -> Self {
        let threads = device::torch_threads();
        let pool =
            (threads > 1).then(|| ThreadPoolBuilder::new().num_threads(threads).build().ok());
        Self(pool.flatten())
    }

    /// Does `work` on each of `items`. The first are begun first, so that the longest should be.
    pub(crate) fn each<T: Send>(
        &self,
        items: impl Iterator<Item = T> + Send,
        work: impl Fn(T) + Send + Sync,
    ) {
        match &self.0 {
            Some(pool) => pool.install(|| items.par_bridge().for_each(work)),
            None => items.for_each(work),
        }
    }
}

/// Values that are made when all others are in use.
#[derive(Default)]
pub(super) struct Rooms<T>(Mutex<Vec<T>>);

impl<T: Default> Rooms<T> {
    /// Lends one of the values to `work`.
    pub(super) fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = free().pop().unwrap_or_default();
        let result = work(&mut room);
        free().push(room);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_rooms_are_used_again() {
        let rooms = Rooms::<Vec<u32>>::default();
        for workers in
            [Workers(None), Workers(ThreadPoolBuilder::new().num_threads(2).build().ok())]
        {
            workers.each(0..50, |item| rooms.lend(|room| room.push(item)));
        }
        let rooms = rooms.0.into_inner().unwrap();
        assert!((1..=3).contains(&rooms.len()), "{}", rooms.len());
        let mut items = rooms.concat();
        items.sort_unstable();
        assert_eq!(items, (0..50).flat_map(|item| [item, item]).collect::<Vec<_>>());
    }
}
