"use strict";
// Makes charts of the data in the page. Without this script the drawings stay, and say the same.
(() => {
  const darkness = matchMedia("(prefers-color-scheme: dark)");
  const paints = () => darkness.matches
    ? { ink: "#9ea7b4", grid: "#343a44", sampled: "#6eaaf5", model: "#ff9646", band: "rgba(255,150,70,.18)", tolerance: "#73c373", limit: "#ff6e78", warmup: "rgba(150,160,178,.16)", gap: "rgba(255,110,120,.16)", ahead: "rgba(150,160,178,.08)", event: "#be96eb" }
    : { ink: "#5c6470", grid: "#e2e6eb", sampled: "#2563af", model: "#c44e0a", band: "rgba(208,84,12,.15)", tolerance: "#3c7d3c", limit: "#be1e2d", warmup: "rgba(120,130,145,.16)", gap: "rgba(190,30,45,.14)", ahead: "rgba(120,130,145,.07)", event: "#7846a0" };

  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const trimmed = (value, digits) => Number(value.toFixed(digits)).toString();
  const shown = (unit, value, step) => {
    if (value == null) return "–";
    let factor = 1, name = "";
    if (unit === "bytes") {
      let place = 0;
      while (Math.abs(value) / factor >= 999.5 && place + 1 < UNITS.length) { factor *= 1024; place += 1; }
      name = " " + UNITS[place];
    }
    const fine = step ? Math.max(0, Math.ceil(-Math.log10(step / factor) - 1e-9)) : Math.abs(value / factor) < 100 ? 2 : 1;
    return trimmed(value / factor, Math.min(fine, 6)) + name;
  };
  const clock = (seconds) => {
    const whole = Math.floor(Math.max(0, seconds) + 1e-9);
    const two = (number) => String(number).padStart(2, "0");
    return Math.floor(whole / 3600) + ":" + two(Math.floor(whole / 60) % 60) + ":" + two(whole % 60);
  };
  const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800];
  // Bytes have round places in powers of two, everything else in powers of ten.
  const steps = (unit) => (u, axis, low, high, room) => {
    let factor = 1;
    if (unit === "bytes") while (Math.max(Math.abs(low), Math.abs(high)) / factor >= 999.5) factor *= 1024;
    const least = (high - low) / factor / Math.max(2, Math.floor(u.bbox.height / devicePixelRatio / 44));
    const power = Math.pow(10, Math.floor(Math.log10(least)));
    const step = factor * power * ([1, 2, 5, 10].find((round) => round * power >= least) || 10);
    return unit === "count" ? Math.max(1, step) : step;
  };
  const places = (u, axis, low, high, step) => {
    const found = [];
    for (let place = Math.ceil(low / step); place * step <= high && found.length < 40; place += 1) found.push(place * step);
    return found;
  };

  const draw = (figure, data) => {
    const live = document.createElement("div");
    live.className = "live";
    live.setAttribute("aria-hidden", "true");
    figure.insertBefore(live, figure.querySelector(".still"));
    const tools = document.createElement("div");
    tools.className = "tools live";
    figure.insertBefore(tools, live);
    const whole = [data.t[0], data.t[data.t.length - 1]];
    let chart;

    const zone = (u, from, to, paint) => {
      const left = Math.max(u.valToPos(from, "x", true), u.bbox.left);
      const right = Math.min(u.valToPos(to, "x", true), u.bbox.left + u.bbox.width);
      if (right <= left) return;
      u.ctx.fillStyle = paint;
      u.ctx.fillRect(left, u.bbox.top, Math.max(right - left, 1), u.bbox.height);
    };
    const behind = (u) => {
      const paint = paints();
      if (data.warmup) zone(u, data.warmup[0], data.warmup[1], paint.warmup);
      for (const [from, to] of data.gaps) zone(u, from, to, paint.gap);
      if (data.end != null) zone(u, data.end, whole[1], paint.ahead);
    };
    const above = (u) => {
      const paint = paints(), ctx = u.ctx, size = devicePixelRatio;
      const { left, top, width, height } = u.bbox;
      ctx.save();
      ctx.beginPath();
      ctx.rect(left, top, width, height);
      ctx.clip();
      ctx.font = 11 * size + "px system-ui, sans-serif";
      let free = -Infinity;
      for (const [at, kind] of data.events) {
        const x = u.valToPos(at, "x", true);
        ctx.strokeStyle = ctx.fillStyle = paint.event;
        ctx.lineWidth = size;
        ctx.setLineDash([2 * size, 3 * size]);
        ctx.beginPath();
        ctx.moveTo(x, top);
        ctx.lineTo(x, top + height);
        ctx.stroke();
        if (x >= free) { ctx.fillText(kind, x + 4 * size, top + 12 * size); free = x + ctx.measureText(kind).width + 12 * size; }
      }
      if (data.limit != null) {
        const y = u.valToPos(data.limit, "y", true);
        ctx.strokeStyle = ctx.fillStyle = paint.limit;
        ctx.setLineDash([]);
        ctx.lineWidth = 1.5 * size;
        ctx.beginPath();
        ctx.moveTo(left, y);
        ctx.lineTo(left + width, y);
        ctx.stroke();
        ctx.fillText("limit " + shown(data.unit, data.limit), left + 6 * size, y - 5 * size);
      }
      ctx.restore();
    };

    const make = () => {
      const paint = paints();
      const value = (u, at) => shown(data.unit, at);
      const line = (label, stroke, more) => Object.assign({ label, stroke, value, points: { show: false }, width: 1.5, spanGaps: true }, more);
      const options = {
        width: live.clientWidth || 320,
        height: Math.max(220, Math.min(360, (live.clientWidth || 320) * 0.42)),
        cursor: { sync: { key: "soakd" }, drag: { x: true, y: false, setScale: true } },
        scales: { x: { time: false }, y: { range: (u, low, high) => { const [first, last] = u.series[0].idxs; if (first === 0 && last === data.t.length - 1) [low, high] = data.range; const room = (high - low || Math.abs(high) || 1) * 0.08; return [low >= 0 ? Math.max(0, low - room) : low - room, high + room]; } } },
        axes: [
          { stroke: paint.ink, grid: { show: false }, ticks: { stroke: paint.grid }, incrs: TIMES, values: (u, all) => all.map(clock), space: 76 },
          { stroke: paint.ink, grid: { stroke: paint.grid, width: 1 }, ticks: { show: false }, size: 76, incrs: undefined, splits: (u, i, low, high) => places(u, i, low, high, steps(data.unit)(u, i, low, high)), values: (u, all) => all.map((at) => shown(data.unit, at, all.length > 1 ? all[1] - all[0] : undefined)) },
        ],
        series: [
          { label: "time", value: (u, at) => (at == null ? "–" : clock(at)) },
          line("sampled", paint.sampled, { width: 1.4 }),
          line("model " + data.model_name, paint.model, { width: 2 }),
          line("low", paint.band, { width: 0 }),
          line("high", paint.band, { width: 0 }),
          line("tolerated", paint.tolerance, { dash: [6, 4] }),
        ],
        bands: [{ series: [4, 3], fill: paint.band }],
        hooks: { drawClear: [behind], draw: [above] },
      };
      chart = new uPlot(options, [data.t, data.sampled, data.model, data.low, data.high, data.tolerance], live);
    };
    figure.classList.add("drawn");
    make();

    const zoom = (factor) => {
      const { min, max } = chart.scales.x;
      const middle = (min + max) / 2, half = ((max - min) / 2) * factor;
      chart.setScale("x", { min: Math.max(whole[0], middle - half), max: Math.min(whole[1], middle + half) });
    };
    for (const [text, label, act] of [["+", "zoom in", () => zoom(0.5)], ["−", "zoom out", () => zoom(2)], ["whole run", "show the whole run", () => chart.setScale("x", { min: whole[0], max: whole[1] })]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.setAttribute("aria-label", label + ": " + data.name);
      button.addEventListener("click", act);
      tools.append(button);
    }
    const anew = () => { chart.destroy(); make(); };
    darkness.addEventListener("change", anew);
    new ResizeObserver(() => { if (live.clientWidth && Math.abs(live.clientWidth - chart.width) > 1) anew(); }).observe(live);
  };

  for (const block of document.querySelectorAll('figure script[type="application/json"]')) {
    const data = JSON.parse(block.textContent);
    if (data.t.length > 1) draw(block.parentElement, data);
  }
  document.documentElement.dataset.drawn = String(document.querySelectorAll("figure.drawn canvas").length);
})();
