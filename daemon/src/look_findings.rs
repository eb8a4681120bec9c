//! From the looks of a run to who grew: mappings, descriptors, threads; and whether what grew is in use.

use std::collections::BTreeMap;

use soakd_analysis::Quantity;
use soakd_reports::Attribution;

use crate::looks::{Look, LookedAt, LookedAtPath, Mapping};
use crate::progress::clock_face;

/// Shares below this are not named, and no more than so many are.
const SMALLEST_SHARE: f64 = 0.05;
const MOST_NAMED: usize = 6;
/// A reading of touched memory sooner after its clearing says nothing.
const LEAST_WAIT_S: f64 = 1.5;
/// From this share of the growth on that was not touched it is called cold, and up to that one it is called in use.
const COLD_SHARE: f64 = 0.6;
const IN_USE_SHARE: f64 = 0.2;

/// How much of what had come to a mapping when its referenced bits were cleared was not touched since.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cold {
    /// What had come by then, in bytes. What came later was touched when it came, which tells nothing.
    came: f64,
    /// The least of it that can be cold: whatever else is cold was there before.
    low: f64,
    /// The most of it: all that is cold is of it.
    high: f64,
    /// For how long it was waited.
    waited_s: f64,
}

/// What grew between two looks.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    /// Its name, with its process where there are several.
    what: String,
    growth: f64,
    /// How much of it is in use.
    cold: Option<Cold>,
    /// Of a process that was born since, and so all that it has.
    is_new: bool,
}

/// Who grew in `metric`, and what is to be said about whether that memory is in use.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LookFindings {
    /// The parts that grew, the largest first.
    pub attribution: Vec<Attribution>,
    /// A sentence for the evidence of the series.
    pub evidence: Option<String>,
}

/// Compares the first look with the last one; nothing where there are not two.
#[must_use]
pub fn of(looks: &[Look], metric: &str) -> LookFindings {
    let quantity = Quantity::of_metric(metric);
    let Some((parts, from_s, to_s)) = parts(looks, metric) else { return LookFindings::default() };
    let sum: f64 = parts.iter().map(|part| part.growth).sum();
    if !(sum > 0.0) {
        return LookFindings::default();
    }
    let named = parts.iter().take(MOST_NAMED).filter(|part| part.growth / sum >= SMALLEST_SHARE);
    let attribution = named.map(|part| {
        let cold = part.cold.map(|cold| cold.text()).unwrap_or_default();
        let what = format!("{} +{} of +{}{cold}", part.what, quantity.show(part.growth), quantity.show(sum));
        Attribution { what, share: part.growth / sum }
    });
    let evidence = parts.first().map(|first| {
        let in_use = first.cold.and_then(|cold| cold.sentence()).unwrap_or_default();
        format!(
            "from {} to {} {} grew by {} of {}{in_use}",
            clock_face(from_s),
            clock_face(to_s),
            first.what,
            quantity.show(first.growth),
            quantity.show(sum)
        )
    });
    LookFindings { attribution: attribution.collect(), evidence }
}

impl Cold {
    fn is_cold(&self) -> bool {
        self.low >= COLD_SHARE * self.came
    }

    /// Its pages are. What is lost in pieces smaller than a page, between others that are used, is touched with them.
    fn is_in_use(&self) -> bool {
        self.high <= IN_USE_SHARE * self.came
    }

    fn text(&self) -> String {
        let show = |bytes| Quantity::Bytes.show(bytes).to_string();
        let Self { came, low, high, waited_s } = *self;
        if self.is_cold() {
            format!(", at least {} of it not touched in {waited_s:.0} s", show(low))
        } else if self.is_in_use() {
            format!(
                ", of {} that had come all but {} in pages touched again within {waited_s:.0} s",
                show(came),
                show(high)
            )
        } else {
            format!(
                ", between {} and {} of {} that had come not touched in {waited_s:.0} s",
                show(low),
                show(high),
                show(came)
            )
        }
    }

