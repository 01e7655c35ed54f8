//! The links of the Markdown files: where they lead, and which of them lead nowhere. Relative ones only: what others publish is
//! not ours to check.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;

/// Folders that are not ours, or that something makes.
const SKIPPED: [&str; 6] = [".deps", ".git", "dist", "node_modules", "runs", "target"];

/// Complains of each link of a Markdown file below `root` whose file or heading is not there.
pub(crate) fn broken(root: &Path) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    let mut known: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for page in pages(root)? {
        let text = fs_err::read_to_string(root.join(&page))?;
        for link in targets(&text) {
            let told = |what: &str| format!("{}: `{link}`: {what}", page.display());
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = resolved(&page, file);
            let path = root.join(&target);
            // A forge and a website both show a folder's README.md in the place of the folder.
            let shown = if path.is_dir() { path.join("README.md") } else { path };
            if !shown.is_file() {
                complaints.push(told("there is no such file, or a folder without README.md"));
                continue;
            }
            if heading.is_empty() || shown.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            if !known.contains_key(&shown) {
                known.insert(shown.clone(), headings(&fs_err::read_to_string(&shown)?));
            }
            if !known[&shown].iter().any(|id| id == heading) {
                complaints.push(told("the page has no such heading"));
            }
        }
    }
    Ok(complaints)
}

/// The Markdown files below `root`, by their paths there, in order.
pub(crate) fn pages(root: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir()
                && !path.is_symlink()
                && !SKIPPED.iter().any(|skipped| name == *skipped)
            {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") && path.is_file()
            {
                pages.push(path.strip_prefix(root)?.to_owned());
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// Where the relative links of a page lead, as they are written: `](...)`, and the attributes of HTML.
pub(crate) fn targets(page: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(page) {
        let of_markdown = line.split("](").skip(1).map(|rest| rest.split([')', ' ']).next());
        let attributes = ["href=\"", "src=\"", "srcset=\""];
        let of_html = attributes
            .iter()
            .flat_map(|name| line.split(*name).skip(1).map(|rest| rest.split(['"', ' ']).next()));
        targets.extend(of_markdown.chain(of_html).flatten().map(str::to_owned));
    }
    targets.retain(|target| is_relative(target));
    targets
}

pub(crate) fn is_relative(target: &str) -> bool {
    let is_elsewhere = target.contains(':') || target.starts_with('/');
    !target.is_empty() && !is_elsewhere
}

/// The lines that are not code, without the code in them.
fn prose(page: &str) -> Vec<String> {
    let mut is_code = false;
    let mut prose = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            prose.push(line.split('`').step_by(2).collect());
        }
    }
    prose
}

/// The path in the repository that a link of `page` means.
pub(crate) fn resolved(page: &Path, link: &str) -> PathBuf {
    if link.is_empty() {
        return page.to_owned();
    }
    let mut path = page.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

/// The names by which forges and mdBook link to the headings of a page; from the second of one name on they are counted.
fn headings(page: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids = Vec::new();
    let mut is_code = false;
    for line in page.lines() {
        is_code ^= line.starts_with("```");
        let text = line.trim_start_matches('#').strip_prefix(' ');
        if let Some(text) = text.filter(|_| line.starts_with('#') && !is_code) {
            let id = heading_id(text);
            let n_before = seen.entry(id.clone()).or_default();
            ids.push(if *n_before == 0 { id } else { format!("{id}-{n_before}") });
            *n_before += 1;
        }
    }
    ids
}

/// Lower case; letters, digits, `-` and `_`; blanks become `-`. Of a link in it, the text counts.
fn heading_id(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.trim();
    while let Some((before, link)) = rest.split_once("](") {
        plain += before;
        rest = link.split_once(')').map_or("", |(_, after)| after);
    }
    plain += rest;
    let id = plain.chars().filter_map(|c| match c {
        '-' | '_' => Some(c),
        c if c.is_whitespace() => Some('-'),
        c => c.is_alphanumeric().then(|| c.to_lowercase().next().unwrap_or(c)),
    });
    id.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools;

    #[test]
    fn every_relative_link_of_every_page_leads_to_a_file_and_a_heading() {
        let root = tools::workspace_root();
        assert!(pages(&root).unwrap().len() > 50);
        let broken = broken(&root).unwrap();
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }

    /// What `broken` says of a page that has a heading, a file beside it, and `link`.
    fn check(link: &str, complaint: &str) {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir(root.path().join("docs")).unwrap();
        fs_err::write(root.path().join("LICENSE"), "").unwrap();
        let page = format!(
            "# One `two`, [three](../LICENSE)\n\n```\n[x](no)\n```\n`[x](no)` [y]({link})\n"
        );
        fs_err::write(root.path().join("docs/page.md"), page).unwrap();
        let broken = broken(root.path()).unwrap();
        assert_eq!(broken.len(), usize::from(!complaint.is_empty()), "{link}: {broken:?}");
        assert!(broken.iter().all(|told| told.contains(complaint)), "{link}: {broken:?}");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_told() {
        check("../LICENSE", "");
        check("page.md#one-two-three", "");
        check("#one-two-three", "");
        check("https://example.org/no", "");
        check("../LICENCE", "docs/page.md: `../LICENCE`: there is no such file");
        check("page.md#one-two", "no such heading");
        check("#two", "no such heading");
        check("../docs", "a folder without README.md");
    }

    #[test]
    fn headings_of_one_text_are_counted() {
        assert_eq!(
            headings("# A b\n## A b\n## `[a]`: B_c!\n```\n# no\n```\n# A b\n"),
            ["a-b", "a-b-1", "a-b_c", "a-b-2"]
        );
    }
}
