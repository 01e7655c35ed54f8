//! The data sets of the paper.

mod ag_news;
mod arxiv;
mod eurlex;
mod table;
mod toxic;

pub(crate) use ag_news::AgNews;
pub(crate) use arxiv::Arxiv;
pub(crate) use eurlex::EurLex;
pub(crate) use toxic::Toxic;
