//! The things that runs need, each looked at once.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use alhost_base::lock::{Busy, try_lock};
use alhost_cluster::Commands;
use alhost_learn::{LIBTORCH, device};
use alhost_plugin_host::Status;
use rustix::fs::{Access, access, statvfs};

use super::program::{cuda, libtorch, precision};
use super::{Found, Verdict};
use crate::cli::environment;

pub(super) fn all() -> Vec<Found> {
    let mut found = vec![program(), torch(), gpu(), processor(), threads()];
    found.extend(cache());
    found.extend([model(), hub(), plugins(), worker(), slurm()]);
    found
}

fn program() -> Found {
    let program = environment::program();
    let place =
        program.map_or_else(|| "an unknown place".to_owned(), |path| path.display().to_string());
    let debug = cfg!(debug_assertions);
    let says = format!("alhost {} at {place}", env!("CARGO_PKG_VERSION"));
    if debug {
        return Found::note(
            "program",
            says,
            "this is a debug build: `cargo build --release` makes a fast one",
        );
    }
    Found::works("program", says)
}

/// That it is there is certain, since this program would not have started without.
fn torch() -> Found {
    let place =
        libtorch().map_or_else(|| "linked in".to_owned(), |path| path.display().to_string());
    Found::works("libtorch", format!("{LIBTORCH}, {place}"))
}

fn gpu() -> Found {
    match cuda() {
        Ok(n) => Found::works("cuda", format!("{n} devices")),
        Err(reason) => Found::note(
            "cuda",
            format!("none: {reason}"),
            "everything runs on the CPU; a GPU needs its driver, and the CUDA build of torch 2.11",
        ),
    }
}

fn processor() -> Found {
    match precision() {
        "bf16" => Found::works(
            "processor",
            "multiplies bf16, so `precision = \"auto\"` is bf16".to_owned(),
        ),
        _ => Found::note(
            "processor",
            "has no AVX512-BF16, so `precision = \"auto\"` is f32".to_owned(),
            "encoders are about three times slower than on one that has it",
        ),
    }
}

fn threads() -> Found {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (torch, rayon) = (device::torch_threads(), rayon::current_num_threads());
    let says = format!("{torch} of libtorch and {rayon} of rayon on {cores} processors");
    if torch > cores || rayon > cores {
        let hint =
            "more threads than processors are slower: see OMP_NUM_THREADS and RAYON_NUM_THREADS";
        return Found::note("threads", says, hint);
    }
    Found::works("threads", says)
}

/// The folder of what is computed once: whether it can be written, how much room it has, whether it has locks.
fn cache() -> Vec<Found> {
    let hint = "give a folder that can be written with --set cache.path=FOLDER or XDG_CACHE_HOME";
    let folder = match environment::cache_at(None) {
        Ok(folder) => folder,
        Err(error) => {
            let says = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
            let says = says.split("\nhint").next().unwrap_or_default().to_owned();
            return vec![Found::broken("cache", says, hint)];
        }
    };
    let place = folder.display();
    let written = tempfile::tempfile_in(&folder).and_then(|mut file| file.write_all(b"alhost"));
    if let Err(error) = written {
        return vec![Found::broken("cache", format!("{place} cannot be written: {error}"), hint)];
    }
    vec![Found::works("cache", place.to_string()), room(&folder), locks(&folder)]
}

/// Bytes below which a run that keeps hidden states is likely to fill the disk.
const LITTLE: u64 = 5 << 30;

fn room(folder: &Path) -> Found {
    let free = statvfs(folder).map(|of| of.f_bavail * of.f_frsize);
    match free {
        Ok(free) if free < LITTLE => Found::note(
            "disk",
            format!("{:.1} GiB are free for the cache", gib(free)),
            "a frozen encoder keeps its view of all texts, some gigabytes with a CNN head; everything in the cache may be deleted",
        ),
        Ok(free) => Found::works("disk", format!("{:.0} GiB are free for the cache", gib(free))),
        Err(error) => {
            Found::note("disk", format!("how much is free cannot be told: {error}"), "see `df`")
        }
    }
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

fn locks(folder: &Path) -> Found {
    let path = folder.join("doctor.lock");
    let locked = try_lock(&path);
    let found = match &locked {
        Ok(lock) if lock.is_of_the_system() => {
            Found::works("locks", "the file system of the cache has them".to_owned())
        }
        Ok(_) => Found::note(
            "locks",
            "the file system of the cache has none".to_owned(),
            "files called `.held` take their place; after the death of a machine they are waited for, five minutes",
        ),
        Err(Busy::Held(_)) => Found::works("locks", "another doctor is looking at them".to_owned()),
        Err(Busy::Failed(error)) => Found::broken(
            "locks",
            error.to_string(),
            "give a cache on another file system with --set cache.path=FOLDER",
        ),
    };
    drop(locked);
    let _stays_where_it_cannot_go = fs_err::remove_file(path);
    found
}

fn model() -> Found {
    match environment::places().minilm {
        Some(path) => Found::works("model", format!("the default model is in {}", path.display())),
        None => Found::note(
            "model",
            "the default model is not on this machine".to_owned(),
            "`cargo xtask setup` fetches it, ALHOST_MINILM names its folder; or give model.checkpoint",
        ),
    }
}

fn hub() -> Found {
    let places = environment::places();
    let folder = places.hub_cache.display().to_string();
    if places.hub_offline {
        let says = format!("offline, as the environment says; models are looked for in {folder}");
        return Found::note(
            "hub",
            says,
            "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE to fetch models",
        );
    }
    let existing = places.hub_cache.ancestors().find(|path| path.exists());
    let can_write = existing.is_some_and(|path| access(path, Access::WRITE_OK).is_ok());
    if can_write {
        Found::works("hub", format!("models of the Hugging Face hub go to {folder}"))
    } else {
        Found::note("hub", format!("{folder} cannot be written"), "give another folder in HF_HOME")
    }
}

fn plugins() -> Found {
    let search = environment::search_path();
    let listed = alhost_plugin_host::list(&search);
    let usable = listed.iter().filter(|one| matches!(one.status, Status::Usable)).count();
    let refused = listed.iter().filter(|one| matches!(one.status, Status::Refused { .. })).count();
    let folders: Vec<String> = search.0.iter().map(|path| path.display().to_string()).collect();
    let says = format!("{usable} can be named by id, in {}", folders.join(", "));
    match (usable, refused) {
        (0, _) => Found::note(
            "plugins",
            says,
            "name one by the path of its lib*.so, or build those of this project",
        ),
        (_, 0) => Found::works("plugins", says),
        _ => Found::note(
            "plugins",
            format!("{says}; {refused} are refused"),
            "`alhost plugin list` says why",
        ),
    }
}

/// Strategies run in processes of their own by this program.
fn worker() -> Found {
    let worker: Option<PathBuf> = environment::worker_program().ok();
    match worker {
        Some(path) if path.is_file() => Found::works("worker", path.display().to_string()),
        _ => Found {
            what: "worker",
            verdict: Verdict::Broken,
            says: "`alhost-worker` is not beside this program".to_owned(),
            hint: Some("strategies of others run in it: copy it along with `alhost`".to_owned()),
        },
    }
}

fn slurm() -> Found {
    match Commands::default().limits() {
        Ok(limits) => Found::works("slurm", format!("arrays of up to {} tasks", limits.tasks)),
        Err(_) => Found::note(
            "slurm",
            "none answers here".to_owned(),
            "only `alhost bench --on slurm` needs one, on a login node of a cluster",
        ),
    }
}
