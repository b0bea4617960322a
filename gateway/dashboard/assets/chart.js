// Charts: uPlot for history, a small path for the line in a card.
/* global uPlot */
import { el } from "./draw.js";

const charts = new Map(); // holder → {plot, panel}
const color = (tone) => getComputedStyle(document.documentElement).getPropertyValue("--" + tone).trim();
const chosenSpan = new Map(); // panel id → span

export function chart(panel) {
  const holder = el("div", { class: "plot", role: "img", "aria-label": describe(panel.chart) });
  const spans = el("div", { class: "spans", role: "group", "aria-label": "Range" });
  for (const span of ["1h", "24h", "7d", "30d"]) {
    const button = el("button", { type: "button", class: "quiet" }, span.replace(/(\d+)/, "$1 "));
    button.setAttribute("aria-pressed", String((chosenSpan.get(panel.id) || "1h") === span));
    button.addEventListener("click", () => choose(panel, holder, spans, span));
    spans.append(button);
  }
  watchSize(holder, panel);
  const span = chosenSpan.get(panel.id);
  if (span && span !== "1h") load(panel, holder, span);
  const foot = el("div", { class: "chartfoot" }, trends(panel.trends), spans);
  return [holder, foot];
}

// trends says how the figures stand against the same hour of past days.
function trends(list) {
  return el("ul", { class: "trends" }, ...(list || []).map((t) => el("li", { "data-state": t.state }, el("b", {}, t.name), " " + t.text)));
}

export function legend(series) {
  return el("ul", { class: "legend" }, ...series.lines.map((line) => el("li", { "data-tone": line.tone }, line.name)));
}

function describe(series) {
  const last = series.lines.map((l) => l.name + " " + ((l.data || []).at(-1)?.toFixed(1) ?? "unknown")).join(", ");
  return "Chart of the last " + (series.span || "hour") + ". Latest: " + last;
}

async function choose(panel, holder, spans, span) {
  chosenSpan.set(panel.id, span);
  for (const b of spans.children) b.setAttribute("aria-pressed", String(b.textContent.replace(" ", "") === span));
  await load(panel, holder, span);
}

async function load(panel, holder, span) {
  try {
    const answer = await fetch("/api/page/series?span=" + span);
    if (!answer.ok) throw new Error(await answer.text());
    render(holder, { ...panel, chart: await answer.json() });
  } catch {
    dispose(holder);
    holder.replaceChildren(el("p", { class: "empty" }, "History cannot be read now. Live figures go on."));
  }
}

function watchSize(holder, panel) {
  let width = 0;
  new ResizeObserver(() => {
    if (!holder.isConnected || holder.clientWidth === width) return;
    width = holder.clientWidth;
    const shown = charts.get(holder);
    if (shown) shown.plot.setSize({ width, height: heightOf(holder) });
    else if (!holder.childElementCount) render(holder, panel);
  }).observe(holder);
}

// heightOf fills a card that its neighbour made tall, within reason.
function heightOf(holder) {
  return Math.min(420, Math.max(250, holder.clientHeight));
}

function dispose(holder) {
  charts.get(holder)?.plot.destroy();
  charts.delete(holder);
}

function render(holder, panel) {
  for (const old of charts.keys()) if (!old.isConnected) dispose(old);
  dispose(holder);
  holder.replaceChildren();
  const { times, lines } = panel.chart;
  if (!times.length) {
    holder.replaceChildren(el("p", { class: "empty" }, panel.empty || "Nothing recorded yet."));
    return;
  }
  const axis = { stroke: color("muted"), grid: { stroke: color("line"), width: 1 }, ticks: { show: false }, font: "11px Inter, system-ui" };
  const plot = new uPlot({
    width: holder.clientWidth || 600, height: heightOf(holder), padding: [8, 8, 0, 0], legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: (_, __, top) => [0, Math.max(1, top * 1.12)] } },
    axes: [{ ...axis, grid: { show: false }, values: (u, ticks) => ticks.map((t) => timeLabel(t, panel.chart.span)) }, { ...axis, size: 44 }],
    series: [{}, ...lines.map(lineOf)],
  }, [times, ...lines.map((l) => l.data)], holder);
  charts.set(holder, { plot, panel });
}

function timeLabel(seconds, span) {
  const at = new Date(seconds * 1000);
  if (span === "7d" || span === "30d") return at.toLocaleDateString([], { day: "numeric", month: "short" });
  return at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

function lineOf(line) {
  const stroke = color(line.tone);
  const bars = line.bars ? { paths: uPlot.paths.bars({ size: [0.6, 4] }), fill: stroke } : {};
  return { label: line.name, stroke, width: line.bars ? 0 : 1.5, points: { show: false }, fill: line.tone === "blue" ? stroke + "1c" : undefined, ...bars };
}

export function redrawCharts() {
  for (const [holder, shown] of [...charts]) if (holder.isConnected) render(holder, shown.panel);
}

// spark is the small line of a card.
export function spark(data, tone) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 150 40");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("spark");
  svg.dataset.tone = tone || "blue";
  const top = Math.max(...data, 1e-9);
  const path = document.createElementNS(ns, "path");
  const step = 150 / Math.max(1, data.length - 1);
  path.setAttribute("d", data.map((y, i) => (i ? "L" : "M") + (i * step).toFixed(1) + " " + (37 - 34 * (y / top)).toFixed(1)).join(""));
  svg.append(path);
  return svg;
}
