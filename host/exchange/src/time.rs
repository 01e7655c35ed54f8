//! Times of strangers, as seconds since the beginning of 1970.

use chrono::DateTime;
use serde_json::Value;

use crate::error::quoted;

/// Reads a time in RFC 3339 (`2026-08-21T18:04:06.5Z`), as Label Studio and Python's `isoformat` write it, or
/// in seconds, as Prodigy does; null is none. Fractions are cut off.
pub(crate) fn of_value(value: Option<&Value>) -> Result<Option<u64>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => of_text(text),
        Some(other) => {
            let seconds = other.as_f64().filter(|seconds| (0.0..1e15).contains(seconds));
            let seconds = seconds.map(|seconds| Some(seconds as u64));
            seconds.ok_or_else(|| format!("{} is no time", quoted(&other.to_string())))
        }
    }
}

/// Reads the time in a cell; an empty one has none.
pub(crate) fn of_text(text: &str) -> Result<Option<u64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let time = DateTime::parse_from_rfc3339(text).ok();
    let seconds = time.and_then(|time| u64::try_from(time.timestamp()).ok());
    let seconds = seconds.or_else(|| text.parse().ok());
    seconds.map(Some).ok_or_else(|| {
        format!(
            "{} is no time such as `2026-08-21T18:04:06Z`, nor seconds since 1970",
            quoted(text)
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_as_the_tools_write_them() {
        let check = |value: Value, expected: Option<u64>| {
            assert_eq!(of_value(Some(&value)), Ok(expected), "{value}");
        };
        check(json!("2026-08-21T18:04:06.123456Z"), Some(1_787_335_446));
        check(json!("2026-08-21T20:04:06+02:00"), Some(1_787_335_446));
        check(json!("2026-08-21 18:04:06Z"), Some(1_787_335_446));
        check(json!("1787335446"), Some(1_787_335_446));
        check(json!(1_787_335_446), Some(1_787_335_446));
        check(json!(1_787_335_446.9), Some(1_787_335_446));
        check(json!(""), None);
        check(json!(null), None);
    }

    #[test]
    fn what_is_no_time_is_told() {
        for value in [json!("yesterday"), json!("1969-01-01T00:00:00Z"), json!(-1), json!([1])] {
            let told = of_value(Some(&value)).unwrap_err();
            assert!(told.contains("is no time"), "{value}: {told}");
        }
    }
}
