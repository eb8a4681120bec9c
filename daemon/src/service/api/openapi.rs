//! The OpenAPI document, made of the table of routes.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};
use soakd_reports::RENDERERS;

use super::documents::{ErrorDocument, Nothing};
use super::problem::Problem;
use super::route::{Asked, Content, Route};
use super::routes::routes;

pub(super) async fn serve(asked: Asked, _: Nothing) -> Result<Response, Problem> {
    let text = asked.shared.openapi.get_or_init(|| Bytes::from(document().to_string())).clone();
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// The OpenAPI 3.1 document of the API.
#[must_use]
pub fn document() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes() {
        let method = route.method.as_str().to_ascii_lowercase();
        paths.entry(route.path).or_default().insert(method, operation(&route, &mut generator));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "soakd",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Soaks programs and judges whether they grow without bound",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed over TCP for whatever changes something, and for reading too where others than \
                        users of the host can connect. Over the Unix socket the user at its other end counts.",
                },
            },
        },
    })
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut parameters = path_parameters(route.path);
    if let Some(query) = route.query {
        parameters.extend(query_parameters(query(generator).to_value()));
    }
    let mut content = Map::new();
    for part in &route.content {
        match part {
            Content::Json(schema) => {
                content.insert("application/json".to_owned(), json!({ "schema": schema(generator) }));
            }
            Content::Of(types) => content.extend(types.iter().map(|kind| ((*kind).to_owned(), json!({})))),
        }
    }
    let problem = generator.subschema_for::<ErrorDocument>();
    let mut operation = json!({
        "operationId": route.name,
        "summary": route.about,
        "parameters": parameters,
        "responses": {
            route.status.as_str(): { "description": route.about, "content": content },
            "default": {
                "description": "Why it was not answered as it was meant",
                "content": { "application/json": { "schema": problem } },
            },
        },
    });
    if let Some(body) = route.body {
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": body(generator) } } });
    }
    if route.method != Method::GET {
        operation["security"] = json!([{ "token": [] }]);
    }
    operation
}

/// What stands in braces in `path`.
fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let text = || json!({ "type": "string", "minLength": 1 });
    let parameter = |name: &str| {
        let (about, schema, example) = match name {
            "job" => ("Number of the job", json!({ "type": "integer", "minimum": 0 }), json!(1)),
            "run" => ("Id of the run, the beginning of just one id, or `last`", text(), json!("last")),
            "format" => {
                let formats: Vec<&str> = RENDERERS.iter().map(|renderer| renderer.name()).collect();
                ("Format of the report", json!({ "type": "string", "enum": formats }), json!("json"))
            }
            "profile" => ("Name of the profile", text(), json!("demo")),
            _ => ("Name in the configuration", text(), json!("nightly")),
        };
        json!({
            "name": name, "in": "path", "required": true, "description": about, "schema": schema, "example": example,
        })
    };
    names.map(parameter).collect()
}

/// The fields of the schema of a query, each as a parameter.
fn query_parameters(mut schema: Value) -> Vec<Value> {
    let required: Vec<String> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect();
    let Some(Value::Object(fields)) = schema.get_mut("properties").map(Value::take) else { return Vec::new() };
    let parameter = |(name, mut schema): (String, Value)| {
        let about = schema.as_object_mut().and_then(|schema| schema.remove("description")).unwrap_or_default();
        let required = required.contains(&name);
        json!({ "name": name, "in": "query", "required": required, "description": about, "schema": present(schema) })
    };
    fields.into_iter().map(parameter).collect()
}

/// The schema of a parameter that is there: one that may be left out is never null.
fn present(mut schema: Value) -> Value {
    if let Some(kinds) = schema.get("type").and_then(Value::as_array)
        && let [kind] = kinds.iter().filter(|kind| *kind != "null").collect::<Vec<_>>()[..]
    {
        schema["type"] = kind.clone();
    }
    if let Some(Value::Array(kinds)) = schema.get("anyOf")
        && let [kind] = kinds.iter().filter(|kind| kind["type"] != "null").collect::<Vec<_>>()[..]
    {
        return kind.clone();
    }
    schema
}
