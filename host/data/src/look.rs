//! One look at the labels of a data set after it was read, whatever the format: a structure that was
//! taken for a name, a separator that was not split at, one label in two spellings. What it finds in more
//! than half of the texts is refused; what it finds in fewer is noted, with the likely cause and the key.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

use super::error::DataError;
use super::locate::listed;
use super::raw::RawSplit;

/// Separators of labels that were never split, each with how it looks in a config.
const SEPARATORS: [(&str, &str); 7] =
    [("|", "|"), ("#", "#"), (",", ","), (";", ";"), ("\t", "\\t"), ("\n", "\\n"), ("\\", "\\\\")];
/// Separators that are as likely a part of a name: all parts must then be labels of their own.
const WEAK_SEPARATORS: [(&str, &str); 5] =
    [(" ", " "), ("/", "/"), ("&", "&"), ("+", "+"), (":", ":")];

/// Texts that programs write where there is nothing.
const NOTHING: [&str; 11] =
    ["nan", "NaN", "NAN", "None", "none", "null", "NULL", "N/A", "<NA>", "NaT", "#N/A"];

/// The labels, each with its number of texts; those that no text has are not looked at.
struct Look<'a> {
    splits: &'a [RawSplit],
    /// Names by place, see `Names`; two places may have the same name.
    names: &'a [String],
    texts_of: Vec<usize>,
    n_texts: usize,
    /// Whether no text has more than one label.
    is_single: bool,
    /// Whether the labels came in strings that were split, so that a key can mend it.
    is_separated: bool,
}

/// Something found: the places of the labels that show it, and what to say.
struct Finding {
    places: Vec<bool>,
    problem: String,
    hint: String,
}

/// Returns the notes, or the reason to refuse. With an empty `separator`, the user says that each
/// field is a label as it stands, and nothing is refused.
pub(super) fn at(
    splits: &[RawSplit],
    names: &[String],
    separator: &str,
) -> Result<Vec<String>, DataError> {
    let look = Look::new(splits, names);
    let mut notes = look.unpacked();
    for finding in [look.structures(), look.compositions(separator), look.values()] {
        let Some(finding) = finding else { continue };
        let Finding { places, problem, hint } = finding;
        let (texts, first) = look.texts_with(&places);
        let (path, line) = match first {
            Some((path, line)) if texts * 2 > look.n_texts && !separator.is_empty() => (path, line),
            _ => {
                notes.push(format!(
                    "labels: {problem}, in {texts} of {} texts ({hint})",
                    look.n_texts
                ));
                continue;
            }
        };
        let problem = format!("{problem}, in {texts} of {} texts", look.n_texts);
        return Err(DataError::Labels { path: path.to_owned(), line, problem, hint });
    }
    let softer = [look.weak_compositions(), look.spellings(), look.two_values(), look.nothing()];
    notes.extend(softer.into_iter().flatten());
    notes.extend([look.one_set(), look.as_many_as_texts()].into_iter().flatten());
    notes.extend(look.missing_texts());
    Ok(notes)
}

impl<'a> Look<'a> {
    fn new(splits: &'a [RawSplit], names: &'a [String]) -> Self {
        let mut texts_of = vec![0; names.len()];
        for &place in splits.iter().flat_map(RawSplit::rows).flatten() {
            texts_of[place as usize] += 1;
        }
        let is_single = splits.iter().flat_map(RawSplit::rows).all(|row| row.len() <= 1);
        let is_separated = splits.iter().any(|split| split.separated > 0);
        let n_texts = splits.iter().map(RawSplit::len).sum();
        Self { splits, names, texts_of, n_texts, is_single, is_separated }
    }

