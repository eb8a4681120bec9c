//! What to soak and what to tolerate: the profile types, their TOML, validation with line and column.
