//! What a project's records say before data and model are open, so that people can go on at once.

use std::path::PathBuf;

use alhost_base::seed::RunSeed;
use alhost_config::plugin_stem;
use alhost_engine::pool::Audit;
use alhost_record::{Records, place};

use crate::board::Wanted;
use crate::project::Project;
use crate::shared::{Phase, Shared};

impl Project {
    /// The folder of the project's run.
    pub fn run(&self) -> anyhow::Result<PathBuf> {
        let (config, strategy) = (&self.config, &self.config.strategies()?[0]);
        let name = strategy.name.clone().unwrap_or_else(|| plugin_stem(&strategy.plugin));
        Ok(place(&config.out, &config.name, &name, config.seeds[0]))
    }

    /// The records so far; `None` before the first batch.
    pub fn records(&self) -> anyhow::Result<Option<Records>> {
        let run = self.run()?;
        let has_begun = run.join("manifest.json").is_file();
        Ok(has_begun.then(|| alhost_record::read(&run)).transpose()?)
    }
}

impl Shared {
    /// Puts up the last batch and the coming texts of the audit, as the records have them.
    pub fn restore(&self) -> anyhow::Result<()> {
        let config = &self.project.config;
        let (n_texts, seed) = (self.texts.ids.len(), RunSeed(config.seeds[0]));
        let audit = Audit::draw(config.r#loop.audit, n_texts, 0, seed);
        let order = audit.as_ref().map_or(&[][..], Audit::upcoming);
        let records = self.project.records()?;
        let selections = records.as_ref().map_or(&[][..], |records| &records.selections);
        let wanted = |rows: &[u32], is_audit: bool| {
            rows.iter().map(|&row| Wanted { row: row as usize, is_audit }).collect::<Vec<_>>()
        };
        let (batch, earlier) = match selections.split_last() {
            Some((last, earlier)) => {
                let rows: Vec<u32> = earlier.iter().flat_map(|one| one.rows.clone()).collect();
                let batch = [wanted(&last.rows, false), wanted(&last.audit_rows, true)].concat();
                (batch, wanted(&rows, false))
            }
            None => (Vec::new(), Vec::new()),
        };
        let asked: usize = selections.iter().map(|selection| selection.audit_rows.len()).sum();
        let upcoming = order.iter().skip(asked).map(|id| id.0 as usize).collect();
        let rounds = records.as_ref().map_or(Vec::new(), |records| records.rounds.clone());
        let kept = crate::work::kept_suggestions(self, rounds.len());
        self.change(|state| {
            state.rounds = rounds;
            state.suggestions = kept;
            if !batch.is_empty() {
                state.phase = Phase::Asking;
            }
            state.board.put_up(earlier, Vec::new(), &|row| self.wants_second(row));
            state.board.put_up(batch, upcoming, &|row| self.wants_second(row));
        });
        Ok(())
    }
}