    fn sentence(&self) -> Option<String> {
        let show = |bytes| Quantity::Bytes.show(bytes).to_string();
        let Self { came, low, high, waited_s } = *self;
        if self.is_cold() {
            return Some(format!(
                "; of {} that had come {waited_s:.0} s before the end at least {} was not touched since: nothing uses it, as with \
                 memory that is lost",
                show(came),
                show(low)
            ));
        }
        self.is_in_use().then(|| {
            format!(
                "; of {} that had come {waited_s:.0} s before the end all but {} lies in pages that were touched again: in use as with a \
                 cache, or lost in small pieces among what is",
                show(came),
                show(high)
            )
        })
    }
}

/// The parts of the growth in `metric` from the first look to the last, the largest first, with the times of the two.
fn parts(looks: &[Look], metric: &str) -> Option<(Vec<Part>, f64, f64)> {
    if metric.starts_with("disk_") {
        return paths(looks, metric);
    }
    let has_processes = |look: &&Look| !look.processes.is_empty();
    let base = looks.iter().find(has_processes)?;
    let last = looks.iter().rev().find(has_processes).filter(|last| last.t_s > base.t_s)?;
    let are_several = last.processes.len() > 1;
    let mut parts = Vec::new();
    for now in &last.processes {
        let before = find(base, now);
        let mut add = |what: &str, growth: f64, cold| {
            if growth > 0.0 {
                let of = if are_several { format!(" in `{}` ({})", now.name, now.pid) } else { String::new() };
                parts.push(Part { what: format!("{what}{of}"), growth, cold, is_new: before.is_none() });
            }
        };
        // A process that was born since counts with all it has, one of which a part was not read with nothing.
        if is_memory(metric) {
            let Some(sizes) = &now.mappings else { continue };
            let empty = BTreeMap::new();
            let old = match before.map(|before| before.mappings.as_ref()) {
                Some(None) => continue,
                Some(Some(old)) => old,
                None => &empty,
            };
            for (name, size) in sizes {
                let value = |size: &Mapping| {
                    if metric.contains("anon") || metric.contains("heap") {
                        size.anon_swap_bytes
                    } else {
                        size.rss_bytes
                    }
                };
                let growth = value(size) as f64 - old.get(name).map_or(0, value) as f64;
                add(&quoted(name), growth, cold(looks, base, now, name));
            }
        } else {
            let counts = |process: &LookedAt| match metric.contains("thread") {
                true => process.threads.clone(),
                false => process.descriptors.clone(),
            };
            let Some(numbers) = counts(now) else { continue };
            let old = match before.map(counts) {
                Some(None) => continue,
                Some(Some(old)) => old,
                None => BTreeMap::new(),
            };
            let mut single = BTreeMap::<String, f64>::new();
            for (name, count) in &numbers {
                let growth = *count as f64 - old.get(name).copied().unwrap_or(0) as f64;
                let what = if metric.contains("thread") { format!("threads `{name}`") } else { name.clone() };
                match folder_of(name) {
                    // One descriptor each of many files: what they have in common is their folder.
                    Some(folder) if growth == 1.0 && *count == 1 => *single.entry(folder).or_default() += 1.0,
                    _ => add(&what, growth, None),
                }
            }
            for (folder, growth) in single {
                add(&format!("descriptors of files in `{folder}`"), growth, None);
            }
        }
    }
    // A new worker is no growth, unless more and more of them are what grows.
    let sum = |parts: &[Part], counts: fn(&Part) -> bool| -> f64 {
        parts.iter().filter(|part| counts(part)).map(|part| part.growth).sum()
    };
    if sum(&parts, |part| !part.is_new) >= 0.5 * sum(&parts, |_| true) {
        parts.retain(|part| !part.is_new);
    }
    parts.sort_by(|one, other| other.growth.total_cmp(&one.growth).then_with(|| one.what.cmp(&other.what)));
    Some((parts, base.t_s, last.t_s))
}

