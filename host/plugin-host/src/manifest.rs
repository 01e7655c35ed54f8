//! Reads what a plugin says of itself in a section of its file, without running any of it.

use std::path::Path;

use alhost_base::foreign;
use alhost_plugin_api::export::API_VERSION;
use alhost_plugin_api::offers::{self, OFFERS};
use alhost_plugin_api::params::{Declared, declared, resolve};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::elf::{self, ElfError};
use crate::error::PluginError;
use crate::worker::cut;

/// Most bytes of a manifest, of a name in it, and of a text for people, which is cut.
const MAX_MANIFEST: usize = 1 << 20;
const MAX_NAME: usize = 200;
const MAX_PROSE: usize = 4 << 10;

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Manifest {
    /// Version of the manifest's own format.
    pub format: u32,
    pub id: String,
    pub version: String,
    pub summary: String,
    pub citation: String,
    /// Whether its answers may differ with the seed.
    pub stochastic: bool,
    /// Version of plugin-api inside it.
    pub api: String,
    pub rustc: String,
    /// Build profile: `debug` or `release`.
    pub profile: String,
    /// Panic strategy: `unwind` or `abort`.
    pub panic: String,
    /// Features and services that it may ask for.
    pub needs: Vec<String>,
    /// The declaration of its parameters; `parameters` reads it.
    pub params: Value,
}

impl Manifest {
    /// Reads the manifest from the bytes of a plugin file.
    pub fn read(path: &Path, file: &[u8]) -> Result<Self, PluginError> {
        let path = path.to_owned();
        elf::check(file).map_err(|error| match error {
            ElfError::NotElf => {
                PluginError::NotElf { path: path.clone(), looks: foreign::looks_like(file) }
            }
            ElfError::Truncated { need, have } => {
                let what = format!("it needs {need} bytes and has {have}");
                PluginError::Truncated { path: path.clone(), what }
            }
            ElfError::TruncatedTables => {
                let what = "it ends inside its own tables".to_owned();
                PluginError::Truncated { path: path.clone(), what }
            }
        })?;
        let Some(section) = elf::section(file, ".alhost.manifest") else {
            return Err(PluginError::NotPlugin { path });
        };
        Self::parse(section).map_err(|why| PluginError::Manifest { path, why })
    }

    fn parse(section: &[u8]) -> Result<Self, String> {
        if section.len() > MAX_MANIFEST {
            return Err(format!("it has {} bytes, at most {MAX_MANIFEST} are read", section.len()));
        }
        let mut manifest: Self = serde_json::from_slice(section).map_err(|e| e.to_string())?;
        manifest.check_names()?;
        for text in [&mut manifest.summary, &mut manifest.citation] {
            *text = cut(std::mem::take(text), MAX_PROSE);
        }
        if manifest.format != 1 {
            return Err(format!("its format is {}, this alhost reads 1", manifest.format));
        }
        manifest.declared()?;
        Ok(manifest)
    }

    /// Checks that every name fits on a line.
    fn check_names(&self) -> Result<(), String> {
        let Self { id, version, api, rustc, profile, panic, needs, .. } = self;
        let names = [id, version, api, rustc, profile, panic].into_iter().chain(needs);
        match names.map(String::len).max() {
            Some(n) if n > MAX_NAME => Err(format!("a name in it has {n} bytes")),
            _ => Ok(()),
        }
    }

    fn declared(&self) -> Result<Vec<Declared>, String> {
        declared(&self.params.to_string()).map_err(|e| e.to_string())
    }

    pub fn parameters(&self) -> Vec<Declared> {
        self.declared().expect("checked when the manifest was read")
    }

    /// Returns one value for each declared parameter, from those given and the defaults. `path` is
    /// for the message.
    pub fn resolve_params(
        &self,
        path: &Path,
        given: &Map<String, Value>,
    ) -> Result<Map<String, Value>, PluginError> {
        resolve(&self.parameters(), given).map_err(|error| PluginError::Params {
            id: self.id.clone(),
            path: path.to_owned(),
            error,
        })
    }

    /// Whether it can choose texts before a classifier is trained.
    pub fn is_cold_start(&self) -> bool {
        let of_classifier =
            |need: &String| offers::find(need).is_some_and(|offer| offer.of_classifier);
        !self.needs.iter().any(of_classifier)
    }

