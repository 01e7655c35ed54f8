//! Reading the small XML files of news corpora: one file a document, each in the encoding it declares.
//!
//! A recipe names the elements whose text it wants and asks each one where it stood. Nothing else of
//! XML is needed, so there is no tree.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use quick_xml::Reader;
use quick_xml::escape::resolve_html5_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

#[derive(Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub(crate) struct XmlError {
    line: usize,
    what: String,
}

/// An element that has just been closed: the elements it stood in, itself last, and its text.
pub(crate) struct Element<'a> {
    path: &'a [Open],
    /// All text below it, white space collapsed to single blanks (in these files it is layout).
    pub(crate) text: String,
}

impl Element<'_> {
    /// Whether the names from the root to this element are those of `path`, such as `nitf/head/title`.
    pub(crate) fn is(&self, path: &str) -> bool {
        self.path.iter().map(|open| open.name.as_str()).eq(path.split('/'))
    }

    pub(crate) fn name(&self) -> &str {
        self.path.last().map_or("", |open| &open.name)
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.path.last().and_then(|open| open.attribute(name))
    }

    pub(crate) fn parent_attribute(&self, name: &str) -> Option<&str> {
        self.path.iter().rev().nth(1).and_then(|open| open.attribute(name))
    }
}

/// Calls `each` for every element whose name is in `wanted`, at its end; an error unless the file is
/// one well-formed element `root`.
pub(crate) fn elements(
    bytes: &[u8],
    root: &str,
    wanted: &[&str],
    mut each: impl FnMut(&Element<'_>),
) -> Result<(), XmlError> {
    let xml = decode(bytes)?;
    let mut reader = Reader::from_str(&xml);
    let mut walk = Walk { root, wanted, open: Vec::new(), text: String::new(), n_roots: 0 };
    loop {
        let event = match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => event,
            Err(error) => return Err(error_at(&xml, reader.error_position(), error.to_string())),
        };
        walk.step(&event, &mut each)
            .map_err(|what| error_at(&xml, reader.buffer_position(), what))?;
    }
    walk.end().map_err(|what| error_at(&xml, xml.len() as u64, what))
}

/// An element that is not closed yet.
struct Open {
    name: String,
    attributes: Vec<(String, String)>,
    /// Place where its text begins in the text collected so far; `None` where nobody wants it.
    text_start: Option<usize>,
}

impl Open {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

struct Walk<'a> {
    root: &'a str,
    wanted: &'a [&'a str],
    open: Vec<Open>,
    text: String,
    n_roots: usize,
}

impl Walk<'_> {
    fn step(
        &mut self,
        event: &Event<'_>,
        each: &mut impl FnMut(&Element<'_>),
    ) -> Result<(), String> {
        match event {
            Event::Start(start) => self.enter(start)?,
            Event::Empty(start) => {
                self.enter(start)?;
                self.leave(each);
            }
            // That the name is the right one has been checked by the reader.
            Event::End(_) => self.leave(each),
            Event::Text(text) => self.text.push_str(text),
            Event::CData(text) => self.text.push_str(text),
            Event::GeneralRef(reference) => self.text.push_str(&resolve(reference)),
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        let name = start.name().0.to_owned();
        if self.open.is_empty() {
            self.n_roots += 1;
            if name != self.root || self.n_roots > 1 {
                let root = self.root;
                return Err(format!("found <{name}> where the file should be one <{root}>"));
            }
        }
        let wanted = self.wanted.contains(&name.as_str());
        let text_start = wanted.then_some(self.text.len());
        self.open.push(Open { attributes: attributes(start)?, name, text_start });
        Ok(())
    }

    fn leave(&mut self, each: &mut impl FnMut(&Element<'_>)) {
        if let Some(start) = self.open.last().and_then(|open| open.text_start) {
            each(&Element { path: &self.open, text: collapse(&self.text[start..]) });
        }
        self.open.pop();
        if self.open.iter().all(|open| open.text_start.is_none()) {
            self.text.clear();
        }
    }

    fn end(&self) -> Result<(), String> {
        match self.open.last() {
            Some(open) => Err(format!("the file ends inside <{}>: it is cut off", open.name)),
            None if self.n_roots == 0 => Err(format!("there is no element <{}>", self.root)),
            None => Ok(()),
        }
    }
}

fn attributes(start: &BytesStart<'_>) -> Result<Vec<(String, String)>, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        attributes.push((attribute.key.0.to_owned(), attribute.value.into_owned()));
    }
    Ok(attributes)
}

/// Resolves character references and the named entities of XML and HTML. Any other name is left as
/// it stands: these files name a DTD that is not at hand, and one odd entity is no reason to refuse
/// a corpus.
fn resolve(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    let name: &str = reference;
    resolve_html5_entity(name).map_or_else(|| format!("&{name};"), str::to_owned)
}

/// The file as text, from the encoding that its XML declaration names; UTF-8 without one.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    let error = |line: usize, what: String| XmlError { line, what };
    let encoding = match declared_encoding(bytes) {
        None => UTF_8,
        Some(label) => Encoding::for_label(label).ok_or_else(|| {
            let label = String::from_utf8_lossy(label);
            error(1, format!("`{label}` is not the name of an encoding that is known here"))
        })?,
    };
    let (text, encoding, malformed) = encoding.decode(bytes);
    if malformed {
        let valid = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
        return Err(error(
            line_at(&bytes[..valid]),
            format!("the bytes are not {}, as they should be", encoding.name()),
        ));
    }
    Ok(text)
}

