//! A data set as files that this host and other programs read: JSONL, or the XMC formats.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use alhost_config::DataFormat;
use flate2::Compression;
use flate2::write::GzEncoder;
use fs_err::File;
use serde_json::json;

use super::error::DataError;
use super::{Dataset, Split};

/// Says what was written.
#[derive(Debug)]
pub struct Written {
    pub files: Vec<PathBuf>,
    /// Notes of what is lost on the way.
    pub notes: Vec<String>,
    /// The section `[data]` of a config that reads it.
    pub section: String,
}

/// Writes `dataset` to `folder`, which must not exist or be empty. Formats are JSONL, XMC and XMC's
/// JSON lines.
///
/// # Panics
/// If the format is another.
pub fn write(dataset: &Dataset, format: DataFormat, folder: &Path) -> Result<Written, DataError> {
    let mut out = Out { folder, files: Vec::new(), notes: Vec::new() };
    let has_files = fs_err::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if has_files {
        return Err(DataError::NotEmpty { path: folder.to_owned() });
    }
    fs_err::create_dir_all(folder)
        .map_err(|source| DataError::Write { path: folder.to_owned(), source })?;
    let name = match format {
        DataFormat::Jsonl => {
            out.jsonl(dataset)?;
            "jsonl"
        }
        DataFormat::Xmc => {
            out.xmc(dataset)?;
            "xmc"
        }
        DataFormat::XmcJson => {
            out.xmc_json(dataset)?;
            "xmc-json"
        }
        other => panic!("nobody can ask to write {other:?}"),
    };
    let mut section = format!("[data]\nformat = \"{name}\"\npath = {:?}\n", folder.display());
    match (&dataset.dev, format) {
        (None, DataFormat::Jsonl) => section.push_str("dev = \"\"\n"),
        (Some(_), DataFormat::Xmc) => section.push_str("dev = \"dev.raw.txt\"\n"),
        (Some(_), DataFormat::XmcJson) => section.push_str("dev = \"dev.json\"\n"),
        _ => {}
    }
    let splits: Vec<&Split> = dataset.splits().map(|(_, split)| split).collect();
    if splits.iter().any(|split| split.labels.rows().any(<[u32]>::is_empty)) {
        section.push_str("unlabeled = \"keep\"\n");
    }
    Ok(Written { files: out.files, notes: out.notes, section })
}

struct Out<'a> {
    folder: &'a Path,
    files: Vec<PathBuf>,
    notes: Vec<String>,
}

type Line<'a> = &'a mut dyn Write;

impl Out<'_> {
    /// A file, packed if its name ends so.
    fn file(
        &mut self,
        name: &str,
        fill: impl FnOnce(Line<'_>) -> std::io::Result<()>,
    ) -> Result<(), DataError> {
        let path = self.folder.join(name);
        let make = || {
            let mut plain = BufWriter::new(File::create(&path)?);
            if path.extension().is_some_and(|ending| ending == "gz") {
                let mut packed = GzEncoder::new(plain, Compression::default());
                fill(&mut packed)?;
                return packed.finish()?.flush();
            }
            fill(&mut plain)?;
            plain.flush()
        };
        make().map_err(|source| DataError::Write { path: path.clone(), source })?;
        self.files.push(path);
        Ok(())
    }

    fn jsonl(&mut self, dataset: &Dataset) -> Result<(), DataError> {
        for (name, split) in dataset.splits() {
            self.file(&format!("{name}.jsonl.gz"), |out| {
                for (text, row) in split.labels.rows().enumerate() {
                    let labels: Vec<&str> =
                        row.iter().map(|&l| dataset.vocabulary[l as usize].as_str()).collect();
                    let (id, text) = (&split.ids[text], split.texts.get(text));
                    writeln!(out, "{}", json!({"id": id, "text": text, "labels": labels}))?;
                }
                Ok(())
            })?;
        }
        // A label of several lines has no place in a list.
        if dataset.vocabulary.iter().any(|label| label.contains(['\n', '\r'])) {
            self.notes.push("no labels.txt, since a label has a line end in it".to_owned());
            return Ok(());
        }
        self.names("labels.txt", dataset)
    }

    fn xmc(&mut self, dataset: &Dataset) -> Result<(), DataError> {
        let mut joined = 0;
        for (name, split) in dataset.splits() {
            self.file(&format!("{name}.raw.txt"), |out| {
                for text in split.texts.iter() {
                    joined += usize::from(text.contains(['\n', '\r']));
                    writeln!(out, "{}", one_line(text))?;
                }
                Ok(())
            })?;
            let labels = match name {
                "train" => "trn_X_Y.txt",
                "dev" => "dev_X_Y.txt",
                _ => "tst_X_Y.txt",
            };
            self.file(labels, |out| {
                writeln!(out, "{} {}", split.labels.len(), split.labels.n_labels())?;
                for row in split.labels.rows() {
                    let row: Vec<String> = row.iter().map(|label| format!("{label}:1")).collect();
                    writeln!(out, "{}", row.join(" "))?;
                }
                Ok(())
            })?;
        }
        self.notes.push("the format has no ids: they become train-1, train-2, ..".to_owned());
        if joined > 0 {
            self.notes.push(format!("{joined} texts of several lines became one line each"));
        }
        self.names("label.raw.txt", dataset)
    }

    fn xmc_json(&mut self, dataset: &Dataset) -> Result<(), DataError> {
        for (name, split) in dataset.splits() {
            let file = match name {
                "train" => "trn.json.gz",
                "dev" => "dev.json.gz",
                _ => "tst.json.gz",
            };
            self.file(file, |out| {
                for (text, row) in split.labels.rows().enumerate() {
                    let relevance = vec![1.0; row.len()];
                    let (id, text) = (&split.ids[text], split.texts.get(text));
                    let line = json!({"uid": id, "title": "", "content": text,
                        "target_ind": row, "target_rel": relevance});
                    writeln!(out, "{line}")?;
                }
                Ok(())
            })?;
        }
        self.file("lbl.json.gz", |out| {
            for (number, label) in dataset.vocabulary.iter().enumerate() {
                writeln!(out, "{}", json!({"uid": number.to_string(), "title": label}))?;
            }
            Ok(())
        })
    }

    fn names(&mut self, file: &str, dataset: &Dataset) -> Result<(), DataError> {
        self.file(file, |out| {
            dataset.vocabulary.iter().try_for_each(|label| writeln!(out, "{}", one_line(label)))
        })
    }
}

/// Puts a text on one line. Line ends separate texts in the format, and at the start of a file a
/// byte order mark is no text.
fn one_line(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    text.replace("\r\n", " ").replace(['\n', '\r'], " ")
}
