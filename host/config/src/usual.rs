//! Knows what files are usually called: names for the keys of `[data]` that a user did not give,
//! where the format is not the one that the defaults are for.

use toml::{Table, Value};

use super::sections::{DataFormat, HeadKind};

impl DataFormat {
    /// Returns its name in a config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Xmc => "xmc",
            Self::XmcJson => "xmc-json",
            Self::Pairs => "pairs",
            Self::Parquet => "parquet",
        }
    }

    /// Returns the files of `train`, `dev` and `test` as the tools that write the format call them;
    /// few of them know a dev set.
    fn usual_files(self) -> [&'static str; 3] {
        match self {
            Self::Demo | Self::Jsonl => ["train.jsonl", "dev.jsonl", "test.jsonl"],
            Self::Csv => ["train.csv", "dev.csv", "test.csv"],
            Self::Tsv => ["train.tsv", "dev.tsv", "test.tsv"],
            Self::Xmc => ["train.raw.txt", "", "test.raw.txt"],
            Self::XmcJson => ["trn.json", "", "tst.json"],
            Self::Pairs => ["train_texts.txt", "", "test_texts.txt"],
            Self::Parquet => ["train*.parquet", "validation*.parquet", "test*.parquet"],
        }
    }

    /// The file of `train`, `dev` or `test`.
    pub fn usual_file(self, split: &str) -> Option<&'static str> {
        let place = ["train", "dev", "test"].iter().position(|name| *name == split)?;
        Some(self.usual_files()[place])
    }

    /// The file with the labels of the texts of `train`, `dev` or `test`, where the format has one.
    pub fn usual_labels(self, split: &str) -> Option<&'static str> {
        let names = match self {
            Self::Xmc => ["trn_X_Y.txt", "dev_X_Y.txt", "tst_X_Y.txt"],
            Self::Pairs => ["train_labels.txt", "dev_labels.txt", "test_labels.txt"],
            _ => return None,
        };
        let place = ["train", "dev", "test"].iter().position(|name| *name == split)?;
        Some(names[place])
    }
}

/// Fills in the names of the files that are not given; a share of train in the place of a dev file
/// leaves that name empty.
pub(super) fn fill(table: &mut Table) {
    fill_head(table);
    let Some(Value::Table(data)) = table.get_mut("data") else { return };
    let share =
        data.get("dev_share").and_then(|v| v.as_float().or(v.as_integer().map(|i| i as f64)));
    if share.is_some_and(|share| share > 0.0) && !data.contains_key("dev") {
        data.insert("dev".to_owned(), Value::from(""));
    }
    let format = data.get("format").cloned().map(Value::try_into::<DataFormat>);
    let Some(Ok(format)) = format else { return };
    for (key, name) in ["train", "dev", "test"].into_iter().zip(format.usual_files()) {
        if !data.contains_key(key) {
            data.insert(key.to_owned(), Value::from(name));
        }
    }
}

/// Fills in the usual head, which is another one for a fine-tuned encoder than for a frozen one.
fn fill_head(table: &mut Table) {
    let Some(Value::Table(model)) = table.get_mut("model") else { return };
    let fine_tuned = model.get("encoder").and_then(Value::as_str) == Some("fine-tuned");
    if fine_tuned && !model.contains_key("head") {
        model.insert("head".to_owned(), Value::from(HeadKind::Cnn.name()));
    }
}
