//! Completions for shells, and manual pages.

use std::path::Path;
use std::process::ExitCode;

use alhost_base::aside;
use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Cli;
use super::terminal::{Output, say};

/// Prints what a shell reads to complete commands of this program.
pub(super) fn completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "alhost", &mut text);
    std::io::Write::write_all(&mut Output, &text)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a manual page for the program and for each of its commands.
pub(super) fn man(folder: &Path) -> anyhow::Result<ExitCode> {
    fs_err::create_dir_all(folder)?;
    let mut n = 0;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    pages(&command, "alhost", &mut |name, page| {
        n += 1;
        Ok(aside::replace(&folder.join(format!("{name}.1")), page)?)
    })?;
    say!("{n} manual pages in {}: man {}/alhost.1", folder.display(), folder.display());
    Ok(ExitCode::SUCCESS)
}

type Keep<'a> = &'a mut dyn FnMut(&str, &[u8]) -> anyhow::Result<()>;

fn pages(command: &Command, name: &str, keep: Keep<'_>) -> anyhow::Result<()> {
    let mut page = Vec::new();
    Man::new(command.clone()).title(name).render(&mut page).context("a manual page")?;
    keep(name, &page)?;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        pages(below, &format!("{name}-{}", below.get_name()), keep)?;
    }
    Ok(())
}
