//! Parameters of a strategy: declared once by `#[derive(Params)]`, so that the host can print
//! them, refuse a misspelt one before anything runs, and record them.

use std::fmt;

use serde_json::{Map, Value};

use crate::Result;

/// A set of parameters. Derive it:
///
/// ```
/// use alhost_plugin_api::prelude::*;
///
/// #[derive(Params)]
/// struct MyParams {
///     /// Labels to average over.
///     #[param(default = 10, min = 1)]
///     top_labels: u32,
///     /// How ties are broken.
///     #[param(default = "index")]
///     ties: Ties,
///     /// Texts to look at; all of them where it is not given.
///     #[param(min = 1)]
///     candidates: Option<u32>,
/// }
///
/// #[derive(Choice)]
/// enum Ties {
///     Index,
///     Midrank,
/// }
/// # assert_eq!(MyParams::defaults().unwrap().top_labels, 10);
/// ```
///
/// A field is `u32`, `u64`, `usize`, `f64`, `bool`, `String`, a `#[derive(Choice)]` enum, or an
/// `Option` of one of these, which has no default. Its doc comment is the help text. `default` is
/// needed but for `Option`; `min` and `max` are inclusive and for numbers.
pub trait Params: Sized {
    /// The declaration, as JSON: what [`declared`] reads.
    const SCHEMA: &'static str;

    /// Makes the parameters from one value for each declared one, as [`resolve`] gives them.
    fn from_values(values: &Map<String, Value>) -> Result<Self>;

    /// All defaults.
    fn defaults() -> Result<Self> {
        Self::parse(&Map::new())
    }

    /// Checks `given` against the declaration, fills in defaults, and makes the parameters.
    fn parse(given: &Map<String, Value>) -> Result<Self> {
        let values = resolve(&declared(Self::SCHEMA)?, given).map_err(|e| e.to_string())?;
        Self::from_values(&values)
    }
}

/// A type that a parameter can have. Implemented here and by `#[derive(Choice)]`.
pub trait ParamValue: Sized {
    /// `integer`, `number`, `boolean`, `string` or `choice`.
    const TYPE: &'static str;
    /// The choices as a JSON list; empty for the other types.
    const CHOICES: &'static str = "[]";
    /// Whether the parameter may be left out without a default.
    const OPTIONAL: bool = false;

    /// Reads a value from JSON; `None` where it does not fit.
    fn from_json(value: &Value) -> Option<Self>;
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl ParamValue for $integer {
            const TYPE: &'static str = "integer";
            fn from_json(value: &Value) -> Option<Self> {
                value.as_u64()?.try_into().ok()
            }
        }
    )*};
}
integers!(u32, u64, usize);

impl ParamValue for f64 {
    const TYPE: &'static str = "number";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_f64()
    }
}

impl ParamValue for bool {
    const TYPE: &'static str = "boolean";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl ParamValue for String {
    const TYPE: &'static str = "string";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl<T: ParamValue> ParamValue for Option<T> {
    const TYPE: &'static str = T::TYPE;
    const CHOICES: &'static str = T::CHOICES;
    const OPTIONAL: bool = true;
    fn from_json(value: &Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::from_json(value).map(Some) }
    }
}

/// One declared parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// Its key.
    pub name: String,
    /// `integer`, `number`, `boolean`, `string` or `choice`.
    pub kind: String,
    /// Value where none is given; null for an optional one.
    pub default: Value,
    /// Least value allowed.
    pub min: Option<f64>,
    /// Greatest value allowed.
    pub max: Option<f64>,
    /// Allowed words of a choice.
    pub choices: Vec<String>,
    /// The help text, which says what it does.
    pub help: String,
}

impl Declared {
    /// Returns what is allowed, in words: ``integer, at least 1`` or ``one of `host`, `linfa` ``.
    pub fn allowed(&self) -> String {
        if !self.choices.is_empty() {
            return format!("one of `{}`", self.choices.join("`, `"));
        }
        let article = if self.kind == "integer" { "an" } else { "a" };
        match (self.min, self.max) {
            (Some(min), Some(max)) => format!("{article} {} from {min} to {max}", self.kind),
            (Some(min), None) => format!("{article} {} of at least {min}", self.kind),
            (None, Some(max)) => format!("{article} {} of at most {max}", self.kind),
            (None, None) => format!("{article} {}", self.kind),
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        if value.is_null() {
            return self.default.is_null();
        }
        let in_range =
            |x: f64| self.min.is_none_or(|min| x >= min) && self.max.is_none_or(|max| x <= max);
        match self.kind.as_str() {
            "integer" => value.as_u64().is_some_and(|x| in_range(x as f64)),
            "number" => value.as_f64().is_some_and(|x| x.is_finite() && in_range(x)),
            "boolean" => value.is_boolean(),
            "choice" => value.as_str().is_some_and(|x| self.choices.iter().any(|c| c == x)),
            _ => value.is_string(),
        }
    }
}

/// The reason why parameters were refused.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamError {
    /// There is no such parameter.
    Unknown {
        /// The key as given.
        name: String,
        /// The declared keys.
        known: Vec<String>,
    },
    /// The value has the wrong type or is out of range.
    Refused {
        /// The key.
        name: String,
        /// The value as given.
        value: Value,
        /// The values that would have been right, in words.
        allowed: String,
    },
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, known } if known.is_empty() => {
                write!(f, "unknown parameter `{name}`: this strategy has none")
            }
            Self::Unknown { name, known } => {
                write!(f, "unknown parameter `{name}`; there are `{}`", known.join("`, `"))
            }
            Self::Refused { name, value, allowed } => {
                write!(f, "parameter `{name}` is {value}, but must be {allowed}")
            }
        }
    }
}

