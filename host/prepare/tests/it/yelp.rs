//! The Yelp Open Dataset: businesses with titles that contain commas, and their reviews.

use alhost_prepare::{Choices, LeafRule, UnknownLabels};
use serde_json::json;

use crate::support::{Sandbox, gz, tar, zip};

const CATEGORIES: &str = r#"[
    {"alias": "food", "title": "Food", "parents": []},
    {"alias": "beer_and_wine", "title": "Beer, Wine & Spirits", "parents": ["food"]},
    {"alias": "restaurants", "title": "Restaurants", "parents": [], "country_blacklist": ["XX"]},
    {"alias": "pizza", "title": "Pizza", "parents": ["restaurants", "food"]}
]"#;

const N_PLAIN: usize = 30;

fn business(id: &str, categories: &serde_json::Value) -> String {
    json!({"business_id": id, "name": "N", "city": "C", "stars": 4.5, "categories": categories,
           "attributes": null})
    .to_string()
        + "\n"
}

fn businesses() -> String {
    let mut lines = business("first", &json!("Food, Beer, Wine & Spirits, Restaurants"));
    lines += &business("nothing", &json!(null));
    lines += &business("empty", &json!(""));
    lines += &business("silent", &json!("Pizza"));
    lines += &business("unknown", &json!("Pool Halls, Pizza, Restaurants"));
    (0..N_PLAIN).for_each(|n| lines += &business(&format!("b{n:02}"), &json!("Pizza, Food")));
    lines
}

fn review(n: usize, business: &str) -> String {
    json!({"review_id": format!("r{n}"), "user_id": "u", "business_id": business, "stars": 5.0,
           "useful": 0, "funny": 0, "cool": 0, "text": format!("{business} review {n}.\n\n\u{e9}"),
           "date": "2016-03-09 22:00:00"})
    .to_string()
        + "\n"
}

/// Twelve rounds of all businesses but `silent`, and one that is not in the dump.
fn reviews() -> String {
    let mut lines = String::new();
    for n in 0..12 {
        lines += &review(n, "gone");
        lines += &review(n, "first");
        if n == 0 {
            (0..N_PLAIN).for_each(|b| lines += &review(n, &format!("b{b:02}")));
            lines += &(review(n, "unknown") + &review(n, "nothing"));
        }
    }
    lines
}

fn files() -> [(String, Vec<u8>); 2] {
    // In an archive the reviews may stand before the businesses.
    [("review", reviews()), ("business", businesses())]
        .map(|(name, lines)| (format!("yelp_academic_dataset_{name}.json"), lines.into_bytes()))
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("categories.json", CATEGORIES);
    for (name, bytes) in files() {
        sandbox.write(&name, bytes);
    }
    sandbox
}

fn at_least(min_count: u64) -> Choices {
    Choices { min_count: Some(min_count), ..Choices::default() }
}

#[test]
fn a_text_is_a_business_with_its_first_ten_reviews() {
    let sandbox = sandbox();
    let made = sandbox.make("yelp", &at_least(1));
    let all = made.all();
    let expected: Vec<String> = (0..10).map(|n| format!("first review {n}.\n\n\u{e9}")).collect();
    assert_eq!(all["first"].text, expected.join(" "));
    assert_eq!(all["first"].labels, ["beer_and_wine"], "the leaf, though its title has a comma");
    assert_eq!(all["unknown"].labels, ["pizza"]);
    assert_eq!(all.len(), N_PLAIN + 2);
    assert_eq!(made.left_out("without categories"), 1);
    assert_eq!(made.left_out("without a review"), 2);
    assert_eq!(made.remarked("labels that the hierarchy does not have, dropped"), 1);
    assert!(made.file("labels.tsv").contains("beer_and_wine\tBeer, Wine & Spirits\tfood\t"));
    let n_texts = made.prepared.n_texts;
    assert!(n_texts.iter().all(|&n| n > 0) && n_texts[0] > n_texts[2], "{n_texts:?}");
}

#[test]
fn rare_classes_are_dropped_and_all_labels_can_be_kept() {
    assert_eq!(sandbox().make("yelp", &at_least(30)).classes(), ["pizza"]);
    let choices = Choices { leaf: Some(LeafRule::None), ..at_least(1) };
    let all = sandbox().make("yelp", &choices).all();
    assert_eq!(all["first"].labels, ["food", "beer_and_wine", "restaurants"]);
    let error = sandbox().error("yelp", &Choices::default());
    assert!(error.contains("without a class that is frequent enough"), "{error}");
}

#[test]
fn an_unknown_category_can_be_an_error() {
    let unknown_labels = Some(UnknownLabels::Error);
    let error = sandbox().error("yelp", &Choices { unknown_labels, ..at_least(1) });
    assert!(error.contains("document `unknown` has the label `Pool Halls`"), "{error}");
}

#[test]
fn the_archives_that_yelp_hands_out_are_read() {
    let expected = sandbox().make("yelp", &at_least(1)).all();
    let check = |write: &dyn Fn(&Sandbox)| {
        let sandbox = Sandbox::new();
        sandbox.write("categories.json", CATEGORIES);
        write(&sandbox);
        assert_eq!(sandbox.make("yelp", &at_least(1)).all(), expected);
    };
    check(&|sandbox| sandbox.write("yelp_dataset.tar", tar(&files())));
    check(&|sandbox| sandbox.write("yelp_dataset.tar", gz(tar(&files()))));
    check(&|sandbox| {
        for (name, bytes) in files() {
            sandbox.write(&format!("{name}.gz"), gz(bytes));
        }
    });
    check(&|sandbox| {
        let files = files().map(|(name, bytes)| (name, String::from_utf8(bytes).unwrap()));
        let files: Vec<_> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        sandbox.write("Yelp-JSON.zip", zip(&files));
    });
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let check = |change: &dyn Fn(&Sandbox), expected: &[&str]| {
        let sandbox = sandbox();
        change(&sandbox);
        let error = sandbox.error("yelp", &at_least(1));
        for part in expected {
            assert!(error.contains(part), "{error}");
        }
    };
    let remove = |name: &'static str| {
        move |sandbox: &Sandbox| fs_err::remove_file(sandbox.source().join(name)).unwrap()
    };
    check(&remove("categories.json"), &["no `categories.json`", "licence: Yelp Dataset License"]);
    let reviews_name = "yelp_academic_dataset_review.json";
    check(&remove(reviews_name), &["no `yelp_academic_dataset_review.json`"]);
    let cut = |s: &Sandbox| s.write(reviews_name, &reviews()[..100]);
    check(&cut, &["review.json:1:", "EOF while parsing", "interrupted"]);
    let latin = |s: &Sandbox| s.write(reviews_name, b"{\"text\": \"caf\xE9\"}\n");
    check(&latin, &["review.json:1:14: not UTF-8"]);
    let archive = |s: &Sandbox| s.write("yelp_dataset.tar", tar(&files()));
    check(&archive, &["more than one file could be"]);
    let packed = gz(tar(&files()));
    let half = |s: &Sandbox| s.write("yelp_dataset.tgz", &packed[..packed.len() / 2]);
    check(&half, &["yelp_dataset.tgz"]);
    let cycle = |s: &Sandbox| {
        s.write(
            "categories.json",
            CATEGORIES.replace(r#""Food", "parents": []"#, r#""Food", "parents": ["pizza"]"#),
        );
    };
    check(&cycle, &["categories.json: the hierarchy of labels has a cycle"]);
}
