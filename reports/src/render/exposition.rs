//! Metrics as text that Prometheus and its kin read: OpenMetrics 1.0 and the older text format.
//!
//! The two differ in little: in OpenMetrics the family of a counter goes without its `_total`, units have a line, and a
//! mark ends the text. A text of gauges alone is both at once, since the older format takes the rest for comments.

use std::fmt::Write;

use super::Charset;
use super::escape::escape;

/// Labels of a sample, without those of the whole text.
pub type Labels = Vec<(&'static str, String)>;

/// Which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
    /// `text/plain; version=0.0.4`.
    Text,
}

impl Form {
    /// The media type, as an answer to a scraper names it.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only grows, and begins anew with the process.
    Counter,
}

/// Samples of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family<'a> {
    /// Its name without `soakd_`, its unit and `_total`.
    pub name: &'a str,
    /// Base unit: `bytes`, `seconds`; empty where there is none.
    pub unit: &'a str,
    /// What it tells, as a sentence.
    pub help: &'a str,
    /// What its numbers are.
    pub kind: Kind,
}

/// A text that grows by families.
#[derive(Debug, Clone)]
pub struct Exposition {
    form: Form,
    text: String,
    common: Labels,
}

impl Exposition {
    /// A text without families, whose samples will all have the labels `common`.
    #[must_use]
    pub fn new(form: Form, common: Labels) -> Self {
        Self { form, text: String::new(), common }
    }

    /// Adds one family. Values that are not finite are left out, and so is a family without samples.
    pub fn family(&mut self, family: Family<'_>, samples: Vec<(Labels, f64)>) {
        let samples: Vec<&(Labels, f64)> = samples.iter().filter(|(_, value)| value.is_finite()).collect();
        if samples.is_empty() {
            return;
        }
        let Family { name, unit, help, kind } = family;
        let base = if unit.is_empty() { format!("soakd_{name}") } else { format!("soakd_{name}_{unit}") };
        let (word, sample_name) = match kind {
            Kind::Gauge => ("gauge", base.clone()),
            Kind::Counter => ("counter", format!("{base}_total")),
        };
        let described = if self.form == Form::OpenMetrics { &base } else { &sample_name };
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {described} {help}");
        let _ = writeln!(self.text, "# TYPE {described} {word}");
        if !unit.is_empty() && self.form == Form::OpenMetrics {
            let _ = writeln!(self.text, "# UNIT {described} {unit}");
        }
        for (labels, value) in samples {
            let labels: Vec<String> = self
                .common
                .iter()
                .chain(labels)
                .map(|(label, value)| format!("{label}=\"{}\"", label_value(value)))
                .collect();
            let _ = match labels.as_slice() {
                [] => writeln!(self.text, "{sample_name} {value}"),
                labels => writeln!(self.text, "{sample_name}{{{}}} {value}", labels.join(",")),
            };
        }
    }

    /// The whole text.
    #[must_use]
    pub fn finish(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// A label's value: backslash, quote and line end have escapes of the format, the rest of what cannot be seen has ours.
fn label_value(text: &str) -> String {
    escape(text, Charset::Unicode).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(form: Form) -> String {
        let mut exposition = Exposition::new(form, Vec::new());
        let samples = vec![(Vec::new(), 3.0), (vec![("a", "x\"\\\n".to_owned())], f64::NAN)];
        exposition.family(Family { name: "read", unit: "bytes", help: "Read.", kind: Kind::Counter }, samples);
        exposition.family(Family { name: "none", unit: "", help: "None.", kind: Kind::Gauge }, Vec::new());
        exposition.finish()
    }

    #[test]
    fn each_format_names_a_counter_its_own_way() {
        assert_eq!(
            text(Form::OpenMetrics),
            "# HELP soakd_read_bytes Read.\n# TYPE soakd_read_bytes counter\n# UNIT soakd_read_bytes bytes\n\
             soakd_read_bytes_total 3\n# EOF\n"
        );
        assert_eq!(
            text(Form::Text),
            "# HELP soakd_read_bytes_total Read.\n# TYPE soakd_read_bytes_total counter\nsoakd_read_bytes_total 3\n"
        );
    }

    #[test]
    fn no_label_ends_early() {
        assert_eq!(label_value("a\"b\\c\nd"), "a\\\"b\\\\c\\\\u{a}d");
    }
}
