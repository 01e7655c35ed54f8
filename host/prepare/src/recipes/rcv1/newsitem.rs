//! One story of Reuters Corpus Volume 1, as on the CDs: `<newsitem itemid="2286" ...>`.

use crate::xml::{self, Element, XmlError};

/// Holds what the recipe reads of a story. Its topic codes are left out on purpose: RCV1-v2
/// corrected them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NewsItem {
    pub(crate) headline: String,
    pub(crate) paragraphs: Vec<String>,
    /// `/newsitem/@itemid`.
    pub(crate) id: Option<u32>,
}

pub(crate) fn parse(bytes: &[u8]) -> Result<NewsItem, XmlError> {
    let mut item = NewsItem::default();
    xml::elements(bytes, "newsitem", &["newsitem", "headline", "p"], |element| item.take(element))?;
    Ok(item)
}

impl NewsItem {
    fn take(&mut self, element: &Element<'_>) {
        match element.name() {
            "newsitem" => self.id = element.attribute("itemid").and_then(|id| id.parse().ok()),
            "headline" if element.is("newsitem/headline") => {
                self.headline.clone_from(&element.text);
            }
            "p" if element.is("newsitem/text/p") && !element.text.is_empty() => {
                self.paragraphs.push(element.text.clone());
            }
            _ => {}
        }
    }
}
