//! Errors of a compute service: the caller's numbers, or the device.

/// The reason why a compute service gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ComputeError {
    #[error("{name}: {rows} rows of {cols} columns cannot have {values} values")]
    Shape { name: &'static str, rows: usize, cols: usize, values: usize },
    #[error("{name}: row {row} holds NaN or infinity, which has no distance to anything")]
    NotFinite { name: &'static str, row: usize },
    #[error("{name} have {cols} columns, {others} have {other_cols}")]
    Columns { name: &'static str, cols: usize, others: &'static str, other_cols: usize },
    #[error("`{option}` is {value}, but must be {expected}")]
    Option { option: &'static str, value: String, expected: String },
    #[error("cancelled")]
    Cancelled,
    #[error("the device failed")]
    Device(#[from] tch::TchError),
}

impl ComputeError {
    pub(super) fn option(
        option: &'static str,
        value: impl std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Option { option, value: value.to_string(), expected: expected.into() }
    }
}
