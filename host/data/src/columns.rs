//! The columns of a table: which of them the config means, and columns of 0 and 1 for a label each.

use std::borrow::Cow;
use std::path::Path;

use alhost_config::DataConfig;

use super::error::DataError;
use super::locate::listed;
use super::record::Label;
use super::vocabulary::nearest;

/// `data.label_columns` that stands for all columns which have no other meaning.
pub(super) const ALL: &str = "*";

/// Says where the columns of the config stand.
pub(super) struct Columns {
    pub(super) id: Option<usize>,
    pub(super) texts: Vec<usize>,
    pub(super) labels: LabelsAt,
}

pub(super) enum LabelsAt {
    /// One column holds all labels of a text.
    One(usize),
    /// A column a label, with its name.
    Each(Vec<(usize, String)>),
    /// A column a label, taken since the config names no column of labels that there is. The values
    /// must bear it out; where they do not, it is the column that is missing.
    Guessed(Vec<(usize, String)>),
}

impl Columns {
    pub(super) fn find(
        path: &Path,
        names: &[String],
        config: &DataConfig,
    ) -> Result<Self, DataError> {
        let find = |key, column: &str| find_column(path, names, key, column);
        let id = config.id_column.as_deref().filter(|column| !column.is_empty());
        let id = id.map(|column| find("id_column", column)).transpose()?;
        let texts = config.text_columns.iter().map(|column| find("text_columns", column));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let others = || {
            let others = (0..names.len()).filter(|place| {
                id != Some(*place) && !texts.contains(place) && !is_index(&names[*place])
            });
            others.map(|place| (place, names[place].trim().to_owned())).collect::<Vec<_>>()
        };
        let labels = if config.label_columns.iter().any(|column| column == ALL) {
            LabelsAt::Each(others())
        } else if config.label_columns.is_empty() {
            match find("labels_column", &config.labels_column) {
                Ok(place) => LabelsAt::One(place),
                Err(missing) if config.labels_column == DataConfig::default().labels_column => {
                    let guessed = others();
                    if guessed.len() < 2 {
                        return Err(missing);
                    }
                    LabelsAt::Guessed(guessed)
                }
                Err(missing) => return Err(missing),
            }
        } else {
            let named = config
                .label_columns
                .iter()
                .map(|column| Ok::<_, DataError>((find("label_columns", column)?, column.clone())));
            LabelsAt::Each(named.collect::<Result<Vec<_>, _>>()?)
        };
        Ok(Self { id, texts, labels })
    }

    /// Returns what to say of labels whose columns were guessed.
    pub(super) fn note(&self, key: &str) -> Option<String> {
        let LabelsAt::Guessed(columns) = &self.labels else { return None };
        let names: Vec<String> = columns.iter().map(|(_, name)| name.clone()).collect();
        Some(format!(
            "{key}: no column `labels`, but {} of 0 and 1, read as a label each \
             (`data.label_columns = \"*\"`): {}",
            names.len(),
            listed(&names)
        ))
    }
}

/// Tells columns that are no labels: row numbers that pandas writes, and ids that the config does
/// not name.
pub(super) fn is_index(name: &str) -> bool {
    let name = name.trim();
    name.is_empty() || name.starts_with("Unnamed:") || name.eq_ignore_ascii_case("id")
}

/// Returns the labels of a row that has a column for each; `is` answers for a column's value, with
/// what it is where it is neither 0 nor 1.
pub(super) fn labels_of_each(
    columns: &[(usize, String)],
    mut is: impl FnMut(usize) -> Result<bool, String>,
) -> Result<Vec<Label<'_>>, (&str, String)> {
    let mut labels = Vec::new();
    for (place, name) in columns {
        if is(*place).map_err(|found| (name.as_str(), found))? {
            labels.push(Label::Name(Cow::Borrowed(name)));
        }
    }
    Ok(labels)
}

/// Whether a text with this value has the label of its column.
pub(super) fn truth(value: &str) -> Result<bool, String> {
    let value = value.trim();
    let is = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if is(&["0", "0.0", "false", ""]) {
        return Ok(false);
    }
    if is(&["1", "1.0", "true"]) { Ok(true) } else { Err(value.chars().take(40).collect()) }
}

fn find_column(
    path: &Path,
    names: &[String],
    key: &'static str,
    column: &str,
) -> Result<usize, DataError> {
    let mut places = names.iter().enumerate().filter(|(_, name)| name.trim() == column.trim());
    match (places.next(), places.next()) {
        (Some((place, _)), None) => Ok(place),
        (Some(_), Some(_)) => {
            Err(DataError::RepeatedColumn { path: path.to_owned(), column: column.to_owned(), key })
        }
        (None, _) => Err(no_column(path, names, key, column)),
    }
}

pub(super) fn no_column(
    path: &Path,
    names: &[String],
    key: &'static str,
    column: &str,
) -> DataError {
    DataError::Column {
        path: path.to_owned(),
        column: column.to_owned(),
        key,
        hint: hint(names, key, column),
        columns: names.to_vec(),
    }
}

/// Gives a hint by cause: another separator, no header line, columns of 0 and 1, another name.
fn hint(names: &[String], key: &str, column: &str) -> String {
    if let [one] = names {
        let other = [(';', ";"), ('\t', "\\t"), ('|', "|"), (',', ",")];
        if let Some((_, shown)) = other.iter().find(|(separator, _)| one.contains(*separator)) {
            return format!("the header has `{shown}` in it: `data.separator = \"{shown}\"`");
        }
    }
    if names.is_empty() {
        return "check that the file is whole".to_owned();
    }
    if names.iter().zip(1..).all(|(name, number)| *name == number.to_string()) {
        return "without a header line, columns are called by their numbers, from 1: \
                `data.text_columns = [\"2\"]`"
            .to_owned();
    }
    if let Some(nearest) = nearest(column, names) {
        return format!("did you mean `{nearest}`?");
    }
    let each = match key {
        "labels_column" => "; `data.label_columns` names columns of 0 and 1",
        _ => "",
    };
    format!("name one of them{each}; if that line is a text already, `data.header = false`")
}
