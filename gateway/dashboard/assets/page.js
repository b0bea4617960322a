// The page: one stream in, panels out. Words, numbers and judgements come from the gateway; here they are only drawn.
import { actionButton, draw, el, verdict } from "./draw.js";
import { redrawCharts } from "./chart.js";

const pages = ["overview", "traffic", "database", "attacks", "tunnel", "alerts", "checks"];
const staleAfter = 3500; // milliseconds without a beat, so that with the pulse it shows within four seconds
const pulseEvery = 250;

const byID = (id) => document.getElementById(id);
const main = { panels: byID("panels"), verdict: byID("verdict"), live: byID("live"), footer: byID("footer") };

let stream = null;
let page = "";
let lastBeat = 0;
let lastView = null;
const drawn = new Map(); // panel id → {json, node}

function current() {
  const name = location.hash.slice(1);
  return pages.includes(name) ? name : "overview";
}

function nav() {
  const list = byID("nav");
  list.replaceChildren(...pages.map((name) => {
    const link = el("a", { href: "#" + name }, name[0].toUpperCase() + name.slice(1));
    if (name === page) link.setAttribute("aria-current", "page");
    return el("li", {}, link);
  }));
}

// open follows the named page's stream; the browser reconnects by itself, with Last-Event-ID.
function open() {
  const next = current();
  if (next === page && stream) return;
  if (next !== page) {
    page = next;
    nav();
    drawn.clear();
    main.panels.replaceChildren(el("p", { class: "loading" }, "Loading…"));
  }
  if (stream) stream.close();
  stream = new EventSource("/api/page/stream?page=" + page);
  stream.onmessage = (event) => beat(JSON.parse(event.data));
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED) refused();
    pulse();
  };
  document.title = "Sallyport · " + page;
}

// refused: the stream was closed for good, as where eight pages watch already. The page then asks, more rarely, until a stream is free.
async function refused() {
  const asked = page;
  stream = null;
  try {
    const answer = await fetch("/api/page/view?page=" + asked);
    if (answer.ok) beat(await answer.json());
    else if (!lastBeat) troubled("The gateway answers " + answer.status + ". The token may be missing: load the page again.");
  } catch {
    if (!lastBeat) troubled("The gateway does not answer. The page goes on trying.");
  }
  setTimeout(() => { if (!stream && page === asked) open(); }, 3000);
}

function troubled(text) {
  main.panels.replaceChildren(el("p", { class: "loading", role: "alert" }, text));
}

function beat(view) {
  if (view.page !== page) return;
  lastBeat = Date.now();
  lastView = view;
  document.body.dataset.stale = "no";
  byID("site").textContent = view.site || "";
  const mode = byID("mode");
  mode.hidden = !view.mode;
  mode.textContent = view.mode || "";
  show(view);
  pulse();
}

// show redraws only the panels whose contents changed, so that focus, selection and scroll stay.
function show(view) {
  replaceIfChanged("verdict", [view.verdict, view.actions], main.verdict, () => verdict(view.verdict, pageActions(view)));
  const wanted = view.panels.map((panel) => {
    const json = JSON.stringify(panel);
    const old = drawn.get(panel.id);
    if (old && old.json === json) return old.node;
    const node = draw(panel, act);
    drawn.set(panel.id, { json, node });
    if (old && old.node.isConnected) old.node.replaceWith(node);
    return node;
  });
  arrange(main.panels, wanted);
  replaceIfChanged("footer", view.footer, main.footer, () => (view.footer || []).map((text) => el("span", {}, text)));
}

function replaceIfChanged(key, value, parent, make) {
  const json = JSON.stringify(value);
  if (drawn.get(key)?.json === json) return;
  drawn.set(key, { json });
  parent.replaceChildren(...make());
}

// arrange puts the nodes into parent in order and moves only those that stand wrong.
function arrange(parent, nodes) {
  nodes.forEach((node, i) => {
    if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] || null);
  });
  while (parent.children.length > nodes.length) parent.lastElementChild.remove();
}

function pageActions(view) {
  const copy = el("button", { type: "button" }, "Copy report");
  copy.addEventListener("click", () => copyReport(view));
  return [copy, ...(view.actions || []).map((a) => actionButton(a, act))];
}

// pulse tells whether what is shown is fresh: a frozen page must never look green.
function pulse() {
  const fresh = lastBeat > 0 && Date.now() - lastBeat < staleAfter;
  const clock = (t) => new Date(t).toLocaleTimeString([], { hour12: false });
  main.live.dataset.state = fresh ? "ok" : "bad";
  if (fresh) main.live.textContent = "live · " + clock(lastBeat);
  else main.live.textContent = lastBeat ? "stale since " + clock(lastBeat) : "connecting";
  document.body.dataset.stale = fresh || !lastBeat ? "no" : "yes";
}

// act sends an action and says how it went.
async function act(action, button) {
  if (action.confirm && !confirm(action.confirm)) return;
  button.disabled = true;
  if (action.busy) button.textContent = action.busy;
  try {
    const answer = await fetch(action.path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(action.body || {}),
    });
    const said = await answer.json().catch(() => ({}));
    toast(answer.ok ? action.label + ": " + (said.summary || "done") : action.label + ": " + (said.detail || said.title || "refused (" + answer.status + ")"));
  } catch {
    toast(action.label + ": the gateway did not answer");
  } finally {
    button.disabled = false;
    button.textContent = action.label;
  }
}

let toastTimer = 0;
function toast(text) {
  const box = byID("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, 6000);
}

// copyReport puts what the page shows on the clipboard as Markdown.
function copyReport(view) {
  const now = lastView || view;
  const lines = ["# Sallyport, " + now.site + ", " + now.at, "", "**" + now.verdict.title + "**", now.verdict.text, ""];
  for (const panel of now.panels) {
    if (panel.title) lines.push("## " + panel.title + (panel.note ? " (" + panel.note + ")" : ""), "");
    for (const c of panel.checks || []) lines.push("- " + c.state + ": " + c.text + (c.more ? " (" + c.more + ")" : "") + (c.right ? ", " + c.right : ""));
    for (const f of panel.facts || []) lines.push("- " + f.name + ": " + f.value);
    for (const s of panel.stopped || []) lines.push("- " + s.at + " " + s.title + ", " + s.who);
    for (const d of panel.doors || []) lines.push("- " + d.name + ": " + d.badge + ", " + d.big + " " + d.unit);
    if (panel.fix) lines.push("- " + panel.fix.title, "- " + panel.fix.text, "", "    " + panel.fix.commands.join("\n    "));
    lines.push("");
  }
  navigator.clipboard.writeText(lines.join("\n")).then(() => toast("Report copied"), () => toast("The browser does not allow copying"));
}

byID("theme").addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* storage is off: for this visit only */ }
  redrawCharts();
});
addEventListener("hashchange", () => { open(); byID("main").focus({ preventScroll: true }); });
setInterval(pulse, pulseEvery);
open();
