//! Lets `alhost` and its tests find libtorch without LD_LIBRARY_PATH: the run path points at the
//! wheel's own directory, whose layout libtorch relies on to find its CUDA libraries.

fn main() {
    let libraries = concat!(env!("CARGO_MANIFEST_DIR"), "/../.deps/site/torch/lib");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{libraries}");
    println!("cargo::rerun-if-changed=build.rs");
}
