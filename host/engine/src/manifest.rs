//! Describes a run; its records belong to exactly this.

use alhost_base::seed::RunSeed;
use alhost_plugin_api::features::MLM_SURPRISAL;
use alhost_plugin_host::{LoadedStrategy, Manifest};
use alhost_record::{
    Environment, Kind, ModelManifest, PluginManifest, RunManifest, StrategyManifest,
};

use crate::Experiment;

impl Experiment {
    /// Describes a run of `strategy` with `seed`; `initial` chooses the initial set, where it is not drawn.
    pub fn manifest(
        &self,
        strategy: &LoadedStrategy,
        initial: Option<&LoadedStrategy>,
        seed: RunSeed,
    ) -> RunManifest {
        let plugin = &strategy.manifest;
        let asks_mlm = std::iter::once(strategy)
            .chain(&strategy.asked)
            .any(|one| one.manifest.needs.iter().any(|need| need == MLM_SURPRISAL));
        let mlm_head = match (asks_mlm, self.model.about().has_mlm_head) {
            (false, _) => "none",
            (true, true) => "checkpoint",
            (true, false) => "fitted on the pool",
        };
        let described = plugin_manifest(plugin, &strategy.hash);
        let mut manifest =
            self.manifest_of(Kind::ActiveLearning, strategy.instance.clone(), described, seed);
        manifest.params = strategy.params.clone().into();
        manifest.asked = strategy.asked.iter().map(described_in_full).collect();
        manifest.initial_set = initial.map(described_in_full);
        mlm_head.clone_into(&mut manifest.model.mlm_head);
        manifest
    }

    /// Describes a run without a strategy's parameters and needs.
    pub(crate) fn manifest_of(
        &self,
        kind: Kind,
        strategy: String,
        plugin: PluginManifest,
        seed: RunSeed,
    ) -> RunManifest {
        let about = self.model.about();
        RunManifest {
            format: RunManifest::FORMAT,
            name: Some(self.task.config.name.clone()),
            kind: Some(kind),
            strategy,
            seed: seed.0,
            plugin,
            params: serde_json::json!({}),
            asked: Vec::new(),
            initial_set: None,
            config: self.task.config.agreed(),
            config_hash: self.task.config.hash(),
            data_hash: self.task.names_of_data().to_owned(),
            texts_hash: Some(self.task.texts_hash.clone()),
            model: ModelManifest {
                weights_hash: about.weights_hash.clone(),
                tokenizer_hash: about.tokenizer_hash.clone(),
                config_hash: Some(about.config_hash.clone()),
                mlm_head: "none".to_owned(),
                revision: about.revision.clone(),
            },
            environments: vec![self.environment()],
        }
    }

    fn environment(&self) -> Environment {
        let about = self.model.about();
        let deterministic = if self.task.config.r#loop.stop.seconds.is_some() {
            "no: `loop.stop.seconds` ends a run sooner on a slower machine"
        } else if about.device == "cpu" {
            "yes, with the same number of torch threads on the same kind of CPU"
        } else {
            "no: libtorch sums in no fixed order on a GPU"
        };
        Environment {
            from_round: 0,
            host: env!("CARGO_PKG_VERSION").to_owned(),
            host_blake3: about.build.clone(),
            libtorch: about.libtorch.clone(),
            device: about.device.clone(),
            hardware: about.hardware.clone(),
            precision: about.precision.clone(),
            torch_threads: about.threads,
            deterministic: deterministic.to_owned(),
        }
    }
}

fn described_in_full(strategy: &LoadedStrategy) -> StrategyManifest {
    StrategyManifest {
        plugin: plugin_manifest(&strategy.manifest, &strategy.hash),
        params: strategy.params.clone().into(),
        asked: strategy.asked.iter().map(described_in_full).collect(),
    }
}

/// Describes a plugin whose file has this hash.
pub fn plugin_manifest(plugin: &Manifest, hash: &str) -> PluginManifest {
    PluginManifest {
        id: plugin.id.clone(),
        version: plugin.version.clone(),
        api: plugin.api.clone(),
        blake3: hash.to_owned(),
        rustc: plugin.rustc.clone(),
        profile: plugin.profile.clone(),
    }
}
