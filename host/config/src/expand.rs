//! `${NAME}` in a path of the config.

/// Says why a text could not be expanded.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Unexpanded {
    /// The variable is not set.
    Missing(String),
    /// A `${` has no `}`.
    Open,
}

/// Replaces each `${NAME}` by what `lookup` knows under that name; any other `$` stays.
pub(super) fn expand(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Unexpanded> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').ok_or(Unexpanded::Open)?;
        expanded.push_str(before);
        expanded.push_str(&lookup(name).ok_or_else(|| Unexpanded::Missing(name.to_owned()))?);
        rest = tail;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, Unexpanded>) {
        let lookup = |name: &str| (name == "DATA").then(|| "/d${X}".to_owned());
        assert_eq!(expand(text, &lookup), expected.map(str::to_owned));
    }

    #[test]
    fn variables_are_replaced_once_and_missing_ones_named() {
        check("plain", Ok("plain"));
        check("${DATA}/reuters", Ok("/d${X}/reuters"));
        check("a$b/${DATA}${DATA}", Ok("a$b//d${X}/d${X}"));
        check("${NOPE}/x", Err(Unexpanded::Missing("NOPE".to_owned())));
        check("${DATA", Err(Unexpanded::Open));
    }
}
