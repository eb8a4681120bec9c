//! The soakd program.

fn main() {}
