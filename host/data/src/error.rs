//! Says what can be wrong with a data set, in words for the person who has to put it right.

use std::path::PathBuf;

use alhost_base::Unreadable;

use super::locate::listed;

/// A data set that cannot be used. Each message says which file and line, what was found and what
/// was expected; the last line is a hint.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error(
        "`data.path` is not set, and `data.format` is not `demo`\n\
         hint: give the folder that holds the split files, such as --set data.path=FOLDER"
    )]
    NoPath,

    #[error(
        "{}: the data folder does not exist\n\
         hint: set `data.path`; one that is relative starts from the folder where alhost was started",
        path.display()
    )]
    NoFolder { path: PathBuf },

    #[error("{}: is a file, not a folder\nhint: `data.path` is the folder that it is in", path.display())]
    NotAFolder { path: PathBuf },

    #[error(transparent)]
    Unreadable(#[from] Unreadable),

    #[error(
        "{}: no such file, nor with `.gz` or `.zst` (`data.{key}`); the folder holds {}\nhint: {}",
        path.display(), listed(found), missing_hint(key, nearest.as_deref())
    )]
    Missing { key: &'static str, path: PathBuf, found: Vec<String>, nearest: Option<String> },

    #[error(
        "{}: cannot be read: {source}\n\
         hint: check that the file is whole and that you may read it", path.display()
    )]
    Read { path: PathBuf, source: std::io::Error },

    #[error(
        "{}:{line}:{column}: not UTF-8 ({found})\n\
         hint: convert the file, for instance with `iconv -f {from} -t UTF-8`", path.display()
    )]
    Encoding { path: PathBuf, line: u64, column: usize, found: &'static str, from: &'static str },

    #[error(
        "{}:{line}:{column}: malformed JSON: {problem}\n\
         hint: each line must be one whole object, such as \
         {{\"id\": \"1\", \"text\": \"...\", \"labels\": [\"a\", \"b\"]}}, or the file one array of them",
        path.display()
    )]
    Json { path: PathBuf, line: u64, column: usize, problem: String },

    #[error(
        "{}:{line}:{column}: {problem}\n\
         hint: `id` is a string or a whole number, `text` a string and `labels` a list of names or \
         numbers, or one string; other keys are ignored", path.display()
    )]
    Field { path: PathBuf, line: u64, column: usize, problem: String },

    #[error(
        "{}:{line}: missing field `{name}` (`data.{key}`); the object has {}\nhint: {}",
        path.display(), listed(there), key_hint(key, nearest.as_deref())
    )]
    Key {
        path: PathBuf,
        line: u64,
        name: String,
        key: &'static str,
        there: Vec<String>,
        nearest: Option<String>,
    },

    #[error(
        "{}:{line}: {problem}\n\
         hint: fields are separated by {separator}; one that holds a separator, a quote or a line \
         end stands in double quotes, with quotes inside doubled; `data.quote = false` reads quotes as \
         plain characters", path.display()
    )]
    Csv { path: PathBuf, line: u64, separator: String, problem: String },

    #[error(
        "{}:{line}: column `{column}` has `{found}`, but a column of one label must have 0 or 1\n\
         hint: `data.label_columns` lists the columns of labels; name the others in `data.id_column` \
         and `data.text_columns`", path.display()
    )]
    NoTruth { path: PathBuf, line: u64, column: String, found: String },

    #[error(
        "{}: no column `{column}` (`data.{key}`); the columns are {}\nhint: {hint}",
        path.display(), listed(columns)
    )]
    Column { path: PathBuf, column: String, key: &'static str, columns: Vec<String>, hint: String },

    #[error(
        "{}: more than one column `{column}` (`data.{key}`)\n\
         hint: rename the others in the header", path.display()
    )]
    RepeatedColumn { path: PathBuf, column: String, key: &'static str },

    #[error(
        "{}: {n_labels} labels, but at most {most} are read\n\
         hint: check the header of the file, or the matrix's `shape`", path.display()
    )]
    TooManyLabels { path: PathBuf, n_labels: usize, most: usize },

    #[error(
        "{}:{line}: more than {most} texts in one split\nhint: split the file, or take a part of it",
        path.display()
    )]
    TooMany { path: PathBuf, line: u64, most: usize },

    #[error(
        "{}:{line}: a line of more than {most} bytes\n\
         hint: check that the file is one of lines, and of text", path.display()
    )]
    LongLine { path: PathBuf, line: u64, most: usize },

    #[error(
        "{}: unpacks to more than {ratio} times its size, which no file of texts does\n\
         hint: unpack it yourself if that is right", path.display()
    )]
    Bomb { path: PathBuf, ratio: u64 },

    #[error(
        "{}:{line}: {problem}\n\
         hint: a filter file has a pair a line: the number of a text and that of a label, from 0",
        path.display()
    )]
    Filter { path: PathBuf, line: u64, problem: String },

    #[error("{}:{line}: {problem}\nhint: {hint}", path.display())]
    Labels { path: PathBuf, line: u64, problem: String, hint: String },

    #[error(
        "{}:{line}: label {number}, but {} has {n_labels} labels, from 0\n\
         hint: numbers stand for the lines of the list of names; the first is 0",
        path.display(), names.display()
    )]
    LabelNumber { path: PathBuf, line: u64, number: i64, n_labels: usize, names: PathBuf },

    #[error(
        "{}:{line}: {problem}\n\
         hint: a label matrix begins with a line `rows columns`; then there is a line for each text, \
         with `label:value` for each of its labels, numbered from 0", path.display()
    )]
    Matrix { path: PathBuf, line: u64, problem: String },

    #[error(
        "{}: {problem}\n\
         hint: write the labels by rows, as scipy.sparse.save_npz(file, labels.tocsr())",
        path.display()
    )]
    Npz { path: PathBuf, problem: String },

    #[error(
        "{}: a matrix of {n_labels} labels, but {} has {n_names}\n\
         hint: all label files of a data set and `data.vocabulary` must be of the same labels",
        path.display(), names.display()
    )]
    MatrixWidth { path: PathBuf, n_labels: usize, n_names: usize, names: PathBuf },

    #[error(
        "{} has {n_texts} texts, but {} has the labels of {n_rows}\n\
         hint: line by line, the two must belong together; a line end within a text counts as one",
        texts.display(), labels.display()
    )]
    Lengths { texts: PathBuf, n_texts: usize, labels: PathBuf, n_rows: usize },

    #[error(
        "{}:{line}: {problem}\n\
         hint: each line needs `title` or `content` (or what `data.text_columns` names), and \
         `target_ind`: a list of line numbers of the label file, from 0", path.display()
    )]
    XmcRecord { path: PathBuf, line: u64, problem: String },

    #[error("{}: the folder is not empty\nhint: name another folder", path.display())]
    NotEmpty { path: PathBuf },

    #[error(
        "{}: cannot be written: {source}\n\
         hint: name a folder with free space that you may write to", path.display()
    )]
    Write { path: PathBuf, source: std::io::Error },

    #[error(
        "{}: {problem}\nhint: check that the file is whole, and a Parquet file", path.display()
    )]
    Parquet { path: PathBuf, problem: String },

    #[error(
        "{}:{row}: column `{column}` (`data.{key}`) has {found}, but must have {expected}\n\
         hint: the columns and their types are {columns}", path.display()
    )]
    ParquetValue {
        path: PathBuf,
        row: u64,
        column: String,
        key: &'static str,
        found: String,
        expected: String,
        columns: String,
    },

    #[error(
        "{}:{line}: text `{id}` has an empty label\nhint: remove it, or give it a name",
        path.display()
    )]
    EmptyLabel { path: PathBuf, line: u64, id: String },

    #[error(
        "{}:{line}: text `{id}` has no label\n\
         hint: `data.unlabeled = \"drop\"` leaves such texts out and counts them; `\"keep\"` keeps \
         them", path.display()
    )]
    Unlabeled { path: PathBuf, line: u64, id: String },

    #[error(
        "{}:{line}: id `{id}` is already used in {}:{first_line}\n\
         hint: ids must be unique within and across the splits; `data.id_column = \"\"` makes ids of \
         the split's name and the text's number",
        path.display(), first_path.display()
    )]
    DuplicateId { path: PathBuf, line: u64, id: String, first_path: PathBuf, first_line: u64 },

    #[error(
        "{}:{line}: label `{label}` is not among the {n_labels} labels of {}\nhint: {}",
        path.display(), vocabulary.display(),
        did_you_mean(nearest.as_deref(), "correct it here, or add it to the vocabulary")
    )]
    UnknownLabel {
        path: PathBuf,
        line: u64,
        label: String,
        n_labels: usize,
        vocabulary: PathBuf,
        nearest: Option<String>,
    },

    #[error(
        "{}: no text {}\nhint: check that `data.{key}` names the right file",
        path.display(), left(*dropped)
    )]
    EmptySplit { key: &'static str, path: PathBuf, dropped: usize },

    #[error(
        "{}:{line}: {problem}\nhint: the vocabulary has one label a line, each once",
        path.display()
    )]
    Vocabulary { path: PathBuf, line: u64, problem: String },

    #[error("no label in train and dev\nhint: there is nothing to learn; check the `labels`")]
    EmptyVocabulary,

    #[error(
        "`data.demo.{key}` is {given}, but must be at least {least} and at most {most}\n\
         hint: leave it out for the default"
    )]
    DemoSize { key: &'static str, given: usize, least: usize, most: usize },

    #[error(
        "the tokenizer cannot be used: {problem}\n\
         hint: the checkpoint must hold the tokenizer that its encoder was trained with \
         (`tokenizer.json` or `vocab.txt`)"
    )]
    Tokenizer { problem: String },

    #[error(
        "text {row} (from 0; it begins with `{}`) cannot be tokenized: {problem}\n\
         hint: shorten or remove the text, or take a checkpoint with another tokenizer",
        start.escape_debug()
    )]
    Text { row: usize, start: String, problem: String },

    #[error(
        "`model.max_tokens` is {max_tokens}, which leaves no room between [CLS] and [SEP]\n\
         hint: the default is 128"
    )]
    MaxTokens { max_tokens: usize },

    #[error(
        "{}: the token cache cannot be written or read: {source}\n\
         hint: set `cache.path` to a folder with free space that you may write to", path.display()
    )]
    Cache { path: PathBuf, source: std::io::Error },
}

fn missing_hint(key: &str, nearest: Option<&str>) -> String {
    let near = nearest.map(|nearest| format!("`data.{key} = \"{nearest}\"`?"));
    let otherwise = match key {
        "dev" => "`data.dev = \"\"` runs without a dev set (then no early stopping, and a \
                  threshold that needs none: `cardinality` or `fixed`)"
            .to_owned(),
        _ => format!("set `data.{key}` to the file's name in `data.path`"),
    };
    near.map_or(otherwise.clone(), |near| format!("{near} Or else: {otherwise}"))
}

fn did_you_mean(nearest: Option<&str>, otherwise: &str) -> String {
    nearest.map_or(otherwise.to_owned(), |name| format!("did you mean `{name}`?"))
}

fn key_hint(key: &str, nearest: Option<&str>) -> String {
    let name = nearest.unwrap_or("...");
    match key {
        "text_columns" | "label_columns" => format!("name it: `data.{key} = [\"{name}\"]`"),
        _ => format!("name it: `data.{key} = \"{name}\"`"),
    }
}

fn left(dropped: usize) -> String {
    match dropped {
        0 => "in it".to_owned(),
        n => format!("is left in it, after {n} without label were dropped"),
    }
}
