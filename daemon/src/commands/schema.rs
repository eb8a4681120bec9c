//! `soakd schema`: the JSON Schema of a document.

use crate::cli::SchemaDocument;
use crate::commands::output;
use crate::exit::Failure;

/// Prints the schema of `document`.
///
/// # Errors
/// [`Failure`] where it cannot be printed.
pub fn schema(document: SchemaDocument) -> Result<u8, Failure> {
    let text = match document {
        SchemaDocument::Verdict => output::json(&soakd_reports::verdict_schema())?,
        SchemaDocument::Compare => output::json(&crate::compare::schema())?,
        SchemaDocument::Config => output::json(&crate::service::config::schema())?,
        SchemaDocument::Profile => output::json(&soakd_profiles::profile_schema())?,
    };
    output::result(&text)?;
    Ok(0)
}
