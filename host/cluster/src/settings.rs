//! The table `[slurm]` of a grid file. Its keys go to `sbatch` as they are, but for a few that are ours.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::Deserialize;
use toml::{Table, Value};

use crate::error::BadSetting;

/// What a user asks of Slurm for every job of a grid.
///
/// `array_parallelism`, `signal_lead`, `extra` and `setup` are explained at their fields. Every other key, known
/// to us or not, becomes an option of `sbatch`: `cpus_per_task = 4` becomes `--cpus-per-task=4`, and
/// `exclusive = true` becomes `--exclusive`. Whether there is such an option, and whether its value will do, is for
/// `sbatch` to say, which knows its release and its cluster.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(try_from = "Table")]
pub struct Settings {
    /// Options by their names at `sbatch`, with their values where they have any.
    pub(crate) options: BTreeMap<String, Option<String>>,
    /// Further words for `sbatch`, each an option with its value: `extra = ["--exclusive"]`.
    pub(crate) extra: Vec<String>,
    /// Lines of bash that come before the program: `setup = ["module load gcc"]`. One that fails ends the job.
    pub(crate) setup: Vec<String>,
    /// The most tasks of an array that run at once; all that Slurm has room for where it is `None`.
    pub(crate) array_parallelism: Option<NonZeroU32>,
    /// Seconds before the time limit at which Slurm warns a job, so that it ends its round. 0: no warning.
    pub(crate) signal_lead: u16,
}

/// Enough for the step that a round is in, on a GPU; what takes longer is done again.
const SIGNAL_LEAD: u16 = 120;

impl Default for Settings {
    fn default() -> Self {
        Self {
            options: BTreeMap::new(),
            extra: Vec::new(),
            setup: Vec::new(),
            array_parallelism: None,
            signal_lead: SIGNAL_LEAD,
        }
    }
}

impl TryFrom<Table> for Settings {
    type Error = BadSetting;

    fn try_from(table: Table) -> Result<Self, BadSetting> {
        let mut settings = Self::default();
        for (key, value) in table {
            match key.as_str() {
                "extra" => settings.extra = extra(&key, &value)?,
                "setup" => settings.setup = setup(&key, &value)?,
                "array_parallelism" => {
                    let most = whole(&key, &value, 1, u32::MAX)?;
                    settings.array_parallelism = NonZeroU32::new(most);
                }
                // Slurm keeps the time in 16 bits.
                "signal_lead" => {
                    settings.signal_lead = whole(&key, &value, 0, u32::from(u16::MAX))? as u16;
                }
                _ => settings.option(&key, &value)?,
            }
        }
        Ok(settings)
    }
}

impl Settings {
    /// Returns the value of an option of `sbatch`: `cpus-per-task`.
    pub fn value(&self, option: &str) -> Option<&str> {
        self.options.get(option)?.as_deref()
    }

