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
            // DT_RPATH and not DT_RUNPATH: another libtorch in LD_LIBRARY_PATH would come before the
            // latter, and its symbols are not those that this program was linked with. Where the folder
            // is gone, as on the machine of a bundle, LD_LIBRARY_PATH has its say.
            println!("cargo::rustc-link-arg=-Wl,--disable-new-dtags");
        }
        Err(error) => {
            println!("cargo::error=no libtorch: `{}`: {error}", library.display());
            println!("cargo::error=hint: run `cargo xtask setup` once, it fetches libtorch");
        }
    }
}
