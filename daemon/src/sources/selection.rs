//! From what a source offers to its series: which of its numbers are recorded, and under which names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use soakd_profiles::{Pick, Source, is_counter_name, series_name};

use super::SourceValue;
use super::failure::SourceFailure;
use super::offer::Offer;
use crate::exposition::{Kind, Sample};
use crate::heap_source;

/// Series of one source at most.
const MOST_SERIES: usize = 100;

/// What was taken of one answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Selected {
    /// One value for each series.
    pub(super) values: Vec<SourceValue>,
    /// What was asked for and is not there, or is no number.
    pub(super) failures: Vec<SourceFailure>,
    /// The number from which the heap is taken, where that shows for the first time.
    pub(super) heap: Option<String>,
}

/// Remembers which series a source has. Names are taken for the whole run, so that a series stays what it is.
#[derive(Debug)]
pub(super) struct Selection {
    source: Source,
    /// The source's own name of each series.
    taken: HashMap<String, String>,
    heap: Option<&'static str>,
    left_out: BTreeSet<String>,
}

impl Selection {
    pub(super) fn new(source: Source) -> Self {
        Self { source, taken: HashMap::new(), heap: None, left_out: BTreeSet::new() }
    }

    /// Names that the source offers and that are not recorded: there are too many, or two are spelled alike. Those of picked
    /// series and those that nobody asked for are not among them.
    pub(super) fn left_out(&self) -> &BTreeSet<String> {
        &self.left_out
    }

    /// The series in `offer`.
    pub(super) fn select(&mut self, offer: &Offer) -> Selected {
        let mut selected = Selected::default();
        self.pick(offer, &mut selected);
        let samples = offer.samples.iter().filter(|(sample, _)| sample.has(&self.source.labels));
        let samples: Vec<&(Sample, Kind)> = samples.collect();
        self.record(&samples, &mut selected);
        self.find_heap(&samples, &mut selected);
        for judged in &self.source.judge {
            let is_told = selected.failures.iter().any(|failure| match failure {
                SourceFailure::NotFinite { name, .. } => series_name(name) == *judged,
                SourceFailure::Missing(name) => name == judged,
                _ => false,
            });
            if !is_told && !selected.values.iter().any(|value| value.series == *judged) {
                selected.failures.push(SourceFailure::Missing(judged.clone()));
            }
        }
        selected
    }

    /// The numbers that the profile names one by one.
    fn pick(&self, offer: &Offer, selected: &mut Selected) {
        for (series, pick) in &self.source.series {
            let found = match pick {
                Pick::Pointer(pointer) => {
                    let value = offer.document.as_ref().and_then(|document| document.pointer(pointer));
                    let Some(value) = value else {
                        selected.failures.push(SourceFailure::Missing(pointer.clone()));
                        continue;
                    };
                    match value.as_f64() {
                        Some(number) => Some((number, Kind::Gauge)),
                        None => {
                            let found = super::failure::beginning(&format!("{pointer}: {value}"));
                            selected.failures.push(SourceFailure::Garbage { expected: "a number", found });
                            continue;
                        }
                    }
                }
                Pick::Metric { metric, labels } => {
                    let is_meant = |sample: &&(Sample, Kind)| {
                        sample.0.is_called(metric) && sample.0.has(&self.source.labels) && sample.0.has(labels)
                    };
                    sum(offer.samples.iter().filter(is_meant))
                }
            };
            match found {
                None => {
                    let Pick::Metric { metric, .. } = pick else { continue };
                    selected.failures.push(SourceFailure::Missing(metric.clone()));
                }
                Some((value, kind)) => put(selected, series, series, value, kind),
            }
        }
    }

    /// The numbers that fit `record`, each under its own name.
    fn record(&mut self, samples: &[&(Sample, Kind)], selected: &mut Selected) {
        let mut offered: BTreeMap<&str, Vec<&(Sample, Kind)>> = BTreeMap::new();
        let mut order: Vec<&str> = Vec::new();
        for &sample in samples {
            let name = sample.0.name.as_str();
            if sample.1 != Kind::Part && self.source.record.iter().any(|pattern| fits(pattern, name)) {
                offered.entry(name).or_insert_with(|| {
                    order.push(name);
                    Vec::new()
                });
                if let Some(group) = offered.get_mut(name) {
                    group.push(sample);
                }
            }
        }
        // What is judged must not be left out for want of room.
        order.sort_by_key(|name| !self.source.judge.contains(&series_name(name)));
        for name in order {
            let Some(group) = offered.get(name) else { continue };
            let mut series = series_name(name);
            if group.iter().any(|(_, kind)| *kind == Kind::Counter) && !is_counter_name(&series) {
                // An older exposition tells a counter by its type alone; the name of a series always does.
                series = series_name(&format!("{name}_total"));
            }
            if self.source.series.contains_key(&series) {
                continue;
            }
            if let Some(owner) = self.taken.get(&series) {
                if owner != name {
                    self.left_out.insert(name.to_owned());
                    continue;
                }
            } else if self.taken.len() + self.source.series.len() >= MOST_SERIES {
                // Their number is for people; one that grows for ever must not.
                if self.left_out.len() < 10 * MOST_SERIES {
                    self.left_out.insert(name.to_owned());
                }
                continue;
            } else {
                self.taken.insert(series.clone(), name.to_owned());
            }
            if let Some((value, kind)) = sum(group.iter().copied()) {
                put(selected, &series, name, value, kind);
            }
        }
    }

