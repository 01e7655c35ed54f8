//! Compares the pinned wheels with what torch's own metadata says about CUDA, so that a new torch
//! in `wheels.txt` cannot keep old CUDA wheels unnoticed.
//!
//! Torch 2.11 asks for some NVIDIA wheels by version and for the rest through extras of the empty
//! wheel `cuda-toolkit`, whose metadata has the versions.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::wheels::Pin;

/// One `Requires-Dist` line of a wheel's METADATA that pins a version.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Requirement {
    name: String,
    extras: Vec<String>,
    /// The version as written after `==`, perhaps ending in `.*`.
    version: String,
    /// The extra of the wheel that asks for it, if any.
    on_extra: Option<String>,
}

/// Checks that the pinned wheels are those that the unpacked torch in `site` asks for.
pub(crate) fn check_cuda_pins(site: &Path, pins: &[Pin]) -> Result<()> {
    let torch = fs_err::read_to_string(metadata_file(site, "torch", pins)?)?;
    let toolkit = fs_err::read_to_string(metadata_file(site, "cuda-toolkit", pins)?)?;
    let wanted = cuda_requirements(&torch, &toolkit);
    ensure!(!wanted.is_empty(), "torch's METADATA names no CUDA wheel");
    for requirement in &wanted {
        let Requirement { name, version, .. } = requirement;
        match pins.iter().find(|pin| pin.name == *name) {
            Some(pin) if matches(version, &pin.version) => {}
            Some(pin) => {
                bail!("wheels.txt pins {name} {}, but torch asks for {version}", pin.version)
            }
            None => bail!("wheels.txt lacks {name} {version}, which torch asks for"),
        }
    }
    Ok(())
}

fn metadata_file(site: &Path, name: &str, pins: &[Pin]) -> Result<std::path::PathBuf> {
    match pins.iter().find(|pin| pin.name == name) {
        Some(pin) => Ok(site.join(dist_info(pin)).join("METADATA")),
        None => bail!("wheels.txt lacks {name}"),
    }
}

/// The folder in which an installed wheel keeps its METADATA and RECORD.
pub(crate) fn dist_info(pin: &Pin) -> String {
    format!("{}-{}.dist-info", pin.name.replace('-', "_"), pin.version)
}

/// The NVIDIA wheels that torch asks for, with the extras of `cuda-toolkit` resolved.
fn cuda_requirements(torch: &str, toolkit: &str) -> Vec<Requirement> {
    let of_toolkit = requirements(toolkit);
    let mut wanted = Vec::new();
    for requirement in requirements(torch) {
        if requirement.name == "cuda-toolkit" {
            let by_extra = of_toolkit.iter().filter(|inner| {
                inner.on_extra.as_ref().is_some_and(|extra| requirement.extras.contains(extra))
            });
            wanted.extend(by_extra.cloned());
        }
        if requirement.name == "cuda-toolkit" || requirement.name.starts_with("nvidia-") {
            wanted.push(requirement);
        }
    }
    wanted
}

fn requirements(metadata: &str) -> Vec<Requirement> {
    metadata
        .lines()
        .filter_map(|line| line.strip_prefix("Requires-Dist: "))
        .filter_map(parse)
        .collect()
}

/// Parses `name[extra,extra]==version; markers`; `None` for a requirement without a fixed version.
fn parse(requirement: &str) -> Option<Requirement> {
    let (what, markers) = requirement.split_once(';').unwrap_or((requirement, ""));
    let (name, version) = what.split_once("==")?;
    let (name, extras) = match name.split_once('[') {
        Some((name, extras)) => (name, extras.trim_end().trim_end_matches(']')),
        None => (name, ""),
    };
    let on_extra = markers.split_once("extra ==").map(|(_, extra)| {
        extra.trim().trim_matches(|c| c == '\'' || c == '"' || c == ')').to_owned()
    });
    Some(Requirement {
        name: name.trim().to_owned(),
        extras: extras.split(',').filter(|e| !e.is_empty()).map(|e| e.trim().to_owned()).collect(),
        version: version.trim().to_owned(),
        on_extra,
    })
}

