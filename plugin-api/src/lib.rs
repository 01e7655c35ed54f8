//! What a plugin author reads.

/// A text of the pool: its row in the train split. The only ids that cross the plugin boundary.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct DocId(pub u32);
