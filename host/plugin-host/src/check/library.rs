//! Cases about the file and about loading it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use alhost_plugin_api::offers;
use serde_json::Map;

use super::hosts::{self, Experiment};
use super::probe::{Probe, cannot};
use super::subject::{Instance, Subject, blamed_on, is_panic, load};
use super::verdict::{Checked, Problem, demand};
use crate::elf;
use crate::error::PluginError;
use crate::loader::{PluginFile, PluginLibrary};
use crate::manifest::Manifest;

pub(super) fn manifest_static(subject: &Subject) -> Checked {
    let file = PluginFile::read(&subject.path).map_err(|e| Problem::Blocks(e.to_string()))?;
    if let Err(error @ PluginError::Exposed { .. }) = file.check() {
        return Err(Problem::Blocks(error.to_string()));
    }
    let Manifest { id, version, summary, needs, .. } = &file.manifest;
    let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good_id = id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(is_id);
    demand(good_id, || {
        format!("id `{id}`: not lower-case letters, digits and `-`, beginning with a letter")
    })?;
    demand(is_version(version), || format!("version `{version}`: not of the form 1.2.3"))?;
    demand(!summary.trim().is_empty(), || "the summary is empty".to_owned())?;
    for (i, need) in needs.iter().enumerate() {
        demand(offers::find(need).is_some(), || format!("this alhost has no `{need}`"))?;
        demand(!needs[..i].contains(need), || format!("`{need}` is declared twice"))?;
    }
    let parameters = file.manifest.parameters();
    for (i, param) in parameters.iter().enumerate() {
        let is_new = parameters[..i].iter().all(|other| other.name != param.name);
        demand(is_new, || format!("parameter `{}` is declared twice", param.name))?;
        let known = ["integer", "number", "boolean", "string", "choice"];
        demand(known.contains(&param.kind.as_str()), || {
            format!("parameter `{}` is of an unknown type, `{}`", param.name, param.kind)
        })?;
        demand(!param.help.is_empty(), || format!("parameter `{}` has no help", param.name))?;
    }
    Ok(())
}

/// `1.2.3`, with anything after a `-` or `+`.
fn is_version(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = core.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| part.parse::<u64>().is_ok())
}

pub(super) fn manifest_consistent(subject: &Subject) -> Checked {
    let file = fs_err::read(&subject.path).map_err(cannot)?;
    let library = subject.library()?;
    let of_code = library.module.manifest()();
    let of_file = elf::section(&file, ".alhost.manifest").unwrap_or_default();
    let is_same = of_code.as_str().as_bytes() == of_file;
    demand(is_same, || "the loaded plugin gives another manifest than its file has".to_owned())
}

pub(super) fn load_now(subject: &Subject) -> Checked {
    loading(subject, "lib.load-now")
}

pub(super) fn api_version(subject: &Subject) -> Checked {
    loading(subject, "lib.api-version")
}

pub(super) fn layout(subject: &Subject) -> Checked {
    loading(subject, "lib.layout")
}

/// Loads the plugin; an error fails the case that it belongs to, and the others cannot tell.
fn loading(subject: &Subject, case: &str) -> Checked {
    let Err(error) = load(subject.file()?) else { return Ok(()) };
    let blamed = blamed_on(&error);
    // What is refused without loading says nothing about loading.
    let is_earlier = case == "lib.api-version" && blamed != "lib.api-version";
    if blamed == case {
        Err(Problem::Blocks(error.to_string()))
    } else if is_earlier {
        Ok(())
    } else {
        Err(Problem::Skip(format!("see `{blamed}`: {error}")))
    }
}

pub(super) fn load_time(subject: &Subject) -> Checked {
    let file = subject.file()?;
    let before = footprint()?;
    let started = Instant::now();
    let library = load(file).map_err(|e| Problem::Skip(e.to_string()))?;
    let took = started.elapsed();
    let after = footprint()?;
    drop(library);
    let more = |what: &str, before: usize, after: usize| {
        demand(after <= before, || format!("loading it {what} ({before} before, {after} after)"))
    };
    more("starts threads", before.threads, after.threads)?;
    more("leaves files open", before.files, after.files)?;
    more("prints", before.printed, after.printed)?;
    if took.as_millis() >= 100 {
        return Err(Problem::Warn(format!("loading took {} ms", took.as_millis())));
    }
    Ok(())
}

struct Footprint {
    threads: usize,
    files: usize,
    /// Bytes on standard output.
    printed: usize,
}

fn footprint() -> Result<Footprint, Problem> {
    let count = |folder: &str| fs_err::read_dir(folder).map(Iterator::count).map_err(cannot);
    let printed = fs_err::metadata("/proc/self/fd/1").map_err(cannot)?.len() as usize;
    Ok(Footprint { threads: count("/proc/self/task")?, files: count("/proc/self/fd")?, printed })
}

pub(super) fn profile(subject: &Subject) -> Checked {
    let file = subject.file()?;
    let manifest = &file.manifest;
    demand(manifest.panic == "unwind", || {
        format!("built with `panic = \"{}\"`: its panics would end the host", manifest.panic)
    })?;
    if let Some((library, why)) = file.foreign().first() {
        return Err(Problem::Fail(format!("linked to {library}: {why}")));
    }
    match manifest.profile.as_str() {
        "release" => Ok(()),
        profile => Err(Problem::Warn(format!("a {profile} build, which can be 20 times slower"))),
    }
}

