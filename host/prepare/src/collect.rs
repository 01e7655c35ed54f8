//! The first pass: every document once, its labels looked up and counted, its text spooled.

use std::path::PathBuf;

use alhost_base::near::nearest;

use crate::document::{Document, Part};
use crate::draw::key;
use crate::error::{LIKE_ENOUGH, PrepareError};
use crate::hierarchy::Hierarchy;
use crate::options::{Options, UnknownLabels};
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::rows::Rows;
use crate::source::Source;
use crate::spool::{Spool, Spooled};

/// All that is known of the documents, without their texts: some 20 bytes each, and 4 a label.
pub(crate) struct Collected {
    pub(crate) hierarchy: Hierarchy,
    pub(crate) rows: Rows,
    pub(crate) parts: Vec<Part>,
    /// Keys of the documents; see [`key`].
    pub(crate) keys: Vec<u64>,
    pub(crate) spooled: Spooled,
}

pub(crate) fn collect(
    recipe: &dyn Recipe,
    source: &Source,
    options: &Options,
    spool: PathBuf,
    progress: &dyn Progress,
) -> Result<Collected, PrepareError> {
    let hierarchy = recipe.hierarchy(source, options)?;
    if hierarchy.n_added() > 0 {
        source.remark("parents that are no labels themselves", hierarchy.n_added());
    }
    let mut collector = Collector {
        source,
        unknown_labels: options.unknown_labels,
        hierarchy,
        rows: Rows::default(),
        parts: Vec::new(),
        keys: Vec::new(),
        spool: Spool::create(spool)?,
        row: Vec::new(),
    };
    recipe.documents(source, options, progress, &mut |document| collector.take(&document))?;
    let Collector { hierarchy, rows, parts, keys, spool, .. } = collector;
    let collected = Collected { hierarchy, rows, parts, keys, spooled: spool.finish()? };
    collected.check_ids()?;
    if let Some(lists) = source.lists() {
        let n_missing = lists.len() - collected.rows.len();
        source.remark("ids of the lists that are not in the source", n_missing as u64);
    }
    Ok(collected)
}

struct Collector<'a> {
    source: &'a Source,
    unknown_labels: UnknownLabels,
    hierarchy: Hierarchy,
    rows: Rows,
    parts: Vec<Part>,
    keys: Vec<u64>,
    spool: Spool,
    /// Labels of the current document.
    row: Vec<u32>,
}

impl Collector<'_> {
    fn take(&mut self, document: &Document) -> Result<(), PrepareError> {
        if !self.source.takes(&document.id) {
            return Ok(());
        }
        let listed = self.source.lists().and_then(|lists| lists.part(&document.id));
        let part = listed.unwrap_or(document.part);
        if document.text.trim().is_empty() {
            self.source.left_out("without text");
            return Ok(());
        }
        self.look_up(document)?;
        self.rows.push(&self.row);
        self.parts.push(part);
        self.keys.push(key(&document.id));
        self.spool.push(&document.id, &document.text)
    }

    fn look_up(&mut self, document: &Document) -> Result<(), PrepareError> {
        self.row.clear();
        for name in &document.labels {
            let label = match (self.hierarchy.look_up(name), self.unknown_labels) {
                (Some(label), _) => label,
                (None, UnknownLabels::Error) => {
                    return Err(PrepareError::UnknownLabel {
                        document: document.id.clone(),
                        label: name.clone(),
                        n_labels: self.hierarchy.len(),
                        nearest: nearest(name, self.hierarchy.ids(), LIKE_ENOUGH)
                            .map(str::to_owned),
                    });
                }
                (None, UnknownLabels::Drop) => {
                    self.source.remark("labels that the hierarchy does not have, dropped", 1);
                    continue;
                }
                (None, UnknownLabels::Keep) => {
                    self.source
                        .remark("labels that the hierarchy does not have, kept as leaves", 1);
                    self.hierarchy.add(name, name)
                }
            };
            if self.row.contains(&label) {
                self.source.remark("labels that stand twice in a text", 1);
            } else {
                self.row.push(label);
            }
        }
        Ok(())
    }
}

impl Collected {
    /// Ids must be unique. Equal keys need not mean equal ids, so the ids are looked at then.
    fn check_ids(&self) -> Result<(), PrepareError> {
        let mut order: Vec<(u64, u32)> = self.keys.iter().copied().zip(0..).collect();
        order.sort_unstable();
        for pair in order.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let [first, second] = [pair[0].1, pair[1].1];
            let id = self.spooled.id(u64::from(first))?;
            if id == self.spooled.id(u64::from(second))? {
                return Err(PrepareError::SharedId {
                    id: id.unwrap_or_default(),
                    first: self.parts[first as usize].name(),
                    second: self.parts[second as usize].name(),
                });
            }
        }
        Ok(())
    }
}
