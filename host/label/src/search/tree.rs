//! The hierarchy of labels whose names are paths, for those who would rather browse than type.

use std::collections::BTreeMap;

/// What lies one step below a place in the hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// The parts from the root to here, joined by the separator.
    pub path: String,
    /// The last part.
    pub name: String,
    /// The label that has this path, if there is one: a place may be there only for what is below it.
    pub label: Option<u32>,
    /// Labels at any depth below, without this one.
    pub n_labels_below: usize,
}

#[derive(Default)]
pub(super) struct Tree {
    root: Place,
}

#[derive(Default)]
struct Place {
    label: Option<u32>,
    n_labels_below: usize,
    children: BTreeMap<String, Place>,
}

impl Tree {
    /// Puts a label where its path says. Empty parts (`/a`, `a//b`) count as none; of two labels at one
    /// place, the first keeps it.
    pub(super) fn add(&mut self, name: &str, separator: Option<&str>, label: u32) {
        let mut place = &mut self.root;
        for part in parts(name, separator) {
            place.n_labels_below += 1;
            place = place.children.entry(part.to_owned()).or_default();
        }
        place.label.get_or_insert(label);
    }

    /// What lies one step below a path, by name; nothing where there is no such path.
    pub(super) fn children(&self, path: &str, separator: Option<&str>) -> Vec<Child> {
        let mut place = &self.root;
        let mut above = String::new();
        for part in parts(path, separator) {
            let Some(next) = place.children.get(part) else { return Vec::new() };
            place = next;
            above.push_str(part);
            above.push_str(separator.unwrap_or_default());
        }
        let child = |(name, place): (&String, &Place)| Child {
            path: format!("{above}{name}"),
            name: name.clone(),
            label: place.label,
            n_labels_below: place.n_labels_below,
        };
        place.children.iter().map(child).collect()
    }
}

fn parts<'a>(path: &'a str, separator: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    let (whole, cut) = match separator {
        Some(separator) => (None, Some(path.split(separator))),
        None => (Some(path), None),
    };
    whole.into_iter().chain(cut.into_iter().flatten()).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], separator: Option<&str>, path: &str, expected: &[&str]) {
        let mut tree = Tree::default();
        for (label, name) in names.iter().enumerate() {
            tree.add(name, separator, label as u32);
        }
        let shown = |child: Child| {
            let label = child.label.map_or_else(|| "-".to_owned(), |label| label.to_string());
            format!("{} {} {label} {}", child.path, child.name, child.n_labels_below)
        };
        let found: Vec<String> = tree.children(path, separator).into_iter().map(shown).collect();
        assert_eq!(found, expected, "{path:?}");
    }

    const NAMES: [&str; 5] = ["trade/coffee", "trade", "trade/metal/gold", "art", "/art"];

    #[test]
    fn one_step_is_shown_with_what_is_below() {
        check(&NAMES, Some("/"), "", &["art art 3 0", "trade trade 1 2"]);
        check(&NAMES, Some("/"), "trade", &["trade/coffee coffee 0 0", "trade/metal metal - 1"]);
        check(&NAMES, Some("/"), "trade/metal/", &["trade/metal/gold gold 2 0"]);
        check(&NAMES, Some("/"), "art", &[]);
        check(&NAMES, Some("/"), "trade/nowhere", &[]);
    }

    #[test]
    fn without_a_separator_all_labels_lie_at_the_top() {
        check(&["b/c", "a"], None, "", &["a a 1 0", "b/c b/c 0 0"]);
        check(&["b/c", "a"], None, "b", &[]);
    }

    #[test]
    fn a_separator_may_be_longer() {
        check(&["a > b"], Some(" > "), "a", &["a > b b 0 0"]);
    }
}
