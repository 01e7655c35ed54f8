//! The formats that are exchanged, by the names that people give them.

use std::fmt;
use std::str::FromStr;

use alhost_base::near::nearest;

/// A tool, or a plain format of our own for scripts and spreadsheets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    LabelStudio,
    Argilla,
    Doccano,
    Prodigy,
    Jsonl,
    Csv,
}

impl Format {
    pub const ALL: [Self; 6] =
        [Self::LabelStudio, Self::Argilla, Self::Doccano, Self::Prodigy, Self::Jsonl, Self::Csv];

    /// Returns the name that [`FromStr`] reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::LabelStudio => "label-studio",
            Self::Argilla => "argilla",
            Self::Doccano => "doccano",
            Self::Prodigy => "prodigy",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// Returns the name as it stands in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::LabelStudio => "Label Studio",
            Self::Argilla => "Argilla",
            Self::Doccano => "doccano",
            Self::Prodigy => "Prodigy",
            Self::Jsonl => "alhost's own JSONL",
            Self::Csv => "alhost's own CSV",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of a format.
#[derive(Debug, thiserror::Error)]
#[error(
    "no format is called `{given}`\nhint: {}the formats are {}",
    nearest(given, names(), 0.8).map_or(String::new(), |name| format!("did you mean `{name}`? ")),
    names().collect::<Vec<_>>().join(", ")
)]
pub struct UnknownFormat {
    given: String,
}

fn names() -> impl Iterator<Item = &'static str> {
    Format::ALL.into_iter().map(Format::name)
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(given: &str) -> Result<Self, UnknownFormat> {
        let format = Self::ALL.into_iter().find(|format| format.name() == given);
        format.ok_or_else(|| UnknownFormat { given: given.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_read_by_its_name_and_another_name_is_told() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        let error = "labelstudio".parse::<Format>().unwrap_err().to_string();
        assert!(error.contains("did you mean `label-studio`?"), "{error}");
        let error = "excel".parse::<Format>().unwrap_err().to_string();
        assert!(error.contains("the formats are label-studio, argilla, doccano"), "{error}");
    }
}