/// The named paths that grew from the first look to the last, the largest growth first, with the times of the two.
fn paths(looks: &[Look], metric: &str) -> Option<(Vec<Part>, f64, f64)> {
    let has_paths = |look: &&Look| !look.paths.is_empty();
    let base = looks.iter().find(has_paths)?;
    let last = looks.iter().rev().find(has_paths).filter(|last| last.t_s > base.t_s)?;
    let size = |path: &LookedAtPath| if metric.ends_with("_count") { path.files_count } else { path.bytes } as f64;
    let grown = last.paths.iter().filter_map(|path| {
        let before = base.paths.iter().find(|before| before.path == path.path).map_or(0.0, size);
        let growth = size(path) - before;
        let part = || Part { what: format!("`{}`", path.path.display()), growth, cold: None, is_new: false };
        (growth > 0.0).then(part)
    });
    let mut parts: Vec<Part> = grown.collect();
    parts.sort_by(|one, other| other.growth.total_cmp(&one.growth).then_with(|| one.what.cmp(&other.what)));
    Some((parts, base.t_s, last.t_s))
}

fn find<'a>(look: &'a Look, process: &LookedAt) -> Option<&'a LookedAt> {
    look.processes.iter().find(|other| (other.pid, other.start_ticks) == (process.pid, process.start_ticks))
}

/// Whether mappings can tell who grew in `metric`.
fn is_memory(metric: &str) -> bool {
    metric.ends_with("_bytes")
}

/// The name of a mapping as it is told: `[heap]` and paths in quotation marks, what we call it ourselves without.
fn quoted(name: &str) -> String {
    if name.starts_with(['/', '[']) { format!("`{name}`") } else { name.to_owned() }
}

fn folder_of(name: &str) -> Option<String> {
    let path = name.strip_prefix("descriptors of `/")?.strip_suffix('`')?;
    Some(format!("/{}", path.rsplit_once('/').map_or("", |(folder, _)| folder)))
}

