// Drawing: one function a kind of panel. Every text goes in as a text node, so that markup in it stays text.
import { icon } from "./icons.js";
import { chart, legend, spark } from "./chart.js";

export function el(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) if (value !== undefined && value !== "") node.setAttribute(name, value);
  node.append(...children.filter((c) => c !== undefined && c !== null));
  return node;
}

const words = { ok: "good", warn: "needs a look", bad: "broken", off: "off" };
const hidden = (text) => el("span", { class: "sr" }, text);
const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
const mark = (state) => el("span", { class: "mark", "data-state": state }, icon(state), hidden(words[state] || state));

export function verdict(v, buttons) {
  return [
    el("span", { class: "sign", "data-state": v.state }, icon(v.state), hidden(words[v.state])),
    el("div", { class: "sentence" }, el("h1", {}, v.title), el("p", {}, v.text)),
    el("div", { class: "buttons" }, ...buttons),
  ];
}

export function draw(panel, act) {
  const kinds = { path, fix, doors, chart, stopped, queries, checks, table, lanes, beats, facts };
  const frame = panel.kind === "doors" ? "div" : "section";
  const body = kinds[panel.kind](panel, act);
  const card = el(frame, { class: "panel " + panel.kind, "data-width": panel.width, "data-state": panel.fix?.state });
  if (panel.title) {
    const id = "panel-" + panel.id;
    card.setAttribute("aria-labelledby", id);
    const note = panel.source ? el("a", { href: panel.source, class: "note" }, panel.note || "JSON") : panel.note && el("span", { class: "note" }, panel.note);
    card.append(el("div", { class: "head" }, el("h2", { id }, panel.title), panel.chart ? legend(panel.chart) : undefined, note));
  }
  card.append(...body);
  if (panel.actions) card.append(el("div", { class: "buttons" }, ...panel.actions.map((a) => actionButton(a, act))));
  return card;
}

export function actionButton(action, act) {
  const button = el("button", { type: "button", class: action.strong ? "strong" : undefined }, action.label);
  button.addEventListener("click", () => act(action, button));
  return button;
}

const empty = (panel) => el("p", { class: "empty" }, panel.empty || "Nothing yet.");

function path(panel) {
  const row = el("ol", { class: "nodes" });
  for (const node of panel.nodes) {
    const box = el("li", { class: "node" + (node.door ? " door" : ""), "data-state": node.state },
      el("span", { class: "icon" }, icon(node.icon), mark(node.state)),
      el("strong", {}, node.name), node.source && node.says ? el("a", { class: "says", href: node.source }, node.says) : el("span", { class: "says" }, node.says), el("code", {}, node.where));
    row.append(box);
    if (node.link) {
      row.append(el("li", { class: "link", "data-state": node.link.state }, el("span", { class: "above" }, node.link.above), el("i", {}), el("span", { class: "below" }, node.link.below)));
    }
  }
  return [row];
}

function fix(panel) {
  const f = panel.fix;
  const evidence = el("dl", { class: "evidence" });
  for (const e of f.evidence || []) evidence.append(el("dt", {}, e.name), el("dd", {}, e.value));
  return [el("h2", { class: "wrong" }, f.title), el("p", {}, f.text), evidence, el("p", { class: "muted" }, f.cure), el("pre", { tabindex: "0" }, f.commands.join("\n"))];
}

function doors(panel) {
  return panel.doors.map((d) => {
    const badge = el("span", { class: "badge", "data-state": d.state }, icon(d.state), d.badge);
    const big = d.source ? el("a", { href: d.source, "aria-label": d.big + " " + d.unit + ", as JSON" }, el("b", {}, d.big)) : el("b", {}, d.big);
    const figure = el("div", { class: "figure" }, el("div", { class: "big" }, big, el("span", {}, d.unit)));
    if (d.line?.length) figure.append(spark(d.line, d.tone));
    const card = el("section", { class: "panel door" }, el("div", { class: "head" }, el("h2", {}, d.name), badge), figure);
    if (d.beats) card.append(beatRow(d.beats));
    card.append(el("dl", { class: "four" }, ...d.facts.map((f) => el("div", {}, el("dt", {}, f.name), el("dd", { "data-state": f.state }, f.value)))));
    return card;
  });
}

