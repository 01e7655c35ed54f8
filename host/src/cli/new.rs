//! `alhost plugin new`: a crate to begin a strategy with. The files below `template/` are a crate that
//! builds and passes its tests as it stands; what is made of them differs in the name and in where
//! plugin-api comes from.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context as _, bail, ensure};

use super::terminal::say;

/// Path in the new crate, and content.
const TEMPLATE: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("template/Cargo.toml")),
    ("src/lib.rs", include_str!("template/src/lib.rs")),
    ("tests/conformance.rs", include_str!("template/tests/conformance.rs")),
    ("README.md", include_str!("template/README.md")),
    (".github/workflows/ci.yml", include_str!("template/ci.yml")),
    (".gitignore", include_str!("template/gitignore")),
];

/// Names that rustc or cargo does not take for a library, or that mean something else to them.
const RESERVED: &str = "abstract alloc as async await become box break build const continue core crate deps do \
    dyn else enum examples extern false final fn for gen if impl in incremental let loop \
    macro match mod move mut override priv proc-macro pub ref return self static std struct \
    super test trait true try type typeof unsafe unsized use virtual where while";

/// The place from which a new crate takes alhost's crates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Source {
    /// The folder of alhost's sources.
    Path(PathBuf),
    Git(String),
    Version(String),
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("path", folder)) if !folder.is_empty() => Ok(Self::Path(folder.into())),
            Some(("git", url)) if is_plain(url) => Ok(Self::Git(url.to_owned())),
            Some(("version", version)) if is_plain(version) => {
                Ok(Self::Version(version.to_owned()))
            }
            _ => Err("must be `path:FOLDER`, `git:URL` or `version:REQUIREMENT`".to_owned()),
        }
    }
}

/// Whether a text can stand between quotes in a TOML file.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(['"', '\\']) && !text.contains(char::is_control)
}

impl Source {
    /// The tree that this program was built from. The crates are in no registry that it could name instead.
    fn default() -> anyhow::Result<Self> {
        match Path::new(env!("CARGO_MANIFEST_DIR")).parent() {
            Some(tree) if tree.join("plugin-api/Cargo.toml").is_file() => {
                Ok(Self::Path(tree.into()))
            }
            _ => bail!(
                "the sources that this program was built from are gone, and the crate needs them\n\
                 hint: --api path:FOLDER or --api git:URL says where alhost's sources are"
            ),
        }
    }

    /// The dependency on one of alhost's crates, as it stands in a `Cargo.toml`.
    fn dependency(&self, folder: &str) -> anyhow::Result<String> {
        Ok(match self {
            Self::Path(tree) => {
                let path = tree.join(folder);
                ensure!(
                    path.join("Cargo.toml").is_file(),
                    "{} has no `{folder}`\n\
                     hint: `--api path:` takes the folder of alhost's sources",
                    tree.display()
                );
                let path = fs_err::canonicalize(path)?;
                let path = path.to_str().filter(|path| is_plain(path));
                let path =
                    path.context("the path of alhost's sources cannot be written as TOML")?;
                format!("{{ path = \"{path}\" }}")
            }
            Self::Git(url) => format!("{{ git = \"{url}\" }}"),
            Self::Version(version) => format!("\"{version}\""),
        })
    }
}

