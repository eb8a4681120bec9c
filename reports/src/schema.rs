//! The JSON Schema of the verdict, made from the types.

use schemars::generate::SchemaSettings;

use crate::verdict::Verdict;

/// The JSON Schema (draft 2020-12) of a verdict, as `soakd schema verdict` prints it.
#[must_use]
pub fn verdict_schema() -> schemars::Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Verdict>()
}