impl std::error::Error for ParamError {}

/// Reads a declaration.
pub fn declared(schema: &str) -> Result<Vec<Declared>> {
    let broken = || format!("not a declaration of parameters: {schema}");
    let list: Vec<Map<String, Value>> = serde_json::from_str(schema).map_err(|_| broken())?;
    let text = |entry: &Map<String, Value>, key: &str| {
        entry.get(key).and_then(Value::as_str).map(str::to_owned).ok_or_else(broken)
    };
    let mut all = Vec::with_capacity(list.len());
    for entry in &list {
        let choices = entry.get("choices").and_then(Value::as_array);
        let choices = choices.into_iter().flatten().filter_map(Value::as_str);
        all.push(Declared {
            name: text(entry, "name")?,
            kind: text(entry, "type")?,
            default: entry.get("default").cloned().unwrap_or(Value::Null),
            min: entry.get("min").and_then(Value::as_f64),
            max: entry.get("max").and_then(Value::as_f64),
            choices: choices.map(str::to_owned).collect(),
            help: text(entry, "help")?,
        });
    }
    Ok(all)
}

/// Checks `given` and fills in the defaults: one value for each declared parameter.
pub fn resolve(
    declared: &[Declared],
    given: &Map<String, Value>,
) -> std::result::Result<Map<String, Value>, ParamError> {
    let names = || declared.iter().map(|param| param.name.clone()).collect();
    if let Some(name) = given.keys().find(|key| declared.iter().all(|p| &p.name != *key)) {
        return Err(ParamError::Unknown { name: name.clone(), known: names() });
    }
    let mut values = Map::new();
    for param in declared {
        let value = given.get(&param.name).unwrap_or(&param.default);
        if !param.accepts(value) {
            let (name, value) = (param.name.clone(), value.clone());
            return Err(ParamError::Refused { name, value, allowed: param.allowed() });
        }
        values.insert(param.name.clone(), value.clone());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Choice, Params};

    #[derive(Debug, PartialEq, Params)]
    struct All {
        /// How many "quoted" things,
        /// on two lines.
        #[param(default = 32, min = 1, max = 64)]
        count: u32,
        #[param(default = -0.5, min = -1.0)]
        shift: f64,
        #[param(default = true)]
        flag: bool,
        #[param(default = "a")]
        word: String,
        #[param(default = "two-words")]
        choice: Which,
        #[param(max = 9)]
        maybe: Option<usize>,
    }

    #[derive(Debug, PartialEq, Choice)]
    enum Which {
        One,
        TwoWords,
    }

    #[derive(Debug, PartialEq, Params)]
    struct Empty;

    fn check(given: &Value, expected: std::result::Result<All, &str>) {
        let given = given.as_object().cloned().unwrap_or_default();
        let got = All::parse(&given).map_err(|e| e.to_string());
        assert_eq!(got, expected.map_err(str::to_owned), "{given:?}");
    }

    #[test]
    fn the_declaration_can_be_read() {
        let declared = declared(All::SCHEMA).unwrap();
        let names: Vec<&str> = declared.iter().map(|param| param.name.as_str()).collect();
        assert_eq!(names, ["count", "shift", "flag", "word", "choice", "maybe"]);
        assert_eq!(declared[0].help, r#"How many "quoted" things, on two lines."#);
        assert_eq!(declared[0].allowed(), "an integer from 1 to 64");
        assert_eq!(declared[1].default, json!(-0.5));
        assert_eq!(declared[4].allowed(), "one of `one`, `two-words`");
        assert_eq!(declared[5].allowed(), "an integer of at most 9");
        assert_eq!(Empty::SCHEMA, "[]");
        assert_eq!(Empty::defaults(), Ok(Empty));
    }

    #[test]
    fn values_are_checked_and_defaults_filled_in() {
        let all = |count, shift, choice, maybe| {
            Ok(All { count, shift, flag: true, word: "a".into(), choice, maybe })
        };
        check(&json!({}), all(32, -0.5, Which::TwoWords, None));
        check(&json!({"count": 64, "choice": "one"}), all(64, -0.5, Which::One, None));
        check(&json!({"maybe": 9, "shift": 2}), all(32, 2.0, Which::TwoWords, Some(9)));
        check(&json!({"maybe": null}), all(32, -0.5, Which::TwoWords, None));
        let known = "there are `count`, `shift`, `flag`, `word`, `choice`, `maybe`";
        let unknown = format!("unknown parameter `cuont`; {known}");
        check(&json!({"cuont": 1}), Err(&unknown));
        check(
            &json!({"count": 0}),
            Err("parameter `count` is 0, but must be an integer from 1 to 64"),
        );
        check(
            &json!({"count": 1.5}),
            Err("parameter `count` is 1.5, but must be an integer from 1 to 64"),
        );
        check(
            &json!({"count": null}),
            Err("parameter `count` is null, but must be an integer from 1 to 64"),
        );
        check(
            &json!({"shift": -2}),
            Err("parameter `shift` is -2, but must be a number of at least -1"),
        );
        check(
            &json!({"choice": "tow"}),
            Err("parameter `choice` is \"tow\", but must be one of `one`, `two-words`"),
        );
        check(&json!({"flag": 1}), Err("parameter `flag` is 1, but must be a boolean"));
        check(
            &json!({"maybe": 10}),
            Err("parameter `maybe` is 10, but must be an integer of at most 9"),
        );
    }
}
