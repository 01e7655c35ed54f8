//! What this program is made of.

use std::path::PathBuf;

use alhost_learn::{LIBTORCH, device, identity};
use alhost_plugin_api::export::API_VERSION;

use crate::cli::terminal::say;

/// Prints the version; with `more`, also what results and errors can depend on.
pub(in crate::cli) fn version(more: bool) {
    say!("alhost {}", env!("CARGO_PKG_VERSION"));
    if !more {
        return;
    }
    say!("build: {}", identity::build().unwrap_or("unknown"));
    say!("plugin api: {API_VERSION}");
    say!(
        "libtorch: {LIBTORCH}{}",
        libtorch().map_or_else(String::new, |path| format!(", {}", path.display()))
    );
    say!(
        "cuda: {}",
        cuda().map_or_else(|reason| format!("no: {reason}"), |n| format!("{n} devices"))
    );
    say!("precision `auto` on the CPU: {}", precision());
    say!(
        "threads: {} of libtorch, {} of rayon",
        device::torch_threads(),
        rayon::current_num_threads()
    );
}

/// The CUDA devices, or why there are none.
pub(super) fn cuda() -> Result<usize, String> {
    device::load_cuda().map_err(str::to_owned)?;
    match device::n_gpus() {
        0 => Err("libtorch finds no device".to_owned()),
        n => Ok(n),
    }
}

pub(super) fn precision() -> &'static str {
    if alhost_learn::precision::cpu_has_bf16() { "bf16" } else { "f32" }
}

/// The libtorch that is loaded into this process.
pub(super) fn libtorch() -> Option<PathBuf> {
    let maps = fs_err::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with("/libtorch_cpu.so"))?;
    Some(PathBuf::from(&line[line.find('/')?..]))
}
