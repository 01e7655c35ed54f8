//! Labels in a field that holds a list, a set or an object in the notation of JSON, Python or numpy,
//! which is what programs write that put a list into a column of text.

use serde_json::{Map, Value};

use super::record::Label;

/// The labels of such a field; none where it is no list, or no list of labels.
pub(super) fn labels_in(field: &str) -> Option<Vec<Label<'static>>> {
    let field = field.trim();
    let is_enclosed = matches!(
        (field.bytes().next()?, field.bytes().last()?),
        (b'[', b']') | (b'{', b'}') | (b'(' | b'a' | b's' | b'f', b')')
    );
    if !is_enclosed {
        return None;
    }
    if let Ok(value) = serde_json::from_str(field) {
        return of_value(&value);
    }
    let inner = without_call(field, &["array(", "set(", "frozenset(", "list(", "tuple("]);
    // A set without anything in it is written as a call alone.
    if inner.trim().is_empty() { Some(Vec::new()) } else { Literal { rest: inner }.whole() }
}

/// The labels of a JSON value: a list of names, numbers or truth values; an object that has such a list
/// under one key, such as `{"choices": [..]}`; or an object that says 0 or 1 of each label.
pub(super) fn of_value(value: &Value) -> Option<Vec<Label<'static>>> {
    match value {
        Value::Array(items) => {
            let labels: Option<Vec<Vec<Label<'static>>>> = items.iter().map(of_item).collect();
            Some(labels?.concat())
        }
        Value::Object(table) => of_object(table),
        _ => None,
    }
}

/// Returns the labels of an item of a list, which may hold such objects, as Label Studio's exports
/// do.
fn of_item(item: &Value) -> Option<Vec<Label<'static>>> {
    let label = match item {
        Value::String(name) => Label::Name(name.clone().into()),
        Value::Bool(is) => Label::Number(i64::from(*is)),
        Value::Number(number) => Label::Number(whole(number.as_i64(), number.as_f64())?),
        Value::Object(table) => return of_object(table),
        _ => return None,
    };
    Some(vec![label])
}

fn of_object(table: &Map<String, Value>) -> Option<Vec<Label<'static>>> {
    if let [value] = table.values().collect::<Vec<_>>()[..] {
        match value {
            Value::Array(_) => return of_value(value),
            Value::String(name) => return Some(vec![Label::Name(name.clone().into())]),
            _ => {}
        }
    }
    let mut labels = Vec::new();
    for (name, value) in table {
        let is = match value {
            Value::Bool(is) => *is,
            Value::Number(number) => match whole(number.as_i64(), number.as_f64())? {
                0 => false,
                1 => true,
                _ => return None,
            },
            _ => return None,
        };
        labels.extend(is.then(|| Label::Name(name.clone().into())));
    }
    Some(labels)
}

/// A whole number, be it written as `3` or as `3.0`.
pub(super) fn whole(integer: Option<i64>, float: Option<f64>) -> Option<i64> {
    /// The number beyond which not every whole number is one of an f64.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |number: &f64| number.fract().abs() <= 0.0 && number.abs() <= EXACT;
    integer.or_else(|| float.filter(whole).map(|number| number as i64))
}

/// Returns `array(['a', 'b'], dtype=object)` and the like without the call.
fn without_call<'a>(field: &'a str, calls: &[&str]) -> &'a str {
    let Some(inner) = calls.iter().find_map(|call| field.strip_prefix(call)) else { return field };
    let inner = inner.strip_suffix(')').unwrap_or(inner);
    match inner.rfind("dtype=") {
        Some(at) => inner[..at].trim_end().trim_end_matches(','),
        None => inner,
    }
}

/// A list, tuple, set or table of Python's, or an array as numpy prints it, without commas.
struct Literal<'a> {
    rest: &'a str,
}

