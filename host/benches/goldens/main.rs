//! Golden comparisons on a device of choice, each in f32 and bf16 where it matters: `cargo bench -p alhost --bench
//! goldens -- --device cuda`. The tests make most of them on the CPU; a machine with a GPU makes them here, from a
//! bundle (`cargo xtask bundle --check`).
//!
//! Every comparison is a line of JSON with its name, whether it is `ok`, how far apart the two were, and its seconds.
//! The device that was opened comes first.
#![allow(clippy::print_stdout, reason = "the lines are what this program is for")]
#![allow(clippy::print_stderr, reason = "a program says there why it cannot begin")]

mod arrays;
mod encoder;
mod services;
mod training;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use alhost::learn::device;
use anyhow::{Result, anyhow, ensure};
use clap::Parser;
use tch::Device;

/// Compares what alhost computes with what was computed elsewhere, or on the CPU.
#[derive(Parser)]
struct Options {
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
    /// The folder with `bert_golden.json`, `tiny-bert-mlm` and `strategies`; that of the tests where absent.
    #[arg(long)]
    goldens: Option<PathBuf>,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The device that is looked at, and where the goldens are.
struct Setting {
    device: Device,
    goldens: PathBuf,
}

type Check = (&'static str, fn(&Setting) -> Result<String>);

fn main() -> ExitCode {
    match all(Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Makes all comparisons; returns whether all are right.
fn all(options: Options) -> Result<bool> {
    let tests = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    let device = device::open(&options.device)?;
    device::use_torch_threads(1); // The tensors are tiny.
    println!("{}", serde_json::json!({ "device": device::name(device) }));
    let setting = Setting { device, goldens: options.goldens.unwrap_or_else(tests) };
    let checks = [encoder::CHECKS, services::CHECKS, training::CHECKS].concat();
    let mut all_ok = true;
    for (name, check) in checks {
        let started = Instant::now();
        // What fails in libtorch is a panic here, and the next comparison may be right all the same.
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&setting)));
        let outcome = outcome.unwrap_or_else(|panic| Err(anyhow!("{}", said(&*panic))));
        let ok = outcome.is_ok();
        let message = outcome.unwrap_or_else(|error| format!("{error:#}"));
        let seconds = started.elapsed().as_secs_f64();
        let line =
            serde_json::json!({ "name": name, "ok": ok, "message": message, "seconds": seconds });
        println!("{line}");
        all_ok &= ok;
    }
    Ok(all_ok)
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

/// The largest difference of two lists of numbers, in absolute terms; an error where it is above `allowed`.
fn apart(
    what: &str,
    found: impl IntoIterator<Item = f64>,
    expected: impl IntoIterator<Item = f64>,
    allowed: f64,
) -> Result<f64> {
    let (found, expected): (Vec<f64>, Vec<f64>) =
        (found.into_iter().collect(), expected.into_iter().collect());
    ensure!(
        found.len() == expected.len(),
        "{what}: {} numbers, not {}",
        found.len(),
        expected.len()
    );
    let mut most = 0.0_f64;
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let difference = (found - expected).abs();
        // So that NaN is refused.
        ensure!(
            difference <= allowed,
            "{what}: number {at} is {found}, not {expected}; {allowed} is allowed"
        );
        most = most.max(difference);
    }
    Ok(most)
}
