//! arXiv's metadata: wrapped titles, codes of old, codes that mean the same.

use alhost_prepare::{Choices, DateRange, LeafRule};
use serde_json::json;

use crate::support::{Made, Sandbox, gz, zip};

const NAME: &str = "arxiv-metadata-oai-snapshot.json";

fn paper(id: &str, title: &str, summary: &str, categories: &str, created: &str) -> String {
    let paper = json!({
        "id": id, "submitter": null, "authors": "A. B\\'e", "title": title, "comments": null,
        "journal-ref": null, "doi": null, "report-no": null, "categories": categories,
        "license": null, "abstract": summary,
        "versions": [{"version": "v1", "created": created}, {"version": "v2", "created": "Fri, 1 Jan 2021 00:00:00 GMT"}],
        "update_date": "2021-01-01", "authors_parsed": [["B", "A.", ""]],
    });
    format!("{paper}\n")
}

/// 40 papers; the first few with what is odd.
fn replica() -> String {
    let april = "Mon, 2 Apr 2007 19:18:42 GMT";
    let mut dump = paper(
        "0704.0001",
        "Calculation of prompt diphoton production cross sections at Tevatron and\n  LHC energies",
        "  A fully differential \"calculation\" in\nperturbative $\\alpha_s$\u{a0}é.\n",
        "hep-ph",
        april,
    );
    dump += &paper("0704.0002", "Sparse", " Old codes.\n", "astro-ph", april);
    dump += &paper("0704.0003", "Both", " Old and new.\n", "astro-ph cond-mat.str-el", april);
    dump += &paper("0704.0004", "Same", " Aliases.\n", "cs.IT math.IT", april);
    dump += &paper("0704.0005", "Twice", " The same code.\n", "math.CO math.CO", april);
    dump += &paper("0704.0006", "Older", " Gone archives.\n", "alg-geom math.AG", april);
    dump += &paper("math/0701001", "Later", " x\n", "quant-ph", "Thu, 3 May 2007 00:00:00 GMT");
    for i in 10..43 {
        dump += &paper(
            &format!("0705.00{i}"),
            "Many",
            " y\n",
            "math.CO",
            "Tue, 1 May 2007 00:00:00 GMT",
        );
    }
    dump
}

fn made(choices: &Choices) -> (Sandbox, Made) {
    let sandbox = Sandbox::new();
    sandbox.write(NAME, replica());
    let made = sandbox.make("arxiv", choices);
    (sandbox, made)
}

#[test]
fn white_space_is_collapsed_and_old_codes_are_internal() {
    let (_sandbox, made) = made(&Choices::default());
    let all = made.all();
    assert_eq!(
        all["0704.0001"].text,
        "Calculation of prompt diphoton production cross sections at Tevatron and LHC energies A \
         fully differential \"calculation\" in perturbative $\\alpha_s$ é."
    );
    assert_eq!(all["0704.0001"].labels, ["hep-ph"]);
    assert_eq!(all["0704.0003"].labels, ["cond-mat.str-el"]);
    assert_eq!(all["0704.0004"].labels, ["cs.IT", "math.IT"]);
    assert_eq!(all["0704.0005"].labels, ["math.CO"]);
    assert_eq!(all["0704.0006"].labels, ["math.AG"]);
    assert!(!all.contains_key("0704.0002"));
    assert_eq!(made.left_out("without a label that the leaf rule keeps"), 1);
    assert_eq!(made.remarked("labels that stand twice in a text"), 1);
    assert_eq!(made.prepared.n_read, 40);
    assert_eq!(all.len(), 39);
    let classes =
        ["cond-mat.str-el", "cs.IT", "hep-ph", "math.AG", "math.CO", "math.IT", "quant-ph"];
    assert_eq!(made.classes(), classes);
    assert!(made.file("labels.tsv").contains("\nmath.CO\tmath.CO\tmath\t"));
    assert!(made.file("hierarchy.tsv").contains("\nastro-ph\tastro-ph\t\t0\n"));
}

#[test]
fn every_choice_changes_the_outcome() {
    let none = Choices::default;
    let (_s, merged) = made(&Choices { merge_aliases: true, ..none() });
    assert_eq!(merged.all()["0704.0004"].labels, ["cs.IT"]);

    let (_s, all) = made(&Choices { leaf: Some(LeafRule::None), ..none() });
    assert_eq!(all.all()["0704.0002"].labels, ["astro-ph"]);
    assert_eq!(all.all()["0704.0006"].labels, ["alg-geom", "math.AG"]);

    let (_s, titles) = made(&Choices { text: Some(vec!["title".to_owned()]), ..none() });
    assert_eq!(titles.all()["0704.0004"].text, "Same");

    let (_s, limited) = made(&Choices { limit: Some(38), ..none() });
    assert_eq!((limited.prepared.n_read, limited.all().len()), (38, 37));

    let dates = DateRange::parse("2007-04-30..2007-05-01");
    let (_s, may) = made(&Choices { dates, ..none() });
    assert_eq!(may.left_out("outside the dates"), 7);
    assert_eq!(may.all().len(), 33);

    let (_s, frequent) = made(&Choices { min_count: Some(2), ..none() });
    assert_eq!(frequent.classes(), ["math.CO"]);
    assert_eq!(frequent.left_out("without a class that is frequent enough"), 5);

    let (_s, one) = made(&Choices { split_seed: Some(1), ..none() });
    let (_s, two) = made(&Choices { split_seed: Some(2), ..none() });
    assert_ne!(one.ids("test"), two.ids("test"));
}

#[test]
fn the_dump_is_read_however_it_is_packed() {
    let (_sandbox, plain) = made(&Choices::default());
    let expected = plain.all();
    let packed: [(&str, Vec<u8>); 4] = [
        ("arxiv-metadata-oai-2021-01.json", replica().into_bytes()),
        ("arxiv-metadata-oai-snapshot.json.gz", gz(replica())),
        (
            "arxiv-metadata-oai-snapshot.json.zst",
            zstd::encode_all(replica().as_bytes(), 1).unwrap(),
        ),
        ("archive.zip", zip(&[(NAME, &replica())])),
    ];
    for (name, bytes) in packed {
        let sandbox = Sandbox::new();
        sandbox.write(name, bytes);
        let made = sandbox.make("arxiv", &Choices::default());
        assert_eq!(made.all(), expected, "{name}");
        assert_eq!(made.meta()["source"][0]["name"], name);
    }
}
