//! Opens a plugin file and checks that it means by its types what this host means.
#![expect(unsafe_code, reason = "running foreign code is what loading a library is")]

use std::path::{Path, PathBuf};

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::library::{AbiHeaderRef, LibHeader, ROOT_MODULE_LOADER_NAME_WITH_NUL, RootModule};
use abi_stable::sabi_types::VersionNumber;
use alhost_plugin_api::export::API_VERSION;
use alhost_plugin_api::ffi::PluginMod_Ref;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::error::PluginError;
use crate::manifest::Manifest;
use crate::resolve::{SearchPath, resolve};

/// A plugin that has been loaded and checked. It is never unloaded: its objects carry pointers
/// into it.
pub struct PluginLibrary {
    pub path: PathBuf,
    pub manifest: Manifest,
    /// BLAKE3 of the file, in hex.
    pub hash: String,
    pub(crate) module: PluginMod_Ref,
}

/// What can be known of a file without running it.
pub struct PluginFile {
    pub path: PathBuf,
    pub manifest: Manifest,
    /// BLAKE3 of the file, in hex.
    pub hash: String,
    pub bytes: u64,
}

impl PluginFile {
    /// Finds and reads a plugin; none of its code runs.
    pub fn open(plugin: &str, search: &SearchPath) -> Result<Self, PluginError> {
        Self::read(&resolve(plugin, search)?)
    }

    pub fn read(path: &Path) -> Result<Self, PluginError> {
        let file = fs_err::read(path)?;
        let manifest = Manifest::read(path, &file)?;
        let hash = blake3::hash(&file).to_hex().to_string();
        Ok(Self { path: path.to_owned(), manifest, hash, bytes: file.len() as u64 })
    }

    /// Runs the plugin's code for the first time. Everything that can be refused before is.
    pub fn load(self) -> Result<PluginLibrary, PluginError> {
        self.manifest.check()?;
        let header = open_header(&self.path)?;
        let module = check_header(header, &self.manifest)?;
        Ok(PluginLibrary { path: self.path, manifest: self.manifest, hash: self.hash, module })
    }
}

fn open_header(path: &Path) -> Result<&'static LibHeader, PluginError> {
    let failed = |why: String| PluginError::Load { path: path.to_owned(), why };
    // SAFETY: the file's constructors run here. The user named this file as a plugin, and a plugin
    // runs with the user's rights.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|e| failed(e.to_string()))?;
    // `RootModule::load_from_file` is of no use: it keeps one module for a type, so that the
    // second plugin would silently be the first.
    let library: &'static Library = Box::leak(Box::new(library));
    // SAFETY: every plugin exports this static through `export_strategy!`, with this type.
    let header =
        unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) };
    let header = *header.map_err(|e| failed(e.to_string()))?;
    header.upgrade().map_err(|e| failed(short(&e.to_string())))
}

/// The version rule on the version inside the code, then the layouts. An older plugin is the
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

/// A layout error has thousands of lines; the cause stands after the last `Error:`.
fn short(report: &str) -> String {
    tracing::debug!("{report}");
    let cause = report.rsplit("Error:").next().unwrap_or(report);
    let words: Vec<&str> = cause.split_whitespace().collect();
    words.join(" ").trim_end_matches('-').trim().to_owned()
}