    /// Refuses everything that can be refused without loading: api version, panic strategy, needs.
    pub fn check(&self) -> Result<(), PluginError> {
        self.check_api()?;
        if self.panic != "unwind" {
            return Err(PluginError::Abort { id: self.id.clone() });
        }
        if let Some(need) = self.needs.iter().find(|need| offers::find(need).is_none()) {
            let known = OFFERS.map(|offer| offer.id.to_owned()).to_vec();
            return Err(PluginError::Need { id: self.id.clone(), need: need.clone(), known });
        }
        Ok(())
    }

    /// A plugin built with 1.x runs in every host that provides 1.y, y >= x.
    fn check_api(&self) -> Result<(), PluginError> {
        let (plugin, host) = (major_minor(&self.api), major_minor(API_VERSION));
        let hint = match (plugin, host) {
            (Some(plugin), Some(host)) if plugin.0 == host.0 && plugin.1 <= host.1 => return Ok(()),
            (Some(plugin), Some(host)) if plugin > host => format!(
                "upgrade alhost, or build the plugin with alhost-plugin-api {}.{}",
                host.0, host.1
            ),
            _ => format!("build the plugin again with alhost-plugin-api {API_VERSION}"),
        };
        Err(PluginError::Api {
            id: self.id.clone(),
            version: self.version.clone(),
            plugin_api: self.api.clone(),
            host_api: API_VERSION.to_owned(),
            hint,
        })
    }
}

pub(crate) fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use alhost_plugin_api::features::MLM_SURPRISAL;
    use alhost_plugin_api::services::KMEANS;

    use super::*;

    fn manifest(api: &str) -> Manifest {
        let text = format!(
            r#"{{"format":1,"id":"x","version":"0.2.0","summary":"","citation":"",
            "stochastic":false,"api":"{api}","rustc":"","profile":"release","panic":"unwind",
            "needs":["logits/1"],"params":[]}}"#
        );
        Manifest::parse(text.as_bytes()).unwrap()
    }

    fn check(api: &str, expected: &str) {
        let got = manifest(api).check().map_err(|e| e.to_string());
        match got {
            Ok(()) => assert_eq!(expected, "", "{api}"),
            Err(message) => {
                assert!(!expected.is_empty() && message.contains(expected), "{api}: {message}");
            }
        }
    }

    #[test]
    fn older_plugins_of_the_same_major_run_and_newer_ones_do_not() {
        check("1.0.0", "");
        check("1.0.9", "");
        check("1.7.0", "built for plugin-api 1.7.0; this alhost provides 1.0.0\nhint: upgrade");
        check("2.0.0", "hint: upgrade alhost, or build the plugin with alhost-plugin-api 1.0");
        check("0.9.0", "hint: build the plugin again");
        check("one", "hint: build the plugin again");
    }

    #[test]
    fn what_is_longer_than_anybody_reads_is_cut_or_refused() {
        let mut plugin = manifest("1.0.0");
        plugin.summary = "s".repeat(10_000);
        let text = |plugin: &Manifest| serde_json::to_vec(plugin).unwrap();
        let read = Manifest::parse(&text(&plugin)).unwrap();
        assert!(read.summary.ends_with("(cut: it has 10000 bytes)") && read.summary.len() < 5000);
        plugin.id = "x".repeat(10_000);
        assert!(Manifest::parse(&text(&plugin)).unwrap_err().contains("10000 bytes"));
        plugin.summary = "s".repeat(2 << 20);
        assert!(Manifest::parse(&text(&plugin)).unwrap_err().contains("at most 1048576"));
    }

    #[test]
    fn a_need_that_the_host_lacks_and_an_aborting_profile_are_refused() {
        let mut plugin = manifest("1.0.0");
        plugin.needs.push("graph/1".to_owned());
        assert!(plugin.check().unwrap_err().to_string().contains("needs `graph/1`"));
        let mut plugin = manifest("1.0.0");
        plugin.panic = "abort".to_owned();
        assert!(plugin.check().unwrap_err().to_string().contains("panic = \"abort\""));
    }

    #[test]
    fn a_strategy_without_classifier_features_can_start_cold() {
        let mut plugin = manifest("1.0.0");
        assert!(!plugin.is_cold_start());
        plugin.needs = vec![MLM_SURPRISAL.to_owned(), KMEANS.to_owned()];
        assert!(plugin.is_cold_start());
    }
}
