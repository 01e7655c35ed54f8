//! Writes the scripts of a job: what Slurm is to do with it, and what the node does.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use crate::indices::ranges;
use crate::name::with_offset;
use crate::quote::{for_sbatch, for_shell};
use crate::{BadJob, Job, Limits, Settings, Word};

/// What is given to `sbatch`. Only [`Job::scripts`] makes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Script {
    /// The job's name, with what is added to the array's indices: `alhost-0123456789abcdef-01234567-cells+1001`.
    pub name: String,
    pub text: String,
    /// The cells of this part of an array. Empty for a job that is no array.
    pub cells: BTreeSet<u32>,
    pub(crate) folder: PathBuf,
}

/// A part of a job that is one array, or all of a job that is none.
struct Part {
    /// What is added to an index to give the cell.
    offset: u32,
    cells: Option<BTreeSet<u32>>,
    at_once: Option<NonZeroU32>,
}

impl Job {
    /// Writes a script for each array that is needed for the cells: one where all of them are below the largest
    /// index that the cluster takes, and few enough. `array_parallelism` is shared out among several, so that
    /// together they keep to it, but for one task each.
    ///
    /// # Panics
    ///
    /// If the command has the number of a cell in it and there are no cells.
    pub fn scripts(&self, limits: Limits) -> Result<Vec<Script>, BadJob> {
        let has_cells = self.array.is_some() || !self.command.contains(&Word::Cell);
        assert!(has_cells, "only a task of an array has a cell: {:?}", self.command);
        let folder = &log_folder(&self.folder)?;
        let scripts = self.parts(limits).into_iter().map(|part| {
            let name = with_offset(&self.name, part.offset);
            let text = [self.header(&name, folder, &part), self.body(part.offset)].concat();
            Script {
                name,
                text,
                cells: part.cells.unwrap_or_default(),
                folder: self.folder.clone(),
            }
        });
        Ok(scripts.collect())
    }

    fn parts(&self, limits: Limits) -> Vec<Part> {
        let Some(cells) = &self.array else {
            return vec![Part { offset: 0, cells: None, at_once: None }];
        };
        let mut parts: Vec<(u32, BTreeSet<u32>)> = Vec::new();
        for &cell in cells {
            let offset = cell - cell % limits.indices;
            match parts.last_mut() {
                Some((last, part))
                    if *last == offset && (part.len() as u32) < limits.tasks.get() =>
                {
                    part.insert(cell);
                }
                _ => parts.push((offset, BTreeSet::from([cell]))),
            }
        }
        let n_parts = parts.len() as u32;
        let share = |most: NonZeroU32| NonZeroU32::new(most.get() / n_parts);
        let at_once = self.settings.array_parallelism;
        let at_once = at_once.map(|most| share(most).unwrap_or(NonZeroU32::MIN));
        let part = |(offset, cells)| Part { offset, cells: Some(cells), at_once };
        parts.into_iter().map(part).collect()
    }

    fn header(&self, name: &str, folder: &str, part: &Part) -> String {
        let log = if part.cells.is_some() { "%A_%a.log" } else { "%j.log" };
        let mut options = vec![
            format!("--job-name={name}"),
            format!("--output={folder}/{log}"),
            // What a task printed before it was put back stays.
            "--open-mode=append".to_owned(),
            "--requeue".to_owned(),
        ];
        if let Some(cells) = &part.cells {
            let indices = cells.iter().map(|cell| cell - part.offset).collect();
            let at_once = part.at_once.map(|most| format!("%{most}")).unwrap_or_default();
            options.push(format!("--array={}{at_once}", ranges(&indices)));
        }
        if let Some(before) = self.after_ok {
            options.push(format!("--dependency=afterok:{before}"));
            // Otherwise it waits for ever, and looks as if its cells were still to come.
            options.push("--kill-on-invalid-dep=yes".to_owned());
        }
        if self.settings.signal_lead > 0 {
            // To the script (`B:`), since its program is no step of Slurm's that could be told.
            options.push(format!("--signal=B:USR1@{}", self.settings.signal_lead));
        }
        options.extend(self.settings.options.iter().map(|(name, value)| match value {
            Some(value) => format!("--{name}={value}"),
            None => format!("--{name}"),
        }));
        options.extend(self.settings.extra.iter().cloned());
        let lines = options.iter().map(|option| format!("#SBATCH {}\n", for_sbatch(option)));
        format!("#!/bin/bash\n{}", lines.collect::<String>())
    }