    /// The live heap, where a runtime tells it by a name that is known. One that the profile or the target itself calls so
    /// comes first.
    fn find_heap(&mut self, samples: &[&(Sample, Kind)], selected: &mut Selected) {
        if self.source.series.contains_key(heap_source::METRIC) || self.taken.contains_key(heap_source::METRIC) {
            return;
        }
        // The number that was taken first stays, or the series would change its meaning.
        let known = |sample: &&Sample| self.heap.is_none_or(|metric| sample.name == metric);
        let known: Vec<&Sample> = samples.iter().map(|(sample, _)| sample).filter(known).collect();
        if let Some((value, row)) = heap_source::recognise(&known) {
            put(selected, heap_source::METRIC, row.metric, value, Kind::Gauge);
            if self.heap.is_none() {
                self.heap = Some(row.metric);
                selected.heap = Some(row.metric.to_owned());
            }
        }
    }
}

/// The sum of samples of one name; NaN where one of them is, since a sum without it would be a drop that never was.
fn sum<'a>(samples: impl Iterator<Item = &'a (Sample, Kind)>) -> Option<(f64, Kind)> {
    samples.fold(None, |sum, (sample, kind)| Some((sum.map_or(0.0, |(sum, _)| sum) + sample.value, *kind)))
}

fn put(selected: &mut Selected, series: &str, name: &str, value: f64, kind: Kind) {
    if value.is_finite() {
        selected.values.push(SourceValue { series: series.to_owned(), value, kind });
    } else {
        selected.failures.push(SourceFailure::NotFinite { name: name.to_owned(), value });
    }
}

