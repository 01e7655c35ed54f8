//! The labeling configuration: which text is shown, and which labels are offered.

use std::collections::{BTreeMap, HashSet};
use std::io;

use quick_xml::Writer;

use super::FIELD;
use crate::error::ExportError;
use crate::task::LabelSet;

/// More choices than these are offered in a list that can be searched, not all at once.
const MOST_SHOWN: usize = 24;

/// Writes the configuration for a list of labels, or for a tree of them where names are paths.
pub(super) fn config(labels: &LabelSet) -> Result<Vec<u8>, ExportError> {
    for name in &labels.names {
        check(name, labels)?;
    }
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    let written = writer.create_element("View").write_inner_content(|writer| {
        let text = writer.create_element("Text").with_attribute(("name", "text"));
        text.with_attribute(("value", "$text")).write_empty()?;
        if labels.separator.is_some() { taxonomy(writer, labels) } else { choices(writer, labels) }
    });
    written.expect("memory takes all that is written to it");
    let mut config = writer.into_inner();
    config.push(b'\n');
    Ok(config)
}

/// Refuses what an attribute of XML 1.0 cannot hold, and paths that have nothing between separators.
fn check(name: &str, labels: &LabelSet) -> Result<(), ExportError> {
    let cannot = |c: &char| {
        (c.is_ascii_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{7f}'))
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    if let Some(c) = name.chars().find(cannot) {
        let problem = format!("has the character U+{:04X}, which XML cannot hold", u32::from(c));
        return Err(ExportError::label(name, problem));
    }
    if labels.path(name).contains(&"") {
        let problem = "is a path with an empty part, which a taxonomy cannot hold";
        return Err(ExportError::label(name, problem));
    }
    Ok(())
}

fn choices(writer: &mut Writer<Vec<u8>>, labels: &LabelSet) -> io::Result<()> {
    let all = writer.create_element("Choices").with_attributes([
        ("name", FIELD),
        ("toName", "text"),
        ("choice", "multiple"),
    ]);
    let is_long = labels.names.len() > MOST_SHOWN;
    let all = if is_long { all.with_attribute(("layout", "select")) } else { all };
    all.write_inner_content(|writer| {
        for name in &labels.names {
            let choice = writer.create_element("Choice");
            let choice = if name.contains('$') {
                // `$word` in a value stands for a field of the task; an alias is what is answered, as it is.
                let shown = name.replace('$', "$\u{2060}");
                choice
                    .with_attribute(("value", shown.as_str()))
                    .with_attribute(("alias", name.as_str()))
            } else {
                choice.with_attribute(("value", name.as_str()))
            };
            choice.write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

/// A node of the tree, which need not be a label itself. Children stand in the order of their first label.
#[derive(Default)]
struct Node<'a> {
    children: Vec<(&'a str, Node<'a>)>,
    places: BTreeMap<&'a str, usize>,
}

impl<'a> Node<'a> {
    fn add(&mut self, path: &[&'a str]) {
        let Some((first, rest)) = path.split_first() else { return };
        let place = *self.places.entry(first).or_insert_with(|| {
            self.children.push((first, Node::default()));
            self.children.len() - 1
        });
        self.children[place].1.add(rest);
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        for (name, node) in &self.children {
            let choice = writer.create_element("Choice").with_attribute(("value", *name));
            if node.children.is_empty() {
                choice.write_empty()?;
            } else {
                choice.write_inner_content(|writer| node.write(writer))?;
            }
        }
        Ok(())
    }
}

fn taxonomy(writer: &mut Writer<Vec<u8>>, labels: &LabelSet) -> io::Result<()> {
    let mut root = Node::default();
    for name in &labels.names {
        root.add(&labels.path(name));
    }
    let taxonomy = writer.create_element("Taxonomy").with_attributes([
        ("name", FIELD),
        ("toName", "text"),
        ("leafsOnly", if leaves_are_all(labels) { "true" } else { "false" }),
        ("showFullPath", "true"),
    ]);
    taxonomy.write_inner_content(|writer| root.write(writer))?;
    Ok(())
}

/// Whether no label stands above another one, so that only leaves need to be chosen.
fn leaves_are_all(labels: &LabelSet) -> bool {
    let paths = || labels.names.iter().map(|name| labels.path(name));
    let above: HashSet<Vec<&str>> =
        paths().flat_map(|path| (1..path.len()).map(move |n| path[..n].to_vec())).collect();
    !paths().any(|path| above.contains(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_config(names: &[&str], separator: Option<&str>, expected: &str) {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let labels = LabelSet { names, separator: separator.map(str::to_owned) };
        let config = String::from_utf8(config(&labels).unwrap()).unwrap();
        let inner: Vec<&str> = config.lines().map(str::trim).skip(2).collect();
        assert_eq!(inner.concat().trim_end_matches("</View>"), expected, "{config}");
    }

    #[test]
    fn labels_without_a_separator_are_choices() {
        check_config(
            &["grain", "<a & \"b\">", "1\n2\t3"],
            None,
            "<Choices name=\"labels\" toName=\"text\" choice=\"multiple\"><Choice value=\"grain\"/>\
             <Choice value=\"&lt;a &amp; &quot;b&quot;&gt;\"/><Choice value=\"1&#10;2&#9;3\"/></Choices>",
        );
    }

    #[test]
    fn a_dollar_is_no_field_of_the_task() {
        check_config(
            &["US$100"],
            None,
            "<Choices name=\"labels\" toName=\"text\" choice=\"multiple\">\
             <Choice value=\"US$\u{2060}100\" alias=\"US$100\"/></Choices>",
        );
    }

    #[test]
    fn labels_with_a_separator_are_a_tree() {
        let attributes = |leaves| {
            format!(
                "<Taxonomy name=\"labels\" toName=\"text\" leafsOnly=\"{leaves}\" showFullPath=\"true\">"
            )
        };
        let tree = "<Choice value=\"a\"><Choice value=\"b\"/><Choice value=\"c\"/></Choice>\
                    <Choice value=\"d\"/></Taxonomy>";
        check_config(&["a/b", "d", "a/c"], Some("/"), &format!("{}{tree}", attributes(true)));
        check_config(&["a/b", "d", "a/c", "a"], Some("/"), &format!("{}{tree}", attributes(false)));
    }

    #[test]
    fn what_cannot_be_in_a_configuration_is_refused() {
        for (name, expected) in [("a\u{1}", "U+0001"), ("a//b", "empty part"), ("/a", "empty part")]
        {
            let separator = Some("/".to_owned());
            let labels = LabelSet { names: vec![name.to_owned()], separator };
            let error = config(&labels).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("\nhint: "), "{error}");
        }
    }
}
