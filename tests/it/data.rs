//! `alhost data`: what it prints, and the files it writes.

use serde_json::Value;

use crate::support::Sandbox;

#[test]
fn stats_are_a_table_or_json_and_a_figure() {
    let sandbox = Sandbox::new();
    let shown = sandbox.alhost(&["data", "stats", "--config", "tiny.toml"]).ok().stdout;
    for part in ["classes/text", "co-occurrence", "truncated", "% at 32", "across splits"] {
        assert!(shown.contains(part), "no `{part}` in:\n{shown}");
    }
    let args = ["data", "stats", "--config", "tiny.toml", "--json", "--figure", "classes.svg"];
    let json: Value = serde_json::from_str(&sandbox.alhost(&args).ok().stdout).unwrap();
    assert_eq!((json["train"].as_u64(), json["classes"].as_u64()), (Some(60), Some(6)));
    assert_eq!(json["splits"][1]["split"], "dev");
    assert_eq!(json["max_tokens"].as_u64(), Some(32));
    assert!(json["pieces"]["mean"].as_f64() >= json["words_mean"].as_f64(), "{json:#}");
    assert!(json["splits"][0]["pieces"]["truncated"].as_f64().is_some());
    assert!(sandbox.read("classes.svg").starts_with("<svg"));
}

#[test]
fn several_configs_are_several_rows_and_lines() {
    let sandbox = Sandbox::new();
    sandbox.write("demo.toml", "[data.demo]\ntrain_texts = 50\n[model]\ncheckpoint = \"./none\"\n");
    let configs = ["data", "stats", "--config", "tiny.toml", "demo.toml"];
    let with = |more: &[&str]| sandbox.alhost(&[&configs[..], more].concat());
    let json: Value = serde_json::from_str(&with(&["--json"]).ok().stdout).unwrap();
    assert_eq!((json[0]["train"].as_u64(), json[1]["train"].as_u64()), (Some(60), Some(50)));
    assert!(json[1]["pieces"].is_null(), "its checkpoint is not there");
    let shown = with(&["--figure", "both.svg"]).ok().stdout;
    assert!(shown.contains("note: demo: word pieces not counted"), "{shown}");
    assert!(sandbox.read("both.svg").matches(">demo<").count() == 1);
    with(&["--tokens", "yes"]).refused(&["./none", "no such folder"]);
    let json: Value =
        serde_json::from_str(&with(&["--tokens", "no", "--json"]).ok().stdout).unwrap();
    assert!(json[0]["pieces"].is_null());
}

#[test]
fn a_converted_data_set_runs_with_the_section_that_is_printed() {
    let sandbox = Sandbox::new();
    let convert = |config: &str, to: &str| {
        let args = ["data", "convert", "--config", config, "--to", to, "--out", to];
        sandbox.alhost(&args)
    };
    let section = convert("tiny.toml", "xmc").ok().stdout;
    sandbox.write("xmc.toml", &section);
    let stats = |config: &str| -> Value {
        let args = ["data", "stats", "--config", config, "--json", "--tokens", "no"];
        serde_json::from_str(&sandbox.alhost(&args).ok().stdout).unwrap()
    };
    let (before, after) = (stats("tiny.toml"), stats("xmc.toml"));
    for key in ["train", "dev", "test", "classes", "labelsets", "words_mean", "cooc_pair_mean"] {
        assert_eq!(before[key], after[key], "{key}");
    }
    convert("xmc.toml", "jsonl").ok();
    assert!(sandbox.path("jsonl/train.jsonl.gz").is_file());
    convert("tiny.toml", "xmc").refused(&["xmc: the folder is not empty", "hint"]);
}
