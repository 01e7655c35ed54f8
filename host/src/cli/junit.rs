//! Verdicts of the conformance check as `JUnit` XML, which forges show.

use std::time::Duration;

use alhost_plugin_host::check::{Status, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Writes one test suite of this name, a test a case.
pub(super) fn junit(suite: &str, verdicts: &[Verdict]) -> anyhow::Result<String> {
    let mut tests = TestSuite::new(suite);
    for verdict in verdicts {
        let mut status = match verdict.status {
            Status::Pass | Status::Warn => TestCaseStatus::success(),
            Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
            Status::Crash => TestCaseStatus::non_success(NonSuccessKind::Error),
            Status::Skip => TestCaseStatus::skipped(),
        };
        status.set_message(verdict.detail.as_str());
        let mut case = TestCase::new(verdict.id, status);
        case.set_classname(verdict.group());
        case.set_time(Duration::from_secs_f64(verdict.seconds));
        if verdict.status == Status::Warn {
            case.set_system_out(format!("warning: {}", verdict.detail));
        }
        tests.add_test_case(case);
    }
    let seconds = verdicts.iter().map(|verdict| verdict.seconds).sum();
    tests.set_time(Duration::from_secs_f64(seconds));
    let mut report = Report::new("alhost plugin check");
    report.add_test_suite(tests);
    Ok(report.to_string()?)
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
        let xml = junit("x & y", &verdicts).unwrap();
        for part in [
            r#"<testsuite name="x &amp; y" tests="5" disabled="1" errors="1" failures="1" time="1.250">"#,
            r#"<testcase name="a.pass" classname="a" time="0.250">"#,
            r#"<failure message="1 &lt; 2 &amp; &quot;so&quot;"#,
            r#"<error message="SIGSEGV"/>"#,
            r#"<skipped message="no"/>"#,
            "<system-out>warning: well</system-out>",
        ] {
            assert!(xml.contains(part), "no {part} in\n{xml}");
        }
        assert!(!xml.contains('\u{1}'));
    }
}
