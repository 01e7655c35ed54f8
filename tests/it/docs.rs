//! The commands in the documentation are commands of the program.

use std::path::PathBuf;

use alhost::cli::Cli;

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

/// What follows `alhost` in the lines of code that begin with it, with a prompt or without.
fn commands(page: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut commands = Vec::new();
    for line in page.lines().map(str::trim) {
        in_code ^= line.starts_with("```");
        let prompt = line.strip_prefix("$ ");
        let command = prompt.unwrap_or(line).strip_prefix("alhost");
        let is_whole = |rest: &&str| rest.is_empty() || rest.starts_with(' ');
        commands.extend(command.filter(is_whole).filter(|_| in_code || prompt.is_some()));
    }
    commands
}

#[test]
fn every_alhost_command_parses() {
    let mut n_commands = 0;
    for page in pages() {
        let text = fs_err::read_to_string(&page).unwrap();
        for line in commands(&text) {
            let command = line.split(" #").next().unwrap();
            let args = std::iter::once("alhost").chain(command.split_whitespace());
            let parsed = Cli::read(args);
            assert!(parsed.is_ok(), "{}: `alhost{line}`: {}", page.display(), parsed.unwrap_err());
            n_commands += 1;
        }
    }
    assert!(n_commands >= 60, "{n_commands} commands in the documentation");
}
