//! Notes the compiler's version, which each plugin's manifest carries.

use std::process::Command;

fn main() {
    let rustc = std::env::var_os("RUSTC").expect("cargo sets RUSTC for build scripts");
    let version = Command::new(rustc).arg("--version").output().ok();
    let version = version.and_then(|out| String::from_utf8(out.stdout).ok()).unwrap_or_default();
    println!("cargo::rustc-env=ALHOST_RUSTC={}", version.trim());
    println!("cargo::rerun-if-changed=build.rs");
}
