//! The JSON Schema of a profile file, made from the tables of keys.

use serde_json::{Map, Value, json};

use crate::keys::{Key, PROFILE, Shape};
use crate::units;

/// The JSON Schema (draft 2020-12) of a profile file, for editors and for checks of profiles that programs write. It knows
/// keys, types and words; what concerns several keys is left to [`crate::load`].
#[must_use]
pub fn profile_schema() -> Value {
    document(PROFILE, "soakd profile", Variables::Replaced)
}

/// Whether `${…}` in a file is replaced before its values are read, so that a string may stand for a value of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variables {
    Replaced,
    None,
}

/// The JSON Schema of a file with these keys at its top level.
pub(crate) fn document(keys: &[Key], title: &str, variables: Variables) -> Value {
    let mut schema = section(keys, variables);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(title);
    schema
}

fn section(keys: &[Key], variables: Variables) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .filter(|key| !matches!(key.shape, Shape::NotYet))
        .map(|key| {
            let mut schema = shape(&key.shape, variables);
            schema["description"] = json!(key.about);
            (key.name.to_owned(), schema)
        })
        .collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn shape(shape: &Shape, variables: Variables) -> Value {
    // Strings with a variable in them can stand for a value of any simple type.
    let or_variable = |schema: Value| match variables {
        Variables::Replaced => json!({ "anyOf": [schema, { "type": "string", "pattern": r"\$\{" }] }),
        Variables::None => schema,
    };
    let written = |looks: &str| {
        let pattern = match variables {
            Variables::Replaced => r"^\s*[0-9]|\$\{",
            Variables::None => r"^\s*[0-9]",
        };
        json!({ "type": "string", "pattern": pattern, "examples": [looks] })
    };
    let section = |keys: &[Key]| self::section(keys, variables);
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Shape::Command => json!({ "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        ] }),
        Shape::Boolean => or_variable(json!({ "type": "boolean" })),
        Shape::Integer(least, most) => or_variable(json!({ "type": "integer", "minimum": least, "maximum": most })),
        Shape::Signed(least, most) => or_variable(json!({ "type": "integer", "minimum": least, "maximum": most })),
        Shape::Share => or_variable(json!({ "type": "number", "minimum": 0, "maximum": 1 })),
        Shape::Fraction(above, below) => {
            or_variable(json!({ "type": "number", "exclusiveMinimum": above, "exclusiveMaximum": below }))
        }
        Shape::Duration => written(units::DURATION_LOOKS),
        Shape::Size => json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, written(units::SIZE_LOOKS)] }),
        Shape::Amount => json!({ "anyOf": [{ "type": "number", "minimum": 0 }, written(units::SIZE_LOOKS)] }),
        Shape::Tolerance => written(units::TOLERANCE_LOOKS),
        Shape::Frequency => written(units::FREQUENCY_LOOKS),
        Shape::Word(words) => or_variable(json!({ "enum": words })),
        Shape::Words(words) => json!({ "type": "array", "items": { "enum": words } }),
        Shape::Or(other, word) => json!({ "anyOf": [{ "const": word }, self::shape(other, variables)] }),
        Shape::Status => json!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": r"^\s*[1-5][0-9][0-9]|\$\{" },
        ] }),
        Shape::Section(keys) => section(keys),
        Shape::Sections(keys) => json!({ "type": "array", "items": section(keys) }),
        Shape::Named(keys) => json!({ "type": "object", "additionalProperties": section(keys) }),
        Shape::NamedTwice(keys) => json!({
            "type": "object",
            "additionalProperties": { "type": "object", "additionalProperties": section(keys) },
        }),
        Shape::TextByName => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Shape::ToleranceByName => {
            json!({ "type": "object", "additionalProperties": written(units::TOLERANCE_LOOKS) })
        }
        Shape::NotYet => json!(false),
    }
}
