//! The shapes that labels have in Label Studio's files: a plain name for one label, `{"choices": [..]}` for
//! several, `[{"taxonomy": [[..], [..]]}]` for paths, and nothing for none.

use serde_json::Value;

use crate::error::quoted;
use crate::json::told;
use crate::names::Names;

/// Reads a value in any of the shapes.
pub(super) fn labels(value: &Value, names: &Names<'_>) -> Result<Vec<String>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(name) => Ok(vec![name.clone()]),
        Value::Object(object) => {
            let list = ["choices", "taxonomy"].iter().find_map(|kind| object.get(*kind));
            let list = list.and_then(Value::as_array).ok_or_else(|| told(value))?;
            list.iter().map(|label| name(label, names)).collect()
        }
        // Each is what one question was answered with.
        Value::Array(answers) => {
            let all: Result<Vec<_>, String> =
                answers.iter().map(|answer| labels(answer, names)).collect();
            Ok(all?.concat())
        }
        _ => Err(told(value)),
    }
}

/// The name of a label: plain, or a path from the root.
fn name(label: &Value, names: &Names<'_>) -> Result<String, String> {
    if let Some(name) = label.as_str() {
        return Ok(name.to_owned());
    }
    let path = label.as_array().ok_or_else(|| told(label))?;
    let path: Option<Vec<&str>> = path.iter().map(Value::as_str).collect();
    names.join(&path.ok_or_else(|| told(label))?)
}

/// Reads a cell of a table, in which the shapes are JSON but for a single label. Such a label may look like
/// JSON: it is told by the project's labels, and what could be both is refused.
pub(super) fn labels_of_cell(cell: &str, names: &Names<'_>) -> Result<Vec<String>, String> {
    let plain = || Ok(vec![cell.to_owned()]);
    let value: Option<Value> = match cell.as_bytes().first() {
        Some(b'{' | b'[') => serde_json::from_str(cell).ok(),
        _ => None,
    };
    let Some(value) = value else { return plain() };
    let read = labels(&value, names);
    // Paths are never written plainly.
    let is_paths = names.are_paths() && value[0]["taxonomy"].is_array();
    if is_paths || !names.has(cell) {
        return read;
    }
    match read {
        // One label of several choices is written plainly, so that this is none of them.
        Ok(read) if read.len() > 1 && read.iter().all(|name| names.has(name)) => Err(format!(
            "its labels {} are one label or several: the project has them all; import JSON instead",
            quoted(cell)
        )),
        _ => plain(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::task::LabelSet;

    fn set(names: &[&str], separator: Option<&str>) -> LabelSet {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        LabelSet { names, separator: separator.map(str::to_owned) }
    }

    #[test]
    fn all_shapes_of_the_field_are_read() {
        let known = set(&[], Some("/"));
        let check = |value: Value, expected: &[&str]| {
            assert_eq!(labels(&value, &Names::of(&known)).unwrap(), expected, "{value}");
        };
        check(json!(null), &[]);
        check(json!("grain"), &["grain"]);
        check(json!({"choices": ["grain", "trade"]}), &["grain", "trade"]);
        check(json!({"choices": [["grain"], ["a", "b"]]}), &["grain", "a/b"]);
        check(json!([{"taxonomy": [["a", "b"], ["c"]]}]), &["a/b", "c"]);
        check(json!([]), &[]);
        check(json!([{"taxonomy": []}]), &[]);
        check(json!(["a", {"choices": ["b", "c"]}]), &["a", "b", "c"]);
    }

    #[test]
    fn other_shapes_are_told() {
        let known = set(&[], None);
        let values = [
            json!(1),
            json!({"rating": 3}),
            json!({"choices": [1]}),
            json!({"taxonomy": [["a", "b"]]}),
        ];
        for value in values {
            assert!(labels(&value, &Names::of(&known)).is_err(), "{value}");
        }
    }

    #[test]
    fn a_name_that_looks_like_json_is_told_by_the_projects_labels() {
        let both = r#"{"choices":["a","b"]}"#;
        let check = |names: &[&str], cell: &str, expected: Option<&[&str]>| {
            let known = set(names, None);
            let read = labels_of_cell(cell, &Names::of(&known)).ok();
            let expected = expected.map(|names| names.iter().map(|n| (*n).to_owned()).collect());
            assert_eq!(read, expected, "{cell}");
        };
        check(&["a", "b"], both, Some(&["a", "b"]));
        check(&["a", both], both, Some(&[both]));
        check(&["a", "b", both], both, None);
        check(
            &["a", r#"{"choices":["a"]}"#],
            r#"{"choices":["a"]}"#,
            Some(&[r#"{"choices":["a"]}"#]),
        );
        check(&["[a", "{"], "[a", Some(&["[a"]));
        check(&[], "{not JSON}", Some(&["{not JSON}"]));
        check(&[], "grain, trade", Some(&["grain, trade"]));
    }

    #[test]
    fn paths_are_never_plain() {
        let paths = r#"[{"taxonomy":[["a"]]}]"#;
        let read = |separator| labels_of_cell(paths, &Names::of(&set(&["a", paths], separator)));
        assert_eq!(read(Some("/")).unwrap(), ["a"]);
        assert_eq!(read(None).unwrap(), [paths]);
    }
}
