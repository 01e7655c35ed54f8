//! `cargo xtask docs`: the documentation as a website, by mdBook.
//!
//! The pages lie where a forge shows them: in `docs`, beside the plugins, at the top. mdBook wants them below one folder. So those
//! that `docs/SUMMARY.md` lists, with all that they link to, are copied to `target/site/src`, at the paths that they have here. A
//! relative link then leads to the same place on a forge and on the site.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{links, tools};

const SUMMARY: &str = "docs/SUMMARY.md";

/// Checks all links, builds `target/site/html` with the mdBook of this machine, and checks the links that this made.
pub(crate) fn run(root: &Path) -> Result<()> {
    complain("a link", &links::broken(root)?)?;
    let site = tools::target_dir(root).join("site");
    let n_pages = stage(root, &site)?;
    if !tools::in_path("mdbook") {
        bail!(
            "mdbook is not in the search path; all links of the pages are right\nhint: `cargo install mdbook`"
        );
    }
    tools::run(Command::new("mdbook").arg("build").arg(&site))?;
    let html = site.join("html");
    complain("a link of the site", &broken(&html)?)?;
    eprintln!("docs: {n_pages} pages, `{}`", html.join("index.html").display());
    Ok(())
}

fn complain(what: &str, complaints: &[String]) -> Result<()> {
    if !complaints.is_empty() {
        bail!("{what} leads nowhere:\n{}", complaints.join("\n"));
    }
    Ok(())
}

/// Copies pages and what they link to, and gives the number of pages.
fn stage(root: &Path, site: &Path) -> Result<usize> {
    if site.exists() {
        fs_err::remove_dir_all(site)?;
    }
    let source = site.join("src");
    let summary = fs_err::read_to_string(root.join(SUMMARY))?;
    let pages: BTreeSet<PathBuf> = chapters(&summary).into_iter().collect();
    for page in &pages {
        let text = fs_err::read_to_string(root.join(page))?;
        copy(root, &source, page)?;
        fs_err::write(source.join(page), to_index(&text))?;
        for link in links::targets(&text) {
            let target = links::resolved(page, link.split('#').next().unwrap_or_default());
            // The sample report is a page that alhost wrote itself, and links to its Markdown become links to that.
            let is_markdown = target.extension().is_some_and(|extension| extension == "md");
            if !is_markdown && root.join(&target).is_file() {
                copy(root, &source, &target)?;
            }
        }
    }
    for file in ["docs/sample-report/report.html", "docs/site.css"] {
        copy(root, &source, Path::new(file))?;
    }
    fs_err::write(source.join("SUMMARY.md"), from_the_top(&summary))?;
    fs_err::copy(root.join("docs/book.toml"), site.join("book.toml"))?;
    Ok(pages.len())
}

fn copy(root: &Path, source: &Path, file: &Path) -> Result<()> {
    let to = source.join(file);
    fs_err::create_dir_all(to.parent().context("a file lies in a folder")?)?;
    fs_err::copy(root.join(file), to)?;
    Ok(())
}

/// mdBook makes `index.html` of a `README.md`, but leaves the links to it as they are.
fn to_index(page: &str) -> String {
    page.replace("README.md)", "index.md)").replace("README.md#", "index.md#")
}

/// The pages that the summary lists, by their paths in the repository.
fn chapters(summary: &str) -> Vec<PathBuf> {
    links::targets(summary).iter().map(|link| links::resolved(Path::new(SUMMARY), link)).collect()
}

/// The summary as it reads at the top of the repository.
fn from_the_top(summary: &str) -> String {
    let moved = |line: &str| match line.split_once("](") {
        Some((before, link)) => {
            let link = link.trim_end_matches(')');
            format!("{before}]({})\n", links::resolved(Path::new(SUMMARY), link).display())
        }
        None => format!("{line}\n"),
    };
    summary.lines().map(moved).collect()
}

/// Complains of each relative link of the site whose file, or element of that id, is not there.
fn broken(html: &Path) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    let mut folders = vec![html.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") {
                complaints.extend(broken_in(html, path.strip_prefix(html)?)?);
            }
        }
    }
    Ok(complaints)
}

