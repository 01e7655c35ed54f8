//! `alhost plugin inspect` and `list`: what can be told of a plugin without running it.

use std::path::Path;

use serde_json::Value;

use crate::support::{Sandbox, patched, plugin, replaced};

fn inspected(sandbox: &Sandbox, file: &str) -> Value {
    let ran = sandbox.alhost(&["plugin", "inspect", file, "--json"]).ok();
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn everything_that_a_plugin_says_of_itself_is_shown() {
    let sandbox = Sandbox::new();
    let cvirs = plugin("cvirs");
    let ran = sandbox.alhost(&["plugin", "inspect", cvirs.to_str().unwrap()]).ok();
    let hash = blake3::hash(&fs_err::read(&cvirs).unwrap()).to_hex();
    for part in ["cvirs 1.0.0", "logits/1", "ties", "index", "Reyes", "libc.so.6", &hash] {
        assert!(ran.stdout.contains(part), "no `{part}` in:\n{}", ran.stdout);
    }

    let json = inspected(&sandbox, plugin("hostile").to_str().unwrap());
    let manifest = &json["manifest"];
    assert_eq!(manifest["id"], "hostile");
    assert_eq!(manifest["needs"], serde_json::json!(["logits/1", "text/1"]));
    let from_round = &manifest["params"][1];
    assert_eq!(from_round["name"], "from_round");
    assert_eq!(from_round["type"], "integer");
    assert_eq!((&from_round["min"], &from_round["max"]), (&0.into(), &1000.into()));
    assert_eq!(from_round["help"], "The first query in which it goes wrong.");
    assert!(json["linked"].as_array().unwrap().contains(&"libc.so.6".into()), "{json:#}");
    assert_eq!((&json["refused"], &json["pinned"]), (&Value::Null, &Value::Null));
}

#[test]
fn what_speaks_against_a_plugin_is_a_warning() {
    let sandbox = Sandbox::new();
    let check = |file: &str, part: &str| {
        let json = inspected(&sandbox, file);
        let warnings = json["warnings"].as_array().unwrap();
        let found = warnings.iter().any(|warning| warning.as_str().unwrap().contains(part));
        assert!(found, "no `{part}` in {warnings:#?}");
    };
    let torch =
        patched(&sandbox, "libtorchy.so", |f| replaced(f, "libgcc_s.so.1", "libtorch.so.2"));
    check(&torch, "links libtorch.so.2: a second libtorch beside the host's");
    let abort = patched(&sandbox, "libabort.so", |f| {
        replaced(f, r#""panic":"unwind""#, r#""panic":"abort" "#)
    });
    check(&abort, "this alhost refuses it: plugin `hostile` was built with `panic = \"abort\"`");
    if cfg!(debug_assertions) {
        check(&abort, "a debug build");
    }

    let random = plugin("random");
    sandbox.alhost(&["plugin", "pin", random.to_str().unwrap()]).ok();
    check(&torch, "is not pinned in alhost.lock");
    assert_eq!(inspected(&sandbox, random.to_str().unwrap())["pinned"], true);
}

/// What `alhost plugin list` prints for these folders of the sandbox.
fn listed(sandbox: &Sandbox, folders: &str, args: &[&str]) -> String {
    let folders: Vec<String> =
        folders.split(':').map(|name| sandbox.path(name).display().to_string()).collect();
    let mut list = sandbox.command();
    list.args(["plugin", "list"]).args(args).env("ALHOST_PLUGIN_PATH", folders.join(":"));
    String::from_utf8(list.output().unwrap().stdout).unwrap()
}

#[test]
fn a_list_says_which_files_an_id_means_and_why_not_the_others() {
    let sandbox = Sandbox::new();
    let folder = fs_err::canonicalize(sandbox.folder.path()).unwrap();
    for name in ["a", "b"] {
        fs_err::create_dir_all(folder.join(name)).unwrap();
    }
    let put = |from: &Path, to: &str| fs_err::copy(from, folder.join(to)).map(drop).unwrap();
    put(&plugin("random"), "a/librandom.so");
    put(&plugin("random"), "b/librandom.so");
    put(&plugin("alps"), "b/libother.so");
    fs_err::write(folder.join("b/libtext.so"), "no library").unwrap();
    let newer =
        patched(&sandbox, "b/libhostile.so", |f| replaced(f, r#""api":"1.0"#, r#""api":"1.9"#));

    let json: Vec<Value> = serde_json::from_str(&listed(&sandbox, "a:b", &["--json"])).unwrap();
    let check = |file: &str, status: &str, key: &str, expected: &str| {
        let path = folder.join(file);
        let one = json.iter().find(|one| one["path"] == path.to_str().unwrap());
        let one = one.unwrap_or_else(|| panic!("no {file} in {json:#?}"));
        assert_eq!(one["status"], status, "{one:#}");
        let detail = one[key].as_str().unwrap_or_default();
        assert!(detail.contains(expected), "{one:#}");
    };
    check("a/librandom.so", "usable", "shadowed_by", "");
    check("b/librandom.so", "shadowed", "shadowed_by", "a/librandom.so");
    let beside = Path::new(env!("CARGO_BIN_EXE_alhost")).with_file_name("librandom.so");
    if beside.is_file() {
        check(beside.to_str().unwrap(), "shadowed", "shadowed_by", "a/librandom.so");
    }
    check("b/libother.so", "by-path-only", "why", "");
    check("b/libtext.so", "refused", "why", "is not a shared library");
    check("b/libhostile.so", "refused", "why", "built for plugin-api 1.9.0");
    let table = listed(&sandbox, "a:b", &[]);
    for part in ["random", "usable", "shadowed by", "by its path only", "refused: "] {
        assert!(table.contains(part), "no `{part}` in:\n{table}");
    }
    // What is listed is what an id gets.
    let mut command = sandbox.run_command(&[], &["--plugin", "other"]);
    let ran = command.env("ALHOST_PLUGIN_PATH", folder.join("b")).output().unwrap();
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert!(stderr.contains("looked for by id, is plugin `alps`"), "{stderr}");
    fs_err::remove_file(newer).unwrap();
}
