//! Quotes words for the two that read a script: the shell, and `sbatch` in the lines that begin with `#SBATCH`.

/// Returns a word as bash takes it.
pub fn for_shell(word: &str) -> String {
    // `=` is left out since a first word with one would be an assignment, and `~` since it is a home.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+:,./-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Returns an option as `sbatch` takes it, whose rules are not the shell's: `#` begins a comment, a backslash
/// keeps the next character within quotes of either sort, and nothing is expanded (`_get_argument` in
/// `src/sbatch/opt.c` of Slurm).
pub(crate) fn for_sbatch(option: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !r#""'\#"#.contains(c);
    if option.chars().all(plain) {
        return option.to_owned();
    }
    format!("\"{}\"", option.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_needs_quotes_has_them() {
        let check = |word: &str, shell: &str, sbatch: &str| {
            assert_eq!((for_shell(word).as_str(), for_sbatch(word).as_str()), (shell, sbatch));
        };
        check("/a/b-1.toml", "/a/b-1.toml", "/a/b-1.toml");
        check("a b", "'a b'", "\"a b\"");
        check("it's", r"'it'\''s'", "\"it's\"");
        check("say \"x\"", "'say \"x\"'", r#""say \"x\"""#);
        check("$HOME", "'$HOME'", "$HOME");
        check("a=b", "'a=b'", "a=b");
        check("a#b", "'a#b'", "\"a#b\"");
        check("", "''", "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_gives_back_what_was_quoted(words in prop::collection::vec("[^\0]{0,12}", 1..4)) {
            let quoted: Vec<String> = words.iter().map(|word| for_shell(word)).collect();
            let script = format!("printf '%s\\0' {}", quoted.join(" "));
            let output = Command::new("bash").args(["-c", &script]).output().unwrap();
            let read = String::from_utf8(output.stdout).unwrap();
            let read: Vec<&str> = read.trim_end_matches('\0').split('\0').collect();
            // Empty words at the end are trimmed with what ends them.
            let mut expected: Vec<&str> = words.iter().map(String::as_str).collect();
            while expected.len() > 1 && expected.last() == Some(&"") {
                expected.pop();
            }
            prop_assert_eq!(read, expected);
        }
    }
}