pub(super) fn twice(subject: &Subject) -> Checked {
    let alone = Probe::new(subject.seed, 2).apart(subject)?.done;
    let libraries = [subject.library()?, subject.library()?];
    let mut instances = Vec::new();
    for library in &libraries {
        instances.push(start(subject, library, "the second time")?);
    }
    let mut both = [Experiment::new(subject.seed), Experiment::new(subject.seed)];
    for _ in 0..2 {
        for (experiment, instance) in both.iter_mut().zip(&mut instances) {
            experiment.step(instance).map_err(|e| Problem::Fail(format!("loaded twice: {e}")))?;
        }
    }
    for experiment in both {
        demand(experiment.done == alone, || differs("loaded twice", &alone, &experiment.done))?;
    }
    Ok(())
}

pub(super) fn with_other(subject: &Subject) -> Checked {
    let alone = Probe::new(subject.seed, 1).apart(subject)?.done;
    let folder = tempfile::tempdir().map_err(cannot)?;
    let other = PluginFile::read(&another(subject, folder.path())?);
    let other = other.and_then(load).map_err(cannot)?;
    let library = subject.library()?;
    let id = &other.manifest.id;
    demand(library.module.manifest()().contains(&library.manifest.version), || {
        format!("beside `{id}`, it is not itself")
    })?;
    let params = serde_json::Value::Object(Map::new()).to_string();
    let params = if *id == library.manifest.id {
        serde_json::Value::Object(subject.resolved(&library)?).to_string()
    } else {
        params
    };
    let texts = (hosts::N_TEXTS, hosts::N_LABELS);
    let mut beside =
        Instance::create(&other, &params, "other", texts.0, texts.1).map_err(cannot)?;
    let mut experiment = Experiment::new(subject.seed);
    // Whether the other one can answer is its own affair.
    let _either = beside.select(&experiment.host(), 3);
    let mut instance = start(subject, &library, &format!("beside `{id}`"))?;
    let done = experiment.step(&mut instance);
    done.map_err(|e| Problem::Fail(format!("beside `{id}`: {e}")))?;
    demand(experiment.done == alone, || {
        differs(&format!("beside `{id}`"), &alone, &experiment.done)
    })
}

/// Another plugin from the same folder, or a copy of this one.
fn another(subject: &Subject, folder: &Path) -> Result<PathBuf, Problem> {
    let own = subject.file()?;
    let search = subject.path.parent().map(Path::to_owned);
    let mut beside = crate::SearchPath(search.into_iter().collect()).files();
    beside.retain(|path| {
        PluginFile::read(path)
            .is_ok_and(|file| file.manifest.id != own.manifest.id && file.manifest.check().is_ok())
    });
    if let Some(path) = beside.into_iter().next() {
        return Ok(path);
    }
    let copy = folder.join("libcopy.so");
    fs_err::copy(&subject.path, &copy).map_err(cannot)?;
    Ok(copy)
}

fn start(subject: &Subject, library: &PluginLibrary, when: &str) -> Result<Instance, Problem> {
    let params = serde_json::Value::Object(subject.resolved(library)?).to_string();
    Instance::create(library, &params, "checked", hosts::N_TEXTS, hosts::N_LABELS)
        .map_err(|error| Problem::Fail(format!("{when}, it does not start: {error}")))
}

/// Says that answers differ, and where first.
pub(super) fn differs(when: &str, expected: &[Vec<u32>], got: &[Vec<u32>]) -> String {
    let round = expected.iter().zip(got).position(|(a, b)| a != b).unwrap_or(0);
    let of = |all: &[Vec<u32>]| format!("{:?}", all.get(round).map_or(&[][..], Vec::as_slice));
    format!("{when}, round {} gives {} instead of {}", round + 1, of(got), of(expected))
}

/// Parameters that no strategy can take.
const JUNK: [&str; 8] = [
    "",
    "{",
    "[]",
    "null",
    "\u{0}",
    r#"{"no such parameter": 1}"#,
    r#"{"": {"": {"": []}}}"#,
    "{\"a\": 1e999}",
];

pub(super) fn unknown_strategy(subject: &Subject) -> Checked {
    let library = subject.library()?;
    for junk in JUNK {
        match Instance::create(&library, junk, "checked", hosts::N_TEXTS, hosts::N_LABELS) {
            Ok(_) => return Err(Problem::Fail(format!("it starts with the parameters `{junk}`"))),
            Err(error) => demand(!is_panic(&error), || format!("parameters `{junk}`: {error}"))?,
        }
    }
    let params = serde_json::Value::Object(subject.resolved(&library)?).to_string();
    let long = "x".repeat(10_000);
    for (instance, n_texts, n_labels) in
        [("", 9, 3), ("../ \u{1f600}", 9, 3), (long.as_str(), 9, 3), ("empty", 0, 0), ("one", 1, 1)]
    {
        let shown: String = instance.chars().take(20).collect();
        if let Err(error) = Instance::create(&library, &params, instance, n_texts, n_labels) {
            demand(!is_panic(&error), || {
                format!("for {n_texts} texts and {n_labels} labels, as `{shown}`: {error}")
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_three_numbers() {
        for (version, expected) in
            [("1.2.3", true), ("0.1.0-rc.1+build", true), ("1.2", false), ("1.2.x", false)]
        {
            assert_eq!(is_version(version), expected, "{version}");
        }
    }
}
