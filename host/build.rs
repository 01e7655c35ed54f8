//! Lets `alhost` and its tests find libtorch without `LD_LIBRARY_PATH`: the run path points at the
//! folder in which the linked `libtorch_cpu.so` really lies. That is the wheel's own folder, whose
//! layout libtorch relies on to find its CUDA libraries.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    // `.cargo/config.toml` sets LIBTORCH where the environment does not.
    let libtorch = std::env::var_os("LIBTORCH").unwrap_or_default();
    let library = Path::new(&libtorch).join("lib/libtorch_cpu.so");
    match library.canonicalize() {
        Ok(real) => {
            let folder = real.parent().expect("a file lies in a folder").display();
            println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
        }
        Err(error) => {
            println!("cargo::error=no libtorch: `{}`: {error}", library.display());
            println!("cargo::error=hint: run `cargo xtask setup` once, it fetches libtorch");
        }
    }
}
