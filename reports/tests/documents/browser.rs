//! The page in a real browser: it draws its charts, complains of nothing, and fits a phone.

use std::path::Path;
use std::process::{Command, Stdio};

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

/// What the harness found in `page` at a width, and what the browser said meanwhile.
fn seen(folder: &Path, name: &str, wide: u32) -> (String, String) {
    let harness = folder.join(format!("{name}-{wide}.html"));
    let text = HARNESS.replace("PAGE", &format!("{name}.html")).replace("WIDE", &wide.to_string());
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
            let (found, said) = seen(&folder, name, *wide);
            assert_eq!(found, format!("drawn={charts} painted={charts} over=0 images=0 ."), "{name} at {wide}: {said}");
            assert!(!said.contains("CONSOLE"), "{name}: {said}");
        }
    }
}
