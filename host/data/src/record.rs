//! One text as a reader finds it in its file, and what becomes of it whatever the format is: white space
//! and Unicode form of its labels, lists written as text, separators, and an id without white space.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::structure;

/// A label as its file gives it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Label<'a> {
    Name(Cow<'a, str>),
    /// Stands for a line of a list of names, or for itself where there is none.
    Number(i64),
}

/// The labels of a text as their field holds them.
pub(super) enum Field<'a> {
    /// One string, which may hold several labels.
    Undivided(Cow<'a, str>),
    Labels(Vec<Label<'a>>),
}

/// Says how the labels of a text were told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Told {
    /// The format does it: a list, a column each, a row of a matrix.
    Format,
    /// The field is one string, split at `data.label_separator`.
    Separator,
    /// The field is a string that holds a list or an object in the notation of a programming language.
    Notation,
}

/// A text as a reader yields it.
pub(super) struct Record<'a> {
    /// Line of the text, or its row where the format has no lines.
    pub(super) line: u64,
    /// Is absent where the file has none; then one is made.
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) text: Cow<'a, str>,
    pub(super) labels: Vec<Label<'a>>,
    pub(super) told: Told,
}

impl<'a> Record<'a> {
    /// Makes a record, in the one step behind all readers; they call it where they work in
    /// parallel.
    pub(super) fn new(
        line: u64,
        id: Option<Cow<'a, str>>,
        text: Cow<'a, str>,
        field: Field<'a>,
        separator: &str,
    ) -> Self {
        let id = id.map(trimmed).filter(|id| !id.is_empty());
        let (labels, told) = match field {
            Field::Labels(labels) => (labels, Told::Format),
            Field::Undivided(field) => divided(field, separator),
        };
        let tidied = |label| match label {
            Label::Name(name) => Label::Name(tidy(name)),
            number @ Label::Number(_) => number,
        };
        let labels = labels.into_iter().map(tidied).collect();
        Self { line, id, text, labels, told }
    }
}

/// Divides a field into labels. An empty separator splits nothing: the field is one label, whatever
/// it looks like.
fn divided<'a>(field: Cow<'a, str>, separator: &str) -> (Vec<Label<'a>>, Told) {
    if separator.is_empty() {
        let label = Some(Label::Name(field)).filter(|label| !is_blank(label));
        return (label.into_iter().collect(), Told::Format);
    }
    if let Some(labels) = structure::labels_in(&field) {
        return (labels, Told::Notation);
    }
    // What stands between two separators, or behind the last one, is no label if it is blank.
    let labels = match field {
        Cow::Borrowed(field) => {
            field.split(separator).map(Cow::Borrowed).map(Label::Name).collect()
        }
        Cow::Owned(field) => {
            field.split(separator).map(|part| Label::Name(Cow::Owned(part.to_owned()))).collect()
        }
    };
    let labels: Vec<Label<'a>> = labels;
    (labels.into_iter().filter(|label| !is_blank(label)).collect(), Told::Separator)
}

fn is_blank(label: &Label<'_>) -> bool {
    matches!(label, Label::Name(name) if name.trim_matches(is_space).is_empty())
}

/// A label's name as all formats have it: without white space at its ends, in Unicode's composed form
/// (NFC), in which an accent is the same whether it was typed with its letter or behind it.
pub(super) fn tidy(name: Cow<'_, str>) -> Cow<'_, str> {
    let name = trimmed(name);
    if name.is_ascii() || is_nfc_quick(name.chars()) == IsNormalized::Yes {
        return name;
    }
    Cow::Owned(name.nfc().collect())
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(is_space)),
        Cow::Owned(text) => {
            let trimmed = text.trim_matches(is_space);
            if trimmed.len() == text.len() {
                Cow::Owned(text)
            } else {
                Cow::Owned(trimmed.to_owned())
            }
        }
    }
}

/// White space, and what is as invisible: a byte order mark, and spaces without width.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{2060}' | '\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(field: &str, separator: &str) -> Vec<String> {
        let field = Field::Undivided(Cow::Borrowed(field));
        let record = Record::new(1, None, Cow::Borrowed(""), field, separator);
        let text = |label| match label {
            Label::Name(name) => name.into_owned(),
            Label::Number(number) => format!("number {number}"),
        };
        record.labels.into_iter().map(text).collect()
    }

    #[test]
    fn fields_are_split_and_their_labels_trimmed() {
        let check = |field: &str, separator: &str, expected: &[&str]| {
            assert_eq!(labels(field, separator), expected, "{field:?} at {separator:?}");
        };
        check(" a ;b;; ", ";", &["a", "b"]);
        check("", ";", &[]);
        check("a;b", "", &["a;b"]);
        check("  ", "", &[]);
        check("a b", " ", &["a", "b"]);
        check("a || b", "||", &["a", "b"]);
        check("\u{a0}a\u{200b};\u{feff}b\0", ";", &["a", "b"]);
        check("[\"a;b\", 'c']", ";", &["a;b", "c"]);
        check("[2, 0]", ";", &["number 2", "number 0"]);
        check("[\"a\", \"b\"]", "", &["[\"a\", \"b\"]"]);
    }

    #[test]
    fn one_accent_is_one_label_however_it_was_typed() {
        assert_eq!(labels("cafe\u{301};caf\u{e9}", ";"), ["café", "café"]);
    }

    #[test]
    fn a_blank_id_is_none() {
        let id = |id: &'static str| {
            let field = Field::Labels(Vec::new());
            Record::new(1, Some(Cow::Borrowed(id)), Cow::Borrowed(""), field, ";").id
        };
        assert_eq!((id(" 7 "), id("  ")), (Some(Cow::Borrowed("7")), None));
    }
}
