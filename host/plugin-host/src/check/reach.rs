//! Cases about what a strategy may touch: not the host's memory, not what it did not declare, and
//! no gold label of an unlabeled text.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::contract::sound;
use super::hosts::{self, N_LABELS, N_TEXTS};
use super::library::differs;
use super::probe::{Probe, answer, cannot};
use super::subject::Subject;
use super::verdict::{Checked, Problem, demand};

pub(super) fn input_untouched(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let host = hosts::ordinary(subject.seed).watched();
    sound(&mut subject.instance(&library)?, &host, 10, "an ordinary query")?;
    demand(host.is_untouched(), || "it wrote to what the host had lent".to_owned())
}

pub(super) fn declared_only(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let mut instance = subject.instance(&library)?;
    // A host that gives everything: what the strategy asks for is seen, also if it can do without.
    let hosts = [hosts::ordinary(subject.seed), hosts::ordinary(subject.seed + 1)];
    for host in &hosts {
        sound(&mut instance, host, 10, "an ordinary query")?;
        for id in host.fetched() {
            let needs = &library.manifest.needs;
            demand(needs.contains(&id), || {
                format!("it asks for `{id}`, which is not among its `needs`: {}", needs.join(", "))
            })?;
        }
    }
    Ok(())
}

pub(super) fn label_blind(subject: &Subject) -> Checked {
    let with_labels = |shift: usize| {
        let folder = tempfile::tempdir().map_err(cannot)?;
        write_data(folder.path(), shift).map_err(cannot)?;
        let probe = Probe::new(subject.seed, 2);
        let left = probe.left_behind(subject, folder.path(), &BTreeMap::new())?;
        Ok::<_, Problem>(answer(left)?.done)
    };
    let (first, second) = (with_labels(0)?, with_labels(1)?);
    demand(first == second, || {
        differs("with other gold labels in the data files around it", &first, &second)
    })
}

/// A data set with gold labels where a run would have it: its files in the working folder.
fn write_data(folder: &Path, shift: usize) -> std::io::Result<()> {
    for split in ["train", "dev", "test"] {
        let line = |id: usize| {
            let label = format!("label {}", (id + shift) % N_LABELS);
            json!({ "id": id.to_string(), "text": format!("text {id}"), "labels": [label] })
                .to_string()
        };
        let lines: Vec<String> = (0..N_TEXTS).map(line).collect();
        fs_err::write(folder.join(format!("{split}.jsonl")), lines.join("\n") + "\n")?;
    }
    Ok(())
}