/// Whether `name` is `pattern`, in which each `*` stands for any characters or none.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use soakd_profiles::SourceKind;

    use super::super::offer;
    use super::*;

    fn source() -> Source {
        Source::new(SourceKind::Prometheus { url: "http://x/".to_owned() })
    }

    fn select(source: Source, text: &str) -> Selected {
        Selection::new(source).select(&offer::of_exposition(text).expect("an exposition"))
    }

    fn values(selected: &Selected) -> Vec<(&str, f64)> {
        selected.values.iter().map(|value| (value.series.as_str(), value.value)).collect()
    }

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    const TEXT: &str = "app_entries{tier=\"hot\"} 3\napp_entries{tier=\"cold\"} 4\nhits_total 10\nspare NaN\n\
        # TYPE took histogram\ntook_bucket{le=\"1\"} 3\ntook_sum 1\ntook_count 3\n";

    #[test]
    fn every_gauge_and_counter_becomes_a_series_and_parts_do_not() {
        let selected = select(source(), TEXT);
        assert_eq!(values(&selected), [("app_entries_count", 7.0), ("hits_total_count", 10.0)]);
        assert!(matches!(&selected.failures[..], [SourceFailure::NotFinite { name, .. }] if name == "spare"));
    }

    #[test]
    fn a_counter_is_called_one_and_never_judged_as_a_gauge() {
        let judging = Source { judge: vec!["requests_count".to_owned()], ..source() };
        let selected = select(judging, "# TYPE requests counter\nrequests 5\n");
        assert_eq!(values(&selected), [("requests_total_count", 5.0)]);
        assert_eq!(selected.failures, [SourceFailure::Missing("requests_count".to_owned())]);
    }

    #[test]
    fn labels_patterns_and_names_of_ones_own_select() {
        let hot = Source { labels: labels(&[("tier", "hot")]), ..source() };
        assert_eq!(values(&select(hot, TEXT)), [("app_entries_count", 3.0)]);
        let some = Source { record: vec!["hit*".to_owned()], ..source() };
        assert_eq!(values(&select(some, TEXT)), [("hits_total_count", 10.0)]);
        let pick = Pick::Metric { metric: "app_entries".to_owned(), labels: labels(&[("tier", "cold")]) };
        let series = BTreeMap::from([("cold_count".to_owned(), pick)]);
        let picked = Source { record: Vec::new(), series, ..source() };
        assert_eq!(values(&select(picked, TEXT)), [("cold_count", 4.0)]);
    }

    #[test]
    fn what_is_asked_for_and_is_not_there_is_told_once() {
        let pick = Pick::Metric { metric: "nothing".to_owned(), labels: BTreeMap::new() };
        let picked = Source {
            series: BTreeMap::from([("nothing_count".to_owned(), pick)]),
            judge: vec!["sessions_count".to_owned(), "spare_count".to_owned()],
            ..source()
        };
        let failures = select(picked, TEXT).failures;
        let missing: Vec<&SourceFailure> = failures.iter().filter(|failure| failure.name() == "missing").collect();
        assert_eq!(
            missing,
            [&SourceFailure::Missing("nothing".to_owned()), &SourceFailure::Missing("sessions_count".to_owned())]
        );
    }

    #[test]
    fn a_source_with_thousands_of_numbers_is_cut_and_what_is_judged_stays() {
        let text: String = (0..5000).map(|n| format!("n{n} {n}\n")).collect();
        let mut selection = Selection::new(Source { judge: vec!["n4999_count".to_owned()], ..source() });
        for _ in 0..2 {
            let selected = selection.select(&offer::of_exposition(&text).expect("an exposition"));
            assert_eq!(selected.values.len(), MOST_SERIES);
            assert_eq!(values(&selected)[0], ("n4999_count", 4999.0));
            assert_eq!(values(&selected)[99], ("n98_count", 98.0), "the same ones each time");
        }
        assert_eq!(selection.left_out().len(), 10 * MOST_SERIES);
    }

    #[test]
    fn two_names_that_are_spelled_alike_stay_two_things() {
        let mut selection = Selection::new(source());
        let selected = selection.select(&offer::of_exposition("{\"a.b\"} 1\na_b 2\n").expect("an exposition"));
        assert_eq!(values(&selected), [("a_b_count", 1.0)]);
        assert!(selection.left_out().contains("a_b"));
    }

    #[test]
    fn the_heap_stays_the_number_that_it_was_first() {
        let mut selection = Selection::new(Source { record: Vec::new(), ..source() });
        let mut heap = |text: &str| {
            let selected = selection.select(&offer::of_exposition(text).expect("an exposition"));
            (values(&selected).first().map(|(_, value)| *value), selected.heap)
        };
        let inuse = "go_memstats_heap_inuse_bytes 4096\n";
        assert_eq!(heap(inuse), (Some(4096.0), Some("go_memstats_heap_inuse_bytes".to_owned())));
        let both = format!("{inuse}go_memstats_heap_alloc_bytes 1000\n");
        assert_eq!(heap(&both), (Some(4096.0), None));
    }

    #[test]
    fn pointers_find_numbers_and_say_what_is_none() {
        let pointer = |text: &str| Pick::Pointer(text.to_owned());
        let series = BTreeMap::from([
            ("length_count".to_owned(), pointer("/queue/a~1b/0")),
            ("name_count".to_owned(), pointer("/name")),
            ("none_count".to_owned(), pointer("/none")),
        ]);
        let json = Source { record: Vec::new(), series, ..source() };
        let offer = offer::of_document(r#"{"queue": {"a/b": [7]}, "name": "x"}"#, false).expect("a document");
        let selected = Selection::new(json).select(&offer);
        assert_eq!(values(&selected), [("length_count", 7.0)]);
        assert!(matches!(&selected.failures[..], [SourceFailure::Garbage { .. }, SourceFailure::Missing(_)]));
    }

    #[test]
    fn patterns_stand_for_any_characters() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("app_*", "app_x", true),
            ("app_*", "xapp_x", false),
            ("*_bytes", "heap_bytes", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("plain", "plain", true),
            ("plain", "plainer", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_panics_and_no_series_occurs_twice(text in "([a-z{}\"=,._]{1,8} (NaN|[0-9]{1,3})\n){1,30}") {
            if let Ok(offer) = offer::of_exposition(&text) {
                let selected = Selection::new(source()).select(&offer);
                let names: BTreeSet<&str> = selected.values.iter().map(|value| value.series.as_str()).collect();
                prop_assert_eq!(names.len(), selected.values.len());
                prop_assert!(selected.values.iter().all(|value| value.value.is_finite()));
            }
        }
    }
}
