//! Names for what the numbers of a model depend on beside its texts, its config and its seed: which
//! checkpoint it comes from, and which computation made them. Everything that is kept or gone on
//! with is named by both.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

use crate::{LIBTORCH, device};

/// Names a checkpoint by all that is read of it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct CheckpointIdentity {
    /// The hash of the encoder's configuration as it was understood, and of what the checkpoint
    /// says of pooling.
    pub config: String,
    pub weights: String,
    /// The hash of the tokenizer as it was built.
    pub tokenizer: String,
}

/// Names an arithmetic: the same inputs give the same bits.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Computation {
    /// `cpu` or `cuda`.
    pub device: String,
    /// Its model; of a processor also the vector extensions.
    pub hardware: String,
    /// `f32` or `bf16`.
    pub precision: String,
    pub torch_threads: usize,
    pub libtorch: String,
    /// Hash of this program.
    pub build: String,
}

impl CheckpointIdentity {
    /// Returns a hash of all fields, in hex. A field that is not hashed does not compile.
    pub fn name(&self) -> String {
        let Self { config, weights, tokenizer } = self;
        hash("alhost 2 checkpoint", &[config, weights, tokenizer])
    }
}

impl Computation {
    /// Returns the computation that this process does on `device` with layers of `kind`.
    pub fn here(device: Device, kind: Kind) -> Self {
        Self {
            device: if device.is_cuda() { "cuda" } else { "cpu" }.to_owned(),
            hardware: hardware(device),
            precision: if kind == Kind::BFloat16 { "bf16" } else { "f32" }.to_owned(),
            torch_threads: device::torch_threads(),
            libtorch: LIBTORCH.to_owned(),
            build: build().unwrap_or("unknown").to_owned(),
        }
    }

    /// Returns a hash of all fields, in hex. A field that is not hashed does not compile.
    pub fn name(&self) -> String {
        let Self { device, hardware, precision, torch_threads, libtorch, build } = self;
        hash(
            "alhost 2 computation",
            &[device, hardware, precision, &torch_threads.to_string(), libtorch, build],
        )
    }
}

/// Hashes the parts, each apart from the next; in hex.
pub(crate) fn hash(what: &'static str, parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(what);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// BLAKE3 of this program, where it can be read.
pub fn build() -> Option<&'static str> {
    static HASH: OnceLock<Option<String>> = OnceLock::new();
    let hash = HASH.get_or_init(|| {
        let mut hasher = blake3::Hasher::new();
        // By this name it is the program that runs, also where a build has put another in its place.
        hasher.update_reader(fs_err::File::open("/proc/self/exe").ok()?).ok()?;
        Some(hasher.finalize().to_hex().to_string())
    });
    hash.as_deref()
}

/// Extensions that decide by which code a processor computes, the best first.
const EXTENSIONS: [&str; 5] = ["amx_bf16", "avx512_bf16", "avx512f", "avx2", "avx"];

/// Returns the model of a device: another model of processor adds in another order, and caches travel between
/// machines. Virtual machines call very different processors by one name, so their extensions are named as well.
fn hardware(device: Device) -> String {
    static CPU: OnceLock<String> = OnceLock::new();
    static GPUS: OnceLock<String> = OnceLock::new();
    if device.is_cuda() {
        let gpus = GPUS.get_or_init(|| {
            let folders =
                fs_err::read_dir("/proc/driver/nvidia/gpus").into_iter().flatten().flatten();
            let of = |folder: fs_err::DirEntry| value(&folder.path().join("information"), "Model:");
            let mut models: Vec<String> = folders.filter_map(of).collect();
            models.sort();
            models.join(", ")
        });
        return gpus.clone();
    }
    let cpu = CPU.get_or_init(|| {
        let file = std::path::Path::new("/proc/cpuinfo");
        let name = value(file, "model name").unwrap_or_default();
        let flags = value(file, "flags").unwrap_or_default();
        let has = |extension: &&&str| flags.split(' ').any(|flag| flag == **extension);
        let best = EXTENSIONS.iter().find(has).unwrap_or(&"no vector extensions");
        format!("{name}, {best}")
    });
    cpu.clone()
}

/// Returns what stands behind `key` in the first line that begins with it.
fn value(path: &std::path::Path, key: &str) -> Option<String> {
    let text = fs_err::read_to_string(path).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(rest.trim_start_matches([':', ' ', '\t']).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Changes each field of `identity` alone and expects another name each time.
    fn check<T>(identity: &T, name: impl Fn(&T) -> String)
    where
        T: Serialize + for<'de> Deserialize<'de>,
    {
        let fields = serde_json::to_value(identity).unwrap();
        let mut names = vec![name(identity)];
        for key in fields.as_object().unwrap().keys() {
            let mut changed = fields.clone();
            changed[key] = match &changed[key] {
                Value::Number(number) => Value::from(number.as_u64().unwrap() + 1),
                Value::String(text) => Value::from(format!("{text}x")),
                other => panic!("{key}: {other}"),
            };
            names.push(name(&serde_json::from_value(changed).unwrap()));
        }
        let n = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), n, "a field does not change the name");
    }

    #[test]
    fn every_field_changes_the_name() {
        check(&CheckpointIdentity::default(), CheckpointIdentity::name);
        check(&Computation::here(Device::Cpu, Kind::Float), Computation::name);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(hash("x", &["ab", "c"]), hash("x", &["a", "bc"]));
    }

    #[test]
    fn this_machine_and_this_program_have_names() {
        let here = Computation::here(Device::Cpu, Kind::BFloat16);
        assert_eq!(here.precision, "bf16");
        assert_eq!(here.build.len(), 64);
        assert_eq!(here.device, "cpu");
        assert!(here.hardware.contains(", "), "{}", here.hardware);
    }
}
