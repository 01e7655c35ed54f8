//! What a grid's results follow from, told in words, so that two machines can see whether they would do the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alhost_base::aside;
use serde::{Deserialize, Serialize};

/// What each thing is, by its name: `plugin alps` is a hash, `file data/train.jsonl` a size and a time.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Facts(pub BTreeMap<String, String>);

/// A grid is not what it was when its jobs were submitted, or looks otherwise from this machine.
#[derive(Debug, thiserror::Error)]
#[error(
    "this is another grid than the one that was submitted\n  {}\n\
     hint: where the grid was changed, submit it again: `--cancel`, then the same command; where this machine sees other \
     files or another program, give all machines the same (see docs/cluster.md)",
    differences.join("\n  ")
)]
pub struct OtherGrid {
    pub differences: Vec<String>,
}

/// So many differences are told.
const TOLD: usize = 8;

impl Facts {
    /// Returns 16 characters that differ where a fact does.
    pub fn name(&self) -> String {
        let text = serde_json::to_string(self).expect("this is plain data");
        blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
    }

    /// Writes the facts into the folder of a grid's own files, for [`Facts::check`].
    pub fn keep(&self, folder: &Path) -> std::io::Result<()> {
        let mut text = serde_json::to_string_pretty(self).expect("this is plain data");
        text.push('\n');
        aside::replace(&file(folder, &self.name()), text.as_bytes())
    }

    /// Compares with the facts that were kept under `name`, and says what differs.
    pub fn check(&self, folder: &Path, name: &str) -> Result<(), OtherGrid> {
        if self.name() == name {
            return Ok(());
        }
        let kept = fs_err::read_to_string(file(folder, name)).ok();
        let kept: Option<Self> = kept.and_then(|text| serde_json::from_str(&text).ok());
        let differences = match kept {
            Some(kept) => kept.differences(self),
            None => vec!["what it was is not to be found".to_owned()],
        };
        Err(OtherGrid { differences })
    }

    fn differences(&self, now: &Self) -> Vec<String> {
        let mut names: Vec<&String> = self.0.keys().chain(now.0.keys()).collect();
        names.sort();
        names.dedup();
        let value = |facts: &Self, name: &str| {
            facts.0.get(name).map_or_else(|| "nothing".to_owned(), |value| format!("`{value}`"))
        };
        let differ = names.iter().filter(|name| self.0.get(**name) != now.0.get(**name));
        let words = |name: &&&String| {
            format!("{name}: it was {}, and here is {}", value(self, name), value(now, name))
        };
        let mut told: Vec<String> = differ.clone().take(TOLD).map(|name| words(&name)).collect();
        let more = differ.count().saturating_sub(TOLD);
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        told
    }
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("plan-{name}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pairs: &[(&str, &str)]) -> Facts {
        Facts(pairs.iter().map(|(name, is)| ((*name).to_owned(), (*is).to_owned())).collect())
    }

    #[test]
    fn what_differs_is_told_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let before = facts(&[("libtorch", "2.11.0"), ("plugin alps", "p1"), ("seeds", "1, 2")]);
        before.keep(folder.path()).unwrap();
        let name = before.name();
        before.check(folder.path(), &name).unwrap();
        let check = |now: &Facts, expected: &[&str]| {
            let error = now.check(folder.path(), &name).unwrap_err();
            assert_eq!(error.differences, expected);
            assert!(error.to_string().contains("hint: "), "{error}");
        };
        let now = facts(&[("libtorch", "2.12.0"), ("plugin dal", "p2"), ("seeds", "1, 2")]);
        check(
            &now,
            &[
                "libtorch: it was `2.11.0`, and here is `2.12.0`",
                "plugin alps: it was `p1`, and here is nothing",
                "plugin dal: it was nothing, and here is `p2`",
            ],
        );
        let many: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let many = Facts(many.iter().map(|name| (name.clone(), String::new())).collect());
        let error = many.check(folder.path(), &name).unwrap_err();
        assert_eq!(error.differences.len(), TOLD + 1);
        assert_eq!(error.differences[TOLD], "and 15 more");
        fs_err::remove_file(file(folder.path(), &name)).unwrap();
        check(&now, &["what it was is not to be found"]);
    }
}
