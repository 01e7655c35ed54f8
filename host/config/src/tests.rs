//! A config from its text to its check: what comes through, and the message of each mistake.

use super::*;

fn parse(text: &str, set: &[&str]) -> Result<ConfigFile, ConfigError> {
    let set = set.iter().map(|&text| text.to_owned()).collect();
    ConfigFile::parse(text, "x.toml", &Overrides { set, ..Overrides::default() })
}

fn no_variables(_name: &str) -> Option<String> {
    None
}

fn run_config(text: &str, set: &[&str]) -> RunConfig {
    parse(text, set).unwrap().check(&no_variables).unwrap()
}

/// The message of whatever fails first: reading, or the check.
fn mistake(text: &str, set: &[&str]) -> String {
    match parse(text, set).and_then(|file| file.check(&no_variables)) {
        Ok(_) => "no mistake found".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn check_mistake(text: &str, expected: &str) {
    assert_eq!(mistake(text, &[]), expected, "for {text}");
}

#[test]
fn an_empty_file_is_the_default() {
    let config = run_config("", &[]);
    assert_eq!(config.train.epochs, 15);
    assert_eq!(config.r#loop.budget, 500);
    assert!(config.given("train.epochs").is_none());
}

#[test]
fn mistakes_of_the_file_have_their_line() {
    check_mistake(
        "seeds = [1",
        "x.toml:1:11: unclosed array, expected `]`\n\
         hint: configs are written in TOML (https://toml.io); `alhost config show` prints one to begin \
         with",
    );
    check_mistake(
        "name = \"a\"\n[train]\nbacth = 3\n",
        "x.toml:3:1: unknown key `train.bacth`\nhint: did you mean `train.batch`?",
    );
    check_mistake(
        "[modle]\nhead = 1",
        "x.toml:1:2: unknown key `modle`\nhint: did you mean `model`?",
    );
    check_mistake(
        "[[strategy]]\nplugin = \"alps\"\nparam = 1",
        "x.toml:3:1: unknown key `strategy.param`\nhint: did you mean `strategy.params`?",
    );
    check_mistake(
        "[train]\nepochs = \"many\"",
        "x.toml:2:10: invalid type: string \"many\", expected a whole number, 0 or more",
    );
    check_mistake(
        "[model]\nhead = \"rnn\"",
        "x.toml:2:8: unknown variant `rnn`, expected one of `linear`, `cnn`, `logistic`",
    );
    check_mistake("model = 3", "x.toml:1:9: invalid type: integer `3`, expected a table");
    check_mistake("[[strategy]]\nname = \"a\"", "x.toml:1:1: missing field `plugin`");
}

#[test]
fn all_unknown_keys_are_told_at_once() {
    let told = mistake("sed = 1\n[loop]\nbugdet = 3", &[]);
    assert_eq!(told.matches("unknown key").count(), 2, "{told}");
}

#[test]
fn mistakes_of_the_values_say_where_and_what_would_be_right() {
    check_mistake(
        "[loop]\nquery_size = 0",
        "x.toml:2:1: `loop.query_size` is 0, but must be from 1 to 1000000000",
    );
    check_mistake(
        "[loop]\nbudget = 50",
        "x.toml:2:1: `loop.budget` is 50, but the initial set alone (`loop.initial`) has 100\n\
         hint: the budget counts the initial set too",
    );
    let range = "but must be above 0 and at most 10";
    check_mistake("train.rate = 0", &format!("x.toml:1:7: `train.rate` is 0, {range}"));
    check_mistake("train.rate = nan", &format!("x.toml:1:7: `train.rate` is NaN, {range}"));
    check_mistake("model.widths = []", "x.toml:1:7: `model.widths` is empty");
    check_mistake(
        "name = \"../x\"",
        "x.toml:1:1: `name` is `../x`, which cannot name a folder\n\
         hint: letters, digits, `-`, `_` and `.`, not beginning with `.`",
    );
    check_mistake(
        "device = \"gpu\"",
        "x.toml:1:1: `device` is `gpu`\nhint: a device is `auto`, `cpu`, `cuda` or `cuda:0`",
    );
    check_mistake(
        "[data]\nformat = \"jsonl\"",
        "default: `data.path` is missing\n\
         hint: give the folder of the data with --set data.path=FOLDER",
    );
    check_mistake(
        "[data]\nformat = \"jsonl\"\npath = \"/d\"\ndev = \"\"\n[evaluation]\nthreshold = \"micro-f1\"",
        "x.toml:6:1: `evaluation.threshold` is tuned on a dev set, and the data has none\n\
         hint: data.dev_share = 0.1 takes a tenth of train as dev set; without one, use \
         evaluation.threshold = \"cardinality\" or \"fixed\"",
    );
}

#[test]
fn people_cannot_label_what_has_no_folder_nor_add_labels_to_kept_weights() {
    let told = mistake("[oracle]\nkind = \"human\"", &[]);
    assert!(told.contains("`oracle.kind` is `human`, but the demo corpus has no folder"), "{told}");
    let warm = "[data]\nformat = \"jsonl\"\npath = \"d\"\n[model]\nhead = \"cnn\"\n\
                encoder = \"fine-tuned\"\n[train]\nstart = \"warm\"\n[oracle]\nkind = \"human\"";
    let told = mistake(warm, &[]);
    assert!(told.contains("`train.start` is `warm`, but labels may be added"), "{told}");
    let told = mistake("[loop]\naudit = 0.5\ninitial = 2", &[]);
    assert!(told.contains("`loop.initial` is 2, 1 of them of the audit"), "{told}");
    assert_eq!(mistake("[loop]\naudit = 0.5\ninitial = 3", &[]), "no mistake found");
}

#[test]
fn a_logistic_head_is_refused_what_it_cannot_have() {
    let told = mistake("[model]\nhead = \"logistic\"\nencoder = \"fine-tuned\"", &[]);
    assert!(told.contains("fitted on a frozen encoder"), "{told}");
    let told = mistake("[data.demo]\ndev_texts = 0\n[train]\nc = \"dev\"", &[]);
    assert!(told.contains("`train.c` is `dev`, but the data has no dev set"), "{told}");
    let told = mistake("[loop]\ninitial = 1", &[]);
    assert!(told.contains("`loop.initial`"), "{told}");
    let told = mistake("[train]\nc = \"test\"", &[]);
    assert!(told.contains("x.toml:2:5"), "{told}");
}

#[test]
fn the_usual_head_is_that_of_the_encoder() {
    let head = |text| run_config(text, &[]).model.head;
    assert_eq!(head(""), HeadKind::Logistic);
    assert_eq!(head("model.encoder = \"fine-tuned\""), HeadKind::Cnn);
    assert_eq!(head("model = { encoder = \"fine-tuned\", head = \"linear\" }"), HeadKind::Linear);
    assert_eq!(head("protocol = \"paper\""), HeadKind::Cnn);
}

/// Keys, each with a value that alone is outside its range; a check that forgets one of them fails
/// here.
const OUT_OF_RANGE: [(&str, &str); 50] = [
    ("name", "\"\""),
    ("seeds", "[]"),
    ("seeds", "[3, 4, 3]"),
    ("device", "cuda:x"),
    ("data.train", "\"\""),
    ("data.test", "\"\""),
    ("data.path", "\"\""),
    ("data.path", "${OPEN"),
    ("data.text_columns", "[]"),
    ("data.labels_column", "\"\""),
    ("data.separator", "\"\""),
    ("data.separator", "\"||\""),
    ("data.separator", "'\"'"),
    ("data.label_columns", "\"*\""),
    ("data.demo.train_texts", "0"),
    ("data.demo.train_texts", "1000000000000000"),
    ("data.demo.dev_texts", "10000001"),
    ("data.demo.test_texts", "10000001"),
    ("data.demo.test_texts", "0"),
    ("model.checkpoint", "\"\""),
    ("model.max_tokens", "7"),
    ("model.token_budget", "127"),
    ("model.widths", "[3, 0]"),
    ("model.widths", "[129]"),
    ("model.filters", "0"),
    ("model.dropout", "1.0"),
    ("model.dropout", "-0.1"),
    ("train.c", "0"),
    ("train.c", "-1"),
    ("train.c", "nan"),
    ("train.c", "inf"),
    ("train.start", "warm"),
    ("train.min_epochs", "0"),
    ("train.epochs", "0"),
    ("train.batch", "0"),
    ("train.rate", "-1"),
    ("train.rate", "inf"),
    ("train.head_rate", "0"),
    ("loop.initial", "0"),
    ("loop.initial_strategy", "\"\""),
    ("loop.query_size", "0"),
    ("loop.budget", "99"),
    ("evaluation.fixed", "0"),
    ("evaluation.fixed", "1"),
    ("evaluation.per_label", "-1"),
    ("evaluation.propensity_a", "-0.1"),
    ("evaluation.propensity_b", "0"),
    ("limits.matrix_gib", "0"),
    ("isolation.deadline_seconds", "0"),
    ("isolation.memory_gib", "-1"),
];

#[test]
fn every_range_is_checked() {
    for (key, value) in OUT_OF_RANGE {
        let text = format!("{key}={value}");
        let told = mistake("", &[&text]);
        assert!(told.contains(&format!("`{key}`")), "{text}: {told}");
    }
}

#[test]
fn strategies_of_one_name_are_refused() {
    let twice = "[[strategy]]\nplugin = \"alps\"\n[[strategy]]\nplugin = \"target/libalps.so\"\n";
    assert_eq!(
        mistake(twice, &[]),
        "x.toml:4:1: `strategy.1.plugin` is the second strategy called `alps`\n\
         hint: give each its own `name`"
    );
    let config = run_config(&format!("{twice}name = \"alps-2\""), &[]);
    assert_eq!(config.strategies().unwrap().len(), 2);
    assert!(run_config("", &[]).strategies().is_err());
}

#[test]
fn set_overrides_the_file_with_values_of_the_right_type() {
    let text = "[train]\nepochs = 3\n[[strategy]]\nplugin = \"target/libalps.so\"";
    let set = [
        "train.epochs=7",
        "name=2024",
        "model.head = linear",
        "model.widths=[2, 3]",
        "data.format=jsonl",
        "data.path=/data/with=sign",
        "strategy.alps.params.clustering=linfa",
        "strategy.0.params.k=5",
    ];
    let config = run_config(text, &set);
    assert_eq!(config.train.epochs, 7);
    assert_eq!(config.name, "2024");
    assert_eq!(config.model.head, HeadKind::Linear);
    assert_eq!(config.model.widths, [2, 3]);
    assert_eq!(config.data.path.as_deref(), Some("/data/with=sign"));
    let params = &config.strategy[0].params;
    assert_eq!(params["clustering"].as_str(), Some("linfa"));
    assert_eq!(params["k"].as_integer(), Some(5));
    assert_eq!(config.given("train.epochs"), Some("--set train.epochs=7"));
    assert_eq!(config.given("strategy.0.params.k"), Some("--set strategy.0.params.k=5"));
    assert_eq!(config.given("strategy.0.plugin"), Some("x.toml:4:1"));
}

#[test]
fn a_plugin_is_recognised_by_its_id_and_by_its_file() {
    for reference in ["my-idea", "target/release/libmy_idea.so", "libmy_idea.so"] {
        assert_eq!(plugin_stem(reference), "my-idea", "{reference}");
    }
    let toml = "[[strategy]]\nplugin = \"./libmy_idea.so\"\n";
    let set = ["strategy.my-idea.params.k=5"];
    assert_eq!(run_config(toml, &set).strategy[0].params["k"].as_integer(), Some(5));
}

#[test]
fn mistakes_of_set_name_the_argument() {
    let check = |set: &str, expected: &str| {
        assert_eq!(mistake("", &[set]), format!("--set {set}: {expected}"));
    };
    check("epochs=3", "unknown key `epochs`\nhint: did you mean `train.epochs`?");
    check(
        "train.epochs",
        "not `key=value`\nhint: write the key's full path: --set loop.query_size=50",
    );
    check("train.epochs=many", "invalid type: string \"many\", expected a whole number, 0 or more");
    check("train.epochs=-1", "invalid value: integer `-1`, expected a whole number, 0 or more");
    check(
        "loop=3",
        "`loop` is a section\nhint: the keys of [loop] are audit, budget, candidates, initial, \
         initial_strategy, n_candidates, query_size, stop",
    );
    check(
        "strategy.alps.params.k=1",
        "no strategy `alps`\nhint: the config has no strategy; give one with --plugin",
    );
    check("train.epochs.x=1", "unknown key `train.epochs.x`\nhint: did you mean `train.epochs`?");
}

#[test]
fn plugins_of_the_command_line_replace_the_strategies_and_keep_their_parameters() {
    let text = "[[strategy]]\nplugin = \"alps\"\nparams.k = 5\n[[strategy]]\nplugin = \"dal\"";
    let overrides = Overrides {
        plugins: vec!["target/librandom.so".to_owned(), "target/libalps.so".to_owned()],
        set: vec!["strategy.random.params.x=1".to_owned()],
        ..Overrides::default()
    };
    let file = ConfigFile::parse(text, "x.toml", &overrides).unwrap();
    let plugins: Vec<_> = file.strategy.iter().map(|strategy| strategy.plugin.as_str()).collect();
    assert_eq!(plugins, ["target/librandom.so", "target/libalps.so"]);
    assert_eq!(file.strategy[0].params["x"].as_integer(), Some(1));
    assert_eq!(file.strategy[1].params["k"].as_integer(), Some(5));
    assert_eq!(file.given("strategy.1.plugin"), Some("--plugin target/libalps.so"));
}

#[test]
fn seed_device_and_out_come_from_the_command_line() {
    let overrides = Overrides {
        seeds: vec![3, 5],
        device: Some("cpu".to_owned()),
        out: Some("2024".to_owned()),
        ..Overrides::default()
    };
    let file = ConfigFile::parse("seeds = [1]", "x.toml", &overrides).unwrap();
    assert_eq!(file.seeds, [3, 5]);
    assert_eq!(file.device, "cpu");
    assert_eq!(file.out.to_str(), Some("2024"));
}

#[test]
fn the_paper_protocol_fills_what_is_not_given() {
    let config = run_config("protocol = \"paper\"\n[loop]\nbudget = 700", &["train.epochs=4"]);
    assert_eq!(config.model.max_tokens, 512);
    assert_eq!(config.model.checkpoint, "bert-base-uncased");
    assert_eq!(config.train.head_bias, HeadBias::Zero);
    assert!((config.train.head_rate - 1.0).abs() < 1e-12);
    assert_eq!(config.seeds, [1, 2, 3]);
    assert_eq!((config.r#loop.budget, config.train.epochs), (700, 4), "given keys win");
    let set = run_config("", &["protocol=paper"]);
    assert_eq!(set.r#loop.budget, 2000);
}

#[test]
fn paths_take_variables() {
    let text = "[data]\nformat = \"jsonl\"\npath = \"${DATA}/x\"";
    let lookup = |name: &str| (name == "DATA").then(|| "/d".to_owned());
    let config = parse(text, &[]).unwrap().check(&lookup).unwrap();
    assert_eq!(config.data.path.as_deref(), Some("/d/x"));
    check_mistake(
        text,
        "x.toml:3:1: `data.path` needs the environment variable `DATA`, which is not set\n\
         hint: set DATA to the folder of the data, or give it with --set data.path=FOLDER",
    );
}

#[test]
fn a_path_begins_at_home_where_it_says_so() {
    let lookup = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
    let check = |path: &str, expected: &str| {
        let text = format!("[data]\nformat = \"jsonl\"\npath = \"{path}\"");
        let config = parse(&text, &[]).unwrap().check(&lookup).unwrap();
        assert_eq!(config.data.path.as_deref(), Some(expected));
    };
    check("~/data", "/home/me/data");
    check("~", "/home/me");
    check("~other/data", "~other/data");
    check("a/~/b", "a/~/b");
}

#[test]
fn one_label_column_may_stand_without_a_list() {
    let columns = |text: &str| {
        parse(&format!("data.label_columns = {text}"), &[]).unwrap().data.label_columns
    };
    assert_eq!(columns("\"*\""), ["*"]);
    assert_eq!(columns("[\"a\", \"b\"]"), ["a", "b"]);
    check_mistake(
        "data.label_columns = 3",
        "x.toml:1:22: invalid type: integer `3`, expected a string or a list of strings",
    );
}

#[test]
fn shown_and_read_again_a_config_is_the_same() {
    let text = "protocol = \"paper\"\n[[strategy]]\nplugin = \"alps\"\nparams = { k = 3 }";
    let shown = parse(text, &["data.path=/d", "data.label_columns=*"]).unwrap().to_toml();
    assert!(shown.contains("max_tokens = 512"), "{shown}");
    assert_eq!(parse(&shown, &[]).unwrap().to_toml(), shown);
}

#[test]
fn the_hash_changes_with_the_results_and_with_nothing_else() {
    let hash = |set: &[&str]| run_config("[[strategy]]\nplugin = \"alps\"", set).hash();
    let moved = |path: &str| hash(&["data.format=jsonl", &format!("data.path={path}")]);
    assert_eq!(moved("/here"), moved("/there"));
    let plain = hash(&[]);
    for same in [
        "name=other",
        "out=elsewhere",
        "cache.path=/c",
        "limits.matrix_gib=1",
        "isolation.mode=worker",
        "seeds=[9]",
        "device=cpu",
        "strategy.0.params.k=3",
        "train.epochs=15",
    ] {
        assert_eq!(hash(&[same]), plain, "{same}");
    }
    for other in [
        "data.demo.seed=2",
        "model.max_tokens=64",
        "train.rate=1e-5",
        "loop.budget=600",
        "evaluation.threshold=fixed",
        "protocol=paper",
    ] {
        assert_ne!(hash(&[other]), plain, "{other}");
    }
}

#[test]
fn the_embedded_default_is_a_config() {
    let config = ConfigFile::demo(&Overrides::default()).unwrap().check(&no_variables).unwrap();
    assert_eq!(config.name, "demo");
    assert_eq!(config.strategies().unwrap()[0].plugin, "alps");
}

#[test]
fn files_have_the_usual_names_of_their_format() {
    let files = |data: &str| {
        let file = ConfigFile::parse(&format!("[data]\n{data}"), "test", &Overrides::default());
        let data = file.unwrap().data;
        [data.train, data.dev, data.test]
    };
    assert_eq!(files(""), ["train.jsonl", "dev.jsonl", "test.jsonl"]);
    assert_eq!(files("format = \"csv\""), ["train.csv", "dev.csv", "test.csv"]);
    assert_eq!(files("format = \"xmc\""), ["train.raw.txt", "", "test.raw.txt"]);
    assert_eq!(files("format = \"xmc-json\"\ndev = \"x\""), ["trn.json", "x", "tst.json"]);
    let parquet = ["train*.parquet", "validation*.parquet", "test*.parquet"];
    assert_eq!(files("format = \"parquet\""), parquet);
    // A share of train stands for the file.
    assert_eq!(files("format = \"parquet\"\ndev_share = 0.1")[1], "");
    assert_eq!(files("dev_share = 0.1")[1], "");
    assert_eq!(files("dev_share = 0")[1], "dev.jsonl");
}

#[test]
fn a_share_of_train_is_a_dev_set_and_excludes_another() {
    let check = |data: &str| {
        let text = format!("[data]\nformat = \"xmc\"\npath = \"x\"\n{data}");
        let file = ConfigFile::parse(&text, "test", &Overrides::default()).unwrap();
        file.check(&|_| None).map_err(|error| error.to_string())
    };
    check("dev_share = 0.1").unwrap();
    let tuned = check("[evaluation]\nthreshold = \"micro-f1\"").unwrap_err();
    assert!(tuned.contains("data.dev_share = 0.1 takes a tenth"), "{tuned}");
    let both = check("dev_share = 0.1\ndev = \"d\"").unwrap_err();
    assert!(both.contains("`data.dev_share`") && both.contains("there is one already"), "{both}");
    assert!(check("dev_share = 1.0").unwrap_err().contains("below 1"));
    // Keys that say nothing leave the name of a config as it was before there were such keys.
    let agreed = check("dev = \"d\"").unwrap().agreed();
    assert!(
        agreed["data"].get("dev_share").is_none() && agreed["data"].get("split_seed").is_none()
    );
    assert!(check("dev_share = 0.1").unwrap().agreed()["data"].get("dev_share").is_some());
}

#[test]
fn propensities_name_a_config_only_where_they_are_not_the_usual_ones() {
    let agreed = |text: &str| {
        let file = ConfigFile::parse(text, "test", &Overrides::default()).unwrap();
        file.check(&|_| None).unwrap().agreed()["evaluation"].clone()
    };
    let usual = agreed("[evaluation]\nthreshold = \"micro-f1\"\npropensity_a = 0.55");
    assert_eq!(usual["threshold"], "micro-f1");
    assert!(usual.get("propensity_a").is_none() && usual.get("propensity_b").is_none(), "{usual}");
    let amazon = agreed("[evaluation]\npropensity_a = 0.6");
    assert!(amazon["propensity_a"] == 0.6 && amazon.get("propensity_b").is_none(), "{amazon}");
}
