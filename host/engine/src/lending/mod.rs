//! The host as a strategy sees it: features of the model, computed when they are first asked for, and
//! compute services. Loading and calling a plugin is the business of `alhost-plugin-host`.

mod asking;
mod compute;
mod features;
mod panels;
mod services;

pub use asking::Askable;
pub use panels::Panels;
pub use services::{RoundView, Services, Surroundings};
