//! Decoding of telemetry messages in the protobuf encoding.

use std::collections::HashMap;

use prost::{Message, Oneof};
use serde::Serialize;

use super::{WorkError, write_json};

/// What a device sends: readings of its sensors, or one event.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Telemetry {
    #[prost(string, tag = "1")]
    pub(crate) device: String,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence: u64,
    #[prost(map = "string, string", tag = "3")]
    pub(crate) labels: HashMap<String, String>,
    #[prost(oneof = "Payload", tags = "4, 5")]
    pub(crate) payload: Option<Payload>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Payload {
    #[prost(message, tag = "4")]
    Readings(Readings),
    #[prost(message, tag = "5")]
    Event(Event),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Readings {
    #[prost(message, repeated, tag = "1")]
    pub(crate) readings: Vec<Reading>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Reading {
    #[prost(uint32, tag = "1")]
    pub(crate) sensor: u32,
    #[prost(int64, tag = "2")]
    pub(crate) unix_ms: i64,
    #[prost(double, repeated, tag = "3")]
    pub(crate) values: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Event {
    #[prost(enumeration = "Severity", tag = "1")]
    pub(crate) severity: i32,
    #[prost(string, tag = "2")]
    pub(crate) text: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) attachment: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Severity {
    Unspecified = 0,
    Notice = 1,
    Warning = 2,
    Failure = 3,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum Summary {
    Readings { sensors: usize, values: usize, mean: Option<f64> },
    Event { severity: &'static str, text_bytes: usize, attachment_bytes: usize },
    Empty,
}

/// Decodes a message and sums it up.
pub(crate) fn decode(body: &[u8]) -> Result<Vec<u8>, WorkError> {
    #[derive(Serialize)]
    struct Answer<'a> {
        device: &'a str,
        sequence: u64,
        labels: usize,
        #[serde(flatten)]
        summary: Summary,
    }
    let telemetry = Telemetry::decode(body)
        .map_err(|error| WorkError::Malformed(format!("the body is no telemetry message: {error}")))?;
    if telemetry.device.is_empty() {
        return Err(WorkError::Invalid("`device` is empty".to_owned()));
    }
    let summary = match &telemetry.payload {
        Some(Payload::Readings(readings)) => summarize(&readings.readings)?,
        Some(Payload::Event(event)) => Summary::Event {
            severity: severity_name(event.severity)?,
            text_bytes: event.text.len(),
            attachment_bytes: event.attachment.len(),
        },
        None => Summary::Empty,
    };
    write_json(&Answer {
        device: &telemetry.device,
        sequence: telemetry.sequence,
        labels: telemetry.labels.len(),
        summary,
    })
}

fn summarize(readings: &[Reading]) -> Result<Summary, WorkError> {
    let values: Vec<f64> = readings.iter().flat_map(|reading| reading.values.iter().copied()).collect();
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(WorkError::Invalid(format!("a value is {value}, expected finite numbers")));
    }
    let mut sensors: Vec<u32> = readings.iter().map(|reading| reading.sensor).collect();
    sensors.sort_unstable();
    sensors.dedup();
    // Dividing first: the sum of finite numbers need not be finite.
    let mean = (!values.is_empty()).then(|| values.iter().map(|value| value / values.len() as f64).sum());
    Ok(Summary::Readings { sensors: sensors.len(), values: values.len(), mean })
}

fn severity_name(number: i32) -> Result<&'static str, WorkError> {
    match Severity::try_from(number) {
        Ok(Severity::Unspecified) => Ok("unspecified"),
        Ok(Severity::Notice) => Ok("notice"),
        Ok(Severity::Warning) => Ok("warning"),
        Ok(Severity::Failure) => Ok("failure"),
        Err(_) => Err(WorkError::Invalid(format!("`severity` is {number}, expected 0 to 3"))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn telemetry(payload: Option<Payload>) -> Telemetry {
        let labels = HashMap::from([("site".to_owned(), "north".to_owned())]);
        Telemetry { device: "pump-4".to_owned(), sequence: 7, labels, payload }
    }

    fn decoded(telemetry: &Telemetry) -> Value {
        serde_json::from_slice(&decode(&telemetry.encode_to_vec()).expect("an answer")).expect("JSON")
    }

    #[test]
    fn readings_are_summed_up() {
        let reading = |sensor, values: &[f64]| Reading { sensor, unix_ms: 1, values: values.to_vec() };
        let readings = vec![reading(1, &[1.0, 2.0]), reading(2, &[6.0]), reading(1, &[])];
        assert_eq!(
            decoded(&telemetry(Some(Payload::Readings(Readings { readings })))),
            json!({"device": "pump-4", "sequence": 7, "labels": 1, "kind": "readings", "sensors": 2, "values": 3, "mean": 3.0})
        );
    }

    #[test]
    fn events_are_summed_up() {
        let event = Event { severity: 2, text: "hot".to_owned(), attachment: vec![0; 9] };
        let answer = decoded(&telemetry(Some(Payload::Event(event))));
        assert_eq!((&answer["severity"], &answer["attachment_bytes"]), (&json!("warning"), &json!(9)));
        assert_eq!(decoded(&telemetry(None))["kind"], json!("empty"));
    }

    #[test]
    fn bad_messages_are_refused_with_what_is_wrong() {
        let refusal = |telemetry: &Telemetry| decode(&telemetry.encode_to_vec()).expect_err("a refusal").to_string();
        let event = Event { severity: 9, ..Event::default() };
        assert_eq!(refusal(&telemetry(Some(Payload::Event(event)))), "`severity` is 9, expected 0 to 3");
        let readings = Readings { readings: vec![Reading { values: vec![f64::NAN], ..Reading::default() }] };
        assert!(refusal(&telemetry(Some(Payload::Readings(readings)))).contains("finite"));
        assert_eq!(refusal(&Telemetry::default()), "`device` is empty");
        assert!(matches!(decode(b"\xff\xff\xff"), Err(WorkError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
