//! Set-up and bundling.

fn main() {}
