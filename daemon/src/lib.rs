//! The soakd program: command line, runs, store.
