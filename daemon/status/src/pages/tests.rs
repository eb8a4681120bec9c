use proptest::prelude::*;
use soakd_reports::{Report, read};

use super::*;
use crate::past::{DrawnRun, Happened, Nights, PastRun, ProfileHistory};
use crate::samples;
use crate::status::Status;

fn view() -> View {
    View { now: samples::now(), zone: TimeZone::UTC, version: "0.1.0".to_owned() }
}

/// Every page, of everything that the samples have.
fn pages(status: &Status, drawn: &[DrawnRun], nights: &[Nights], words: &str) -> Vec<(&'static str, Page)> {
    let view = View { version: words.to_owned(), ..view() };
    let events = [Happened { t_s: 12.0, kind: words.to_owned(), text: words.to_owned() }];
    let budgets = [format!("`growth`: `rss_bytes` at most 50 MiB {words}")];
    let history = ProfileHistory {
        nights: nights[0].clone(),
        description: words.to_owned(),
        changes: vec![words.to_owned()],
        trends: samples::history()
            .trends
            .into_iter()
            .map(|trend| soakd_reports::TrendChart { title: words.to_owned(), about: words.to_owned(), ..trend })
            .collect(),
    };
    vec![
        ("overview", overview(&view, &Overview { status, drawn, nights })),
        (
            "running",
            running(&view, &Running { run: &status.running[0], drawn: &drawn[0], budgets: &budgets, events: &events }),
        ),
        ("queue", queue(&view, status, &status.queue)),
        ("schedule", schedule(&view, status)),
        ("profile", profile(&view, &history)),
        ("problem", problem(&view, words, words)),
    ]
}

/// The samples with all that comes from outside replaced.
fn called(name: &str) -> Vec<(&'static str, Page)> {
    let (mut status, mut drawn, mut nights) = (samples::busy(), samples::drawn(), samples::nights());
    let text = || name.to_owned();
    let daemon = &mut status.daemon;
    (daemon.version, daemon.state, daemon.config) = (text(), text(), Some(text()));
    (daemon.held_back, daemon.remarks) = (Some(text()), vec![text()]);
    for (run, drawn) in status.running.iter_mut().zip(&mut drawn) {
        (run.id, run.profile, run.target, run.warnings) = (text(), text(), text(), vec![text()]);
        run.watch = run.watch.as_ref().map(|_| text());
        drawn.run = text();
        for (series, drawn) in run.series.iter_mut().zip(&mut drawn.series) {
            (series.metric, drawn.metric) = (text(), text());
            series.source = series.source.as_ref().map(|_| text());
            drawn.source.clone_from(&series.source);
            series.model = Some(text());
        }
    }
    for job in &mut status.queue {
        (job.name, job.message, job.submission.profile) = (text(), Some(text()), Some(text()));
        job.run = Some(text());
    }
    for entry in &mut status.schedule {
        (entry.name, entry.when, entry.time_zone) = (text(), text(), text());
    }
    for watch in &mut status.watches {
        (watch.name, watch.target, watch.summary, watch.waiting) = (text(), text(), Some(text()), Some(text()));
        watch.run = Some(text());
    }
    let rename = |run: &mut PastRun| (run.id, run.summary, run.commit) = (text(), Some(text()), Some(text()));
    for nights in &mut nights {
        nights.profile = text();
        nights.runs.iter_mut().for_each(rename);
    }
    pages(&status, &drawn, &nights, name)
}

/// The tags of a page with the names of their attributes, in order: what its structure is.
fn structure(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let mut quoted = false;
        let end = rest.find(|character| {
            quoted ^= character == '"';
            character == '>' && !quoted
        });
        let (tag, after) = rest.split_at(end.expect("a tag that ends"));
        let names: Vec<&str> = tag.split('"').step_by(2).collect();
        let name = names.concat();
        // What stands in backticks is set as code, wherever it comes from.
        if !matches!(name.as_str(), "code" | "/code") {
            tags.push(name.clone());
        }
        rest = after;
        for raw in ["style", "script"] {
            if name == raw {
                let end = rest.find(&format!("</{raw}>")).expect("an end");
                rest = &rest[end..];
            }
        }
    }
    tags
}

