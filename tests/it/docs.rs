//! The commands in the documentation are commands of the program.

use std::path::PathBuf;

use alhost::cli::Cli;
use clap::Parser;

use crate::support::workspace;

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
