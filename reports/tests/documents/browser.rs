//! The page in a real browser: it draws its charts, complains of nothing, and fits a phone.

use std::path::Path;
use std::process::{Command, Stdio};

use soakd_reports::{Report, renderer};

use crate::formats::{has, rendered, scratch};
use crate::rendering::hostile;
use crate::{cases, recordings};

/// Shows a page in a frame as wide as a phone, and writes what it found there into itself.
const HARNESS: &str = r##"<!doctype html><meta charset="utf-8"><title>harness</title>
<iframe src="PAGE" width="WIDE" height="800"></iframe><pre id="found"></pre>
<script>
const frame = document.querySelector("iframe");
const look = () => {
  const page = frame.contentDocument && frame.contentDocument.documentElement;
  if (!page || page.dataset.drawn === undefined) return setTimeout(look, 20);
  const painted = [...frame.contentDocument.querySelectorAll("canvas")].filter((canvas) => {
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return data.some((value) => value !== 0);
  });
  document.querySelector("#found").textContent = [
    "drawn=" + page.dataset.drawn, "painted=" + painted.length, "over=" + (page.scrollWidth - page.clientWidth),
    "images=" + frame.contentDocument.querySelectorAll("img,iframe,object,embed,a,form").length, "."].join(" ");
};
look();
</script>"##;

/// Presses the buttons of the first chart, and tells after each whether it shows what it showed at first.
const PRESSES: &str = r##"<!doctype html><meta charset="utf-8"><title>harness</title>
<iframe src="PAGE" width="WIDE" height="800"></iframe><pre id="found"></pre>
<script>
const frame = document.querySelector("iframe");
const soon = () => new Promise((done) => setTimeout(done, 200));
const look = async () => {
  const page = frame.contentDocument && frame.contentDocument.documentElement;
  if (!page || page.dataset.drawn === undefined) return setTimeout(look, 20);
  const figure = frame.contentDocument.querySelector("figure.drawn");
  const picture = () => figure.querySelector("canvas").toDataURL();
  await soon();
  const whole = picture(), said = [];
  for (const button of ["zoom in", "zoom in", "zoom out", "zoom out", "zoom out", "zoom in", "show the whole run"]) {
    figure.querySelector(`button[aria-label^="${button}:"]`).click();
    await soon();
    said.push(picture() === whole ? "whole" : "part");
  }
  document.querySelector("#found").textContent = said.join(" ");
};
look();
</script>"##;

/// What the harness found in `page` at a width, and what the browser said meanwhile.
fn seen(folder: &Path, name: &str, wide: u32, harness: &str) -> (String, String) {
    let text = harness.replace("PAGE", &format!("{name}.html")).replace("WIDE", &wide.to_string());
    let harness = folder.join(format!("harness-{name}-{wide}.html"));
    std::fs::write(&harness, text).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--allow-file-access-from-files", "--enable-logging=stderr", "--virtual-time-budget=20000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--dump-dom"])
        .arg(format!("file://{}", harness.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = page.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split('<').next());
    (found.unwrap_or_default().to_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_example_is_drawn_without_a_complaint_and_fits_a_phone() {
    if !has("chromium", "chromium") {
        return;
    }
    let folder = scratch("pages");
    let evil = hostile("x</script><img src=x onerror=alert(1)><!--\u{1b}]0;y\u{7}`'\"&\u{202e}");
    let all = cases::all().into_iter().map(|(name, _)| (name, cases::verdict(name)));
    for (name, verdict) in all.chain([("hostile", evil)]) {
        std::fs::write(folder.join(format!("{name}.html")), rendered(&verdict, "html")).unwrap();
        let recording = recordings::of(&verdict);
        let charts = verdict.series.iter().filter(|series| recording.of(series).is_some()).count();
        let widths: &[u32] = if matches!(name, "fail" | "hostile") { &[360, 1100] } else { &[360] };
        for wide in widths {
            let (found, said) = seen(&folder, name, *wide, HARNESS);
            assert_eq!(found, format!("drawn={charts} painted={charts} over=0 images=0 ."), "{name} at {wide}: {said}");
            assert!(!said.contains("CONSOLE"), "{name}: {said}");
        }
    }
}

#[test]
fn a_page_without_samples_is_shown_without_a_complaint() {
    if !has("chromium", "chromium") {
        return;
    }
    let folder = scratch("pages-without-samples");
    for name in ["fail", "interrupted"] {
        let verdict = cases::verdict(name);
        let page = renderer("html").unwrap().render(&Report::new(&verdict)).unwrap();
        std::fs::write(folder.join(format!("{name}.html")), page).unwrap();
        let (found, said) = seen(&folder, name, 360, HARNESS);
        assert_eq!(found, "drawn=0 painted=0 over=0 images=0 .", "{name}: {said}");
        assert!(!said.contains("CONSOLE"), "{name}: {said}");
    }
}

#[test]
fn buttons_show_a_part_of_a_chart_and_the_whole_again() {
    if !has("chromium", "chromium") {
        return;
    }
    let folder = scratch("pages-with-buttons");
    std::fs::write(folder.join("fail.html"), rendered(&cases::verdict("fail"), "html")).unwrap();
    let (found, said) = seen(&folder, "fail", 1100, PRESSES);
    // In, in, out, out and beyond the whole, which is as far as it goes, in, and back at once.
    assert_eq!(found, "part part part whole whole part whole", "{said}");
    assert!(!said.contains("CONSOLE"), "{said}");
}
