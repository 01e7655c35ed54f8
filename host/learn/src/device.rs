//! The devices on which tensors live, and libtorch's threads. One binary serves CPU and GPU: `alhost` links libtorch's CPU
//! part alone, and the CUDA part is loaded at start where there is one.
#![expect(unsafe_code, reason = "loading a shared library runs its initialisers")]

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use tch::{Cuda, Device};

use crate::ModelError;

/// Makes CUDA available to libtorch, or says why it cannot be.
///
/// Must come **before the first torch call**: libtorch looks for its CUDA part once, at the first
/// call that asks, and remembers the answer. Later calls give the first one's result.
pub fn load_cuda() -> Result<(), &'static str> {
    static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
    match LOADED.get_or_init(try_load_cuda) {
        Ok(()) => Ok(()),
        Err(reason) => Err(reason),
    }
}

/// `auto` (the first GPU, else the CPU), `cpu`, `cuda` or `cuda:N`.
pub fn open(name: &str) -> Result<Device, ModelError> {
    let unknown = || ModelError::UnknownDevice { name: name.to_owned() };
    let index = match name {
        "cpu" => return Ok(Device::Cpu),
        "auto" => {
            return Ok(open_cuda(0).unwrap_or_else(|reason| {
                tracing::info!("computing on the CPU, as there is no CUDA device: {reason}");
                Device::Cpu
            }));
        }
        "cuda" => 0,
        _ => {
            let index = name.strip_prefix("cuda:").ok_or_else(unknown)?;
            index.parse().map_err(|_| unknown())?
        }
    };
    open_cuda(index).map_err(|reason| ModelError::NoCuda { reason })
}

/// `cpu` or `cuda:N`.
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}

/// GPUs that libtorch can use.
pub fn n_gpus() -> usize {
    if load_cuda().is_err() {
        return 0;
    }
    usize::try_from(Cuda::device_count()).unwrap_or(0)
}

/// Threads that libtorch computes with on the CPU.
pub fn torch_threads() -> usize {
    BEFORE_ONE.get().unwrap_or_else(|| usize::try_from(tch::get_num_threads()).unwrap_or(1))
}

thread_local! {
    /// Threads of libtorch before `OneThread`.
    static BEFORE_ONE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Lets libtorch compute with the calling thread alone, as long as it lives: its other threads spin for
/// milliseconds after each piece of work, on cores where threads of ours have work.
pub(crate) struct OneThread(Option<usize>);

impl OneThread {
    pub(crate) fn only() -> Self {
        let before = BEFORE_ONE.replace(Some(torch_threads()));
        tch::set_num_threads(1);
        Self(before)
    }
}

impl Drop for OneThread {
    fn drop(&mut self) {
        let threads = BEFORE_ONE.replace(self.0).unwrap_or(1);
        if self.0.is_none() {
            use_torch_threads(threads);
        }
    }
}

/// Sets the threads that libtorch computes with, where the system lets no more be started.
pub fn use_torch_threads(n: usize) {
    tch::set_num_threads(i32::try_from(n).unwrap_or(1));
}

fn open_cuda(index: usize) -> Result<Device, String> {
    load_cuda()?;
    let count = Cuda::device_count();
    if count < 1 {
        return Err("libtorch finds no device".to_owned());
    }
    if index as i64 >= count {
        return Err(format!("device {index} is asked for, but there are {count}, counted from 0"));
    }
    Ok(Device::Cuda(index))
}

fn try_load_cuda() -> Result<(), String> {
    // The driver first: without it, half a gigabyte would be mapped for nothing.
    load_forever(Path::new("libcuda.so.1"))
        .map_err(|error| format!("the NVIDIA driver cannot be loaded ({error})"))?;
    let folder = libtorch_folder()?;
    let library = folder.join("libtorch_cuda.so");
    if !library.exists() {
        return Err(format!("this libtorch is for CPUs only ({} is missing)", library.display()));
    }
    load_forever(&library).map_err(|error| format!("libtorch_cuda.so cannot be loaded ({error})"))
}

/// Loads a library for the rest of the process.
fn load_forever(path: &Path) -> Result<(), libloading::Error> {
    // SAFETY: loading runs the initialisers of NVIDIA's driver or of libtorch_cuda.so. Both are
    // made to be loaded by any process; the latter only registers itself with the libtorch_cpu.so
    // of the same build that we are linked to, whose folder it comes from.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) }?;
    // libtorch keeps pointers into it, so it is never unloaded.
    Box::leak(Box::new(library));
    Ok(())
}

/// The folder of the libtorch that this process runs with, which need not be the one it was built
/// with (rpath, `LD_LIBRARY_PATH`).
fn libtorch_folder() -> Result<PathBuf, String> {
    let maps = fs_err::read_to_string("/proc/self/maps").map_err(|error| error.to_string())?;
    loaded_from(&maps, "libtorch_cpu.so")
        .ok_or_else(|| "libtorch_cpu.so is not among the loaded libraries".to_owned())
}

/// The folder of a mapped file. A line of `maps` is `address flags offset device inode  path`.
fn loaded_from(maps: &str, file_name: &str) -> Option<PathBuf> {
    maps.lines().find_map(|line| {
        let path = Path::new(&line[line.find('/')?..]);
        let is_it = path.file_name().is_some_and(|name| name == file_name);
        is_it.then(|| path.parent().map(Path::to_path_buf)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loaded_library_is_found_in_the_memory_map() {
        let maps = "7f00-7f01 r-xp 00000000 08:01 42   /opt/a b/libtorch_cpu.so\n\
                    7f02-7f03 rw-p 00000000 00:00 0\n";
        assert_eq!(loaded_from(maps, "libtorch_cpu.so"), Some(PathBuf::from("/opt/a b")));
        assert_eq!(loaded_from(maps, "libc10.so"), None);
        assert!(libtorch_folder().unwrap().join("libtorch_cpu.so").exists());
    }

    #[test]
    fn one_thread_is_for_a_while_and_says_how_many_there_are() {
        tch::set_num_threads(3);
        {
            let _one = OneThread::only();
            let _within = OneThread::only();
            assert_eq!((tch::get_num_threads(), torch_threads()), (1, 3));
        }
        assert_eq!((tch::get_num_threads(), torch_threads()), (3, 3));
    }

    #[test]
    fn the_cpu_is_always_there() {
        assert_eq!(open("cpu").unwrap(), Device::Cpu);
    }

    #[test]
    fn auto_takes_a_gpu_exactly_where_one_opens() {
        let expected = open("cuda:0").unwrap_or(Device::Cpu);
        assert_eq!(open("auto").unwrap(), expected);
    }

    #[test]
    fn a_gpu_that_is_not_there_is_an_error_with_a_reason() {
        let message = open("cuda:99").unwrap_err().to_string();
        assert!(message.starts_with("no CUDA device: "), "{message}");
        assert!(message.ends_with("hint: use --device cpu"), "{message}");
    }

    #[test]
    fn a_misspelt_device_is_an_error() {
        for name in ["gpu", "cuda:", "cuda:x", ""] {
            let message = open(name).unwrap_err().to_string();
            assert!(message.starts_with(&format!("unknown device `{name}`")), "{message}");
        }
    }
}
