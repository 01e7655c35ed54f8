//! Labels and which of them stand above which: checked, and asked for leaves and ancestors.

use std::collections::HashMap;

use crate::error::PrepareError;

/// A label as a hierarchy file has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) id: String,
    /// Name for people; the id where there is no other.
    pub(crate) name: String,
    pub(crate) parents: Vec<String>,
}

/// A directed graph without cycles. A label is an index into it.
#[derive(Debug)]
pub(crate) struct Hierarchy {
    entries: Vec<Entry>,
    ids: HashMap<String, u32>,
    growth: Growth,
    n_added: u64,
}

#[derive(Debug)]
struct Entry {
    id: String,
    name: String,
    parents: Vec<u32>,
    n_children: u32,
}

/// Whether labels that were not there from the start can come in.
#[derive(Debug)]
enum Growth {
    Closed,
    /// Labels are paths; what stands before a separator is the parent.
    Paths {
        separator: char,
        leaf_roots: Option<&'static [&'static str]>,
    },
}

impl Hierarchy {
    /// `place` names the file in errors. An id that stands there more than once has the parents of
    /// all its places. A parent that is no label itself becomes one, named by its id, and is counted
    /// in [`Hierarchy::n_added`]: editions of hierarchies differ, and who stands above whom is all
    /// that leaf rules ask.
    pub(crate) fn new(place: &str, nodes: &[Node]) -> Result<Self, PrepareError> {
        let mut hierarchy = Self::closed();
        for node in nodes {
            hierarchy.add(&node.id, &node.name);
        }
        let n_labels = hierarchy.len();
        for node in nodes {
            for parent in &node.parents {
                let (below, above) = (hierarchy.ids[&node.id], hierarchy.add(parent, parent));
                hierarchy.link(below, above);
            }
        }
        hierarchy.n_added = (hierarchy.len() - n_labels) as u64;
        match hierarchy.cycle() {
            Some(cycle) => Err(PrepareError::Cycle { place: place.to_owned(), cycle }),
            None => Ok(hierarchy),
        }
    }

    /// Labels without a hierarchy, as (id, name).
    pub(crate) fn flat(labels: &[(&str, &str)]) -> Self {
        let mut hierarchy = Self::closed();
        for (id, name) in labels {
            hierarchy.add(id, name);
        }
        hierarchy
    }