pub(super) fn new(name: &str, dir: &Path, api: Option<Source>) -> anyhow::Result<ExitCode> {
    check_name(name)?;
    let folder = dir.join(name);
    ensure!(
        !folder.exists(),
        "{} exists already\nhint: choose another name, or another place with --dir",
        folder.display()
    );
    let files = files(name, &api.map_or_else(Source::default, Ok)?)?;
    for (path, content) in &files {
        let path = folder.join(path);
        fs_err::create_dir_all(path.parent().expect("a file lies in a folder"))?;
        fs_err::write(path, content)?;
    }
    let library = library(name);
    say!("made {}: a strategy that works; src/lib.rs is the place to begin\n", folder.display());
    say!("cd {}", folder.display());
    say!("cargo test");
    say!("cargo build --release");
    say!("alhost plugin check target/release/lib{library}.so");
    say!("alhost --plugin target/release/lib{library}.so --plugin random");
    Ok(ExitCode::SUCCESS)
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    let is_kebab =
        name.split('-').all(is_word) && name.starts_with(|c: char| c.is_ascii_lowercase());
    ensure!(
        is_kebab && name.len() <= 64,
        "`{name}` cannot be the name of a strategy\n\
         hint: lower-case letters, digits and single `-` between them, beginning with a letter, at \
         most 64"
    );
    ensure!(
        !RESERVED.split(' ').any(|reserved| reserved == name),
        "`{name}` means something else to Rust or cargo\nhint: choose another name"
    );
    Ok(())
}

/// The template with another name and other dependencies.
fn files(name: &str, api: &Source) -> anyhow::Result<Vec<(&'static str, String)>> {
    let api_from = api.dependency("plugin-api")?;
    let host_from = match api {
        // Its version is another one: that of the program.
        Source::Version(_) => format!("\"{}\"", env!("CARGO_PKG_VERSION")),
        Source::Path(_) | Source::Git(_) => api.dependency("host/plugin-host")?,
    };
    let mut files = Vec::new();
    for (path, content) in TEMPLATE {
        let content = content
            .replace("my-strategy", name)
            .replace("my_strategy", &library(name))
            .replace("MyStrategy", &type_name(name))
            .replace("{ path = \"../../../../plugin-api\" }", &api_from)
            .replace("{ path = \"../../../../host/plugin-host\" }", &host_from);
        files.push((path, content));
    }
    Ok(files)
}

/// Returns what cargo calls the library of a crate.
fn library(name: &str) -> String {
    name.replace('-', "_")
}

fn type_name(name: &str) -> String {
    let capitalized = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.split('-').map(capitalized).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, is_allowed: bool) {
        assert_eq!(check_name(name).is_ok(), is_allowed, "{name}");
    }

    #[test]
    fn a_name_is_one_that_cargo_and_the_macro_take() {
        for name in ["a", "my-idea", "k2", "top-2-labels", &"a".repeat(64)] {
            check(name, true);
        }
        for name in ["", "My-idea", "my_idea", "2k", "-a", "a-", "a--b", "a b", "a/b", "é", "../x"]
        {
            check(name, false);
        }
        for name in ["type", "test", "self", "std", "proc-macro", &"a".repeat(65)] {
            check(name, false);
        }
        assert_eq!(type_name("top-2-labels"), "Top2Labels");
    }

    #[test]
    fn the_api_comes_from_where_it_is_told() {
        let check = |text: &str, expected: &str| {
            let got = Source::from_str(text).map(|source| source.dependency("plugin-api").unwrap());
            assert_eq!(got.as_deref().map_err(String::as_str), Ok(expected));
        };
        check(
            "git:https://example.org/alhost.git",
            r#"{ git = "https://example.org/alhost.git" }"#,
        );
        check("version:1.0", r#""1.0""#);
        for text in ["", "1.0", "path:", "git:", r#"version:1"0"#, "https://example.org"] {
            assert!(Source::from_str(text).is_err(), "{text}");
        }
        let absent = Source::from_str("path:/absent").unwrap().dependency("plugin-api");
        assert!(absent.unwrap_err().to_string().contains("/absent has no `plugin-api`"));
    }

    #[test]
    fn nothing_of_the_template_s_own_name_and_place_is_left() {
        for (path, content) in files("top-labels", &Source::Version("1.0".to_owned())).unwrap() {
            for left in ["my-strategy", "my_strategy", "MyStrategy", "../"] {
                assert!(!content.contains(left), "{path}: {left}");
            }
        }
        let (_, manifest) = &files("top-labels", &Source::Version("1.0".to_owned())).unwrap()[0];
        assert!(manifest.contains("alhost-plugin-api = \"1.0\""), "{manifest}");
    }
}
