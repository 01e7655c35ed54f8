//! Makes a report of records: learning curves, tables, tests, cost, coverage, provenance. Reads
//! records and nothing else.
//!
//! `collect` finds and groups the runs; the sections say what there is to say, as one [`Document`];
//! `html` and `markdown` render it, and `tables` writes the numbers behind it as CSV. The same
//! records give the same bytes.

mod ahead;
mod axes;
mod blocks;
mod caveats;
mod cd;
mod classes;
mod collect;
mod columns;
mod compare;
mod cost;
mod curves;
mod document;
mod ends;
mod error;
mod heat;
mod html;
mod markdown;
mod mean_ranks;
mod metric;
mod noise;
mod order;
mod overlap;
mod overview;
mod pairs;
mod plot;
mod provenance;
mod queries;
mod scores;
mod selected;
mod shadows;
mod significance;
mod style;
mod svg;
mod tables;
mod tensorboard;
mod verdicts;
mod view;

use std::path::{Path, PathBuf};

pub use classes::{ClassSizes, class_distribution};
pub use collect::{Collected, DataSet, Run, Strategy, collect};
pub use document::{Cell, Document, Table};
pub use error::ReportError;
pub use metric::Metric;
pub use shadows::table as table_of_shadows;
pub use tensorboard::export as export_to_tensorboard;

use compare::Quantity;
use document::Section;
use view::View;

use alhost_record::RoundRecord;

/// Says what a report is to put in the foreground.
#[derive(Clone, Debug)]
pub struct Options {
    pub metric: Metric,
    /// Name of the baseline: `random` where absent, or the first strategy by name.
    pub baseline: Option<String>,
    /// Curves are cut at so many labeled texts.
    pub upto: Option<usize>,
}

/// A finished report.
pub struct Report {
    pub document: Document,
    /// Table of areas, for a terminal.
    pub short: Table,
    /// Notes to tell on a terminal as well.
    pub notes: Vec<String>,
    tables: Vec<tables::File>,
}

/// Reads all runs below `paths` and says what there is to say.
pub fn report(paths: &[PathBuf], options: &Options) -> Result<Report, ReportError> {
    let mut collected = collect(paths, options.upto)?;
    let baseline = options.baseline.as_deref();
    // Lines of CSV stay in the order of names, which does not depend on scores.
    let tables = tables::files(&View::new(&collected.sets, options.metric, baseline)?)?;
    order::by_area(&mut collected.sets, options.metric);
    let view = View::new(&collected.sets, options.metric, baseline)?;
    let mut sections = vec![overview::section(&view, &collected)];
    for set in view.sets {
        sections.extend(of_set(&view, set));
    }
    sections.extend(mean_ranks::over_sets(&view));
    sections.extend(mean_ranks::explained(&view));
    sections.push(provenance::section(&collected));
    let mut notes = collected.notes.clone();
    for set in view.sets {
        let comparisons = set.strategies.len().saturating_sub(1);
        let limits = significance::limits(view::common_seeds(set).len(), comparisons);
        notes.extend(
            set.notes.iter().chain(limits.first()).map(|note| format!("{}: {note}", set.name)),
        );
    }
    Ok(Report {
        document: Document { title: "Active-learning report".to_owned(), sections },
        short: overview::table(&view, Quantity::Area),
        notes,
        tables,
    })
}

fn of_set(view: &View<'_>, set: &DataSet) -> Vec<Section> {
    let mut first = Section::new(2, set.name.clone());
    let (from, to) = (set.labeled.first(), set.labeled.last());
    if let (Some(from), Some(to)) = (from, to) {
        first.text(format!(
            "{} strategies, {} to {} labeled texts in {} rounds.",
            set.strategies.len(),
            from,
            to,
            set.labeled.len()
        ));
    }
    for note in &set.notes {
        first.note(note.clone());
    }
    first.text(thresholds(set));
    let mut sections = vec![first, curves::section(view, set), scores::tables(view, set)];
    sections.extend(noise::section(view, set));
    sections.push(significance::over_seeds(view, set));
    sections.extend(ahead::section(view, set));
    sections.extend([cost::section(view, set), selected::coverage(view, set)]);
    sections.extend(overlap::section(view, set));
    sections.push(selected::statistics(view, set));
    sections.extend(shadows::section(set));
    sections
}

/// Says at which probability a label counts as predicted.
fn thresholds(set: &DataSet) -> String {
    let runs = set.strategies.iter().flat_map(|strategy| &strategy.runs);
    let mut rounds = runs.flat_map(|run| set.rounds(run));
    if rounds.all(RoundRecord::has_own_thresholds) {
        return "Each F1 is taken at its own threshold: micro-F1 at the one that is best for micro-F1 on dev, \
                each macro-F1 at the one that is best for it there. Precision, recall and subset accuracy are \
                taken at that of micro-F1."
            .to_owned();
    }
    let rule = set.manifest().config["evaluation"]["threshold"].as_str().unwrap_or("unknown");
    format!(
        "All metrics are taken at one threshold, by the rule {rule}, but for those that name another."
    )
}

impl Report {
    /// Writes `report.html`, `report.md`, `figures/*.svg` and `csv/*.csv` below `out`.
    pub fn write(&self, out: &Path) -> Result<(), ReportError> {
        for folder in ["figures", "csv"] {
            fs_err::create_dir_all(out.join(folder))?;
        }
        fs_err::write(out.join("report.html"), html::render(&self.document))?;
        fs_err::write(out.join("report.md"), markdown::render(&self.document))?;
        for figure in self.document.figures() {
            let name = format!("{}.svg", figure.name);
            fs_err::write(out.join("figures").join(name), svg::file(figure))?;
        }
        for (name, text) in &self.tables {
            fs_err::write(out.join("csv").join(name), text)?;
        }
        Ok(())
    }
}
