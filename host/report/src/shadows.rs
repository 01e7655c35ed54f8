//! Strategies that only watched: what they selected on the models of the one that drove the run.

use std::collections::BTreeMap;

use alhost_record::ShadowRecord;

use super::collect::DataSet;
use super::document::{Cell, Section, Table};

/// Reports on the shadows; `None` where no run had one.
pub(super) fn section(set: &DataSet) -> Option<Section> {
    let mut answers = Vec::new();
    for strategy in &set.strategies {
        for run in &strategy.runs {
            answers.extend(run.shadows.iter().map(|shadow| (strategy.name.as_str(), shadow)));
        }
    }
    if answers.is_empty() {
        return None;
    }
    let mut section = Section::new(3, "Shadows");
    section.text(
        "Strategies that were asked the same queries on the same models as the one that drove the \
         run, and changed nothing: what they would have done next, not what would have come of it.",
    );
    section.table(table(&answers));
    Some(section)
}

/// Makes a row for each driver and shadow. `answers` has the driver's name, and what a shadow said.
pub fn table(answers: &[(&str, &ShadowRecord)]) -> Table {
    let mut pairs: BTreeMap<(&str, &str), Vec<&ShadowRecord>> = BTreeMap::new();
    for (driver, shadow) in answers {
        pairs.entry((driver, &shadow.strategy)).or_default().push(shadow);
    }
    let head = [
        "driver",
        "shadow",
        "queries",
        "overlap (Jaccard)",
        "Spearman",
        "Kendall",
        "features, s",
        "really spent, s",
        "select, s",
    ];
    Table {
        caption: "What shadows selected, compared with the driver's selection: mean over queries \
                  and seeds. Correlations are between the scores of texts that both selected, \
                  where both gave scores"
            .to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows: pairs.iter().map(|(names, records)| row(*names, records)).collect(),
        is_folded: false,
    }
}

fn row((driver, shadow): (&str, &str), records: &[&ShadowRecord]) -> Vec<Cell> {
    let mean = |value: &dyn Fn(&ShadowRecord) -> Option<f64>| {
        let values: Vec<f64> = records.iter().filter_map(|record| value(record)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Cell::new(if values.is_empty() { "–".to_owned() } else { format!("{mean:.3}") })
    };
    let answered = records.iter().filter(|record| record.selection.is_some()).count();
    vec![
        Cell::new(driver),
        Cell::new(shadow),
        Cell::new(format!("{answered} of {}", records.len())),
        mean(&|record| Some(record.likeness?.jaccard)),
        mean(&|record| record.likeness?.spearman),
        mean(&|record| record.likeness?.kendall),
        mean(&|record| Some(record.cost.seconds.features)),
        mean(&|record| Some(record.cost.actual.features)),
        mean(&|record| Some(record.cost.seconds.select)),
    ]
}