/// The label in `<?xml ... encoding="label"?>` at the start of the file.
fn declared_encoding(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let declaration = bytes.strip_prefix(b"<?xml")?;
    let end = declaration.windows(2).position(|two| two == b"?>")?;
    let declaration = &declaration[..end];
    let name = b"encoding";
    let at = declaration.windows(name.len()).position(|window| window == name)?;
    let mut parts = declaration[at + name.len()..].split(|&byte| byte == b'"' || byte == b'\'');
    parts.next().filter(|between| between.trim_ascii() == b"=")?;
    parts.next()
}

fn error_at(xml: &str, at: u64, what: String) -> XmlError {
    let at = (at as usize).min(xml.len());
    XmlError { line: line_at(&xml.as_bytes()[..at]), what }
}

/// The number of the line that ends these bytes.
fn line_at(bytes: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').count()
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<String>, String> {
        let mut texts = Vec::new();
        elements(bytes, "a", &["p"], |element| texts.push(element.text.clone()))
            .map_err(|error| error.to_string())?;
        Ok(texts)
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &[&str]) {
        assert_eq!(read(bytes).unwrap(), expected);
    }

    #[track_caller]
    fn check_error(bytes: &[u8], expected: &str) {
        let error = read(bytes).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn text_is_read_with_its_entities_and_without_its_layout() {
        check(b"<a><p> one\n   two </p><q>no</q><p/></a>", &["one two", ""]);
        check(b"<a><p>R&amp;D &lt;1&gt; &#233;&#x20AC;</p></a>", &["R&D <1> \u{e9}\u{20ac}"]);
        check(b"<a><p>caf&eacute; &unknown;</p></a>", &["caf\u{e9} &unknown;"]);
        check(b"<a><p>an <em>inner</em> word<![CDATA[ & raw]]></p></a>", &["an inner word & raw"]);
    }

    #[test]
    fn the_declared_encoding_is_the_one_that_counts() {
        let latin = b"<?xml version=\"1.0\" encoding=\"iso-8859-1\" ?><a><p>caf\xE9</p></a>";
        check(latin, &["caf\u{e9}"]);
        check("<?xml version='1.0' encoding='UTF-8'?><a><p>\u{e9}</p></a>".as_bytes(), &["\u{e9}"]);
        check_error(b"<a>\n<p>caf\xE9</p></a>", "line 2: the bytes are not UTF-8");
        check_error(b"<?xml version=\"1.0\" encoding=\"klingon\"?><a/>", "`klingon`");
    }

    #[test]
    fn a_file_that_is_not_one_element_is_an_error_with_its_line() {
        check_error(b"<a>\n<p>one</a></p>", "line 2");
        check_error(b"<a>\n<p>one", "line 2: the file ends inside <p>");
        check_error(b"<b/>", "found <b> where the file should be one <a>");
        check_error(b"<a/><a/>", "found <a>");
        check_error(b"", "there is no element <a>");
    }

    #[test]
    fn an_element_knows_where_it_stood() {
        let mut found = Vec::new();
        let xml = b"<a><b class=\"x\"><p k='1'>in</p></b><p>out</p></a>";
        elements(xml, "a", &["p"], |element| {
            let class = element.parent_attribute("class").map(str::to_owned);
            let key = element.attribute("k").map(str::to_owned);
            found.push((element.is("a/b/p"), class, key));
        })
        .unwrap();
        assert_eq!(found[0], (true, Some("x".to_owned()), Some("1".to_owned())));
        assert_eq!(found[1], (false, None, None));
    }
}