    fn body(&self, offset: u32) -> String {
        let words = self.command.iter().map(|word| match word {
            Word::Text(text) => for_shell(text),
            Word::Cell => "\"$cell\"".to_owned(),
        });
        let command = words.collect::<Vec<_>>().join(" ");
        let cell = match &self.array {
            None => String::new(),
            Some(_) if offset == 0 => "cell=$SLURM_ARRAY_TASK_ID\n".to_owned(),
            Some(_) => format!("cell=$((SLURM_ARRAY_TASK_ID + {offset}))\n"),
        };
        [WARNING, &cell, THREADS, &set_up(&self.settings), &run(&command)].concat()
    }
}

const WARNING: &str = r#"
# A warning, before the time limit or when the job is to make room, becomes the program's first Ctrl-C: it ends its
# round. Never a second one, which would end it at once.
program= warned= passed=
pass_on() {
    warned=yes
    if [ -n "$program" ] && [ -z "$passed" ]; then
        passed=yes
        kill -INT "$program"
    fi
}
trap pass_on USR1
"#;

/// Where nothing keeps a task to its processors, libtorch would take all of the node.
const THREADS: &str = r#"export OMP_NUM_THREADS="${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}"
export RAYON_NUM_THREADS="${RAYON_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}"
"#;

fn set_up(settings: &Settings) -> String {
    if settings.setup.is_empty() {
        return String::new();
    }
    let mut text = "\nset_up() {\n    local status=$?\n    [ $status -eq 0 ] && return\n    \
                    echo \"error: this line of setup fails with status $status: $1\" >&2\n    \
                    exit $status\n}\n"
        .to_owned();
    for line in &settings.setup {
        text.extend([line, "\nset_up ", &for_shell(line), "\n"]);
    }
    text
}

/// A shell makes a command in the background ignore Ctrl-C, unless a subshell takes that back. `wait` ends with
/// the trap, while the program goes on. What was killed may have been so for a reason of the moment, and what others
/// wait for should not be lost by it; a job that Slurm itself ends never gets so far.
fn run(command: &str) -> String {
    format!(
        r#"
for try in 1 2 3 4 5 6; do
    if [ -n "$warned" ]; then exit 130; fi
    (trap - INT; exec {command}) &
    program=$!
    if [ -n "$warned" ]; then pass_on; fi
    wait "$program"
    status=$?
    while kill -0 "$program" 2>/dev/null; do
        wait "$program"
        status=$?
    done
    [ $status -eq 137 ] || exit $status
    echo "killed, for the ${{try}}. time" >&2
done
exit $status
"#
    )
}

/// Returns the folder as a pattern of Slurm's, in which `%` begins what is filled in.
fn log_folder(folder: &Path) -> Result<String, BadJob> {
    let bad = |problem: &str, hint: &str| BadJob {
        folder: folder.to_owned(),
        problem: problem.to_owned(),
        hint: hint.to_owned(),
    };
    let hint = "give the grid another `out`";
    let Some(text) = folder.to_str() else {
        return Err(bad("the folder's name is not UTF-8, and Slurm would not find it", hint));
    };
    if !folder.is_absolute() {
        return Err(bad("logs need an absolute path", "the job may start in another folder"));
    }
    if text.contains(|c: char| c.is_control() || c == '\\') {
        // A backslash switches off what `%` fills in (`man sbatch`, filename pattern).
        return Err(bad("Slurm cannot write logs there: a backslash or control character", hint));
    }
    Ok(text.replace('%', "%%"))
}
