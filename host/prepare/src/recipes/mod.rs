//! The data sets of the paper.

mod ag_news;
mod arxiv;
mod eurlex;
mod nyt;
mod rcv1;
mod table;
mod toxic;
mod yelp;

pub(crate) use ag_news::AgNews;
pub(crate) use arxiv::Arxiv;
pub(crate) use eurlex::EurLex;
pub(crate) use nyt::Nyt;
pub(crate) use rcv1::Rcv1;
pub(crate) use toxic::Toxic;
pub(crate) use yelp::Yelp;
