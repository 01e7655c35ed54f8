//! What is found for what is typed, in which order, and what of it is emphasized.

use super::*;

fn index(names: &[&str]) -> LabelIndex {
    let mut index = LabelIndex::new(Some("/"));
    for name in names {
        index.push(name);
    }
    index
}

/// The names found, with what is emphasized in brackets; later names have the lower prior.
fn found(names: &[&str], query: &str) -> Vec<String> {
    let hits = index(names).search(query, 10, &|label| -f64::from(label));
    let shown = |hit: &Hit| {
        let mut name = names[hit.label as usize].to_owned();
        for range in hit.matched.iter().rev() {
            name.insert(range.end, ']');
            name.insert(range.start, '[');
        }
        name
    };
    hits.iter().map(shown).collect()
}

fn check(names: &[&str], query: &str, expected: &[&str]) {
    assert_eq!(found(names, query), expected, "{query:?}");
}

#[test]
fn the_better_fit_comes_first() {
    let names = ["boil", "oxygen lil", "a oil x", "oilseed", "crude/oil", "oil!", "Oil", "oil"];
    let expected = ["[oil]", "[Oil]", "[oil]!", "crude/[oil]", "[oil]seed", "a [oil] x", "b[oil]"];
    check(&names, "oil", &expected);
}

#[test]
fn words_may_come_in_any_order_and_unfinished() {
    let names = ["trade/coffee beans", "coffee trade", "trading/coffee"];
    check(
        &names,
        "coff trad",
        &["[trad]e/[coff]ee beans", "[coff]ee [trad]e", "[trad]ing/[coff]ee"],
    );
    check(
        &names,
        "coffee trad",
        &["[coffee] [trad]e", "[trad]e/[coffee] beans", "[trad]ing/[coffee]"],
    );
}

#[test]
fn among_equals_the_prior_decides_then_the_length() {
    let index = index(&["oil long name", "oil short", "oil b", "oil a"]);
    let order = |prior: &dyn Fn(u32) -> f64| -> Vec<u32> {
        index.search("oil", 9, prior).into_iter().map(|hit| hit.label).collect()
    };
    assert_eq!(order(&|_| 1.0), [3, 2, 1, 0]);
    assert_eq!(order(&|label| if label == 0 { 0.5 } else { 0.1 }), [0, 3, 2, 1]);
    assert_eq!(order(&|label| if label == 3 { f64::NAN } else { -1.0 }), [2, 1, 0, 3]);
}

#[test]
fn typing_errors_come_last_and_the_fewer_the_better() {
    check(&["agriculture", "wheat"], "agircultur", &["[agricultur]e"]);
    let names = ["plantatoiin", "plantatoin", "plantation"];
    check(&names, "plantation", &["[plantation]", "[plantatoin]", "[plantatoiin]"]);
    check(&["wheat"], "wxxat", &[]);
    check(&["oil"], "oli", &[]);
}

#[test]
fn accents_signs_and_scripts_do_not_matter() {
    check(&["Économie/Énergie"], "energie eco", &["[Éco]nomie/[Énergie]"]);
    check(&["Straßenbau"], "strasse", &["[Straße]nbau"]);
    check(&["money-fx"], "money fx", &["[money]-[fx]"]);
    check(&["経済政策", "外交"], "政策", &["経済[政策]"]);
    check(&["農業"], "農", &["[農]業"]);
    check(&["한국 경제"], "겨", &["한국 [경]제"]);
    check(&["C", "C++", "C#"], "c++", &["[C]++", "[C]", "[C]#"]);
}

#[test]
fn a_query_of_signs_is_found_sign_by_sign() {
    check(&["C++", "+", "a"], "+", &["[+]", "C[+]+"]);
    check(&["🙂 happy"], "🙂", &["[🙂] happy"]);
}

#[test]
fn an_empty_query_finds_all_by_prior() {
    check(&["b", "a"], " ", &["b", "a"]);
    check(&[], "x", &[]);
    assert_eq!(index(&["a", "b"]).search("", 0, &|_| 0.0), []);
    assert_eq!(index(&["a", "b"]).search("a", 0, &|_| 0.0), []);
}

#[test]
fn labels_can_be_added_at_any_time() {
    let mut index = index(&["oil"]);
    assert_eq!(index.search("gas", 3, &|_| 0.0), []);
    assert_eq!(index.push("gas"), 1);
    assert_eq!(index.search("gas", 3, &|_| 0.0)[0].label, 1);
    assert_eq!(index.len(), 2);
    assert_eq!(index.names(), ["oil", "gas"]);
    assert_eq!(index.children("").len(), 2);
}
