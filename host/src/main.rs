//! The alhost binary.

fn main() {}