    fn option(&mut self, key: &str, value: &Value) -> Result<(), BadSetting> {
        let name = key.replace('_', "-");
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.bytes().all(fits) {
            let hint = "write it as `sbatch --help` does, with `_` or `-`: `cpus_per_task`";
            return Err(bad(key, "is not the name of an option", hint));
        }
        not_ours(key, &name)?;
        let value = match value {
            Value::String(text) if text.is_empty() => {
                let hint = "leave the key out, or write `true` for an option without a value";
                return Err(bad(key, "is empty", hint));
            }
            Value::String(text) => Some(plain(key, text)?.to_owned()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Boolean(true) => None,
            Value::Boolean(false) => {
                return Err(bad(key, "is `false`, for which `sbatch` has no word", "leave it out"));
            }
            _ => {
                let problem = format!(
                    "has a value of the type {}, not text or a whole number",
                    value.type_str()
                );
                return Err(bad(key, &problem, "write the value in quotes, as for `sbatch`"));
            }
        };
        match self.options.insert(name, value) {
            None => Ok(()),
            Some(_) => Err(bad(key, "is there twice, with `_` and with `-`", "leave one out")),
        }
    }
}

/// Options that make a job what we rely on. `sbatch` takes the first letters of a long name for it.
const OURS: [&str; 16] = [
    "array",
    "clusters",
    "dependency",
    "error",
    "input",
    "job-name",
    "kill-on-invalid-dep",
    "no-requeue",
    "open-mode",
    "output",
    "parsable",
    "requeue",
    "signal",
    "test-only",
    "wait",
    "wrap",
];

/// The letters that stand for some of them.
const OUR_LETTERS: &str = "JMWadeio";

fn not_ours(key: &str, name: &str) -> Result<(), BadSetting> {
    let Some(ours) = OURS.iter().find(|ours| ours.starts_with(name)) else { return Ok(()) };
    let hint = match *ours {
        "signal" => "`signal_lead = 120` says how many seconds before its end a job is warned",
        "array" => "`array_parallelism = 8` says how many tasks run at once",
        "clusters" => "submit from a login node of the cluster itself",
        _ => "leave it out",
    };
    Err(bad(key, &format!("has `--{ours}`, which alhost sets itself"), hint))
}

fn extra(key: &str, value: &Value) -> Result<Vec<String>, BadSetting> {
    let words = texts(key, value, "[\"--exclusive\"]")?;
    for word in &words {
        plain(key, word)?;
        let name = word.split('=').next().unwrap_or_default();
        if !word.starts_with('-') || name.len() < 2 || name.contains(char::is_whitespace) {
            let hint = "write each option and its value as one word: \"--nodelist=n1,n2\"";
            return Err(bad(key, &format!("has `{word}`, which is not one option"), hint));
        }
        match name.strip_prefix("--") {
            Some(name) => not_ours(key, name)?,
            None if name[1..].starts_with(|letter| OUR_LETTERS.contains(letter)) => {
                let problem = format!("has `{word}`, which alhost sets itself");
                return Err(bad(key, &problem, "leave it out"));
            }
            None => {}
        }
    }
    Ok(words)
}

fn setup(key: &str, value: &Value) -> Result<Vec<String>, BadSetting> {
    let lines = texts(key, value, "[\"module load gcc\"]")?;
    match lines.iter().find(|line| line.contains(|c: char| c.is_control() && c != '\t')) {
        None => Ok(lines),
        Some(line) => {
            let problem = format!("has a text that is not one line: {line:?}");
            Err(bad(key, &problem, "give each line as a text of its own"))
        }
    }
}

/// Refuses what ends a line of `#SBATCH`, or what its quotes would need quotes for.
fn plain<'a>(key: &str, text: &'a str) -> Result<&'a str, BadSetting> {
    let refused = |c: &char| c.is_control() || r#"'"\"#.contains(*c);
    let what = match text.chars().find(refused) {
        None => return Ok(text),
        Some('\n' | '\r') => "a line end",
        Some('"' | '\'') => "a quote",
        Some('\\') => "a backslash",
        Some(_) => "a control character",
    };
    Err(bad(key, &format!("has {what}: {text:?}"), "write the value as if there were no shell"))
}

fn texts(key: &str, value: &Value, example: &str) -> Result<Vec<String>, BadSetting> {
    let texts = value.as_array().and_then(|values| {
        values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    texts.ok_or_else(|| bad(key, "is not a list of texts", &format!("write `{key} = {example}`")))
}

fn whole(key: &str, value: &Value, least: u32, most: u32) -> Result<u32, BadSetting> {
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
    number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        let problem = format!("is `{value}`, not a whole number from {least} to {most}");
        bad(key, &problem, "write it without quotes")
    })
}