#[test]
fn every_page_is_whole_and_names_all_that_it_needs() {
    for (name, page) in called("demo") {
        let html = &page.html;
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">") && html.ends_with("</html>\n"), "{name}");
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert!(html.contains("<a class=\"skip\" href=\"#main\">") && html.contains("<main id=\"main\""), "{name}");
        let inside = html.split("<body>").nth(1).and_then(|body| body.split("<script>").next()).expect("a body");
        for other in ["NaN", "http://", "https://", "<img", "<iframe", "<form", " style=", " onclick"] {
            assert!(!inside.contains(other), "{name}: {other}");
        }
        assert!(page.policy.contains("default-src 'none'") && page.policy.contains("frame-ancestors 'none'"), "{name}");
        let tables = html.matches("<table>").count();
        assert_eq!(html.matches("<caption>").count(), tables, "{name}");
    }
}

#[test]
fn pages_that_change_do_so_without_a_script_too() {
    for (name, page) in called("demo") {
        let is_live = ["overview", "running", "queue", "schedule"].contains(&name);
        assert_eq!(page.html.contains("<noscript><meta http-equiv=\"refresh\""), is_live, "{name}");
        assert_eq!(page.html.contains("<main id=\"main\" tabindex=\"-1\" data-live>"), is_live, "{name}");
    }
}

#[test]
fn the_overview_tells_what_matters() {
    let (status, drawn, nights) = (samples::busy(), samples::drawn(), samples::nights());
    let html = overview(&view(), &Overview { status: &status, drawn: &drawn, nights: &nights }).html;
    for text in [
        "3 runs go on, 1 of them shows a leak; 2 jobs wait. 1 target is not watched now.",
        "<dt>Growth</dt><dd>3.1 MiB/h <small>(2.8 to 3.4, 95 %)</small></dd>",
        "<dt>Limit in</dt><dd>5.2 h <small>(4.7 h to 6.1 h)</small></dd>",
        "<span aria-hidden=\"true\">▲</span> leak",
        "2.1 h of 8 h",
        "<progress max=\"100\" value=\"26\"",
        "<time datetime=\"2026-11-27T01:00:00Z\">Fri 27 Nov, 01:00 UTC</time>, <span class=\"away\">in 13 h</span>",
        "switched off",
        "14.2 MiB",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert_eq!(html.matches("class=\"square ").count(), 30 + 9 + 6, "a square for each run, and the legend");
    let idle = samples::idle();
    let html = overview(&view(), &Overview { status: &idle, drawn: &[], nights: &[] }).html;
    assert!(html.contains("Nothing runs now.") && html.contains("No run has ended yet."));
}

#[test]
fn a_run_that_has_ended_is_its_report() {
    let verdict = read(include_str!("../../../../reports/examples/fail.json")).expect("a verdict");
    let page = finished(&view(), &Report::new(&verdict)).expect("a page");
    for text in ["<strong>fail</strong>", "What this means", "/report/junit\">junit</a>", "<nav aria-label=\"Pages\">"]
    {
        assert!(page.html.contains(text), "{text}");
    }
    assert_eq!(page.html.matches("<h1").count(), 1);
}

#[test]
fn hostile_names_stay_text() {
    let plain = called("demo");
    for evil in [
        "</script><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "--><!--</style></title></main>",
        "&lt;b&gt;\u{202e}\u{1b}[31m",
    ] {
        for ((name, plain), (_, page)) in plain.iter().zip(called(evil)) {
            assert_eq!(structure(&page.html), structure(&plain.html), "{name} of {evil}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn no_name_changes_what_a_page_is_made_of(name in "[^`\"]{1,30}") {
        for ((page, plain), (_, shown)) in called("demo").iter().zip(called(&name)) {
            prop_assert_eq!(structure(&shown.html), structure(&plain.html), "{}", page);
        }
    }
}

/// Writes the pages to look at: `SOAKD_PAGES=DIR cargo test -p soakd-status pages_to_look_at`.
#[test]
fn pages_to_look_at() {
    let (status, drawn, nights) = (samples::busy(), samples::drawn(), samples::nights());
    let mut all = pages(&status, &drawn, &nights, "Under the load of a Monday.");
    all.push(("profile", profile(&view(), &samples::history())));
    let verdict = read(include_str!("../../../../reports/examples/fail.json")).expect("a verdict");
    all.push(("finished", finished(&view(), &Report::new(&verdict)).expect("a page")));
    let idle = samples::idle();
    all.push(("idle", overview(&view(), &Overview { status: &idle, drawn: &[], nights: &[] })));
    assert!(all.iter().all(|(_, page)| page.html.len() < 1_000_000));
    if let Some(folder) = std::env::var_os("SOAKD_PAGES") {
        for (name, page) in all {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.html")), page.html).expect("written");
        }
    }
}
