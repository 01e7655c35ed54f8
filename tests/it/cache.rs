//! What is kept in the cache decides nothing: damaged, of another checkpoint or asked for with another budget,
//! it gives the records of a cache that is empty.

use std::path::{Path, PathBuf};

use alhost::record::without_cost;

use crate::support::{Ran, Sandbox, workspace};

const PLUGINS: [&str; 3] = ["alps", "cvirs", "dal"];
/// A CNN head keeps all hidden states, and the poolings beside them.
const FROZEN: [&str; 4] = ["--set", "model.encoder=frozen", "--set", "model.head=cnn"];

fn run(sandbox: &Sandbox, out: &str, more: &[&str]) -> Ran {
    sandbox.run(&PLUGINS, &[&FROZEN[..], &["--out", out], more].concat()).ok()
}

/// Without the checks of their lines, which continue from the config's hash.
fn records(sandbox: &Sandbox, out: &str) -> Vec<String> {
    let of = |plugin: &&str| {
        let folder = format!("{out}/tiny/{plugin}/seed-3");
        let files = ["rounds.jsonl", "selections.jsonl"];
        files.map(|file| without_cost(&sandbox.read(&format!("{folder}/{file}")))).concat()
    };
    PLUGINS.iter().map(of).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.extension().is_none_or(|ending| ending != "once") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn change(path: &Path, to: &str, from: &str) {
    let text = fs_err::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs_err::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn damage_anywhere_in_the_cache_changes_no_record_and_is_said() {
    let sandbox = Sandbox::new();
    run(&sandbox, "first", &[]);
    let expected = records(&sandbox, "first");
    let n_files = files_below(&sandbox.path("cache")).len();
    assert!(n_files >= 8, "tokens of three splits, states, surprisal, a model: {n_files}");
    let mut damaged = 0;
    for trial in 0..25 {
        for file in files_below(&sandbox.path("cache")) {
            let mut bytes = fs_err::read(&file).unwrap();
            match trial {
                0 => bytes.truncate(bytes.len() / 2),
                1 => bytes.clear(),
                _ => {
                    let place = (bytes.len() - 1) * (trial - 2) / 22;
                    bytes[place] ^= 1 << (trial % 8);
                }
            }
            fs_err::write(&file, bytes).unwrap();
            damaged += 1;
        }
        let out = format!("again-{trial}");
        let ran = run(&sandbox, &out, &[]);
        assert_eq!(records(&sandbox, &out), expected, "trial {trial}");
        assert!(ran.stderr.contains("made anew"), "trial {trial}: {}", ran.stderr);
        assert_eq!(files_below(&sandbox.path("cache")).len(), n_files, "the same names");
    }
    assert!(damaged >= 200, "{damaged} damages");
}

#[test]
fn another_checkpoint_takes_nothing_from_the_first() {
    let copy = |sandbox: &Sandbox| {
        let folder = sandbox.path("checkpoint");
        fs_err::create_dir_all(&folder).unwrap();
        for file in fs_err::read_dir(workspace().join("tests/fixtures/tiny-bert-mlm")).unwrap() {
            let file = file.unwrap();
            fs_err::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
        let pooling = folder.join("1_Pooling/config.json");
        fs_err::create_dir_all(pooling.parent().unwrap()).unwrap();
        fs_err::write(pooling, "{\"pooling_mode_mean_tokens\": true}").unwrap();
        folder
    };
    let set = ["--set", "model.checkpoint=checkpoint"];
    let changes: [(&str, &str, &str); 4] = [
        ("1_Pooling/config.json", "cls_token", "mean_tokens"),
        ("config.json", "\"num_attention_heads\": 2", "\"num_attention_heads\": 4"),
        ("config.json", "\"layer_norm_eps\": 0.1", "\"layer_norm_eps\": 1e-12"),
        ("tokenizer_config.json", "\"do_lower_case\": false", "\"do_lower_case\": true"),
    ];
    for (file, to, from) in changes {
        let (used, fresh) = (Sandbox::new(), Sandbox::new());
        let folder = copy(&used);
        run(&used, "first", &set);
        change(&folder.join(file), to, from);
        run(&used, "second", &set);
        change(&copy(&fresh).join(file), to, from);
        run(&fresh, "second", &set);
        assert_eq!(records(&used, "second"), records(&fresh, "second"), "{file}: {to}");
        // And a run that was begun with the first does not go on with the second.
        let args = [&FROZEN[..], &["--out", "first"], &set].concat();
        let refused = used.run(&["alps"], &args).refused(&["another configuration"]);
        assert!(refused.stderr.contains("model."), "{}", refused.stderr);
    }
}

#[test]
fn the_token_budget_changes_no_record_of_a_frozen_encoder() {
    let (small, large) = (Sandbox::new(), Sandbox::new());
    // The first run of each fills the cache with its own budget; the second is a guest.
    run(&small, "own", &["--set", "model.token_budget=32"]);
    run(&small, "guest", &[]);
    run(&large, "own", &[]);
    assert_eq!(records(&small, "guest"), records(&large, "own"));
}
