//! What a request is answered where it cannot be done: a status of HTTP, a reason and a hint.

use std::fmt;

use axum::http::StatusCode;
use serde::Serialize;

#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Refusal {
    /// A status of HTTP.
    #[serde(skip)]
    pub status: u16,
    pub error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Refusal {
    pub fn new(status: u16, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, error: error.into(), hint: Some(hint.into()) }
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST)
    }

    pub(crate) fn wrong(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(400, error, hint)
    }

    pub(crate) fn conflict(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(409, error, hint)
    }

    pub(crate) fn unknown_text(id: &str) -> Self {
        let id = alhost_base::text::shortened(id, 80);
        Self::new(404, format!("there is no text `{id}`"), "is it of another project?")
    }

    pub(crate) fn unknown_label(name: &str) -> Self {
        let name = alhost_base::text::shortened(name, 80);
        Self::new(409, format!("there is no label `{name}`"), "add it, or take another one")
    }

    /// The disk's word.
    pub(crate) fn failed(error: &anyhow::Error) -> Self {
        tracing::error!("an answer could not be kept: {error:#}");
        Self::new(
            507,
            format!("the answer could not be kept: {error:#}"),
            "it is not saved; send it again when the disk has room",
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}
