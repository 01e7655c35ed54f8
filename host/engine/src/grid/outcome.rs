//! What became of a cell, kept in the folder of its records: `cell.json`. The folder says everything there is to
//! know of a cell, so that any machine that sees it can go on.

use std::path::Path;

use alhost_base::aside;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
pub enum State {
    #[default]
    Waiting,
    /// A cluster has it, and has not begun it.
    Queued,
    Running,
    Finished,
    /// And why.
    Failed(String),
}

/// How a cell ended that was done to its end.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Outcome {
    #[serde(flatten)]
    pub state: State,
    /// Names what the cell depended on; see [`super::stamp`].
    pub stamp: String,
    /// Seconds that its rounds took.
    pub seconds: f64,
    /// Bytes of `rounds.jsonl` and `selections.jsonl`: records of another size have changed since.
    bytes: [u64; 2],
}

impl Outcome {
    /// Describes how the cell in `folder` ended, for [`Outcome::keep`].
    pub fn of(folder: &Path, stamp: &str, state: State, seconds: f64) -> Self {
        Self { state, stamp: stamp.to_owned(), seconds, bytes: bytes(folder) }
    }

    /// Writes `cell.json`.
    pub fn keep(&self, folder: &Path) -> std::io::Result<()> {
        let mut text = serde_json::to_string(self).expect("this is plain data");
        text.push('\n');
        aside::replace(&folder.join(CELL), text.as_bytes())
    }

    /// Reads what is there of the cell with this stamp. One that was finished, and whose records have changed since, is to
    /// be looked at again, as is one whose file cannot be read: doing a finished cell again costs no round.
    pub fn read(folder: &Path, stamp: &str) -> Option<Self> {
        let text = fs_err::read_to_string(folder.join(CELL)).ok()?;
        let outcome: Self = serde_json::from_str(&text).ok()?;
        let is_whole = outcome.state != State::Finished || outcome.bytes == bytes(folder);
        (outcome.stamp == stamp && is_whole).then_some(outcome)
    }
}

/// The file in a run's folder.
const CELL: &str = "cell.json";

fn bytes(folder: &Path) -> [u64; 2] {
    let len = |name| fs_err::metadata(folder.join(name)).map_or(0, |metadata| metadata.len());
    ["rounds.jsonl", "selections.jsonl"].map(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_tells_what_became_of_its_cell_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let read = |stamp: &str| Outcome::read(folder.path(), stamp).map(|read| read.state);
        assert_eq!(read("s1"), None);
        for state in [State::Failed("no\nspace".to_owned()), State::Finished] {
            Outcome::of(folder.path(), "s1", state.clone(), 2.5).keep(folder.path()).unwrap();
            assert_eq!((read("s1"), read("s2")), (Some(state), None));
        }
        fs_err::write(folder.path().join("rounds.jsonl"), "{}\n").unwrap();
        assert_eq!(read("s1"), None, "its records have changed");
        for broken in ["", "{", "[]", "{\"state\": \"done\"}"] {
            fs_err::write(folder.path().join(CELL), broken).unwrap();
            assert_eq!(read("s1"), None, "{broken}");
        }
    }
}
