//! The commands in the documentation are commands of the program.

use std::path::PathBuf;

use alhost::cli::Cli;
use alhost::plugin_host::PluginFile;
use clap::Parser;

use crate::support::{plugin, workspace};

fn pages() -> Vec<PathBuf> {
    let root = workspace();
    let mut pages =
        ["README.md", "ARCHITECTURE.md", "SECURITY.md"].map(|page| root.join(page)).to_vec();
    for folder in ["docs", "docs/decisions"] {
        let entries = fs_err::read_dir(root.join(folder)).unwrap();
        pages.extend(entries.map(|entry| entry.unwrap().path()));
    }
    for entry in fs_err::read_dir(root.join("plugins")).unwrap() {
        pages.push(entry.unwrap().path().join("README.md"));
    }
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
}

#[test]
fn every_alhost_command_parses() {
    let mut n_commands = 0;
    for page in pages() {
        let text = fs_err::read_to_string(&page).unwrap();
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("$ alhost")) {
            let command = line.split(" #").next().unwrap();
            let args = std::iter::once("alhost").chain(command.split_whitespace());
            let parsed = Cli::try_parse_from(args);
            assert!(parsed.is_ok(), "{}: `alhost{line}`: {}", page.display(), parsed.unwrap_err());
            n_commands += 1;
        }
    }
    assert!(n_commands >= 6, "{n_commands} commands in the documentation");
}

#[test]
fn files_that_the_documentation_links_to_exist() {
    for page in pages() {
        let text = fs_err::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_file = !target.contains("://") && !target.starts_with('#');
            let file = page.parent().unwrap().join(target.split('#').next().unwrap());
            assert!(!is_file || file.exists(), "{}: no `{target}`", page.display());
        }
    }
}

/// The cells of the table rows in `page` that begin with this strategy.
fn rows<'a>(page: &'a str, id: &str) -> Vec<Vec<&'a str>> {
    let is_of = |row: &&str| {
        row.starts_with(&format!("| [`{id}`]")) || row.starts_with(&format!("| `{id}` |"))
    };
    let cells = |row: &'a str| row.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
    page.lines().filter(is_of).map(cells).collect()
}

/// What stands between backticks.
fn literals(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_table_of_strategies_has_what_their_manifests_have() {
    let page = fs_err::read_to_string(workspace().join("docs/strategies.md")).unwrap();
    let entries = fs_err::read_dir(workspace().join("plugins")).unwrap();
    let folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(folders.len() >= 5, "{folders:?}");
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let manifest = PluginFile::read(&plugin(name)).unwrap().manifest;
        let id = manifest.id.as_str();
        let [about, costs, departs] = rows(&page, id).try_into().unwrap();
        assert_eq!(literals(about[2]), manifest.needs, "needs of {id}");
        assert_eq!(about[3] == "yes", manifest.stochastic, "{id}");
        let names: Vec<String> = manifest.parameters().into_iter().map(|p| p.name).collect();
        assert_eq!(literals(costs[2]), names, "parameters of {id}");
        assert_eq!(departs.len(), 2, "{id}");
    }
}
