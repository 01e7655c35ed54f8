//! Reads the command line.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, CommandFactory, FromArgMatches};

use super::Cli;

impl Cli {
    /// Reads a command line whose first word is the program's name.
    ///
    /// # Errors
    /// Returns what clap says of it; and refuses before the name of a command what is for a run, where it would do
    /// nothing. (clap's `args_conflicts_with_subcommands` would refuse `--quiet` there too.)
    pub fn read<W: Into<OsString> + Clone>(
        words: impl IntoIterator<Item = W>,
    ) -> Result<Self, clap::Error> {
        let mut program = Self::command();
        let matches = program.try_get_matches_from_mut(words)?;
        if let Some(command) = matches.subcommand_name() {
            let is_given = |arg: &&Arg| {
                let source = matches.value_source(arg.get_id().as_str());
                !arg.is_global_set() && source == Some(ValueSource::CommandLine)
            };
            let misplaced = program.get_arguments().find(is_given).map(ToString::to_string);
            if let Some(arg) = misplaced {
                let message = format!(
                    "`{arg}` is before `{command}`: put what is for a command behind its name"
                );
                return Err(program.error(ErrorKind::ArgumentConflict, message));
            }
        }
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut program))
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::*;
    use crate::cli::RunArgs;

    #[track_caller]
    fn refused(line: &str) {
        let error = Cli::read(line.split(' ')).expect_err(line);
        assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{line}: {error}");
    }

    #[test]
    fn how_much_is_said_can_stand_before_a_command_and_behind_it() {
        for line in
            ["alhost -q bench x.toml", "alhost bench x.toml -q", "alhost --quiet run", "alhost -q"]
        {
            assert!(Cli::read(line.split(' ')).expect(line).output.quiet, "{line}");
        }
        for line in ["alhost -vv plugin list", "alhost -v plugin list -v", "alhost plugin -vv list"]
        {
            assert!(Cli::read(line.split(' ')).expect(line).output.verbose > 0, "{line}");
        }
        refused("alhost -q -v bench x.toml");
    }

    #[test]
    fn what_is_for_a_run_is_refused_before_a_command() {
        let of_a_run = RunArgs::augment_args(Command::new("run"));
        let mut n_args = 0;
        for arg in of_a_run.get_arguments() {
            let value = if arg.get_action().takes_values() { " 1" } else { "" };
            let given = format!("--{}{value}", arg.get_long().expect("each has a long name"));
            assert!(Cli::read(format!("alhost {given}").split(' ')).is_ok(), "{given}");
            refused(&format!("alhost {given} bench x.toml"));
            refused(&format!("alhost {given} run"));
            n_args += 1;
        }
        assert!(n_args > 8, "{n_args}");
    }
}
