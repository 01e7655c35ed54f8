//! The number format in which the encoder computes. Weights, losses and the optimiser stay in f32.

use alhost_config::Precision;
use tch::{Device, Kind};

/// `Auto` is bf16 where the device multiplies it faster than f32: on a GPU, and on a CPU with
/// AVX512-BF16 (every CPU with AMX-BF16 has that too). Elsewhere libtorch emulates bf16, slowly.
pub fn kind(precision: Precision, device: Device) -> Kind {
    match precision {
        Precision::Bf16 => Kind::BFloat16,
        Precision::Auto if device.is_cuda() || cpu_has_bf16() => Kind::BFloat16,
        Precision::Auto | Precision::F32 => Kind::Float,
    }
}

/// Whether this CPU multiplies bf16 faster than f32.
#[cfg(target_arch = "x86_64")]
pub fn cpu_has_bf16() -> bool {
    std::is_x86_feature_detected!("avx512bf16")
}

/// Whether this CPU multiplies bf16 faster than f32.
#[cfg(not(target_arch = "x86_64"))]
pub fn cpu_has_bf16() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_bf16_on_a_gpu_and_what_the_cpu_can_do_elsewhere() {
        assert_eq!(kind(Precision::Auto, Device::Cuda(0)), Kind::BFloat16);
        let expected = if cpu_has_bf16() { Kind::BFloat16 } else { Kind::Float };
        assert_eq!(kind(Precision::Auto, Device::Cpu), expected);
    }

    #[test]
    fn what_is_asked_for_is_taken() {
        assert_eq!(kind(Precision::F32, Device::Cuda(0)), Kind::Float);
        assert_eq!(kind(Precision::Bf16, Device::Cpu), Kind::BFloat16);
    }
}
