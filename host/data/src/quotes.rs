//! Quotes in CSV and TSV as RFC 4180 has them. The parser behind it is lenient: it drops a quote that
//! closes in the middle of a field, and what was one field goes on as if nothing were.

use super::read::line_ends;

/// A place where the quotes are not those of the RFC: a byte of the text, and what is wrong there.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Wrong {
    pub(super) byte: usize,
    pub(super) problem: &'static str,
}

/// The places of quoted fields that hold as many separators as whole lines would: quotes that are meant as
/// plain characters may have swallowed those lines.
pub(super) type Swallowing = Vec<usize>;

/// Checks a whole text of records with so many columns.
pub(super) fn check(text: &[u8], separator: u8, columns: usize) -> Result<Swallowing, Wrong> {
    let mut swallowing = Vec::new();
    let mut at = 0;
    while let Some(quote) = text[at..].iter().position(|&byte| byte == b'"') {
        let opens = at + quote;
        let before = opens.checked_sub(1).map(|before| text[before]);
        let starts_field = before.is_none_or(|byte| byte == separator || is_line_end(byte));
        if !starts_field {
            return Err(Wrong {
                byte: opens,
                problem: "a quote in a field that does not begin with one",
            });
        }
        let closes = closing(text, opens)?;
        let after = text.get(closes + 1);
        if after.is_some_and(|&byte| byte != separator && !is_line_end(byte)) {
            let problem = "a quote closes, but the field goes on behind it";
            return Err(Wrong { byte: closes, problem });
        }
        if looks_like_lines(&text[opens + 1..closes], separator, columns) {
            swallowing.push(opens);
        }
        at = closes + 1;
    }
    Ok(swallowing)
}

/// The quote that closes what the one at `opens` opened; two quotes are one that is meant.
fn closing(text: &[u8], opens: usize) -> Result<usize, Wrong> {
    let mut at = opens + 1;
    while let Some(quote) = text[at..].iter().position(|&byte| byte == b'"') {
        at += quote;
        if text.get(at + 1) != Some(&b'"') {
            return Ok(at);
        }
        at += 2;
    }
    Err(Wrong { byte: opens, problem: "a quote that opens in this record is never closed" })
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// Lines that were swallowed bring all their separators along. A separator before a space is one of prose.
fn looks_like_lines(field: &[u8], separator: u8, columns: usize) -> bool {
    let ends = line_ends(field) as usize;
    let is_separator = |pair: &[u8]| pair[0] == separator && pair[1] != b' ';
    columns > 1
        && ends > 0
        && field.windows(2).filter(|pair| is_separator(pair)).count() == ends * (columns - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_text(text: &str, expected: Result<&[usize], usize>) {
        let result = check(text.as_bytes(), b',', 2);
        assert_eq!(result.as_deref().map_err(|wrong| wrong.byte), expected, "{text:?}");
    }

    #[test]
    fn quotes_are_those_of_the_rfc() {
        for fine in
            ["", "a,b\n", "\"a\",b", "a,\"b\"\r\n", "\"a\"\"b\"\"\n\",c\n\"\",\"\"\n", "\"\"\"\",b"]
        {
            check_text(fine, Ok(&[]));
        }
        for (text, byte) in [
            ("a\"b,c", 1),
            ("a,5\" disk\n", 3),
            ("\"a\"b,c", 2),
            ("a, \"b\"", 3),
            ("\"a\" ,b", 2),
            ("a,\"b\nc,d\n", 2),
            ("\"a\"\"", 0),
        ] {
            check_text(text, Err(byte));
        }
    }

    #[test]
    fn a_field_that_holds_lines_is_told() {
        check_text("\"a,b\nc,d\",e\n", Ok(&[]));
        check_text("\"a.,b\nc\",d\n", Ok(&[0]));
        check_text("x,y\n\"a.,b\nc,d\ne\",d\n", Ok(&[4]));
        check_text("\"a, b\nc\",d\n", Ok(&[]));
    }

    proptest! {
        #[test]
        fn what_a_csv_writer_writes_is_fine(
            rows in prop::collection::vec(prop::collection::vec("[a\",;\n\r ]{0,8}", 2), 1..10),
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            prop_assert!(check(&writer.into_inner().unwrap(), b',', 2).is_ok());
        }
    }
}
