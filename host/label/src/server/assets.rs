//! The files of the page, which are part of the program.

use axum::http::Uri;
use axum::response::Response;

use super::routes::{file, refused};
use crate::refusal::Refusal;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../page/", $name)))),*]
    };
}

const FILES: &[(&str, &[u8])] = files![
    "api.js",
    "chooser.js",
    "clock.js",
    "curve.js",
    "dom.js",
    "help.js",
    "history.js",
    "index.html",
    "keys.js",
    "label.js",
    "main.js",
    "people.js",
    "progress.js",
    "rows.js",
    "style.css",
    "theme.js",
    "wait.js",
];

pub(super) async fn asset(uri: Uri) -> Response {
    let name = match uri.path() {
        "/" => "index.html",
        path => path.trim_start_matches('/'),
    };
    match FILES.iter().find(|(known, _)| *known == name) {
        Some((_, content)) => file(kind(name), content),
        None => refused(&Refusal::new(404, "there is nothing here", "the page is at `/`")),
    }
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let mut there: Vec<String> = fs_err::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        there.sort();
        let mut served: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        served.sort_unstable();
        assert_eq!(served, there);
    }
}
