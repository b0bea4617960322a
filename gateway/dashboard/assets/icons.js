// Icons are paths on a 24 × 24 grid, drawn in the text's colour.
const paths = {
  visitors: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  cloud: "M7 18h10a4 4 0 0 0 .6-7.95A6 6 0 0 0 6.1 9.6A4.2 4.2 0 0 0 7 18Z",
  tunnel: "M4 19v-7a8 8 0 0 1 16 0v7M8.5 19v-6.5a3.5 3.5 0 0 1 7 0V19M3 19h18",
  door: "M7 21V3h10v18M4 21h16M14 12h.01",
  app: "M4 5h16v14H4ZM4 9h16M7 7h.01M9.5 7h.01",
  database: "M5 6c0-4 14-4 14 0v12c0 4-14 4-14 0ZM5 6c0 4 14 4 14 0M5 12c0 4 14 4 14 0",
  ok: "M5 12.5l4.5 4.5L19 7.5",
  bad: "M6 6l12 12M18 6L6 18",
  warn: "M12 5v9M12 18.5v.01",
  off: "M6 12h12",
};

export function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(ns, "path");
  path.setAttribute("d", paths[name] || paths.off);
  svg.append(path);
  return svg;
}
