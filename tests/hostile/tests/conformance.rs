//! The plugin that misbehaves on request keeps its promises when it is not asked to misbehave.

use std::process::ExitCode;

fn main() -> ExitCode {
    alhost_plugin_host::check::test_main_with("hostile", |options| {
        // As given, so that the cases about parameters leave it alone.
        options.params.insert("fault".to_owned(), "none".into());
    })
}