    /// Labels that are paths, such as `math.AP` with the separator `.`; they come in as they are
    /// looked up, with all that is above them. A root is a leaf if no path below it came in; or, if
    /// `leaf_roots` is given, if it is one of them.
    pub(crate) fn by_path(separator: char, leaf_roots: Option<&'static [&'static str]>) -> Self {
        Self { growth: Growth::Paths { separator, leaf_roots }, ..Self::closed() }
    }

    fn closed() -> Self {
        Self { entries: Vec::new(), ids: HashMap::new(), growth: Growth::Closed, n_added: 0 }
    }

    fn link(&mut self, below: u32, above: u32) {
        let parents = &mut self.entries[below as usize].parents;
        if !parents.contains(&above) {
            parents.push(above);
            self.entries[above as usize].n_children += 1;
        }
    }

    /// The label with this id, made if it is not there.
    pub(crate) fn add(&mut self, id: &str, name: &str) -> u32 {
        if let Some(&label) = self.ids.get(id) {
            return label;
        }
        let label = self.entries.len() as u32;
        let (id, name) = (id.to_owned(), name.to_owned());
        self.ids.insert(id.clone(), label);
        self.entries.push(Entry { id, name, parents: Vec::new(), n_children: 0 });
        label
    }

    /// The label with this id; where labels are paths, it always is one.
    pub(crate) fn look_up(&mut self, id: &str) -> Option<u32> {
        if let Some(&label) = self.ids.get(id) {
            return Some(label);
        }
        let Growth::Paths { separator, .. } = self.growth else { return None };
        Some(self.add_path(id, separator))
    }

    fn add_path(&mut self, path: &str, separator: char) -> u32 {
        let label = self.add(path, path);
        let mut below = label;
        let mut rest = path;
        while let Some((above, _)) =
            rest.rsplit_once(separator).filter(|(above, _)| !above.is_empty())
        {
            let known = self.ids.contains_key(above);
            let parent = self.add(above, above);
            self.link(below, parent);
            if known {
                break;
            }
            (below, rest) = (parent, above);
        }
        label
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Parents that stood nowhere as labels.
    pub(crate) fn n_added(&self) -> u64 {
        self.n_added
    }

    pub(crate) fn id(&self, label: u32) -> &str {
        &self.entries[label as usize].id
    }

    pub(crate) fn name(&self, label: u32) -> &str {
        &self.entries[label as usize].name
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &*entry.id)
    }

    pub(crate) fn parents(&self, label: u32) -> &[u32] {
        &self.entries[label as usize].parents
    }

    /// Whether nothing stands below it.
    pub(crate) fn is_leaf(&self, label: u32) -> bool {
        let entry = &self.entries[label as usize];
        match self.growth {
            Growth::Paths { leaf_roots: Some(roots), .. } if entry.parents.is_empty() => {
                roots.contains(&&*entry.id)
            }
            _ => entry.n_children == 0,
        }
    }

    /// All that stand above it, without itself, sorted.
    pub(crate) fn ancestors(&self, label: u32) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::new();
        let mut open = self.parents(label).to_vec();
        while let Some(next) = open.pop() {
            if let Err(place) = found.binary_search(&next) {
                found.insert(place, next);
                open.extend(self.parents(next));
            }
        }
        found
    }

    /// The labels of one cycle, the first again at the end; none if there is no cycle.
    fn cycle(&self) -> Option<Vec<String>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            Not,
            OnPath,
            Done,
        }
        let mut seen = vec![Seen::Not; self.entries.len()];
        for start in 0..self.entries.len() as u32 {
            // The path from `start` upwards, with the place of the next parent of each.
            let mut path: Vec<(u32, usize)> = vec![(start, 0)];
            if seen[start as usize] != Seen::Not {
                continue;
            }
            seen[start as usize] = Seen::OnPath;
            while let Some((label, next)) = path.last_mut() {
                let Some(&parent) = self.entries[*label as usize].parents.get(*next) else {
                    seen[*label as usize] = Seen::Done;
                    path.pop();
                    continue;
                };
                *next += 1;
                match seen[parent as usize] {
                    Seen::Done => {}
                    Seen::OnPath => {
                        let from = path.iter().position(|&(label, _)| label == parent)?;
                        let around = path[from..].iter().map(|&(label, _)| label).chain([parent]);
                        return Some(around.map(|label| self.id(label).to_owned()).collect());
                    }
                    Seen::Not => {
                        seen[parent as usize] = Seen::OnPath;
                        path.push((parent, 0));
                    }
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, parents: &[&str]) -> Node {
        let parents = parents.iter().map(|&parent| parent.to_owned()).collect();
        Node { id: id.to_owned(), name: format!("name of {id}"), parents }
    }

    fn leaves(hierarchy: &Hierarchy) -> Vec<&str> {
        let labels = 0..hierarchy.len() as u32;
        labels.filter(|&label| hierarchy.is_leaf(label)).map(|label| hierarchy.id(label)).collect()
    }

    fn above(hierarchy: &Hierarchy, id: &str) -> Vec<String> {
        let label = hierarchy.ids[id];
        hierarchy.ancestors(label).into_iter().map(|above| hierarchy.id(above).to_owned()).collect()
    }

    #[test]
    fn a_label_can_have_several_parents() {
        let nodes = [node("a", &[]), node("b", &["a"]), node("c", &["a"]), node("d", &["b", "c"])];
        let hierarchy = Hierarchy::new("file", &nodes).unwrap();
        assert_eq!(leaves(&hierarchy), ["d"]);
        assert_eq!(above(&hierarchy, "d"), ["a", "b", "c"]);
        assert_eq!(hierarchy.n_added(), 0);
    }

    #[test]
    fn an_id_that_stands_twice_has_the_parents_of_both() {
        let nodes = [node("d", &["b"]), node("d", &["c", "b"]), node("b", &[]), node("c", &[])];
        let hierarchy = Hierarchy::new("file", &nodes).unwrap();
        assert_eq!(above(&hierarchy, "d"), ["b", "c"]);
        assert_eq!(leaves(&hierarchy), ["d"]);
    }

    #[test]
    fn a_parent_that_is_no_label_becomes_one() {
        let hierarchy = Hierarchy::new("file", &[node("a", &["x"]), node("b", &["x"])]).unwrap();
        assert_eq!(hierarchy.n_added(), 1);
        assert_eq!(leaves(&hierarchy), ["a", "b"]);
    }

    #[test]
    fn paths_bring_what_is_above_them() {
        let mut hierarchy = Hierarchy::by_path('/', None);
        for path in ["Top/News/World/Europe", "Top/News", "Top/Features/Travel", "Lone"] {
            hierarchy.look_up(path).unwrap();
        }
        assert_eq!(leaves(&hierarchy), ["Top/News/World/Europe", "Top/Features/Travel", "Lone"]);
        let expected = ["Top/News/World", "Top/News", "Top"];
        let mut got = above(&hierarchy, "Top/News/World/Europe");
        got.sort_by_key(|path| std::cmp::Reverse(path.len()));
        assert_eq!(got, expected);
    }

    #[test]
    fn only_named_roots_are_leaves_if_some_are_named() {
        let mut hierarchy = Hierarchy::by_path('.', Some(&["hep-th"]));
        for code in ["hep-th", "astro-ph", "math.CO"] {
            hierarchy.look_up(code).unwrap();
        }
        assert_eq!(leaves(&hierarchy), ["hep-th", "math.CO"]);
    }

    #[test]
    fn a_long_chain_is_no_cycle_and_needs_no_stack() {
        let mut nodes: Vec<Node> =
            (0..100_000).map(|i: u32| node(&i.to_string(), &[&(i + 1).to_string()])).collect();
        assert!(Hierarchy::new("file", &nodes).is_ok());
        nodes.push(node("100000", &["99999"]));
        let error = Hierarchy::new("file", &nodes).unwrap_err().to_string();
        assert!(error.contains("`99999` below `100000` below `99999`"), "{error}");
    }
}