    /// The labels that texts have.
    fn used(&self) -> impl Iterator<Item = &'a str> {
        let used = self.names.iter().zip(&self.texts_of).filter(|(_, texts)| **texts > 0);
        used.map(|(name, _)| name.as_str())
    }

    /// The texts that have one of the labels, and where the first stands.
    fn texts_with(&self, places: &[bool]) -> (usize, Option<(&'a std::path::Path, u64)>) {
        let mut first = None;
        let mut texts = 0;
        for split in self.splits {
            for (text, row) in split.rows().enumerate() {
                if row.iter().any(|&place| places[place as usize]) {
                    texts += 1;
                    first = first.or(Some(split.place(text)));
                }
            }
        }
        (texts, first)
    }

    /// Finds the labels of which `is_one` holds; `problem` is told of the first.
    fn finding(
        &self,
        is_one: impl Fn(&str) -> bool,
        problem: impl FnOnce(&str) -> String,
        hint: String,
    ) -> Option<Finding> {
        let places: Vec<bool> = self
            .names
            .iter()
            .zip(&self.texts_of)
            .map(|(name, &texts)| texts > 0 && is_one(name))
            .collect();
        let example = places.iter().position(|&is_one| is_one)?;
        Some(Finding { problem: problem(&shown(&self.names[example])), places, hint })
    }

    fn unpacked(&self) -> Vec<String> {
        let unpacked = self.splits.iter().filter(|split| split.unpacked > 0);
        let note = |split: &RawSplit| {
            format!(
                "{}: the labels of {} texts are lists written as text, and were read as lists",
                split.key, split.unpacked
            )
        };
        unpacked.map(note).collect()
    }

    /// Lists, objects, markup and quotes that were not understood.
    fn structures(&self) -> Option<Finding> {
        self.finding(
            is_structure,
            |example| format!("what looks like a part of a list or an object is a label (`{example}`)"),
            "write the names alone, separated by `data.label_separator`, or a list as JSON has it; \
             `data.label_separator = \"\"` takes each field for one label"
                .to_owned(),
        )
    }

    /// Labels that are made of others, where no text has two.
    fn compositions(&self, given: &str) -> Option<Finding> {
        if !self.is_single {
            return None;
        }
        let used: HashSet<&str> = self.used().collect();
        let found = SEPARATORS.iter().filter(|(separator, _)| *separator != given);
        let found = found.filter_map(|&(separator, shown)| {
            let composed = composed(&used, separator, 2);
            (!composed.is_empty()).then_some((composed, shown))
        });
        let (composed, separator) = found.max_by_key(|(composed, _)| composed.len())?;
        let mend = if self.is_separated {
            format!(
                "did you mean `data.label_separator = \"{separator}\"`? `\"\"` takes each field for one \
                 label"
            )
        } else {
            "each label of a list must be an entry of its own".to_owned()
        };
        self.finding(
            |name| composed.contains(name),
            |example| {
                format!("no text has two labels, but labels are made of others with `{separator}` (`{example}`)")
            },
            mend,
        )
    }

    fn weak_compositions(&self) -> Option<String> {
        if !self.is_single {
            return None;
        }
        let used: HashSet<&str> = self.used().collect();
        let found = WEAK_SEPARATORS.iter().map(|(separator, shown)| {
            let parts_are_labels = composed(&used, separator, usize::MAX);
            (parts_are_labels, shown)
        });
        let (composed, separator) = found.max_by_key(|(composed, _)| composed.len())?;
        let mut names: Vec<String> = composed.into_iter().map(shown).collect();
        names.sort_unstable();
        (!names.is_empty()).then(|| {
            format!(
                "labels: {} are made of others with `{separator}` ({}); if so, \
                 `data.label_separator = \"{separator}\"`",
                names.len(),
                listed(&names)
            )
        })
    }

    /// Finds labels with values behind them, such as `label:1` and `label:0`.
    fn values(&self) -> Option<Finding> {
        let used = self.used().count();
        let valued = self.used().filter(|name| has_value(name)).count();
        if valued * 2 <= used {
            return None;
        }
        self.finding(
            has_value,
            |example| format!("labels have values behind them (`{example}`)"),
            "list the labels that hold, without values; `data.label_columns` reads a column for each"
                .to_owned(),
        )
    }

    /// Labels that are the same but for case, white space or Unicode form.
    fn spellings(&self) -> Option<String> {
        let mut first: HashMap<String, &str> = HashMap::new();
        let mut others = 0;
        let mut example = None;
        for name in self.used() {
            let earlier = *first.entry(folded(name)).or_insert(name);
            if earlier != name {
                others += 1;
                example = example.or(Some((earlier, name)));
            }
        }
        let (one, other) = example?;
        Some(format!(
            "labels: {others} differ from another only by case, white space or Unicode form, such as \
             `{}` and `{}`",
            shown(one),
            shown(other)
        ))
    }

    fn two_values(&self) -> Option<String> {
        const TRUTHS: [&str; 8] = ["0", "1", "true", "false", "True", "False", "yes", "no"];
        let used: Vec<&str> = self.used().collect();
        let are_truths = !used.is_empty() && used.iter().all(|name| TRUTHS.contains(name));
        are_truths.then(|| {
            let names: Vec<String> = used.iter().map(|name| (*name).to_owned()).collect();
            format!(
                "labels: {} alone; where a column says whether a text has one label, \
                 `data.label_columns` names it",
                listed(&names)
            )
        })
    }

    fn nothing(&self) -> Option<String> {
        let found: Vec<String> =
            self.used().filter(|name| NOTHING.contains(name)).map(str::to_owned).collect();
        (!found.is_empty()).then(|| {
            format!("labels: {} is what programs write for a missing value", listed(&found))
        })
    }

    fn one_set(&self) -> Option<String> {
        let mut rows = self.splits.iter().flat_map(RawSplit::rows);
        let first = rows.next()?;
        let is_one = self.n_texts > 2 && !first.is_empty() && rows.all(|row| row == first);
        is_one.then(|| {
            "labels: all texts have the same, so that there is nothing to learn".to_owned()
        })
    }

    /// Ids or free text in the column of labels.
    fn as_many_as_texts(&self) -> Option<String> {
        const FEW: usize = 20;
        let once = self.texts_of.iter().filter(|&&texts| texts == 1).count();
        let are_many = self.is_single && self.n_texts >= FEW && once * 2 > self.n_texts;
        are_many.then(|| {
            format!(
                "labels: {once} stand in one text alone, of {} texts with one label each; is \
                 `data.labels_column` the column of labels, and `data.label_separator` right?",
                self.n_texts
            )
        })
    }

    fn missing_texts(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for split in self.splits {
            let count = split.texts.iter().filter(|text| NOTHING.contains(text)).count();
            if count > 0 {
                notes.push(format!(
                    "{}: {count} texts are what programs write for a missing value, such as `nan`",
                    split.key
                ));
            }
            if split.rows().all(<[u32]>::is_empty) {
                notes.push(format!("{}: no text has a label", split.key));
            }
        }
        notes
    }
}