/// Whether a version satisfies `==wanted`, in which `1.2.*` stands for 1.2 and all that begins so.
fn matches(wanted: &str, version: &str) -> bool {
    match wanted.strip_suffix(".*") {
        Some(prefix) => version == prefix || version.starts_with(&format!("{prefix}.")),
        None => version == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wheels::{Flavor, pins};

    const TORCH: &str = "\
Name: torch
Requires-Dist: filelock
Requires-Dist: setuptools<82
Requires-Dist: cuda-toolkit[cublas,cudart]==13.0.2; platform_system == \"Linux\"
Requires-Dist: cuda-bindings<14,>=13.0.3; platform_system == \"Linux\"
Requires-Dist: nvidia-nccl-cu13==2.28.9; platform_system == \"Linux\"
Requires-Dist: triton==3.6.0; platform_system == \"Linux\"
";
    const TOOLKIT: &str = "\
Requires-Dist: nvidia-cublas==13.1.0.3.*; (sys_platform == 'linux') and extra == 'all'
Requires-Dist: nvidia-cublas==13.1.0.3.*; (sys_platform == 'linux') and extra == 'cublas'
Requires-Dist: nvidia-cuda-runtime==13.0.96.*; (sys_platform == 'linux') and extra == 'cudart'
Requires-Dist: nvidia-cufft==12.0.0.61.*; (sys_platform == 'linux') and extra == 'cufft'
";

    #[test]
    fn torch_asks_for_its_nvidia_wheels_and_those_of_the_extras_it_names() {
        let wanted: Vec<String> = cuda_requirements(TORCH, TOOLKIT)
            .iter()
            .map(|requirement| format!("{}=={}", requirement.name, requirement.version))
            .collect();
        assert_eq!(
            wanted,
            [
                "nvidia-cublas==13.1.0.3.*",
                "nvidia-cuda-runtime==13.0.96.*",
                "cuda-toolkit==13.0.2",
                "nvidia-nccl-cu13==2.28.9",
            ]
        );
    }

    #[test]
    fn a_star_stands_for_any_further_digits() {
        assert!(matches("13.1.0.3.*", "13.1.0.3"));
        assert!(matches("13.1.0.3.*", "13.1.0.3.1"));
        assert!(!matches("13.1.0.3.*", "13.1.0.30"));
        assert!(matches("2.28.9", "2.28.9"));
        assert!(!matches("2.28.9", "2.28.9.1"));
    }

    fn check(torch: &str, pins: &[Pin]) -> Result<()> {
        let site = tempfile::tempdir().unwrap();
        for (name, text) in [("torch", torch), ("cuda-toolkit", TOOLKIT)] {
            let pin = pins.iter().find(|pin| pin.name == name).unwrap();
            let folder = site.path().join(dist_info(pin));
            fs_err::create_dir_all(&folder).unwrap();
            fs_err::write(folder.join("METADATA"), text).unwrap();
        }
        check_cuda_pins(site.path(), pins)
    }

    #[test]
    fn the_pins_agree_with_a_torch_that_asks_for_them_and_with_no_other() {
        let pins = pins(Flavor::Cuda);
        check(TORCH, &pins).unwrap();
        let newer = TORCH.replace("2.28.9", "2.29.1");
        let message = check(&newer, &pins).unwrap_err().to_string();
        assert_eq!(message, "wheels.txt pins nvidia-nccl-cu13 2.28.9, but torch asks for 2.29.1");
        let other = TORCH.replace("nvidia-nccl-cu13", "nvidia-nccl-cu14");
        let message = check(&other, &pins).unwrap_err().to_string();
        assert_eq!(message, "wheels.txt lacks nvidia-nccl-cu14 2.28.9, which torch asks for");
    }
}