function beatRow(list) {
  const good = list.filter((b) => b.state === "ok").length;
  return el("div", { class: "probes", role: "img", "aria-label": good + " of " + list.length + " probes good" },
    ...list.map((b) => el("i", { "data-state": b.state, title: b.text })));
}

function stopped(panel) {
  if (!panel.stopped?.length) return [empty(panel)];
  return [el("ol", { class: "events" }, ...panel.stopped.map((s) => {
    const text = el("div", {}, el("strong", { "data-state": s.state }, s.title), el("p", { class: "muted" }, s.who));
    if (s.sql) text.append(el("pre", { tabindex: "0" }, ...s.sql.map((p) => p.mark ? el("mark", {}, p.text) : p.text)));
    if (s.why) text.append(el("p", { class: "muted" }, s.why));
    return el("li", {}, el("time", { datetime: s.at }, clock(s.at)), text);
  }))];
}

function queries(panel) {
  if (!panel.queries?.length) return [empty(panel)];
  const head = el("tr", {}, ...["Query", "Route", "Calls", "Mean", "p95", "Share"].map((h, i) => el("th", { scope: "col", class: i ? "num" : undefined }, h)));
  const rows = panel.queries.map((q) => {
    const bar = el("progress", { max: "1", value: String(q.share), "aria-hidden": "true" });
    return el("tr", {}, el("td", {}, el("code", {}, q.sql)), el("td", { class: "num muted", "data-label": "Route" }, q.route), el("td", { class: "num", "data-label": "Calls" }, q.calls),
      el("td", { class: "num", "data-label": "Mean" }, q.mean), el("td", { class: "num", "data-label": "p95", "data-state": q.slow ? "warn" : undefined }, q.p95),
      el("td", { class: "num share", "data-label": "Share" }, bar, el("span", { class: "muted" }, Math.round(q.share * 100) + "%")));
  });
  return [el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": panel.title + ", table" }, el("table", { class: "queries" }, el("thead", {}, head), el("tbody", {}, ...rows)))];
}

function checks(panel) {
  if (!panel.checks?.length) return [empty(panel)];
  return [el("ul", { class: "list" }, ...panel.checks.map((c) => el("li", {}, mark(c.state),
    el("div", {}, c.text, c.more ? el("span", { class: "muted more" }, c.more) : undefined), el("span", { class: "muted right" }, c.right || ""))))];
}

function table(panel, act) {
  const t = panel.table;
  if (!t?.rows?.length) return [empty(panel)];
  const short = (i) => t.rows.every((row) => row[i].length < 24); // such a column is never worth a second line
  const num = (i) => t.numeric?.[i] ? "num" : short(i) ? "one" : undefined;
  const head = t.head.map((h, i) => el("th", { scope: "col", class: num(i) }, h));
  if (t.rowActions) head.push(el("th", { scope: "col" }, hidden("Action")));
  const rows = t.rows.map((row, n) => {
    const tr = el("tr", { "data-state": t.states?.[n] }, ...row.map((cell, i) => el("td", { class: num(i), "data-label": t.head[i] }, cell)));
    if (t.rowActions) tr.append(el("td", { class: "num" }, actionButton(t.rowActions[n], act)));
    return tr;
  });
  return [el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": panel.title + ", table" }, el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)))];
}

function lanes(panel, act) {
  if (!panel.lanes?.length) return [empty(panel)];
  return [el("ol", { class: "swim" }, ...panel.lanes.map((lane) => {
    const track = el("div", { class: "track", role: "img", "aria-label": lane.marks.length + " events in 24 hours" });
    for (const m of lane.marks) {
      const dot = el("i", { "data-state": m.state, title: m.text });
      dot.style.setProperty("--at", String(m.place));
      track.append(dot);
    }
    return el("li", {}, el("code", {}, lane.name), el("span", { class: "muted" }, lane.says), track, lane.action ? actionButton(lane.action, act) : undefined);
  }))];
}

function beats(panel) {
  return panel.beats?.length ? [beatRow(panel.beats)] : [empty(panel)];
}

function facts(panel) {
  return [el("dl", { class: "rows" }, ...(panel.facts || []).map((f) => el("div", {}, el("dt", {}, f.name), el("dd", { "data-state": f.state }, f.value))))];
}
