//! Holds what a report says, before it is HTML or Markdown: both have the same content.

use super::svg::Style;

#[derive(Clone, Debug)]
pub struct Document {
    pub title: String,
    pub sections: Vec<Section>,
}

#[derive(Clone, Debug)]
pub struct Section {
    /// Level of the heading, 2 or 3.
    pub level: usize,
    pub title: String,
    pub blocks: Vec<Block>,
}

#[derive(Clone, Debug)]
pub enum Block {
    Text(String),
    /// Something to know before believing the rest.
    Note(String),
    Table(Table),
    /// Figures that stand side by side where there is room.
    Figures(Vec<Figure>),
    /// What a reader can bring to the front of the figures below; a page alone can do that.
    Choice(Choice),
    /// Text that is long and for reference; folded in HTML.
    Code {
        summary: String,
        text: String,
    },
}

#[derive(Clone, Debug)]
pub struct Figure {
    /// Name of its file, without an ending.
    pub name: String,
    pub caption: String,
    /// The inside of an SVG, and its size.
    pub svg: String,
    pub size: (f64, f64),
    /// The choice that it follows.
    pub group: Option<usize>,
}

/// Strategies of which any can be in front, in the figures of one group.
#[derive(Clone, Debug)]
pub struct Choice {
    pub group: usize,
    pub title: String,
    /// Their names, and how they are drawn before anything is chosen.
    pub(super) entries: Vec<(String, Style)>,
}

#[derive(Clone, Debug, Default)]
pub struct Table {
    pub caption: String,
    pub head: Vec<String>,
    /// The first cell of a row names it.
    pub rows: Vec<Vec<Cell>>,
    pub is_folded: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Cell {
    pub text: String,
    pub is_best: bool,
    /// Whether it names the baseline, whose row is to be found at once.
    pub is_baseline: bool,
    /// Darkness of its ground, 0 to 1.
    pub shade: Option<f64>,
}

impl Cell {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    #[must_use]
    pub fn best(self, is_best: bool) -> Self {
        Self { is_best, ..self }
    }
}

impl Figure {
    /// Begins a figure that has nothing on it yet.
    pub fn new(name: impl Into<String>, caption: impl Into<String>) -> Self {
        let (name, caption) = (name.into(), caption.into());
        Self { name, caption, svg: String::new(), size: (0.0, 0.0), group: None }
    }
}

impl Section {
    pub fn new(level: usize, title: impl Into<String>) -> Self {
        Self { level, title: title.into(), blocks: Vec::new() }
    }

    pub fn text(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text(text.into()));
    }

    pub fn note(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Note(text.into()));
    }

    pub fn table(&mut self, table: Table) {
        self.blocks.push(Block::Table(table));
    }

    /// Adds a table where there is one.
    pub fn add(&mut self, table: Option<Table>) {
        self.blocks.extend(table.map(Block::Table));
    }

    pub fn figures(&mut self, figures: Vec<Figure>) {
        if !figures.is_empty() {
            self.blocks.push(Block::Figures(figures));
        }
    }
}

impl Document {
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        let blocks = self.sections.iter().flat_map(|section| &section.blocks);
        blocks.flat_map(|block| match block {
            Block::Figures(figures) => figures.as_slice(),
            _ => &[],
        })
    }
}

/// Writes a score.
pub(super) fn score(value: f64) -> String {
    format!("{value:.3}")
}

/// Writes a difference of scores, with its sign.
pub(super) fn signed(value: f64) -> String {
    format!("{value:+.3}").replace('-', "−")
}

/// Writes a p value: `0.004`, never `0.000`.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}
