//! Other strategies as a service: a strategy that combines others asks the host for their picks.
//!
//! Which ones is said by a parameter, so that the user sees it, the host finds and checks them before the run,
//! and the record names their files. A strategy that lists [`STRATEGY`] among its needs declares a parameter
//! of the name [`STRATEGIES`], a string:
//!
//! ```text
//! strategies = "badge, uncertainty(measure=margin, top=5), ./libmine.so"
//! ```
//!
//! Each is an id or a file, with parameters in parentheses where they are not the defaults. One that itself
//! asks others is refused, so that there are no cycles.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ffi::{Block, doc_ids};
use crate::{DocId, Error, Result};

/// The picks of another strategy. See [`Context::ask`](crate::Context::ask).
pub const STRATEGY: &str = "strategy/1";

/// Name of the parameter that lists the strategies to ask.
pub const STRATEGIES: &str = "strategies";

/// The options of [`STRATEGY`]: who is asked, and for how much.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AskOptions {
    /// Place in the list of strategies, from 0.
    pub strategy: usize,
    /// Texts wanted; more than there are in the pool means all.
    pub n: usize,
}

/// The texts that another strategy would label, best first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picks<'a> {
    /// min(n, pool) texts of the pool, none twice.
    pub ids: &'a [DocId],
    /// A score for each of `ids`, where it gives scores.
    pub scores: Option<&'a [f64]>,
}

impl<'a> Picks<'a> {
    pub(crate) fn from_block(block: &Block<'a>) -> Self {
        let scores = block.f64s.as_slice();
        let ids = doc_ids(block.u32s.as_slice());
        Self { ids, scores: (scores.len() == ids.len()).then_some(scores) }
    }
}

/// One strategy of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// An id or a file.
    pub plugin: String,
    /// The parameters given to it.
    pub params: Map<String, Value>,
}

/// Reads a list of strategies.
///
/// # Errors
/// The list is empty, or an entry is not of the form `plugin` or `plugin(key=value, ...)`.
pub fn strategies(list: &str) -> Result<Vec<Asked>> {
    let broken = |why: String| {
        Error::new(format!(
            "`{STRATEGIES} = {list:?}`: {why}\n\
             hint: ids or files, with parameters in parentheses: `badge, uncertainty(measure=margin)`"
        ))
    };
    if list.trim().is_empty() {
        return Err(broken("there is no strategy to ask".to_owned()));
    }
    split(list).into_iter().map(|entry| one(entry).map_err(broken)).collect()
}

/// One entry of a list, or what is wrong with it.
fn one(entry: &str) -> std::result::Result<Asked, String> {
    let (plugin, inside) = match entry.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
        Some((plugin, inside)) => (plugin.trim(), inside),
        None => (entry, ""),
    };
    if plugin.is_empty() {
        return Err("an entry names no strategy".to_owned());
    }
    if plugin.contains(['(', ')']) || inside.contains(['(', ')']) {
        return Err(format!("the parentheses of `{entry}` do not match"));
    }
    let mut params = Map::new();
    for given in split(inside).into_iter().filter(|_| !inside.trim().is_empty()) {
        let (key, value) = given.split_once('=').ok_or_else(|| {
            format!("`{given}` in `{entry}` is no parameter, which looks like `key=value`")
        })?;
        let (key, value) = (key.trim(), value.trim());
        // What is no number and no truth value is a text, with or without quotes.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        if params.insert(key.to_owned(), value).is_some() {
            return Err(format!("`{key}` stands twice in `{entry}`"));
        }
    }
    Ok(Asked { plugin: plugin.to_owned(), params })
}

/// The parts between commas that stand outside of parentheses, trimmed.
fn split(list: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let mut parts = list.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.by_ref().map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(list: &str, expected: std::result::Result<&[(&str, Value)], &str>) {
        match (strategies(list), expected) {
            (Ok(got), Ok(expected)) => {
                let got: Vec<(&str, Value)> = got
                    .iter()
                    .map(|one| (one.plugin.as_str(), one.params.clone().into()))
                    .collect();
                assert_eq!(got, expected, "{list}");
            }
            (Err(got), Err(why)) => assert!(got.message().contains(why), "{list}: {got}"),
            (got, _) => panic!("{list}: {got:?}"),
        }
    }

    #[test]
    fn a_list_names_strategies_and_their_parameters() {
        check("badge", Ok(&[("badge", json!({}))]));
        check(" badge ,./a/libmine.so", Ok(&[("badge", json!({})), ("./a/libmine.so", json!({}))]));
        check(
            "uncertainty(measure=margin, top = 5,flag=true, name=\"a b\", share=0.5), alps()",
            Ok(&[
                (
                    "uncertainty",
                    json!({"measure": "margin", "top": 5, "flag": true, "name": "a b", "share": 0.5}),
                ),
                ("alps", json!({})),
            ]),
        );
        check("a, a", Ok(&[("a", json!({})), ("a", json!({}))]));
    }

    #[test]
    fn what_is_no_list_is_told() {
        check("", Err("there is no strategy to ask"));
        check("  ", Err("there is no strategy to ask"));
        check("a,,b", Err("an entry names no strategy"));
        check("a,", Err("an entry names no strategy"));
        check("(top=5)", Err("an entry names no strategy"));
        check("a(top)", Err("is no parameter"));
        check("a(top=5,)", Err("is no parameter"));
        check("a(top=5, top=6)", Err("`top` stands twice"));
        check("a(b(c=1))", Err("do not match"));
        for list in ["a((", "a, b(c", "a)", "a(b))", "a(b, c", "a(b=1)c"] {
            check(list, Err("do not match"));
        }
    }
}
