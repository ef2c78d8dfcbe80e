"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("script");
  const byId = (id) => document.getElementById(id);

  // A page opened from a file may not be let keep anything.
  const remember = (value) => { try { localStorage.setItem("theme", value); } catch { /* not kept */ } };
  const remembered = () => { try { return localStorage.getItem("theme") || ""; } catch { return ""; } };
  const theme = byId("theme");
  const show = (value) => { if (value) root.dataset.theme = value; else delete root.dataset.theme; };
  theme.value = ["light", "dark"].includes(remembered()) ? remembered() : "";
  show(theme.value);
  theme.addEventListener("change", () => { show(theme.value); remember(theme.value); });

  // The confusion of one language, in the figure and in the table of its numbers.
  const grids = JSON.parse(byId("grids").textContent);
  for (const control of document.querySelectorAll("[data-grid]")) {
    const name = control.dataset.grid;
    const table = byId(`${name}-title`).closest("figure").querySelector("table");
    control.querySelector("select").addEventListener("change", (event) => {
      const { cells, shares } = grids[name][event.target.value];
      cells.forEach((row, r) => row.forEach((cell, c) => {
        const share = shares[r][c];
        byId(`${name}-cell-${r}-${c}`).querySelector("path").style.opacity = Math.max(0.04, share);
        const number = byId(`${name}-number-${r}-${c}`).querySelector("text");
        number.textContent = cell;
        number.style.fill = share > 0.7 ? "var(--on-colour)" : "var(--text)";
        table.tBodies[0].rows[r].cells[c + 1].textContent = cell;
      }));
    });
  }

  const filters = byId("filters");
  if (!filters) return;
  const rows = Array.from(document.querySelectorAll(".mistakes tbody tr"), (row) => ({
    row,
    ...row.dataset,
    text: row.querySelector("th").textContent.toLowerCase(),
  }));
  const value = (name) => byId(`filter-${name}`)?.value ?? "";
  const holds = (numbers, chosen) => !chosen || numbers.split(" ").includes(chosen);
  const filter = () => {
    const [model, language, gold, predicted] = ["model", "language", "gold", "predicted"].map(value);
    const text = value("text").trim().toLowerCase();
    let count = 0;
    for (const one of rows) {
      const fits = (!model || one.model === model) && (!language || one.language === language)
        && holds(one.gold, gold) && holds(one.predicted, predicted) && one.text.includes(text);
      one.row.hidden = !fits;
      count += fits;
    }
    byId("count").textContent = `${count} of ${rows.length} mistakes`;
  };
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  // The fields are reset after the event.
  filters.addEventListener("reset", () => setTimeout(filter));
  // A browser that goes back keeps what was chosen.
  filter();
})();
