//! The bundle that checks: what is packed is there, and the script does its work, with programs that only pretend.

use super::*;

#[test]
fn the_program_is_found_among_cargo_s_messages() {
    let messages = "{\"reason\":\"compiler-artifact\",\"executable\":\"/t/release/alhost\"}\n\
                    {\"reason\":\"compiler-artifact\",\"executable\":\"/t/release/deps/goldens-1f\"}\n\
                    {\"reason\":\"compiler-artifact\",\"executable\":null}\n";
    assert_eq!(executable(messages, "goldens"), Some(PathBuf::from("/t/release/deps/goldens-1f")));
    assert_eq!(executable(messages, "other"), None);
}

#[test]
fn what_is_packed_is_in_the_workspace() {
    let root = tools::workspace_root();
    for plugin in PLUGINS {
        assert!(root.join("plugins").join(plugin).join("Cargo.toml").is_file(), "{plugin}");
    }
    let to = tempfile::tempdir().unwrap();
    pack_goldens(&root.join("tests/fixtures"), to.path()).unwrap();
    assert!(to.path().join("tiny-bert-mlm/model.safetensors").is_file());
    assert!(size(to.path()).unwrap() < 4 << 20);
}

#[test]
fn a_folder_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::create_dir(folder.path().join("bin")).unwrap();
    for file in ["bin/a", "b"] {
        fs_err::write(folder.path().join(file), [0_u8; 600]).unwrap();
    }
    check_size(folder.path(), 1200).unwrap();
    let error = check_size(folder.path(), 1199).unwrap_err().to_string();
    assert!(error.contains("has 0.0 MiB") && error.contains("hint: "), "{error}");
}

/// Leaves the records of each plugin that it is told of, as far as the script reads them.
const ALHOST: &str = r#"#!/bin/sh
[ "$1" = --version ] && echo "alhost 9" && exit 0
plugins=
while [ $# -gt 0 ]; do
    [ "$1" = --out ] && out=$2
    [ "$1" = --plugin ] && plugins="$plugins $2"
    shift
done
for plugin in $plugins; do
    records=$out/run/$plugin/seed-1
    mkdir -p "$records"
    echo '{"environments":[{"device":"cpu","precision":"f32"}]}' > "$records/manifest.json"
    cost='{"seconds":{"train":2.0,"features":3.0,"select":1.0},"peak_memory_bytes":1048576}'
    echo "{\"metrics\":{\"micro_f1\":0.5},\"cost\":$cost}" > "$records/rounds.jsonl"
done
"#;

/// One comparison is right and one is not.
const GOLDENS_SAY: &str = r#"#!/bin/sh
echo '{"device":"cpu"}'
echo '{"name":"one","ok":true,"message":"0 apart","seconds":1}'
echo '{"name":"two","ok":false,"message":"7 apart","seconds":1}'
exit 1
"#;

fn program(path: &Path, text: &str) {
    fs_err::write(path, text).unwrap();
    fs_err::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// A bundle whose programs pretend, and a torch that is no more than its name.
fn bundle_that_pretends(folder: &Path) {
    for inner in ["bin", "goldens/tiny-bert-mlm", "site/torch/lib", "site/torch-2.11.0.dist-info"] {
        fs_err::create_dir_all(folder.join(inner)).unwrap();
    }
    program(&folder.join("bin/alhost"), ALHOST);
    program(&folder.join("bin/goldens"), GOLDENS_SAY);
    for plugin in ["libalps.so", "libtwo_words.so"] {
        fs_err::write(folder.join("bin").join(plugin), "").unwrap();
    }
    for (script, text) in SCRIPTS {
        fs_err::write(folder.join(script), text).unwrap();
    }
    fs_err::write(folder.join("site/torch/__init__.py"), "").unwrap();
    let metadata = "Metadata-Version: 2.1\nName: torch\nVersion: 2.11.0\n";
    fs_err::write(folder.join("site/torch-2.11.0.dist-info/METADATA"), metadata).unwrap();
}

/// The status and the output of the script; nothing where there is no Python.
fn check(folder: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    if !tools::in_path("python3") {
        eprintln!("nothing done: `python3` is not in the search path");
        return None;
    }
    let mut command = Command::new("python3");
    command.arg(folder.join("check.py")).args(["--device", "cpu", "--model", "small"]);
    command.args(["--texts", "40"]).args(arguments).env("PYTHONPATH", folder.join("site"));
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8(text).unwrap()))
}

#[test]
fn the_script_tells_of_every_item_and_fails_where_one_does() {
    let folder = tempfile::tempdir().unwrap();
    bundle_that_pretends(folder.path());
    let Some((ok, text)) = check(folder.path(), &[]) else { return };
    assert!(!ok, "{text}");
    for part in [
        "\"failed\": [\n  \"goldens: two\"\n ]",
        "\"alhost\": \"alhost 9\"",
        "\"libtorch\": \"2.11.0\"",
        "\"name\": \"demo: frozen, every plugin\"",
        "\"two-words\": 0.5",
        "\"name\": \"demo: cnn bf16\"",
        "\"query_seconds\": 4.0",
        "\"texts_to_select_from\": 30",
        "\"encoding_texts_per_s\": 10.0",
        "\"fine_tuning_texts_per_s\": 10.0",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

#[test]
fn the_script_goes_on_where_a_program_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    bundle_that_pretends(folder.path());
    fs_err::remove_file(folder.path().join("bin/goldens")).unwrap();
    let out = folder.path().join("out.json");
    let arguments = ["--only", "goldens,bench", "--out", out.to_str().unwrap()];
    let Some((ok, text)) = check(folder.path(), &arguments) else { return };
    assert!(!ok && text.contains("`goldens` cannot be started"), "{text}");
    let written = fs_err::read_to_string(out).unwrap();
    assert!(
        written.contains("\"name\": \"bench: cvirs\"") && !written.contains("demo"),
        "{written}"
    );
}

#[test]
fn another_torch_is_told() {
    let folder = tempfile::tempdir().unwrap();
    bundle_that_pretends(folder.path());
    let site = folder.path().join("site");
    fs_err::rename(site.join("torch-2.11.0.dist-info"), site.join("torch-2.9.1.dist-info"))
        .unwrap();
    let metadata = "Metadata-Version: 2.1\nName: torch\nVersion: 2.9.1\n";
    fs_err::write(site.join("torch-2.9.1.dist-info/METADATA"), metadata).unwrap();
    let Some((ok, text)) = check(folder.path(), &["--only", "demo"]) else { return };
    assert!(!ok && text.contains("torch is 2.9.1"), "{text}");
}
