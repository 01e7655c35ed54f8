//! One mini-query of DAL as the paper has it: 1,000 labeled and 10,000 unlabeled rows of 768
//! columns, 256 x 3, batch 32, 2 epochs.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::Instant;

use alhost_base::matrix::Matrix;
use alhost_learn::compute::discriminator;
use alhost_plugin_api::services::DiscriminatorOptions;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tch::Device;

fn main() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut rows = |n: usize, shift: f32| {
        let data = (0..n * 768).map(|_| rng.next_u32() as f32 / 4e9 + shift).collect();
        Matrix::new(data, n, 768)
    };
    let (labeled, unlabeled) = (rows(1_000, 0.0), rows(10_000, 0.02));
    let options = DiscriminatorOptions {
        widths: vec![256; 3],
        epochs: 2,
        batch: 32,
        rate: 1e-3,
        stop_accuracy: None,
        class_weights: [1.0, 1.0],
        stream: String::new(),
    };
    for device in [Device::Cpu, Device::cuda_if_available()] {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let (labeled, unlabeled) = ((&labeled).into(), (&unlabeled).into());
        let start = Instant::now();
        let found = discriminator(labeled, unlabeled, &options, &mut rng, device, &|| false)
            .expect("the options are right");
        let seconds = start.elapsed().as_secs_f64();
        println!("{device:?}: {seconds:.2} s, accuracy {:.3}", found.accuracy);
    }
}