impl Literal<'_> {
    fn whole(mut self) -> Option<Vec<Label<'static>>> {
        let close = match self.next()? {
            '[' => ']',
            '{' => '}',
            '(' => ')',
            _ => return None,
        };
        let mut labels = Vec::new();
        let mut values = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches([',', ' ', '\t', '\n', '\r']);
            if self.rest.starts_with(close) {
                break;
            }
            labels.push(self.item()?);
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix(':') {
                self.rest = rest.trim_start();
                values.push(self.item()?);
            }
        }
        if self.rest.len() > 1 {
            return None;
        }
        if values.is_empty() {
            return Some(labels);
        }
        // A table says 0 or 1 of each label.
        let is_table = values.len() == labels.len();
        let said = |(label, value)| match value {
            Label::Number(0) => Some(None),
            Label::Number(1) => Some(Some(label)),
            _ => None,
        };
        let said: Option<Vec<Option<Label<'static>>>> =
            labels.into_iter().zip(values).map(said).collect();
        said.filter(|_| is_table).map(|said| said.into_iter().flatten().collect())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn item(&mut self) -> Option<Label<'static>> {
        if self.rest.starts_with(['\'', '"']) {
            return self.quoted().map(|name| Label::Name(name.into()));
        }
        let end = self.rest.find([',', ' ', '\n', '\r', '\t', ']', ')', '}', ':'])?;
        let word = &self.rest[..end];
        self.rest = &self.rest[end..];
        match word {
            "True" => Some(Label::Number(1)),
            "False" => Some(Label::Number(0)),
            // numpy prints 1.0 as `1.`.
            _ => whole(word.parse().ok(), word.parse().ok()).map(Label::Number),
        }
    }

    fn quoted(&mut self) -> Option<String> {
        let quote = self.next()?;
        let mut text = String::new();
        loop {
            match self.next()? {
                '\\' => match self.next()? {
                    c @ ('\\' | '\'' | '"') => text.push(c),
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    _ => return None,
                },
                c if c == quote => return Some(text),
                c => text.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_in_the_notation_of_many_programs_are_lists() {
        let names = |names: &[&str]| -> Vec<Label<'static>> {
            names.iter().map(|name| Label::Name((*name).to_owned().into())).collect()
        };
        let check = |field: &str, expected: &[&str]| {
            assert_eq!(labels_in(field), Some(names(expected)), "{field}");
        };
        check(r#"["grain", "trade"]"#, &["grain", "trade"]);
        check("['grain', \"men's wear\"]", &["grain", "men's wear"]);
        check(r"['men\'s wear',]", &["men's wear"]);
        check("{'grain', 'trade'}", &["grain", "trade"]);
        check("('grain',)", &["grain"]);
        check("['grain' 'trade'\n 'oil']", &["grain", "trade", "oil"]);
        check("array(['grain', 'trade'], dtype=object)", &["grain", "trade"]);
        check("set()", &[]);
        check("[]", &[]);
        check(r#"{"choices": ["a", "b"]}"#, &["a", "b"]);
        check(r#"[{"choices": ["a", "b"]}]"#, &["a", "b"]);
        check(r#"{"choices": "a"}"#, &["a"]);
        check(r#"{"a": 1, "b": 0, "c": 1.0}"#, &["a", "c"]);
        check(r#"{"a": true, "b": false}"#, &["a"]);
        check("{'a': True, 'b': False, 'c': 1}", &["a", "c"]);
        let numbers = |field: &str, expected: &[i64]| {
            let expected = expected.iter().map(|&number| Label::Number(number)).collect();
            assert_eq!(labels_in(field), Some(expected), "{field}");
        };
        numbers("[1, 0, 1]", &[1, 0, 1]);
        numbers("[1. 0. 1.]", &[1, 0, 1]);
        numbers("[True, False]", &[1, 0]);
        numbers("(3, 4)", &[3, 4]);
    }

    #[test]
    fn what_is_no_list_of_labels_is_left_alone() {
        let cases = [
            "",
            "grain",
            "[other]",
            "(other)",
            "[a, b]",
            "[0.5, 0.5]",
            "[\"a\"",
            "{}x",
            "[[1], [2]]",
            "{'a': 2}",
            "['a'] b",
            "a)",
            "sport (men)",
            "{\"a\": 1, \"b\": [2]}",
        ];
        for field in cases {
            assert_eq!(labels_in(field), None, "{field}");
        }
    }

    proptest! {
        #[test]
        fn what_python_prints_is_read(names in prop::collection::vec("[a-z ,;:'\\\\\"é]{0,6}", 0..6)) {
            let quoted = |name: &String| format!("'{}'", name.replace('\\', r"\\").replace('\'', r"\'"));
            let list: Vec<String> = names.iter().map(quoted).collect();
            let expected: Vec<Label<'_>> =
                names.iter().map(|name| Label::Name(name.as_str().into())).collect();
            prop_assert_eq!(labels_in(&format!("[{}]", list.join(", "))), Some(expected));
        }

        #[test]
        fn nothing_panics(field in "[\\[({a-c0-9.,:'\"\\\\ \\])}]{0,20}") {
            let _list_or_not = labels_in(&field);
        }
    }
}
