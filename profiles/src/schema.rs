//! The JSON Schema of a profile file, made from the tables of keys.

use serde_json::{Map, Value, json};

use crate::keys::{Key, PROFILE, Shape};
use crate::units;

/// The JSON Schema (draft 2020-12) of a profile file, for editors and for checks of profiles that programs write. It knows
/// keys, types and words; what concerns several keys is left to [`crate::load`].
#[must_use]
pub fn profile_schema() -> Value {
    let mut schema = section(PROFILE);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("soakd profile");
    schema
}

fn section(keys: &[Key]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .filter(|key| !matches!(key.shape, Shape::NotYet))
        .map(|key| {
            let mut schema = shape(&key.shape);
            schema["description"] = json!(key.about);
            (key.name.to_owned(), schema)
        })
        .collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// Strings with a variable in them can stand for a value of any simple type.
fn or_variable(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "string", "pattern": r"\$\{" }] })
}

fn written(looks: &str) -> Value {
    json!({ "type": "string", "pattern": r"^\s*[0-9]|\$\{", "examples": [looks] })
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Shape::Command => json!({ "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        ] }),
        Shape::Boolean => or_variable(json!({ "type": "boolean" })),
        Shape::Integer(least, most) => or_variable(json!({ "type": "integer", "minimum": least, "maximum": most })),
        Shape::Fraction(above, below) => {
            or_variable(json!({ "type": "number", "exclusiveMinimum": above, "exclusiveMaximum": below }))
        }
        Shape::Duration => written(units::DURATION_LOOKS),
        Shape::Size => json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, written(units::SIZE_LOOKS)] }),
        Shape::Amount => json!({ "anyOf": [{ "type": "number", "minimum": 0 }, written(units::SIZE_LOOKS)] }),
        Shape::Tolerance => written(units::TOLERANCE_LOOKS),
        Shape::Frequency => written(units::FREQUENCY_LOOKS),
        Shape::Word(words) => or_variable(json!({ "enum": words })),
        Shape::Or(other, word) => json!({ "anyOf": [{ "const": word }, self::shape(other)] }),
        Shape::Status => json!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": r"^\s*[1-5][0-9][0-9]|\$\{" },
        ] }),
        Shape::Section(keys) => section(keys),
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
