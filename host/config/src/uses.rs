//! Says which formats use which keys of `[data]`. A key that says something to a format that does
//! not hear it is refused, so that nobody waits for what it would have done.

use DataFormat::{Csv, Demo, Jsonl, Pairs, Parquet, Tsv, Xmc, XmcJson};
use serde_json::Value;

use super::sections::{DataConfig, DataFormat};

const ALL: [DataFormat; 8] = [Demo, Jsonl, Csv, Tsv, Xmc, XmcJson, Pairs, Parquet];
const FILES: &[DataFormat] = &[Jsonl, Csv, Tsv, Xmc, XmcJson, Pairs, Parquet];
const MATRICES: &[DataFormat] = &[Xmc, Pairs];
const FIELDS: &[DataFormat] = &[Jsonl, Csv, Tsv, Parquet];
const NAMED: &[DataFormat] = &[Jsonl, Csv, Tsv, XmcJson, Parquet];
const TABLES: &[DataFormat] = &[Csv, Tsv];

/// Each key of `[data]` but `format`, with the formats that use it.
const USES: [(&str, &[DataFormat]); 27] = [
    ("path", FILES),
    ("train", FILES),
    ("dev", FILES),
    ("test", FILES),
    ("train_labels", MATRICES),
    ("dev_labels", MATRICES),
    ("test_labels", MATRICES),
    ("train_filter", &[Xmc]),
    ("dev_filter", &[Xmc]),
    ("test_filter", &[Xmc]),
    ("dev_share", &ALL),
    ("test_texts", &ALL),
    ("split_seed", &ALL),
    ("vocabulary", FILES),
    ("id_column", NAMED),
    ("text_columns", NAMED),
    ("labels_column", FIELDS),
    ("label_columns", FIELDS),
    ("label_separator", FIELDS),
    ("separator", TABLES),
    ("quote", TABLES),
    ("header", TABLES),
    ("unlabeled", FILES),
    ("demo.train_texts", &[Demo]),
    ("demo.dev_texts", &[Demo]),
    ("demo.test_texts", &[Demo]),
    ("demo.seed", &[Demo]),
];

/// Returns the formats that use a key of `[data]`.
pub(super) fn users(key: &str) -> &'static [DataFormat] {
    let found = USES.iter().find(|(name, _)| *name == key);
    found.map_or(&[], |(_, users)| users)
}

/// Returns the keys that say something, which is not what they say where they are left out, and
/// that the format does not use.
pub(super) fn unused(data: &DataConfig) -> Vec<&'static str> {
    let given = serde_json::to_value(data).expect("a config is plain data");
    let default = serde_json::to_value(DataConfig::default()).expect("a config is plain data");
    let value = |of: &Value, key: &str| of.pointer(&format!("/{}", key.replace('.', "/"))).cloned();
    let is_unused = |(key, users): &&(&'static str, &[DataFormat])| {
        // A share of train leaves the name of the dev file empty.
        let is_name = *key == "dev" && data.dev.is_empty();
        !is_name && !users.contains(&data.format) && value(&given, key) != value(&default, key)
    };
    USES.iter().filter(is_unused).map(|(key, _)| *key).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigFile, Overrides, keys};
    use super::*;

    /// A value that is no default.
    fn other(key: &str) -> &'static str {
        match key {
            "dev_share" => "0.5",
            "test_texts" | "split_seed" => "7",
            demo if demo.starts_with("demo.") => "7",
            "text_columns" | "label_columns" => "[\"x\"]",
            "quote" | "header" => "false",
            "separator" => "\";\"",
            "unlabeled" => "\"keep\"",
            _ => "\"x\"",
        }
    }

    #[test]
    fn every_key_is_used_by_a_format_or_refused() {
        let ours: Vec<&str> = USES.iter().map(|(key, _)| *key).collect();
        let all = keys().iter().filter_map(|key| key.path.strip_prefix("data."));
        let all: Vec<&str> = all.filter(|key| *key != "format").collect();
        for key in &all {
            assert!(ours.contains(key), "`data.{key}` has no line in USES");
        }
        assert_eq!(ours.len(), all.len());
        for (key, users) in USES {
            for format in ALL {
                let value = other(key);
                let (path, name) =
                    (if format == Demo { "" } else { "path = \"p\"\n" }, format.name());
                let path = if key == "path" { "" } else { path };
                let text = format!("[data]\nformat = \"{name}\"\n{path}{key} = {value}\n");
                let file = ConfigFile::parse(&text, "t", &Overrides::default()).unwrap();
                let told =
                    file.check(&|_| None).err().map(|error| error.to_string()).unwrap_or_default();
                let refused =
                    told.contains(&format!("`data.{key}` is not used by the format `{name}`"));
                assert_eq!(refused, !users.contains(&format), "{text}: {told}");
            }
        }
    }

    #[test]
    fn a_config_that_is_shown_is_not_refused_for_what_it_does_not_say() {
        for format in ALL.iter().filter(|format| **format != Demo) {
            let name = format.name();
            let text = format!("[data]\nformat = \"{name}\"\npath = \"p\"\ndev_share = 0.1\n");
            let file = ConfigFile::parse(&text, "t", &Overrides::default()).unwrap();
            let shown = ConfigFile::parse(&file.to_toml(), "t", &Overrides::default()).unwrap();
            shown.check(&|_| None).unwrap();
        }
    }
}
