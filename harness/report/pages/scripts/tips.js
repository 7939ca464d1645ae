// One tooltip for whatever has data-tip: under the pointer, and beside what has the focus.
// In an element with data-roving, the arrow keys move the focus from one such thing to the next.
"use strict";
(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);

  let shown = null;

  function show(target) {
    shown = target;
    tip.textContent = target.dataset.tip;
    tip.hidden = false;
    const box = target.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - own.width / 2), innerWidth - own.width - 8);
    const above = box.top - own.height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 4 ? above : box.bottom + 8}px`;
  }
  const hide = () => { shown = null; tip.hidden = true; };
  // What moves the focus or the pointer to a cell may scroll to it as well.
  const follow = () => {
    const box = shown?.getBoundingClientRect();
    if (box && box.bottom > 0 && box.top < innerHeight) show(shown); else hide();
  };
  const tipped = (event) => event.target instanceof Element && event.target.closest("[data-tip]");
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, (event) => { const found = tipped(event); if (found) show(found); else hide(); });
  }
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", follow, true);

  function neighbour(from, key) {
    const cell = from.closest("td, th");
    if (!cell) {
      const all = [...from.closest("[data-roving]").querySelectorAll("[data-tip]")];
      return all[all.indexOf(from) + (key === "ArrowRight" || key === "ArrowDown" ? 1 : -1)];
    }
    const rows = [...cell.closest("table").rows].filter((row) => !row.hidden);
    let row = rows.indexOf(cell.parentElement), column = cell.cellIndex;
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
    for (;;) {
      row += down;
      column += right;
      const next = rows[row]?.cells[column];
      if (!next || !next.hidden) return next;
    }
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const from = tipped(event);
    if (!from || !event.key.startsWith("Arrow") || !from.closest("[data-roving]")) return;
    const next = neighbour(from, event.key);
    if (!next) return;
    event.preventDefault();
    const target = next.querySelector("a") ?? next;
    if (target === next) next.tabIndex = -1;
    target.focus();
  });
})();