fn broken_in(html: &Path, page: &Path) -> Result<Vec<String>> {
    let text = fs_err::read_to_string(html.join(page))?;
    let mut complaints = Vec::new();
    // The page for an address that is not there is shown at any depth, so its links start elsewhere.
    let is_for_any_place = page == Path::new("404.html");
    for link in attributes(&text).filter(|link| links::is_relative(link) && !is_for_any_place) {
        let (file, id) = link.split_once('#').unwrap_or((link, ""));
        let file = file.split('?').next().unwrap_or_default();
        let mut target = html.join(links::resolved(page, file));
        if target.is_dir() {
            target.push("index.html");
        }
        let is_there = target.is_file()
            && (id.is_empty()
                || fs_err::read_to_string(&target)?.contains(&format!("id=\"{id}\"")));
        if !is_there {
            complaints.push(format!("{}: `{link}`", page.display()));
        }
    }
    Ok(complaints)
}

fn attributes(html: &str) -> impl Iterator<Item = &str> {
    let of =
        |name: &'static str| html.split(name).skip(1).filter_map(|rest| rest.split('"').next());
    of(" href=\"").chain(of(" src=\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_lists_every_page_once() {
        let root = tools::workspace_root();
        let listed = chapters(&fs_err::read_to_string(root.join(SUMMARY)).unwrap());
        let belongs = |page: &PathBuf| {
            let is_readme = page.ends_with("README.md");
            let is_plugin =
                page.starts_with("plugins") && is_readme && page.components().count() == 3;
            let is_made = page.ends_with("SUMMARY.md") || page.ends_with("sample-report/report.md");
            is_plugin || page.starts_with("docs") && !is_made
        };
        let pages: Vec<PathBuf> = links::pages(&root).unwrap();
        let missing: Vec<_> =
            pages.iter().filter(|page| belongs(page) && !listed.contains(page)).collect();
        assert!(missing.is_empty(), "docs/SUMMARY.md does not list {missing:?}");
        let distinct: BTreeSet<&PathBuf> = listed.iter().collect();
        assert_eq!(distinct.len(), listed.len());
    }

    #[test]
    fn the_summary_is_moved_to_the_top() {
        let moved = from_the_top("# Summary\n\n- [A](a.md)\n    - [B](../B.md)\n");
        assert_eq!(moved, "# Summary\n\n- [A](docs/a.md)\n    - [B](B.md)\n");
    }

    #[test]
    fn a_page_is_staged_with_what_it_links_to() {
        let (root, site) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write(SUMMARY, "[S](sample-report/README.md)\n[A](../A.md)\n");
        write("A.md", "[code](src/a.rs#L1) [S](docs/sample-report/README.md)");
        write("src/a.rs", "fn a() {}");
        write("unlinked.rs", "");
        for file in ["README.md", "report.md", "report.html"] {
            write(&format!("docs/sample-report/{file}"), "");
        }
        write("docs/book.toml", "");
        write("docs/site.css", "");
        assert_eq!(stage(root.path(), site.path()).unwrap(), 2);
        let is_there = |file: &str| site.path().join("src").join(file).exists();
        assert!(
            is_there("A.md") && is_there("src/a.rs") && is_there("docs/sample-report/report.html")
        );
        let staged = fs_err::read_to_string(site.path().join("src/A.md")).unwrap();
        assert!(staged.ends_with("(docs/sample-report/index.md)"), "{staged}");
        assert!(!is_there("unlinked.rs") && !is_there("docs/sample-report/report.md"));
    }

    #[test]
    fn a_link_of_the_site_that_leads_nowhere_is_told() {
        let html = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs_err::write(html.path().join(file), text).unwrap();
        write(
            "a.html",
            "<a href=\"b.html#x\"> <a href=\"b.html#y\"> <img src=\"c.svg\"> <a href=\"https://d\">",
        );
        write("b.html", "<p id=\"x\">");
        let mut told = broken(html.path()).unwrap();
        told.sort();
        assert_eq!(told, ["a.html: `b.html#y`", "a.html: `c.svg`"]);
    }
}
