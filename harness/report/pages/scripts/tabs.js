// Tabs of the panels (data-tab="name") in an element with data-tabs; without a script all panels are shown.
"use strict";
(() => {
  for (const holder of document.querySelectorAll("[data-tabs]")) {
    const panels = [...holder.querySelectorAll(":scope > [data-tab]")];
    if (panels.length < 2) continue;
    holder.classList.add("tabbed");
    const list = document.createElement("div");
    list.className = "tabs";
    list.setAttribute("role", "tablist");
    const buttons = panels.map((panel) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = panel.dataset.tab;
      button.setAttribute("role", "tab");
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-label", panel.dataset.tab);
      button.addEventListener("click", () => choose(buttons.indexOf(button)));
      return button;
    });
    function choose(chosen) {
      panels.forEach((panel, index) => {
        panel.hidden = index !== chosen;
        buttons[index].setAttribute("aria-selected", String(index === chosen));
        buttons[index].tabIndex = index === chosen ? 0 : -1;
      });
    }
    list.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
      choose(next);
      buttons[next].focus();
    });
    for (const link of document.querySelectorAll("[data-show-tab]")) {
      const at = panels.findIndex((panel) => panel.dataset.tab === link.dataset.showTab);
      if (at >= 0) link.addEventListener("click", () => choose(at));
    }
    list.append(...buttons);
    holder.prepend(list);
    choose(0);
  }
})();
