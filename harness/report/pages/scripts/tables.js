// Tables of class "sortable": heads sort, filters choose rows (script, family, class, text) and columns (task).
"use strict";
(() => {
  Tablesort.extend("number", () => false, (a, b) => Number(b || -1e9) - Number(a || -1e9));
  const FACTS = { script: "script", family: "family", class: "resource class", kind: "kind", recipe: "recipe" };
  const FEW = 8;

  function choice(label, values, change) {
    const select = document.createElement("select");
    select.setAttribute("aria-label", label);
    select.append(new Option(`every ${label}`, ""), ...values.map((value) => new Option(value, value)));
    select.addEventListener("change", change);
    return select;
  }

  function sortable(table) {
    // the largest numbers come first: the library sorts upwards first
    const prime = (event) => {
      const head = event.target.closest("th");
      if (event.type === "keydown" && event.key !== "Enter") return;
      if (head?.dataset.sortMethod === "number" && !head.hasAttribute("aria-sort")) {
        head.setAttribute("aria-sort", "ascending");
      }
    };
    table.tHead.addEventListener("click", prime, true);
    table.tHead.addEventListener("keydown", prime, true);
    new Tablesort(table);
  }

  function tools(table) {
    const rows = [...table.tBodies[0].rows], bar = document.createElement("div"), filters = [];
    const count = document.createElement("output"), tiles = table.closest(".table").querySelectorAll("[data-code]");
    bar.className = "tools";
    const refresh = () => {
      for (const row of rows) row.hidden = !filters.every((keeps) => keeps(row));
      const shown = new Set(rows.filter((row) => !row.hidden).map((row) => row.dataset.language));
      for (const tile of tiles) tile.hidden = !shown.has(tile.dataset.code);
      for (const group of table.closest(".table").querySelectorAll(".group")) group.hidden = !group.querySelector(".tile:not([hidden])");
      const left = rows.filter((row) => !row.hidden).length;
      count.textContent = left === rows.length ? "" : `${left} of ${rows.length}`;
    };
    if (rows.length > FEW) {
      const search = document.createElement("input");
      search.type = "search";
      search.placeholder = "filter";
      search.setAttribute("aria-label", "filter rows by text");
      search.addEventListener("input", refresh);
      filters.push((row) => row.textContent.toLowerCase().includes(search.value.toLowerCase()));
      bar.append(search);
    }
    for (const [fact, label] of Object.entries(FACTS)) {
      const values = [...new Set(rows.map((row) => row.dataset[fact]).filter(Boolean))].sort();
      if (values.length < 2) continue;
      const select = choice(label, values, refresh);
      filters.push((row) => !select.value || row.dataset[fact] === select.value);
      bar.append(select);
    }
    const heads = [...table.tHead.rows[0].cells], tasks = heads.filter((head) => head.dataset.task);
    const extra = tasks.filter((head) => "extra" in head.dataset);
    const all = document.createElement("input"), titles = [...new Set(tasks.map((head) => head.dataset.task))];
    const select = choice(table.dataset.columns ?? "task", titles, columns);
    function columns() {
      for (const head of tasks) {
        const hidden = (Boolean(select.value) && head.dataset.task !== select.value) || (extra.includes(head) && !all.checked);
        for (const row of table.rows) row.cells[head.cellIndex].hidden = hidden;
      }
      refresh();
    }
    // a row without any number in the columns that are shown is not shown either
    if (tasks.length) filters.push((row) => tasks.some((head) => !head.hidden && row.cells[head.cellIndex].dataset.sort !== "-1e9"));
    if (titles.length > 2) bar.append(select);
    if (extra.length) {
      const label = document.createElement("label");
      all.type = "checkbox";
      all.addEventListener("change", columns);
      label.append(all, ` averages over other languages (${extra.length})`);
      bar.append(label);
      columns();
    }
    bar.append(count, copyTable(table));
    return bar;
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    if (table.tBodies[0].rows.length < 2) continue;
    if (table.classList.contains("map")) table.dataset.roving = "";
    sortable(table);
    table.closest(".table").querySelector(".head").append(tools(table));
  }
})();
