//! Yelp's categories: the list `categories.json`, and what a business says of itself in the dump.

use std::collections::HashMap;

use serde::Deserialize;

/// An entry of `categories.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Category {
    pub(crate) alias: String,
    pub(crate) title: String,
    /// Aliases. The web service calls the field `parent_aliases`.
    #[serde(default, alias = "parent_aliases")]
    pub(crate) parents: Vec<String>,
}

/// The file is the list itself; the answer of the web service wraps it.
#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    List(Vec<Category>),
    Wrapped { categories: Vec<Category> },
}

pub(crate) fn parse(json: &[u8]) -> Result<Vec<Category>, serde_json::Error> {
    match serde_json::from_slice(json)? {
        File::List(categories) | File::Wrapped { categories } => Ok(categories),
    }
}

/// The field `categories` of a business: one string of titles, or, in dumps before 2018, a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Named {
    Joined(String),
    List(Vec<String>),
}

/// Finds the categories that a business names.
///
/// The dump joins titles by `, `, and some titles contain that themselves ("Beer, Wine & Spirits").
/// So the longest title that fits is taken from the left; cutting at each comma would lose them.
pub(crate) struct Titles {
    alias_of: HashMap<String, String>,
    /// Pieces of the title with the most commas.
    max_pieces: usize,
    /// Categories with the title of an earlier one, which is the one that is found.
    pub(crate) n_ambiguous: u64,
}

impl Titles {
    pub(crate) fn new(categories: &[Category]) -> Self {
        let mut titles = Self { alias_of: HashMap::new(), max_pieces: 1, n_ambiguous: 0 };
        for category in categories {
            let title = category.title.trim();
            if titles.alias_of.contains_key(title) {
                titles.n_ambiguous += 1;
                continue;
            }
            titles.alias_of.insert(title.to_owned(), category.alias.clone());
            titles.max_pieces = titles.max_pieces.max(title.split(", ").count());
        }
        titles
    }

    /// The alias of each category that a business names, or its title where the list does not have
    /// it; each once.
    pub(crate) fn labels(&self, named: &Named) -> Vec<String> {
        let mut labels = Vec::new();
        match named {
            Named::Joined(joined) => self.split(joined, &mut labels),
            Named::List(titles) => titles.iter().for_each(|title| self.add(title, &mut labels)),
        }
        labels
    }

    fn split(&self, joined: &str, labels: &mut Vec<String>) {
        let pieces: Vec<&str> = joined.split(", ").map(str::trim).collect();
        let mut at = 0;
        while at < pieces.len() {
            let longest = self.max_pieces.min(pieces.len() - at);
            let fitting = (1..=longest)
                .rev()
                .map(|n_pieces| (n_pieces, pieces[at..at + n_pieces].join(", ")))
                .find(|(_, title)| self.alias_of.contains_key(title));
            let (n_pieces, title) = fitting.unwrap_or_else(|| (1, pieces[at].to_owned()));
            self.add(&title, labels);
            at += n_pieces;
        }
    }

    fn add(&self, title: &str, labels: &mut Vec<String>) {
        let title = title.trim();
        let label = self.alias_of.get(title).map_or(title, String::as_str);
        if !label.is_empty() && !labels.iter().any(|known| known == label) {
            labels.push(label.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles() -> Titles {
        let json = r#"[
            {"alias": "beer_and_wine", "title": "Beer, Wine & Spirits", "parents": ["food"]},
            {"alias": "food", "title": "Food", "parents": []},
            {"alias": "beer", "title": "Beer", "parents": ["food"]},
            {"alias": "wills", "title": "Wills, Trusts, & Probates", "parents": ["lawyers"]},
            {"alias": "lawyers", "title": "Lawyers", "parents": []},
            {"alias": "lawyers2", "title": "Lawyers", "parents": []}
        ]"#;
        Titles::new(&parse(json.as_bytes()).unwrap())
    }

    #[track_caller]
    fn check(named: &str, expected: &[&str]) {
        assert_eq!(titles().labels(&Named::Joined(named.to_owned())), expected);
    }

    #[test]
    fn the_longest_title_is_taken() {
        check("Food, Beer, Wine & Spirits", &["food", "beer_and_wine"]);
        check("Beer, Wine & Spirits, Food", &["beer_and_wine", "food"]);
        check("Beer, Food", &["beer", "food"]);
        check("Wills, Trusts, & Probates, Lawyers", &["wills", "lawyers"]);
        check("Food, Food", &["food"]);
    }

    #[test]
    fn unknown_titles_are_kept_and_cost_no_others() {
        check("Pool Halls, Beer, Wine & Spirits", &["Pool Halls", "beer_and_wine"]);
        check("Wills, Food", &["Wills", "food"]);
        check("", &[]);
    }

    #[test]
    fn a_list_of_titles_is_not_split() {
        let named: Named =
            serde_json::from_str(r#"["Beer, Wine & Spirits", "Nope, Food"]"#).unwrap();
        assert_eq!(titles().labels(&named), ["beer_and_wine", "Nope, Food"]);
    }

    #[test]
    fn a_title_of_two_categories_is_said() {
        assert_eq!(titles().n_ambiguous, 1);
        assert_eq!(titles().alias_of["Lawyers"], "lawyers");
    }

    #[test]
    fn the_answer_of_the_web_service_is_read_too() {
        let json = r#"{"categories": [{"alias": "a", "title": "A", "parent_aliases": ["b"]}]}"#;
        assert_eq!(parse(json.as_bytes()).unwrap()[0].parents, ["b"]);
    }
}