/// How much of what had come to a mapping by the time its referenced bits were cleared was not touched since, from the last look
/// that followed by long enough. `None` where nothing had come by then, or where it is not known what had.
fn cold(looks: &[Look], base: &Look, process: &LookedAt, name: &str) -> Option<Cold> {
    let size_in = |look: &Look| -> Option<Mapping> { find(look, process)?.mappings.as_ref()?.get(name).copied() };
    let (size, at_s, waited_s) = looks.iter().rev().find_map(|look| {
        let waited_s = find(look, process)?.since_cleared_s.filter(|waited_s| *waited_s >= LEAST_WAIT_S)?;
        Some((size_in(look)?, look.t_s, waited_s))
    })?;
    // The look with which they were cleared: the last one that began before.
    let clearing = looks.iter().rev().find(|look| look.t_s <= at_s - waited_s && find(look, process).is_some())?;
    let bytes = |size: Option<Mapping>| size.map_or(0.0, |size| size.rss_bytes as f64);
    let (before, then) = (bytes(size_in(base)), bytes(size_in(clearing)));
    let came = then - before;
    // What was never touched since the clearing was there then.
    let cold = (size.rss_bytes as f64 - size.referenced_bytes as f64).max(0.0);
    (came > 0.0).then(|| Cold { came, low: (cold - before).max(0.0).min(came), high: cold.min(came), waited_s })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::looks::LookWhy;

    const MIB: u64 = 1 << 20;

    fn process(
        heap_mib: u64,
        referenced_mib: u64,
        since_cleared_s: Option<f64>,
        descriptors: &[(&str, u64)],
    ) -> LookedAt {
        let mapping = |mib, referenced_mib| Mapping {
            rss_bytes: mib * MIB,
            anon_swap_bytes: mib * MIB,
            referenced_bytes: referenced_mib * MIB,
        };
        let mappings = [
            ("[heap]".to_owned(), mapping(heap_mib, referenced_mib)),
            ("anonymous mappings".to_owned(), mapping(heap_mib / 20, 0)),
        ];
        LookedAt {
            pid: 7,
            start_ticks: 1,
            name: "server".to_owned(),
            mappings: Some(mappings.into()),
            descriptors: Some(descriptors.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()),
            threads: Some([("worker-…".to_owned(), 2 + heap_mib)].into()),
            failures: Vec::new(),
            since_cleared_s,
        }
    }

    fn look(t_s: f64, process: LookedAt) -> Look {
        Look { t_s, why: LookWhy::End, took_s: 0.001, processes: vec![process], paths: Vec::new() }
    }

    fn whats(findings: &LookFindings) -> Vec<&str> {
        findings.attribution.iter().map(|part| part.what.as_str()).collect()
    }

    /// A base, the look with which bits were cleared, and the last one ten seconds after that.
    fn cleared(base_mib: u64, then_mib: u64, last_mib: u64, referenced_mib: u64) -> [Look; 3] {
        [
            look(6.0, process(base_mib, base_mib, None, &[])),
            look(49.9, process(then_mib, then_mib, None, &[])),
            look(60.0, process(last_mib, referenced_mib, Some(10.0), &[])),
        ]
    }

    #[test]
    fn the_mappings_that_grew_are_named_with_their_share() {
        let findings = of(&cleared(20, 60, 60, 2), "anon_swap_bytes");
        assert_eq!(whats(&findings), ["`[heap]` +40 MiB of +42 MiB, at least 38 MiB of it not touched in 10 s"]);
        assert!(findings.evidence.unwrap().contains("nothing uses it, as with memory that is lost"));
    }

    #[test]
    fn a_cold_leak_and_a_cache_in_use_are_told_apart_by_what_had_come_when_the_bits_were_cleared() {
        // A leak goes on: what came since the clearing was touched when it came.
        let leak = of(&cleared(20, 60, 90, 32), "anon_swap_bytes");
        assert!(whats(&leak)[0].contains("at least 38 MiB of it not touched in 10 s"), "{leak:?}");
        assert!(leak.evidence.unwrap().contains("nothing uses it"));
        // A cache that fills is read all over again.
        let cache = of(&cleared(20, 60, 90, 87), "settled_anon_swap_bytes");
        assert!(
            whats(&cache)[0].contains("of 40 MiB that had come all but 3 MiB in pages touched again within 10 s"),
            "{cache:?}"
        );
        assert!(cache.evidence.unwrap().contains("in use as with a cache, or lost in small pieces"));
        let undecided = of(&cleared(20, 60, 60, 30), "rss_bytes");
        assert!(
            whats(&undecided)[0].contains("between 10 MiB and 30 MiB of 40 MiB that had come not touched"),
            "{undecided:?}"
        );
    }

    #[test]
    fn where_nothing_had_come_or_too_little_time_has_passed_nothing_is_said() {
        let late = of(&cleared(20, 20, 60, 40), "rss_bytes");
        assert!(!whats(&late)[0].contains("touched"), "{late:?}");
        let [base, then, _] = cleared(20, 60, 60, 0);
        let too_soon = of(&[base, then, look(60.0, process(60, 0, Some(0.5), &[]))], "rss_bytes");
        assert!(!whats(&too_soon)[0].contains("touched"), "{too_soon:?}");
    }

    #[test]
    fn descriptors_are_named_by_what_they_stand_for() {
        let before = [("sockets in CLOSE_WAIT", 3), ("descriptors of `/var/log/app.log`", 1), ("pipes", 4)];
        let mut after: Vec<(String, u64)> = vec![
            ("sockets in CLOSE_WAIT".to_owned(), 315),
            ("descriptors of `/var/log/app.log`".to_owned(), 41),
            ("pipes".to_owned(), 4),
        ];
        after.extend((0..50).map(|n| (format!("descriptors of `/tmp/spool/{n}`"), 1)));
        let after: Vec<(&str, u64)> = after.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        let looks = [look(6.0, process(20, 0, None, &before)), look(60.0, process(20, 0, None, &after))];
        assert_eq!(
            whats(&of(&looks, "fds_count")),
            [
                "sockets in CLOSE_WAIT +312 of +402",
                "descriptors of files in `/tmp/spool` +50 of +402",
                "descriptors of `/var/log/app.log` +40 of +402"
            ]
        );
        let looks = [look(6.0, process(20, 0, None, &[])), look(60.0, process(138, 0, None, &[]))];
        assert_eq!(whats(&of(&looks, "threads_count")), ["threads `worker-…` +118 of +118"]);
    }

    #[test]
    fn the_path_that_grew_is_named() {
        let path = |name: &str, bytes, files_count| LookedAtPath { path: name.into(), bytes, files_count };
        let look_at = |t_s, paths| Look { paths, ..look(t_s, process(20, 0, None, &[])) };
        let looks = [
            look_at(6.0, vec![path("/var/log", 5 * MIB, 3), path("/tmp", MIB, 9)]),
            look_at(60.0, vec![path("/var/log", 45 * MIB, 3), path("/tmp", MIB, 30)]),
        ];
        assert_eq!(whats(&of(&looks, "disk_bytes")), ["`/var/log` +40 MiB of +40 MiB"]);
        assert_eq!(whats(&of(&looks, "disk_files_count")), ["`/tmp` +21 of +21"]);
    }

    #[test]
    fn who_vanished_between_two_looks_is_not_named_and_hides_nobody() {
        let other = |heap_mib| LookedAt { pid: 8, name: "helper".to_owned(), ..process(heap_mib, 0, None, &[]) };
        let base =
            Look { processes: vec![process(20, 0, None, &[]), other(40)], ..look(6.0, process(20, 0, None, &[])) };
        let last = look(60.0, process(60, 0, None, &[]));
        let findings = of(&[base, last], "rss_bytes");
        assert_eq!(whats(&findings), ["`[heap]` +40 MiB of +42 MiB"]);
    }

    #[test]
    fn a_worker_that_came_between_two_looks_is_no_growth_beside_one_that_grew() {
        let newcomer = LookedAt { pid: 8, name: "worker".to_owned(), ..process(30, 0, None, &[]) };
        let base = look(6.0, process(20, 0, None, &[]));
        let last = Look { processes: vec![process(60, 0, None, &[]), newcomer.clone()], ..base.clone() };
        let last = Look { t_s: 60.0, ..last };
        let findings = of(&[base.clone(), last.clone()], "rss_bytes");
        assert!(findings.attribution.iter().all(|part| part.what.contains("`server`")), "{findings:?}");
        // Where nothing else grew, it is all that there is to say.
        let last = Look { processes: vec![process(20, 0, None, &[]), newcomer], ..last };
        let findings = of(&[base, last], "rss_bytes");
        assert!(whats(&findings)[0].contains("in `worker` (8)"), "{findings:?}");
    }

    #[test]
    fn without_two_looks_or_without_growth_nobody_is_named() {
        let one = look(6.0, process(20, 20, None, &[]));
        let empty = Look { processes: Vec::new(), ..look(60.0, process(60, 0, None, &[])) };
        for looks in [
            vec![],
            vec![one.clone()],
            vec![one.clone(), empty],
            vec![one.clone(), look(60.0, process(10, 0, None, &[]))],
        ] {
            assert_eq!(of(&looks, "anon_swap_bytes"), LookFindings::default());
        }
        // What shrank has no growth to be called cold, also where a look at what was touched followed the first.
        let shrunk = [look(6.0, process(60, 60, None, &[])), look(60.0, process(10, 2, Some(10.0), &[]))];
        assert_eq!(of(&shrunk, "anon_swap_bytes"), LookFindings::default());
        // One whose mappings could not be read the first time would seem to have grown by all it has.
        let unread = LookedAt { mappings: None, ..process(20, 0, None, &[]) };
        assert_eq!(
            of(&[look(6.0, unread), look(60.0, process(60, 0, None, &[]))], "rss_bytes"),
            LookFindings::default()
        );
    }
}
