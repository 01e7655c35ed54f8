//! libtorch's random numbers. It has one generator for the whole process, and takes a seed for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

static GENERATOR: Mutex<()> = Mutex::new(());

/// Seeds libtorch's generator and keeps it from others who would seed it, as long as the guard
/// lives: what is drawn then depends on the seed alone, though trainings run side by side.
///
/// It must not be called twice on one thread without dropping the first guard.
#[must_use = "another thread may draw once the guard is dropped"]
pub(crate) fn seeded(seed: i64) -> MutexGuard<'static, ()> {
    // There is no data behind the lock that a panic could have left half written.
    let guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(seed);
    guard
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn threads_draw_what_their_seeds_say() {
        let draw = |seed| {
            let _generator = seeded(seed);
            let draws = (0..50).map(|_| Tensor::rand([7], (Kind::Float, Device::Cpu)));
            Vec::<f32>::try_from(Tensor::cat(&draws.collect::<Vec<_>>(), 0)).unwrap()
        };
        let alone: Vec<Vec<f32>> = (0..4).map(draw).collect();
        let together = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|seed| scope.spawn(move || draw(seed))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(alone, together);
    }
}
