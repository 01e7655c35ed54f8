//! The pinned wheels (`wheels.txt`), and the requirements file that pip checks them against.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

const PINS: &str = include_str!("../wheels.txt");

/// The choice of wheels, with or without the CUDA libraries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flavor {
    Cpu,
    Cuda,
}

/// One wheel: a line of `wheels.txt`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pin {
    pub(crate) cuda_only: bool,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) sha256: String,
}

/// The wheels of a flavor, in the order of `wheels.txt`.
pub(crate) fn pins(flavor: Flavor) -> Vec<Pin> {
    let all = parse(PINS).expect("wheels.txt is compiled in, and a test parses it");
    all.into_iter().filter(|pin| flavor == Flavor::Cuda || !pin.cuda_only).collect()
}

/// The text of a requirements file for `pip install --require-hashes`.
pub(crate) fn requirements(pins: &[Pin]) -> String {
    pins.iter().fold(String::new(), |mut text, pin| {
        let Pin { name, version, sha256, .. } = pin;
        writeln!(text, "{name}=={version} --hash=sha256:{sha256}").expect("a String takes all");
        text
    })
}

fn parse(text: &str) -> Result<Vec<Pin>> {
    let mut pins: Vec<Pin> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let pin = parse_line(line).with_context(|| format!("wheels.txt, line {}", index + 1))?;
        ensure!(!pins.iter().any(|p| p.name == pin.name), "`{}` is pinned twice", pin.name);
        pins.push(pin);
    }
    Ok(pins)
}

fn parse_line(line: &str) -> Result<Pin> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [when, name, version, sha256] = words[..] else {
        anyhow::bail!("expected `when name version sha256`, found {} words", words.len());
    };
    ensure!(matches!(when, "always" | "cuda"), "expected `always` or `cuda`, found `{when}`");
    let is_digest = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
    ensure!(is_digest, "`{sha256}` is not a sha256 of 64 hexadecimal digits");
    Ok(Pin {
        cuda_only: when == "cuda",
        name: name.to_owned(),
        version: version.to_owned(),
        sha256: sha256.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(flavor: Flavor) -> Vec<String> {
        pins(flavor).into_iter().map(|pin| pin.name).collect()
    }

    #[test]
    fn the_pinned_file_is_well_formed_and_torch_comes_in_both_flavors() {
        let (cpu, cuda) = (names(Flavor::Cpu), names(Flavor::Cuda));
        assert!(cpu.contains(&"torch".to_owned()));
        assert!(!cpu.contains(&"nvidia-cublas".to_owned()));
        assert!(cuda.contains(&"nvidia-cublas".to_owned()));
        assert!(cpu.iter().all(|name| cuda.contains(name)));
    }

    #[test]
    fn a_requirement_carries_its_hash() {
        let digest = "a".repeat(64);
        let pins = parse(&format!("# note\n\nalways torch 2.11.0 {digest}\n")).unwrap();
        let expected = format!("torch==2.11.0 --hash=sha256:{digest}\n");
        assert_eq!(requirements(&pins), expected);
    }

    #[test]
    fn a_malformed_line_is_named() {
        let check = |text: &str, part: &str| {
            let message = format!("{:#}", parse(text).unwrap_err());
            assert!(message.contains(part), "{message}");
        };
        let digest = "0".repeat(64);
        check("always torch 2.11.0", "line 1: expected `when name version sha256`, found 3 words");
        check(&format!("#\nsometimes torch 1 {digest}"), "line 2: expected `always` or `cuda`");
        check("always torch 1 abc", "`abc` is not a sha256");
        check(&format!("always t 1 {digest}\ncuda t 2 {digest}"), "`t` is pinned twice");
    }
}
