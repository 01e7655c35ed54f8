//! Verdicts as `JUnit` XML, which forges show. Written here: the crates for it bring clocks and
//! UUIDs along, for thirty lines.

use std::fmt::Write as _;

use alhost_base::text;

use super::verdict::{Status, Verdict};

/// Writes one test suite of this name, a test a case.
pub fn junit(suite: &str, verdicts: &[Verdict]) -> String {
    let count = |status| verdicts.iter().filter(|verdict| verdict.status == status).count();
    let (n, failures, errors) = (verdicts.len(), count(Status::Fail), count(Status::Crash));
    let skipped = count(Status::Skip);
    let seconds: f64 = verdicts.iter().map(|verdict| verdict.seconds).sum();
    let name = escaped(suite);
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    let head = format!("tests=\"{n}\" failures=\"{failures}\" errors=\"{errors}\"");
    let head = format!("{head} skipped=\"{skipped}\" time=\"{seconds:.3}\"");
    push(&mut xml, &format!("  <testsuite name=\"{name}\" {head}>"));
    for verdict in verdicts {
        let (id, detail) = (verdict.id, escaped(&verdict.detail));
        let (class, seconds) = (escaped(verdict.group()), verdict.seconds);
        let case = format!("<testcase classname=\"{class}\" name=\"{id}\" time=\"{seconds:.3}\"");
        let inner = match verdict.status {
            Status::Pass => String::new(),
            Status::Fail => format!("<failure message=\"{detail}\"/>"),
            Status::Crash => format!("<error message=\"{detail}\"/>"),
            Status::Skip => format!("<skipped message=\"{detail}\"/>"),
            Status::Warn => format!("<system-out>warning: {detail}</system-out>"),
        };
        let whole = if inner.is_empty() {
            format!("    {case}/>")
        } else {
            format!("    {case}>{inner}</testcase>")
        };
        push(&mut xml, &whole);
    }
    push(&mut xml, "  </testsuite>");
    push(&mut xml, "</testsuites>");
    xml
}

fn push(xml: &mut String, line: &str) {
    writeln!(xml, "{line}").expect("a String takes all");
}

/// Escapes for text and attributes alike; a line end would become a blank in an attribute.
fn escaped(text: &str) -> String {
    text::xml(text).replace('\n', "&#10;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_element() {
        let verdict = |id, status, detail: &str| Verdict {
            id,
            level: 1,
            meaning: "It works.",
            status,
            detail: detail.to_owned(),
            seconds: 0.25,
        };
        let verdicts = [
            verdict("a.pass", Status::Pass, ""),
            verdict("a.fail", Status::Fail, "1 < 2 & \"so\"\u{1}\non"),
            verdict("b.crash", Status::Crash, "SIGSEGV"),
            verdict("b.skip", Status::Skip, "no"),
            verdict("b.warn", Status::Warn, "well"),
        ];
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="x &amp; y" tests="5" failures="1" errors="1" skipped="1" time="1.250">
    <testcase classname="a" name="a.pass" time="0.250"/>
    <testcase classname="a" name="a.fail" time="0.250"><failure message="1 &lt; 2 &amp; &quot;so&quot;\u{1}&#10;on"/></testcase>
    <testcase classname="b" name="b.crash" time="0.250"><error message="SIGSEGV"/></testcase>
    <testcase classname="b" name="b.skip" time="0.250"><skipped message="no"/></testcase>
    <testcase classname="b" name="b.warn" time="0.250"><system-out>warning: well</system-out></testcase>
  </testsuite>
</testsuites>
"#;
        assert_eq!(junit("x & y", &verdicts), expected);
    }
}
