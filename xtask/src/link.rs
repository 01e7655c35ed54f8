//! `.deps/link`: the libtorch that cargo links against, as links into the unpacked wheel.
//!
//! torch-sys links whatever CUDA libraries it sees beside `libtorch.so`. It shall see none, so that
//! the binary needs only the CPU part and starts without a GPU; the host loads the CUDA part at run
//! time where there is one.

use std::path::Path;

use anyhow::Result;

const LIBRARIES: [&str; 4] = ["libc10.so", "libgomp.so.1", "libtorch.so", "libtorch_cpu.so"];

/// Makes `link/include` and `link/lib` point into the `site` beside it, and nothing else.
pub(crate) fn make(link: &Path) -> Result<()> {
    let lib = link.join("lib");
    fs_err::create_dir_all(&lib)?;
    for entry in fs_err::read_dir(&lib)? {
        let entry = entry?;
        if !LIBRARIES.iter().any(|library| entry.file_name() == *library) {
            fs_err::remove_file(entry.path())?;
        }
    }
    point(&link.join("include"), "../site/torch/include")?;
    for library in LIBRARIES {
        point(&lib.join(library), &format!("../../site/torch/lib/{library}"))?;
    }
    Ok(())
}

/// Makes `link` a symbolic link to `target`; leaves one that is right as it is.
pub(crate) fn point(link: &Path, target: &str) -> Result<()> {
    if fs_err::read_link(link).is_ok_and(|found| found == Path::new(target)) {
        return Ok(());
    }
    if fs_err::symlink_metadata(link).is_ok() {
        fs_err::remove_file(link)?;
    }
    fs_err::os::unix::fs::symlink(target, link)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_into_the_wheel_and_strangers_go() {
        let deps = tempfile::tempdir().unwrap();
        let link = deps.path().join("link");
        fs_err::create_dir_all(deps.path().join("site/torch/lib")).unwrap();
        fs_err::write(deps.path().join("site/torch/lib/libc10.so"), "c10").unwrap();
        fs_err::create_dir_all(link.join("lib")).unwrap();
        fs_err::write(link.join("lib/libtorch_cuda.so"), "").unwrap();
        fs_err::write(link.join("lib/libc10.so"), "not a link").unwrap();

        make(&link).unwrap();
        make(&link).unwrap();

        assert_eq!(fs_err::read_to_string(link.join("lib/libc10.so")).unwrap(), "c10");
        assert!(!link.join("lib/libtorch_cuda.so").exists());
        assert_eq!(fs_err::read_dir(link.join("lib")).unwrap().count(), LIBRARIES.len());
    }
}