/// The labels of which two thirds of the parts between separators are labels too, or parts of at least
/// `recurring` labels.
fn composed<'a>(used: &HashSet<&'a str>, separator: &str, recurring: usize) -> HashSet<&'a str> {
    let parts = |name: &'a str| -> Vec<&'a str> {
        name.split(separator).map(str::trim).filter(|part| !part.is_empty()).collect()
    };
    let several: Vec<(&str, Vec<&str>)> =
        used.iter().map(|name| (*name, parts(name))).filter(|(_, parts)| parts.len() > 1).collect();
    let mut labels_of: HashMap<&str, usize> = HashMap::new();
    for part in several.iter().flat_map(|(_, parts)| parts) {
        *labels_of.entry(part).or_default() += 1;
    }
    let is_known = |part: &&&str| used.contains(**part) || labels_of[**part] >= recurring;
    // Of many parts, a rare one may be known from nowhere else.
    let are_known = |parts: &[&str]| parts.iter().filter(is_known).count() * 3 >= parts.len() * 2;
    several.into_iter().filter(|(_, parts)| are_known(parts)).map(|(name, _)| name).collect()
}

fn is_structure(name: &str) -> bool {
    let ends = (name.chars().next(), name.chars().last());
    let (Some(first), Some(last)) = ends else { return false };
    let encloses = matches!(
        (first, last),
        ('[', ']') | ('{', '}') | ('(', ')') | ('<', '>') | ('"', '"') | ('\'', '\'')
    );
    let quotes = |rest: &str| rest.trim_start().starts_with(['"', '\'']);
    let opens = matches!(first, '[' | '{' | '(') && quotes(&name[1..]);
    let closes =
        matches!(last, ']' | '}' | ')') && name[..name.len() - 1].trim_end().ends_with(['"', '\'']);
    name.chars().count() > 1 && (encloses || opens || closes)
}

/// Whether a value is behind a name: `grain:1`, `grain=0.35`, `grain: true`; not `level:2`, which
/// may be a name.
fn has_value(name: &str) -> bool {
    let Some((_, value)) = name.rsplit_once([':', '=']) else { return false };
    let value = value.trim();
    let is_share =
        value.contains('.') && value.parse().is_ok_and(|x: f64| (0.0..=1.0).contains(&x));
    is_share
        || matches!(value, "0" | "1")
        || ["true", "false"].iter().any(|w| value.eq_ignore_ascii_case(w))
}

/// Returns the same text for labels that differ by case, white space or Unicode form alone.
fn folded(name: &str) -> String {
    let lower: String = if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        name.nfkc().collect::<String>().to_lowercase()
    };
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns at most so much of a name that a line holds it.
fn shown(name: &str) -> String {
    name.chars().take(60).flat_map(char::escape_debug).collect()
}
