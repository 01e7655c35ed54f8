//! Tidy tables, one observation a line, for a researcher's own figures: all numbers in full.

mod comparisons;
mod runs;

use std::borrow::Cow;

use alhost_base::text;

use super::collect::{DataSet, Strategy};
use super::error::ReportError;
use super::view::View;

/// A file's name and text.
pub(super) type File = (String, String);

pub(super) fn files(view: &View<'_>) -> Result<Vec<File>, ReportError> {
    let tables = [
        ("runs.csv", runs::runs(view)),
        ("rounds.csv", runs::rounds(view)),
        ("summary.csv", runs::summaries(view)),
        ("tests.csv", comparisons::tests(view)),
        ("points.csv", comparisons::points(view)),
        ("overlap.csv", comparisons::overlap(view)),
        ("ranks.csv", comparisons::ranks_of_areas(view)),
        ("mean_ranks.csv", comparisons::mean_ranks(view)),
    ];
    tables.into_iter().map(|(name, rows)| Ok((name.to_owned(), to_csv(&rows)?))).collect()
}

type Rows = Vec<Vec<String>>;

fn to_csv(rows: &Rows) -> Result<String, ReportError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer
            .write_record(row.iter().map(|cell| safe(cell).into_owned()))
            .map_err(std::io::Error::other)?;
    }
    let bytes = writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Puts an apostrophe before a cell that a spreadsheet would take for a formula, and run; it is a
/// text then.
fn safe(cell: &str) -> Cow<'_, str> {
    let cell = text::in_line(cell);
    let formula = ['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠'];
    let begins = cell.trim_start().starts_with(formula) || cell.starts_with("\\t");
    if begins && cell.parse::<f64>().is_err() { Cow::Owned(format!("'{cell}")) } else { cell }
}

fn head(names: &[&str]) -> Rows {
    vec![names.iter().map(|&name| name.to_owned()).collect()]
}

/// Writes a number; empty where there is none.
fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or(String::new(), |value| value.to_string())
}

fn all<'a>(view: &View<'a>) -> impl Iterator<Item = (&'a DataSet, &'a Strategy)> + use<'a> {
    view.sets.iter().flat_map(|set| set.strategies.iter().map(move |strategy| (set, strategy)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_numbers_stay_numbers() {
        let check = |cell: &str, expected: &str| {
            let line = to_csv(&vec![vec![cell.to_owned(), "x".to_owned()]]).unwrap();
            assert_eq!(line, format!("{expected},x\n"), "for {cell:?}");
        };
        check("-0.25", "-0.25");
        check("+1e-9", "+1e-9");
        check("alps", "alps");
        check("=1+1", "'=1+1");
        check("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0");
        check("@SUM(A1)", "'@SUM(A1)");
        check(" =1", "' =1");
        check("＝1", "'＝1");
        check("\t=1", "'\\t=1");
        check("a\x1b[31m\nb", "a\\u{1b}[31m\\nb");
        check("=a,\"b\"", "\"'=a,\"\"b\"\"\"");
    }
}
