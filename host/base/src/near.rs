//! Finds the name that was probably meant.

/// Returns the name most like `given` (Jaro and Winkler, whatever the case), the first of equals, if it is at
/// least so like: 1 is the same, and below .75 or so two names have little to do with each other.
pub fn nearest<'a>(
    given: &str,
    names: impl IntoIterator<Item = &'a str>,
    least: f64,
) -> Option<&'a str> {
    let lower = given.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for name in names {
        let similarity = strsim::jaro_winkler(&lower, &name.to_lowercase());
        if similarity >= least && best.is_none_or(|(so_far, _)| similarity > so_far) {
            best = Some((similarity, name));
        }
    }
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likest_name_is_found_and_none_where_none_is_like() {
        let check = |given: &str, least: f64, expected: Option<&str>| {
            assert_eq!(
                nearest(given, ["probability", "passes", "Pass"], least),
                expected,
                "{given}"
            );
        };
        check("probabilty", 0.8, Some("probability"));
        check("PASS", 0.8, Some("Pass"));
        check("seed", 0.8, None);
        check("seed", 0.0, Some("passes"));
    }
}
