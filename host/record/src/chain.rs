//! A check in each line of a record that also covers the lines before it, so that a line that was changed,
//! lost, moved or taken from another run is noticed.
//!
//! `check` of a line is the BLAKE3 of the check before it and of the line without its cost, 16 hex digits; the
//! first continues from what the run is. What a line cost differs from run to run, so `cost` has a `check`
//! of its own, and equal runs keep equal checks. Records of the first version have none.

use super::manifest::RunManifest;

/// Beginning of a line's cost. In a string the quotes would be escaped, so it stands nowhere else.
const COST: &str = ",\"cost\":{";
const CHECK: &str = ",\"check\":\"";
const DIGITS: usize = 16;

/// The state after the lines so far.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    last: String,
    /// A line had a check, so all after it must.
    has_begun: bool,
}

impl Chain {
    /// Begins the chain of a file of the run that `manifest` describes.
    pub(super) fn new(manifest: &RunManifest, file: &str) -> Self {
        let RunManifest { strategy, seed, config_hash, data_hash, .. } = manifest;
        let run = [file, strategy, &seed.to_string(), config_hash, data_hash];
        Self { last: hash(&run), has_begun: false }
    }

    /// Makes the line of a record: `text`, which is a JSON object, with its checks put in.
    pub(super) fn seal(&mut self, text: &str) -> String {
        let (content, cost) = split(text);
        self.last = hash(&[&self.last, content]);
        self.has_begun = true;
        let cost = cost.map(|cost| {
            let inner = &cost[..cost.len() - 1];
            format!("{inner}{CHECK}{}\"}}", hash(&[&self.last, cost]))
        });
        format!("{content}{CHECK}{}\"{}}}", self.last, cost.unwrap_or_default())
    }

    /// Returns the record of a line, without its checks; an error says what does not fit.
    pub(super) fn open(&mut self, line: &str) -> Result<String, &'static str> {
        let (content, cost) = split(line);
        let (content, check) = cut_check(content);
        let Some(check) = check else {
            if self.has_begun {
                return Err("the line has no `check`, and those before it have");
            }
            self.last = hash(&[&self.last, content]);
            return Ok(line.to_owned());
        };
        let expected = hash(&[&self.last, content]);
        if check != expected {
            return Err("the line is not the one that was written here: its `check` does not fit");
        }
        (self.last, self.has_begun) = (expected, true);
        let Some(cost) = cost else { return Ok(format!("{content}}}")) };
        let (inner, check) = cut_check(&cost[..cost.len() - 1]);
        let cost = format!("{inner}}}");
        if check != Some(&*hash(&[&self.last, &cost])) {
            return Err(
                "the line's cost is not the one that was written: its `check` does not fit",
            );
        }
        Ok(format!("{content}{cost}}}"))
    }
}

/// Splits a line without its last brace into what stands before its cost, and the cost.
fn split(text: &str) -> (&str, Option<&str>) {
    let text = text.trim_end();
    let text = text.strip_suffix('}').unwrap_or(text);
    match text.rfind(COST) {
        Some(at) if text.ends_with('}') => (&text[..at], Some(&text[at..])),
        _ => (text, None),
    }
}

/// Cuts off the check that a text ends with, and returns it too, if there is one.
fn cut_check(text: &str) -> (&str, Option<&str>) {
    let check = || {
        let rest = text.strip_suffix('"')?;
        let at = rest.len().checked_sub(DIGITS)?;
        let (before, check) = rest.split_at_checked(at)?;
        let hex = check.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some((before.strip_suffix(CHECK)?, check)).filter(|_| hex)
    };
    check().map_or((text, None), |(before, check)| (before, Some(check)))
}

fn hash(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("alhost 1 line of a record");
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::tests::manifest;

    fn chain() -> Chain {
        Chain::new(&manifest(), "rounds.jsonl")
    }

    const RECORDS: [&str; 3] = [
        r#"{"round":0,"text":"a \",\"cost\":{ b","cost":{"seconds":1.5}}"#,
        r#"{"round":1,"cost":{"shared":[{"x":1}]}}"#,
        r#"{"round":2,"rows":[1,2]}"#,
    ];

    fn sealed() -> Vec<String> {
        let mut chain = chain();
        RECORDS.iter().map(|record| chain.seal(record)).collect()
    }

    /// Opens the lines; an error is the place of the first that does not fit.
    fn open(lines: &[String]) -> Result<Vec<String>, usize> {
        let mut chain = chain();
        lines.iter().enumerate().map(|(at, line)| chain.open(line).map_err(|_| at)).collect()
    }

    #[test]
    fn records_come_back_as_they_were() {
        assert_eq!(open(&sealed()).unwrap(), RECORDS);
        for line in sealed() {
            serde_json::from_str::<Value>(&line).unwrap();
        }
    }

    #[test]
    fn any_byte_that_changes_is_noticed_in_its_line() {
        let lines = sealed();
        for (at, line) in lines.iter().enumerate() {
            for place in 0..line.len() {
                let mut bytes = line.clone().into_bytes();
                bytes[place] ^= 1;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                let mut lines = lines.clone();
                lines[at] = changed;
                // Where the check itself is no longer one, the first line may pass for an old one; then its
                // record has a key too many, or the next line does not fit.
                match open(&lines) {
                    Err(_) => {}
                    Ok(records) => assert_ne!(records[at], RECORDS[at], "line {at}, byte {place}"),
                }
            }
        }
    }

    #[test]
    fn lines_that_are_lost_doubled_exchanged_or_of_another_run_are_noticed() {
        let [a, b, c] = sealed().try_into().unwrap();
        assert_eq!(open(&[b.clone(), c.clone()]), Err(0));
        assert_eq!(open(&[a.clone(), c.clone()]), Err(1));
        assert_eq!(open(&[a.clone(), a.clone()]), Err(1));
        assert_eq!(open(&[a.clone(), c, b]), Err(1));
        let mut other = manifest();
        other.seed += 1;
        let mut other = Chain::new(&other, "rounds.jsonl");
        assert_eq!(open(&[other.seal(RECORDS[0])]), Err(0));
        assert_eq!(open(&[a, RECORDS[1].to_owned()]), Err(1));
    }

    #[test]
    fn lines_of_the_first_version_are_read_and_gone_on_from() {
        let mut chain = chain();
        assert_eq!(chain.open(RECORDS[0]).unwrap(), RECORDS[0]);
        let next = chain.seal(RECORDS[1]);
        assert_eq!(open(&[RECORDS[0].to_owned(), next.clone()]).unwrap(), RECORDS[..2]);
        assert_eq!(open(&[RECORDS[2].to_owned(), next]), Err(1), "the old lines are covered");
    }

    #[test]
    fn what_a_line_cost_does_not_change_the_checks_of_the_chain() {
        let (mut one, mut other) = (chain(), chain());
        let checks = |line: &str| serde_json::from_str::<Value>(line).unwrap()["check"].clone();
        let cheap = one.seal(r#"{"round":0,"cost":{"seconds":1.0}}"#);
        let dear = other.seal(r#"{"round":0,"cost":{"seconds":9.0}}"#);
        assert_eq!(checks(&cheap), checks(&dear));
        assert_eq!(checks(&one.seal(RECORDS[1])), checks(&other.seal(RECORDS[1])));
    }
}
