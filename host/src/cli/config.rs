//! `alhost config`: what a config comes to, and whether it can be run.

use std::process::ExitCode;

use alhost_config::Overrides;
use alhost_engine::Plan;

use super::terminal::say;
use super::{ConfigArgs, environment, run};

pub(super) fn show(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    say!("{}", args.read(Overrides::default())?.to_toml().trim_end());
    Ok(ExitCode::SUCCESS)
}

pub(super) fn check(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let config = args.read(Overrides::default())?.check(&environment::lookup)?;
    let plan = Plan::of(&config, &[], &run::shelf())?;
    let strategies: Vec<&str> = plan.strategies.iter().map(|one| one.instance.as_str()).collect();
    let (n, seeds) = (strategies.len(), config.seeds.len());
    say!("ok: {n} strategies ({}), {seeds} seeds", strategies.join(", "));
    Ok(ExitCode::SUCCESS)
}
