// Charts with Observable Plot, from their data in the page. The library is unpacked when there is one.
"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("chart-data").textContent);
  const color = (series) => `var(--series-${series})`;
  const shared = { style: { background: "none", fontSize: "11px", overflow: "visible" } };
  const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const LABEL = 16;  // characters
  const margin = (rows, most) => 14 + 6.3 * Math.max(4, ...rows.map((row) => cut(row, most).length));
  const rule = { stroke: "var(--ink)", strokeDasharray: "3 2", strokeOpacity: 0.7 };
  // The ends of an axis, which has a length even where all values are equal.
  const span = (values) => {
    const low = Math.min(...values), high = Math.max(...values);
    return [low, high > low ? high : low + 1];
  };

  // Within a row, each run has its own line.
  const shift = (chart, point, step) => (point.of - (chart.runs - 1) / 2) * step;
  function byRun(chart, step, marks) {
    return [...Array(chart.runs).keys()].flatMap((run) => marks(
      chart.points.filter((point) => point.of === run), shift(chart, { of: run }, step)));
  }

  const draw = {
    dots(chart, width) {
      const row = chart.runs > 1 ? 9 * chart.runs + 7 : 18, most = chart.zero ? Math.max(LABEL, Math.floor(width / 16)) : LABEL;
      const ends = chart.points.flatMap((point) => [point.low ?? point.value, point.value, point.high ?? point.value]);
      ends.push(...chart.chance.map((point) => point.value), ...(chart.zero ? [0] : []));
      return Plot.plot({
        ...shared, width, height: row * chart.rows.length + 46, marginLeft: margin(chart.rows, most), marginTop: 26, marginRight: 14,
        x: { axis: "top", grid: true, nice: true, ticks: 5, tickSize: 0, label: null, domain: span(ends), clamp: true },
        y: { domain: chart.rows, label: null, tickSize: 0, tickFormat: (name) => cut(name, most), padding: 0 },
        marks: [
          (chart.bands ?? []).map((half) => Plot.rectX([half], {
            x1: () => -half, x2: half, fill: "var(--muted)", fillOpacity: 0.1,
          })),
          Plot.ruleX(chart.zero ? [0] : [], { stroke: "var(--muted)" }),
          Plot.tickX(chart.chance, { x: "value", y: "row", ...rule }),
          byRun(chart, 9, (points, dy) => [
            Plot.ruleY(points.filter((point) => point.low !== null), {
              x1: "low", x2: "high", y: "row", dy, stroke: (point) => color(point.series), strokeWidth: 3.5, strokeOpacity: 0.4,
            }),
            Plot.dot(points, {
              x: "value", y: "row", dy, r: 3, stroke: (point) => color(point.series), strokeWidth: 1.2, ariaLabel: "hint",
              fill: (point) => (point.hollow ? "var(--paper)" : color(point.series)),
            }),
          ]),
        ],
      });
    },
    bars(chart, width) {
      const row = chart.runs > 1 ? 11 * chart.runs + 9 : 24, inset = chart.runs > 1 ? (row - 10) / 2 : 4;
      return Plot.plot({
        ...shared, width, height: row * chart.rows.length + 40, marginLeft: margin(chart.rows, LABEL), marginRight: 40, marginTop: 22,
        x: {
          axis: "top", grid: true, nice: true, ticks: 5, tickSize: 0, label: null, domain: span([0, ...chart.points.map((point) => point.value)]),
          insetLeft: chart.points.some((point) => point.value < 0) ? 36 : 0,
        },
        y: { domain: chart.rows, label: null, tickSize: 0, padding: 0, tickFormat: (name) => cut(name, LABEL) },
        marks: [
          byRun(chart, 11, (points, dy) => [
            Plot.barX(points, {
              x: "value", y: "row", dy, insetTop: inset, insetBottom: inset, fill: (point) => color(point.series), ariaLabel: "hint",
            }),
            Plot.text(points, {
              x: "value", y: "row", dy, dx: 4, text: "text", textAnchor: "start",
              filter: (point) => point.value >= 0,
            }),
            Plot.text(points, {
              x: "value", y: "row", dy, dx: -4, text: "text", textAnchor: "end",
              filter: (point) => point.value < 0,
            }),
          ]),
          Plot.ruleX([0], { stroke: "var(--muted)" }),
        ],
      });
    },
    training(chart, width) {
      const holder = document.createElement("div");
      chart.panels.forEach((panel, index) => {
        const points = panel.points.map(([step, value]) => ({
          step, value, hint: `${panel.title}\n${value.toFixed(panel.digits)} at step ${step.toLocaleString("en")}`,
        }));
        const loss = panel.title === "loss", last = index === chart.panels.length - 1;
        holder.append(Plot.plot({
          ...shared, width, height: loss ? 130 : 100, marginLeft: 44, marginBottom: last ? 34 : 20, marginTop: 20,
          x: { label: last ? "step" : null, ticks: 4 }, y: { grid: true, ticks: 4, nice: true, label: panel.title, zero: loss },
          marks: [
            Plot.lineY(points, { x: "step", y: "value", stroke: color(index + 1), strokeWidth: 1.6 }),
            Plot.dot(loss ? [] : points, { x: "step", y: "value", r: 3, fill: color(index + 1), ariaLabel: "hint" }),
            Plot.dot(loss ? [] : points.filter((point) => point.step === chart.chosen), {
              x: "step", y: "value", r: 6, stroke: color(index + 1),
            }),
            Plot.text(loss ? [] : points.filter((point) => point.step === chart.chosen), {
              x: "step", y: "value", dy: -12, text: () => "kept",
            }),
          ],
        }));
      });
      return holder;
    },
    layers(chart, width) {
      const lines = chart.lines.flatMap((line) => line.values.map((value, layer) => ({ layer, value, name: line.name })));
      const taken = chart.lines.map((line) => ({
        layer: line.taken, value: line.values[line.taken], hint: `${line.name}\n${line.values[line.taken].toFixed(chart.digits)} at layer ${line.taken}`,
      }));
      const mean = chart.mean.map((value, layer) => ({ layer, value, hint: `mean of languages\n${value.toFixed(chart.digits)} at layer ${layer}` }));
      return Plot.plot({
        ...shared, width, height: 210, marginLeft: 36, marginTop: 14,
        x: { label: "layer (0: embeddings)", tickFormat: "d", ticks: Math.min(12, mean.length), labelArrow: "none" },
        y: { grid: true, nice: true, ticks: 5, label: null },
        marks: [
          Plot.lineY(lines, { x: "layer", y: "value", z: "name", stroke: "var(--muted)", strokeOpacity: 0.35 }),
          Plot.dot(taken, { x: "layer", y: "value", r: 2.6, fill: "var(--muted)", ariaLabel: "hint" }),
          Plot.lineY(mean, { x: "layer", y: "value", stroke: color(chart.series), strokeWidth: 2.2 }),
          Plot.dot(mean, { x: "layer", y: "value", r: 2.6, fill: color(chart.series), ariaLabel: "hint" }),
        ],
      });
    },
    lines(chart, width) {
      const points = [...chart.points].sort((a, b) => a.x - b.x), numbers = [...new Set(points.map((point) => point.x))];
      const least = Math.min(...numbers.filter((value) => value > 0)), few = numbers.length <= 7 ? numbers : undefined;
      const scale = { symlog: { type: "symlog", constant: least }, log: { type: "log" }, linear: {} }[chart.scale];
      const short = chart.scale !== "linear" || Math.max(...numbers) >= 10000 ? size : undefined;
      // More lines than there are colours are grey, and named at their ends.
      const stroke = (point) => (chart.many ? "var(--muted)" : color(point.series));
      const height = chart.many ? Math.max(420, width * 0.7) : Math.max(230, width * 0.55);
      return Plot.plot({
        ...shared, width, height: Math.min(chart.many ? 560 : 340, height), inset: 6,
        marginLeft: 44, marginRight: chart.many ? 90 : 18, marginBottom: 38, marginTop: 24,
        x: { ...scale, label: chart.x, labelArrow: "none", ticks: few ?? 6, tickFormat: short },
        y: { grid: true, nice: true, ticks: 5, label: chart.y, labelArrow: "none" },
        marks: [
          Plot.areaY(points.filter((point) => !chart.many && point.low !== null && point.high !== null), {
            x: "x", y1: "low", y2: "high", z: "of", fill: stroke, fillOpacity: 0.16,
          }),
          Plot.lineY(points, { x: "x", y: "y", z: "of", stroke, strokeWidth: chart.many ? 1 : 1.8, strokeOpacity: chart.many ? 0.5 : 1 }),
          Plot.dot(points, { x: "x", y: "y", r: chart.many ? 2.4 : 3, fill: stroke, ariaLabel: "hint" }),
          Plot.text(chart.many ? ends(points) : [], { x: "x", y: "y", text: (point) => cut(point.name), dx: 6, textAnchor: "start" }),
        ],
      });
    },
    scatter(chart, width) {
      const holder = document.createElement("div"), select = document.createElement("select");
      select.setAttribute("aria-label", chart.label);
      select.append(...chart.choices.map((choice, index) => new Option(choice.title, index)));
      const update = () => {
        const choice = chart.choices[Number(select.value)];
        const drawn = Plot.plot({
          ...shared, width, height: Math.min(420, Math.max(300, width * 0.62)), marginLeft: 40, marginRight: 24, marginBottom: 40, marginTop: 26, inset: 10,
          x: chart.log
            ? { type: "log", grid: true, label: chart.x, labelArrow: "none", ticks: sizes(choice.points).length > 1 ? sizes(choice.points) : 4, tickFormat: size }
            : { grid: true, nice: true, ticks: 5, label: chart.x, labelArrow: "none" },
          y: { grid: true, nice: true, ticks: 6, label: choice.y, labelArrow: "none" },
          marks: [
            Plot.dot(choice.points, {
              x: "x", y: "y", r: 5, fill: (point) => color(point.series), fillOpacity: 0.85, stroke: "var(--paper)", ariaLabel: "hint",
            }),
            ...["start", "middle", "end"].map((anchor) => Plot.text(apart(choice.points, chart.log), {
              x: "x", y: "y", text: "name", dy: -10, lineAnchor: "bottom", textAnchor: anchor, filter: (point) => point.anchor === anchor,
              stroke: "var(--paper)", strokeWidth: 3, fill: "currentColor",
            })),
          ],
        });
        holder.replaceChildren(...(chart.choices.length > 1 ? [select] : []), drawn);
        tips(holder);
      };
      select.addEventListener("change", () => { update(); select.focus(); });
      update();
      return holder;
    },
  };

  // The last point of each line whose name has room below the one above it.
  function ends(points) {
    const last = [...d3.rollup(points, (line) => line.at(-1), (point) => point.of).values()].sort((a, b) => b.y - a.y);
    const [low, high] = d3.extent(points, (point) => point.y), room = (high - low) / 32, named = [];
    for (const point of last) if (!named.length || named.at(-1).y - point.y >= room) named.push(point);
    return named;
  }
  // The points whose names have room: a name is left out where another one stands close by.
  function apart(points, log) {
    const scale = (values) => { const [low, high] = d3.extent(values); return (value) => (value - low) / (high - low || 1); };
    const x = (point) => (log ? Math.log(point.x) : point.x), across = scale(points.map(x)), up = scale(points.map((point) => point.y));
    const named = [];
    for (const point of [...points].sort((a, b) => b.series - a.series || b.y - a.y)) {
      const free = named.every((other) => Math.abs(up(other.y) - up(point.y)) > 0.09 || Math.abs(across(x(other)) - across(x(point))) > 0.24);
      const at = across(x(point));
      if (free) named.push({ ...point, anchor: at < 0.12 ? "start" : at > 0.88 ? "end" : "middle" });
    }
    return named;
  }
  const sizes = (points) => [1, 3].flatMap((first) => [6, 7, 8, 9, 10, 11].map((power) => first * 10 ** power))
    .filter((size) => size >= 0.9 * Math.min(...points.map((point) => point.x)) && size <= 1.1 * Math.max(...points.map((point) => point.x)));
  const size = (count) => d3.format(".3~s")(count).replace("G", "B");

  // What a mark says becomes the page's own tooltip, and the arrow keys go from mark to mark. (Plot writes \n for a line end.)
  function tips(holder) {
    const marks = [...holder.querySelectorAll("svg [aria-label]")].filter((mark) => mark.getAttribute("aria-label").includes("\\n"));
    marks.forEach((mark, index) => {
      mark.dataset.tip = mark.getAttribute("aria-label").replaceAll("\\n", "\n");
      mark.setAttribute("aria-label", mark.dataset.tip.replaceAll("\n", ", "));
      mark.setAttribute("role", "img");
      mark.setAttribute("tabindex", index ? "-1" : "0");
    });
    holder.dataset.roving = "";
  }

  async function render(holder) {
    await library();
    const chart = charts[Number(holder.dataset.chart)];
    const drawn = draw[chart.kind](chart, Math.max(280, Math.min(720, holder.clientWidth || 420)));
    holder.replaceChildren(drawn);
    tips(holder);
  }

  let loading;
  const library = () => (loading ??= unpack(document.getElementById("plot-library").textContent).then((source) => {
    const script = document.createElement("script");
    script.textContent = source;  // its hash is in the page's policy
    document.head.append(script);
  }));

  // All that is on the page is drawn at once, for a screenshot or a printout has no time to scroll; what is hidden in a tab
  // has no width yet, and is drawn when it is shown.
  const holders = [...document.querySelectorAll("[data-chart]")];
  const later = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { later.unobserve(entry.target); render(entry.target); }
  });
  for (const holder of holders) if (holder.clientWidth) render(holder); else later.observe(holder);
  addEventListener("beforeprint", () => holders.filter((holder) => !holder.firstChild).forEach(render));
})();

// Text that is compressed (gzip) in base64.
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}
