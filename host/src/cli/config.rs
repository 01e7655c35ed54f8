//! `alhost config`: what a config comes to, and whether it can be run.

use std::process::ExitCode;

use super::terminal::say;
use super::{ConfigArgs, environment, run};
use crate::config::Overrides;

pub(super) fn show(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    say!("{}", args.read(Overrides::default())?.to_toml().trim_end());
    Ok(ExitCode::SUCCESS)
}

pub(super) fn check(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let config = args.read(Overrides::default())?.check(&environment::lookup)?;
    let planned = run::plan(&config)?;
    let strategies: Vec<&str> = planned.iter().map(|plan| plan.instance.as_str()).collect();
    let (n, seeds) = (strategies.len(), config.seeds.len());
    say!("ok: {n} strategies ({}), {seeds} seeds", strategies.join(", "));
    Ok(ExitCode::SUCCESS)
}
