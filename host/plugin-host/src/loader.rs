//! Opens a plugin file and checks that it means by its types what this host means.
#![expect(unsafe_code, reason = "running foreign code is what loading a library is")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::library::{AbiHeaderRef, LibHeader, ROOT_MODULE_LOADER_NAME_WITH_NUL, RootModule};
use abi_stable::sabi_types::VersionNumber;
use alhost_base::{Unreadable, foreign};
use alhost_plugin_api::export::API_VERSION;
use alhost_plugin_api::ffi::PluginMod_Ref;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::elf;
use crate::error::PluginError;
use crate::exposure::exposed;
use crate::manifest::Manifest;
use crate::resolve::{SearchPath, is_path, resolve};
use crate::store;

/// Most bytes of a plugin's file; debug builds have some ten million.
const MAX_FILE: u64 = 1 << 30;

/// Libraries that a plugin has no use for, by the beginnings of their names.
const FOREIGN: [(&str, &str); 9] = [
    ("libtorch", TORCH),
    ("libc10", TORCH),
    ("libcuda", GPU),
    ("libcublas", GPU),
    ("libcudnn", GPU),
    ("libnvrtc", GPU),
    ("libamdhip", GPU),
    ("libpython", "an interpreter inside the host's process, whose answers no seed controls"),
    ("libonnxruntime", "a second runtime for models beside the host's"),
];
const TORCH: &str =
    "a second libtorch beside the host's; ask for the features and services of `needs`";
const GPU: &str = "the GPU is the host's; its services run there, and a worker process sees none";

/// A plugin that has been loaded and checked. It is never unloaded: its objects carry pointers
/// into it.
pub struct PluginLibrary {
    /// The file that the user knows; what was loaded is a copy of it.
    pub path: PathBuf,
    pub manifest: Manifest,
    /// BLAKE3 of the file, in hex.
    pub hash: String,
    pub(crate) module: PluginMod_Ref,
}

/// Holds what can be known of a file without running it. It keeps the bytes that it read: what was
/// checked is what is loaded, though the file may have changed since.
#[derive(Clone)]
pub struct PluginFile {
    pub path: PathBuf,
    pub manifest: Manifest,
    /// BLAKE3 of the file, in hex.
    pub hash: String,
    pub(crate) content: Arc<[u8]>,
    /// Place that lets every user of the machine change the file.
    exposed: Option<PathBuf>,
}

impl PluginFile {
    /// Finds and reads a plugin; none of its code runs.
    pub fn open(plugin: &str, search: &SearchPath) -> Result<Self, PluginError> {
        let file = Self::read(&resolve(plugin, search)?)?;
        if !is_path(plugin) && file.manifest.id != plugin {
            let (asked, id) = (plugin.to_owned(), file.manifest.id);
            return Err(PluginError::OtherId { asked, id, path: file.path });
        }
        Ok(file)
    }

    pub fn read(path: &Path) -> Result<Self, PluginError> {
        let content = foreign::read(path, MAX_FILE)?;
        let manifest = Manifest::read(path, &content)?;
        let hash = blake3::hash(&content).to_hex().to_string();
        let exposed = fs_err::canonicalize(path).and_then(|path| exposed(&path));
        let exposed = exposed.map_err(|error| Unreadable::of(path, &error))?;
        Ok(Self { path: path.to_owned(), manifest, hash, content: content.into(), exposed })
    }

    /// Size of the file.
    pub fn n_bytes(&self) -> usize {
        self.content.len()
    }

    /// The shared libraries that come into the process with it, by the names it gives them.
    pub fn linked(&self) -> Vec<String> {
        elf::needed(&self.content)
    }

