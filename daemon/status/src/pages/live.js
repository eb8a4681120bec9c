// Times in the zone of the viewer; and, on pages that change, what has changed put in its place.
(() => {
  "use strict";
  const wording = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.getAttribute("datetime"));
      if (!Number.isNaN(at.getTime())) {
        time.setAttribute("title", time.textContent);
        time.textContent = wording.format(at);
      }
    }
  };
  localise(document);
  const main = document.querySelector("main[data-live]"), link = document.getElementById("link");
  if (!main) return;
  const sheet = "<style>" + document.querySelector("style").textContent + "</style>";

  // Makes `old` like `fresh`, and touches nothing that is alike: what has the focus keeps it, what is read aloud is read once.
  const become = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const olds = [...old.childNodes], freshes = [...fresh.childNodes];
    freshes.forEach((child, place) => (place < olds.length ? become(olds[place], child) : old.append(child)));
    olds.slice(freshes.length).forEach((child) => child.remove());
  };

  const say = (state, text) => {
    link.className = "link " + state;
    if (link.textContent !== text) link.textContent = text;
  };

  const LEAST_MS = 1000, IDLE_MS = 15000;
  let asked = 0, timer = 0, busy = false, again = false;
  const refresh = async () => {
    clearTimeout(timer);
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    asked = Date.now();
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(answer.statusText);
      const text = await answer.text();
      // A run that has ended has another page, that of its report, and a newer daemon another look: neither is for this one.
      if (!text.includes(sheet) || !/<main [^>]*data-live>/.test(text)) {
        location.reload();
        return;
      }
      const page = new DOMParser().parseFromString(text, "text/html");
      const fresh = page.querySelector("main");
      localise(page);
      become(main, fresh);
      const foot = document.querySelector("footer.site"), freshFoot = page.querySelector("footer.site");
      if (foot && freshFoot) become(foot, freshFoot);
      if (document.title !== page.title) document.title = page.title;
      say("on", "Live");
    } catch {
      say("off", "Not connected: this is how it was");
    }
    busy = false;
    if (again) soon();
    else timer = setTimeout(refresh, IDLE_MS);
  };
  const soon = () => {
    if (document.hidden) return;
    clearTimeout(timer);
    timer = setTimeout(refresh, Math.max(0, asked + LEAST_MS - Date.now()));
  };

  const events = new EventSource("/api/v1/events");
  for (const kind of ["status", "run", "job", "run_ended", "watch", "reloaded", "start_over"]) events.addEventListener(kind, soon);
  events.addEventListener("open", () => say("on", "Live"));
  events.addEventListener("error", () => {
    say("off", "Not connected: this is how it was");
    soon();
  });
  document.addEventListener("visibilitychange", soon);
  timer = setTimeout(refresh, IDLE_MS);
})();
