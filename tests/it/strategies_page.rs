//! `docs/strategies.md` is made from the manifests and READMEs of the plugins.
//! `UPDATE_EXPECT=1 cargo test --package alhost --test it strategies_page` writes it.

use std::fmt::Write as _;
use std::path::PathBuf;

use alhost::plugin_host::{Manifest, PluginFile};
use expect_test::expect_file;

use crate::support::{every_plugin, workspace};

const HEAD: &str = "\
# Strategies

These strategies ship. Each is a folder below `plugins/`. Its README has the formula and all parameters, and says why it departs from
its source if it does. [Writing a strategy](plugin-guide.md) shows how to make your own, and [results](results.md) how these did. A test
makes this page from manifests and READMEs.

";

const NEEDS: &str = "
Fromme et al. 2022 is *Investigating Active Learning Sampling Strategies for Extreme Multi Label Text
Classification*, which compares `random`, `subword`, `alps`, `dal` and `cvirs`.

**Needs** decide two things. The first is who can also choose the initial set (`loop.initial_strategy`). A strategy can if it needs
nothing of the trained classifier, and one that asks others can if they can. These are ";

const COSTS: &str = "
The second is what a query costs, because what a strategy needs is most of that. n is the number of texts in the pool:

";

const DEPARTURES: &str = "
They depart from their sources in these ways, told in a line each:

";

const END: &str = "
`alhost plugin inspect` prints the parameters of a strategy with ranges, defaults and help:

```
$ alhost plugin inspect alps
```
";

/// One plugin, and its README.
struct Described {
    folder: String,
    manifest: Manifest,
    readme: String,
}

#[test]
fn the_page_is_what_manifests_and_readmes_say() {
    let all = described();
    assert!(all.len() >= 5, "{} plugins", all.len());
    expect_file![workspace().join("docs/strategies.md")].assert_eq(&page(&all));
}

fn page(all: &[Described]) -> String {
    let mut page = HEAD.to_owned();
    let table = |page: &mut String, head: &[&str], row: &dyn Fn(&Described) -> Vec<String>| {
        writeln!(page, "| {} |", head.join(" | ")).unwrap();
        writeln!(page, "|{}", " --- |".repeat(head.len())).unwrap();
        for one in all {
            writeln!(page, "| {} |", row(one).join(" | ")).unwrap();
        }
    };
    let id = |one: &Described| format!("`{}`", one.manifest.id);
    table(&mut page, &["id", "idea", "needs", "stochastic", "source"], &|one| {
        let manifest = &one.manifest;
        let link = format!("[`{}`](../plugins/{}/README.md)", manifest.id, one.folder);
        let is_stochastic = if manifest.stochastic { "yes" } else { "no" };
        let source = Some(manifest.citation.clone()).filter(|source| !source.is_empty());
        let source = source.unwrap_or_else(|| "-".to_owned());
        let needs = literals(&manifest.needs, "nothing");
        vec![link, manifest.summary.clone(), needs, is_stochastic.to_owned(), source]
    });
    let cold: Vec<String> = all.iter().filter(|one| one.manifest.is_cold_start()).map(id).collect();
    page += NEEDS;
    writeln!(page, "{}.", cold.join(", ")).unwrap();
    page += COSTS;
    table(&mut page, &["id", "what a query costs", "how it can be told what to do"], &|one| {
        let names: Vec<String> =
            one.manifest.parameters().into_iter().map(|parameter| parameter.name).collect();
        vec![id(one), one.first_sentence("Cost."), literals(&names, "-")]
    });
    page += DEPARTURES;
    table(&mut page, &["id", "departure"], &|one| {
        vec![id(one), one.first_sentence("Choices and departures.")]
    });
    page + END
}

fn literals(names: &[String], none: &str) -> String {
    if names.is_empty() {
        return none.to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Described {
    /// The first sentence of a part of the README, which begins with its name in bold.
    fn first_sentence(&self, part: &str) -> String {
        let start = format!("**{part}**");
        let told = || format!("{}: README.md has no `{start}` with a sentence", self.folder);
        let after = self.readme.split(&start).nth(1).unwrap_or_else(|| panic!("{}", told()));
        let paragraph = after.split("\n\n").next().unwrap_or_default();
        let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = words.find(". ").unwrap_or(words.len());
        let sentence = words[..end].trim_end_matches(['.', ':']);
        assert!(sentence.contains(' '), "{}: {sentence:?}", told());
        sentence.replace('|', "\\|")
    }
}

/// All plugins of the workspace, by id.
fn described() -> Vec<Described> {
    let describe = |(folder, library): (String, PathBuf)| {
        let manifest = PluginFile::read(&library).unwrap().manifest;
        assert_eq!(manifest.id, folder, "a plugin has the name of its folder");
        let readme = workspace().join("plugins").join(&folder).join("README.md");
        Described { folder, manifest, readme: fs_err::read_to_string(readme).unwrap() }
    };
    every_plugin().into_iter().map(describe).collect()
}