    /// Lists what its author should know, though none of it keeps the plugin from being run.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.manifest.profile == "debug" {
            warnings.push("a debug build, which can be twenty times slower".to_owned());
        }
        for (library, why) in self.foreign() {
            warnings.push(format!("links {library}: {why}"));
        }
        warnings
    }

    /// Lists the libraries it links that a plugin has no use for, and why not.
    pub(crate) fn foreign(&self) -> Vec<(String, &'static str)> {
        let mut foreign = Vec::new();
        for library in self.linked() {
            let named = FOREIGN.iter().find(|(beginning, _)| library.starts_with(beginning));
            if let Some((_, why)) = named {
                foreign.push((library, *why));
            }
        }
        foreign
    }

    /// Refuses everything that can be refused without loading.
    pub fn check(&self) -> Result<(), PluginError> {
        if let Some(place) = &self.exposed {
            return Err(PluginError::Exposed { path: self.path.clone(), place: place.clone() });
        }
        self.manifest.check()
    }

    /// Finds or makes the private copy of what was read, below the folder `cache`.
    pub fn keep(&self, cache: &Path) -> Result<PathBuf, PluginError> {
        store::keep(cache, &self.hash, &self.content).map_err(|error| PluginError::Keep {
            path: self.path.clone(),
            cache: cache.to_owned(),
            why: error.to_string(),
        })
    }

    /// Runs the plugin's code for the first time, from its private copy. Everything that can be
    /// refused before is.
    pub fn load(self, cache: &Path) -> Result<PluginLibrary, PluginError> {
        self.check()?;
        let copy = self.keep(cache)?;
        self.load_from(&copy)
    }

    /// Does as `load`, but from the very file that was read: for a worker process, which is given
    /// the private copy.
    pub fn load_here(self) -> Result<PluginLibrary, PluginError> {
        self.check()?;
        let file = self.path.clone();
        self.load_from(&file)
    }

    fn load_from(self, file: &Path) -> Result<PluginLibrary, PluginError> {
        let header =
            open_header(file).map_err(|why| PluginError::Load { path: self.path.clone(), why })?;
        let module = check_header(header, &self.manifest)?;
        Ok(PluginLibrary { path: self.path, manifest: self.manifest, hash: self.hash, module })
    }
}

fn open_header(path: &Path) -> Result<&'static LibHeader, String> {
    // SAFETY: the file's constructors run here. The user named this file as a plugin, and a plugin
    // runs with the user's rights.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|e| e.to_string())?;
    // `RootModule::load_from_file` is of no use: it keeps one module for a type, so that the
    // second plugin would silently be the first.
    // SAFETY: every plugin exports this static through `export_strategy!`, with this type.
    let header =
        unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) };
    let header = header.map(|header| *header).map_err(|e| e.to_string());
    // Never closed: the plugin's objects carry pointers into it.
    let _handle = library.into_raw();
    let header = header?;
    header.upgrade().map_err(|e| short(&e.to_string()))
}

/// Checks the version inside the code by the version rule, then the layouts. An older plugin is the
/// narrower one, so it is compared the other way round; either side reads only the fields that the
/// other has, and every type that cannot grow must match exactly both ways.
fn check_header(
    header: &'static LibHeader,
    manifest: &Manifest,
) -> Result<PluginMod_Ref, PluginError> {
    let layout_error = |cause| PluginError::Layout {
        id: manifest.id.clone(),
        host_api: API_VERSION.into(),
        cause,
    };
    let version = |strings| VersionNumber::new(strings).map_err(|e| layout_error(e.to_string()));
    let plugin = version(header.version_strings())?;
    let host = version(PluginMod_Ref::VERSION_STRINGS)?;
    if plugin.major != host.major || plugin.minor > host.minor {
        let says = format!("{}.{}.{}", plugin.major, plugin.minor, plugin.patch);
        let cause = format!("its code is of plugin-api {says}, its manifest of {}", manifest.api);
        return Err(layout_error(cause));
    }
    let theirs = header.layout().ok_or_else(|| layout_error("it carries no layout".to_owned()))?;
    let ours = <PluginMod_Ref as StableAbi>::LAYOUT;
    check_layout_compatibility(ours, theirs)
        .or_else(|_| check_layout_compatibility(theirs, ours))
        .map_err(|e| layout_error(short(&e.to_string())))?;
    // SAFETY: the layouts have just been compared.
    let module = unsafe { header.init_root_module_with_unchecked_layout::<PluginMod_Ref>() };
    module.map_err(|e| layout_error(short(&e.to_string())))
}

/// Shortens a layout error, which has thousands of lines; the cause stands after the last `Error:`.
fn short(report: &str) -> String {
    tracing::debug!("{report}");
    let cause = report.rsplit("Error:").next().unwrap_or(report);
    let words: Vec<&str> = cause.split_whitespace().collect();
    words.join(" ").trim_end_matches('-').trim().to_owned()
}
