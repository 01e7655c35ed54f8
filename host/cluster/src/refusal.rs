//! Tells which key of `[slurm]` the words of `sbatch` are about.

use crate::Settings;

/// What `sbatch` 22.05 to 24.05 says where it names no option (`slurm_strerror` in Slurm), in small letters, and the
/// options that can be meant. The first that fits counts.
const WORDS: [(&str, &[&str]); 14] = [
    ("account/partition combination", &["account", "partition"]),
    ("invalid account", &["account"]),
    ("partition name", &["partition"]),
    ("invalid partition", &["partition"]),
    ("no partition specified", &["partition"]),
    ("invalid qos", &["qos"]),
    ("job violates accounting/qos policy", &["qos", "account", "time"]),
    ("generic resource (gres)", &["gres"]),
    ("time limit", &["time"]),
    ("memory specification", &["mem", "mem-per-cpu", "mem-per-gpu"]),
    ("cpu count", &["cpus-per-task"]),
    ("invalid feature", &["constraint"]),
    ("node name", &["nodelist", "exclude"]),
    (
        "node configuration is not available",
        &["gres", "gpus", "mem", "cpus-per-task", "constraint"],
    ),
];

/// Returns the keys as a grid file has them. Of several that can be meant, those that are set.
pub(crate) fn keys(words: &str, settings: &Settings) -> Vec<String> {
    let words = words.to_lowercase();
    if let Some(option) = named(&words) {
        let in_extra = settings.extra.iter().any(|extra| {
            extra.strip_prefix("--").is_some_and(|extra| extra.split('=').next() == Some(option))
        });
        return vec![if in_extra { "extra".to_owned() } else { option.replace('-', "_") }];
    }
    let Some((_, options)) = WORDS.iter().find(|(part, _)| words.contains(part)) else {
        return Vec::new();
    };
    let is_set = |option: &&&str| options.len() == 1 || settings.options.contains_key(**option);
    options.iter().filter(is_set).map(|option| option.replace('-', "_")).collect()
}

/// The option that the words name: `unrecognized option '--foo=bar'`, `Invalid --time specification`.
fn named(words: &str) -> Option<&str> {
    // Not the hint that comes after an unknown option.
    let starts = words.match_indices("--").map(|(at, _)| &words[at + 2..]);
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name = |text: &'_ str| text.find(|c| !is_name(c)).unwrap_or(text.len());
    starts.map(|text| &text[..name(text)]).find(|name| !name.is_empty() && *name != "help")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_told_by_what_sbatch_says() {
        let settings: Settings =
            toml::from_str("account = 'a'\ngres = 'gpu:9'\nmem = '8G'\nextra = ['--foo=bar']")
                .unwrap();
        let check = |words: &str, expected: &[&str]| {
            assert_eq!(keys(words, &settings), expected, "{words}");
        };
        check("sbatch: error: invalid partition specified: nope", &["partition"]);
        check("Batch job submission failed: Invalid partition name specified", &["partition"]);
        check("Invalid account or account/partition combination specified", &["account"]);
        check("Batch job submission failed: Invalid qos specification", &["qos"]);
        check("sbatch: error: Invalid generic resource (gres) specification", &["gres"]);
        check("Requested time limit is invalid (missing or exceeds some limit)", &["time"]);
        check("sbatch: error: Invalid --time specification", &["time"]);
        check("sbatch: error: Memory specification can not be satisfied", &["mem"]);
        check("Requested node configuration is not available", &["gres", "mem"]);
        check("Invalid numeric value \"x\" for --cpus-per-task.", &["cpus_per_task"]);
        check("Batch job submission failed: Invalid feature specification", &["constraint"]);
        check(
            "sbatch: unrecognized option '--foo=bar'\nTry \"sbatch --help\" for more",
            &["extra"],
        );
        check("sbatch: unrecognized option '--baz-x'\nTry \"sbatch --help\" for", &["baz_x"]);
        check("Batch job submission failed: Job violates accounting/QOS policy", &["account"]);
        check("Unable to contact slurm controller (connect failure)", &[]);
        check("Try \"sbatch --help\" for more information", &[]);
    }
}