fn bad(key: &str, problem: &str, hint: &str) -> BadSetting {
    BadSetting { key: key.to_owned(), problem: problem.to_owned(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, BadSetting> {
        Settings::try_from(text.parse::<Table>().unwrap())
    }

    fn options(text: &str) -> Vec<(String, Option<String>)> {
        read(text).unwrap().options.into_iter().collect()
    }

    #[test]
    fn keys_become_options() {
        let check = |text: &str, name: &str, value: Option<&str>| {
            assert_eq!(options(text), [(name.to_owned(), value.map(str::to_owned))], "{text}");
        };
        check("partition = 'gpu'", "partition", Some("gpu"));
        check("cpus_per_task = 4", "cpus-per-task", Some("4"));
        check("mem-per-cpu = '2G'", "mem-per-cpu", Some("2G"));
        check("time = '1-00:00:00'", "time", Some("1-00:00:00"));
        check("exclusive = true", "exclusive", None);
        check("comment = 'two words #1'", "comment", Some("two words #1"));
        check("wait_all_nodes = 1", "wait-all-nodes", Some("1"));
    }

    #[test]
    fn some_keys_are_ours() {
        let text = "array_parallelism = 8\nsignal_lead = 0\nextra = ['-pmain', '--nodelist=a,b']\n\
                    setup = ['module load gcc', 'export A=\"b c\"']";
        let settings = read(text).unwrap();
        assert_eq!(settings.array_parallelism, NonZeroU32::new(8));
        assert_eq!(settings.signal_lead, 0);
        assert_eq!(settings.extra, ["-pmain", "--nodelist=a,b"]);
        assert_eq!(settings.setup, ["module load gcc", "export A=\"b c\""]);
        assert_eq!(settings.options, BTreeMap::new());
        assert_eq!(read("").unwrap(), Settings::default());
    }

    #[test]
    fn what_cannot_be_passed_on_is_refused_with_its_key() {
        let check = |text: &str, key: &str, expected: &str| {
            let error = read(text).unwrap_err();
            assert_eq!(error.key, key, "{text}");
            let error = error.to_string();
            assert!(error.contains(expected) && error.contains("\nhint: "), "{text}: {error}");
        };
        check("comment = 'say \"x\"'", "comment", "a quote");
        check("comment = \"it's\"", "comment", "a quote");
        check("partition = \"a\\n#SBATCH -N 2\"", "partition", "a line end");
        check("partition = 'a\\b'", "partition", "a backslash");
        check("partition = \"a\\u0000\"", "partition", "a control character");
        check("partition = ''", "partition", "is empty");
        check("time = 02:00:00", "time", "in quotes");
        check("mem = 1.5", "mem", "the type float");
        check("exclusive = false", "exclusive", "leave it out");
        check("gres = ['gpu:1']", "gres", "the type array");
        check("Partition = 'x'", "Partition", "not the name of an option");
        check("'--partition' = 'x'", "--partition", "not the name of an option");
        check("mem_per_cpu = 1\nmem-per-cpu = 1", "mem_per_cpu", "twice");
        check("job_name = 'x'", "job_name", "sets itself");
        check("outp = 'x'", "outp", "`--output`");
        check("signal = 'B:USR1@60'", "signal", "signal_lead");
        check("array_parallelism = 0", "array_parallelism", "from 1 to");
        check("array_parallelism = '8'", "array_parallelism", "without quotes");
        check("signal_lead = 65536", "signal_lead", "from 0 to 65535");
        check("signal_lead = -1", "signal_lead", "from 0 to 65535");
        check("extra = '--exclusive'", "extra", "not a list of texts");
        check("extra = ['exclusive']", "extra", "not one option");
        check("extra = ['--nodelist n1']", "extra", "not one option");
        check("extra = ['--']", "extra", "sets itself");
        check("extra = ['--output=x']", "extra", "sets itself");
        check("extra = ['-ox']", "extra", "sets itself");
        check("extra = ['--comment=\"x\"']", "extra", "a quote");
        check("setup = [1]", "setup", "not a list of texts");
        check("setup = [\"a\\nb\"]", "setup", "not one line");
    }
}
