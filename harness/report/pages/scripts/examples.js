// The example browser: task, language, run, right or wrong, search, pages, and one item in all languages side by side.
"use strict";
(() => {
  const root = document.getElementById("example-browser");
  if (!root) return;
  const index = JSON.parse(document.getElementById("example-index").textContent);
  const several = index.runs.length > 1;
  const loaded = new Map();
  const state = { task: 0, code: "", show: "wrong", run: 0, search: "", page: 0 };

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value); else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  // The items of a task: id, code, parts, and for each run right, value, parts (null: not asked).
  async function items(task) {
    if (!loaded.has(task)) {
      const text = await unpack(document.getElementById(`examples-${task}`).textContent);
      loaded.set(task, JSON.parse(text).map(([id, code, parts, answers]) => ({
        id, code, parts,
        answers: answers.map((answer) => answer && { right: Boolean(answer[0]), value: answer[1], parts: answer[2] }),
        text: JSON.stringify([id, parts, answers]).toLowerCase(),
      })));
    }
    return loaded.get(task);
  }

  const differ = (item) => new Set(item.answers.filter(Boolean).map((answer) => answer.right)).size > 1;
  const SHOW = {
    all: () => true,
    wrong: (item) => item.answers[state.run] && !item.answers[state.run].right,
    right: (item) => item.answers[state.run]?.right,
    differ,
  };
  const NAMES = { all: "right and wrong", wrong: "wrong only", right: "right only", differ: "runs differ" };

  function marked(text) {
    const wanted = state.search.toLowerCase(), at = wanted ? text.toLowerCase().indexOf(wanted) : -1;
    if (at < 0) return [text];
    return [text.slice(0, at), element("mark", {}, text.slice(at, at + wanted.length)), text.slice(at + wanted.length)];
  }

  function part([label, text], code, kind) {
    const row = element("div", kind ? { class: kind } : {});
    row.append(element("dt", {}, label), element("dd", { dir: "auto", lang: label === "English" ? "en" : code }, ...marked(text)));
    return row;
  }
  const GOLD = ["right", "translation", "right option"];

  function body(item) {
    const list = element("dl");
    for (const each of item.parts) list.append(part(each, item.code, GOLD.includes(each[0]) ? "right" : ""));
    item.answers.forEach((answer, run) => {
      if (!answer) return;
      const verdict = answer.right ? "✓" : "✗", parts = answer.parts.filter(([, text]) => text);
      if (!parts.length) parts.push(["answer", answer.right ? "right" : "wrong"]);
      for (const [label, text] of parts) {
        const own = !several ? label : parts.length === 1 ? index.runs[run] : `${index.runs[run]}: ${label}`;
        const row = part([`${verdict} ${own}`, text], item.code, answer.right ? "right" : "wrong");
        if (!answer.right && answer.value > 0) row.lastChild.append(element("small", {}, ` ${answer.value}`));
        list.append(row);
      }
    });
    return list;
  }

  function card(item, others) {
    const head = element("h3", {}, element("span", {}, index.languages[item.code]), element("span", {}, `id ${item.id}`));
    const made = element("article", { class: "example" }, head, body(item));
    if (others.length) {
      const more = element("button", { type: "button", onclick: () => {
        more.remove();
        for (const other of others) {
          const title = element("h3", {}, element("span", {}, index.languages[other.code]));
          made.append(element("div", { class: "language" }, title, body(other)));
        }
      } }, `same item in ${others.length} other languages`);
      if (others.length === 1) more.textContent = `same item in ${index.languages[others[0].code]}`;
      head.append(more);
      if (!state.code) more.click();
    }
    return made;
  }

  const select = (label, options, value, change) => {
    const made = element("select", { "aria-label": label, onchange: () => { change(made.value); state.page = 0; update(); } });
    made.append(...options.map(([key, text]) => new Option(text, key, false, String(key) === String(value))));
    return made;
  };
  const search = element("input", { type: "search", placeholder: "search texts and ids", "aria-label": "search examples" });
  search.addEventListener("input", () => { state.search = search.value; state.page = 0; list(); });
  const tools = element("div", { class: "tools" }), summary = element("p", { class: "summary" });
  const results = element("div"), pager = element("div", { class: "pager" }), chosen = element("p", { class: "printed note" });
  root.append(tools, chosen, summary, results, pager);

  function describe(task) {
    const unit = task.units.find((each) => each.code === state.code && each.run === state.run);
    if (!unit) return [];
    const whole = `${unit.score}: ${unit.wrong.toLocaleString("en")} of ${unit.total.toLocaleString("en")} wrong`;
    return [element("span", {}, whole), ...unit.confusions.map(([gold, predicted, count]) =>
      element("span", {}, element("s", {}, gold), ` → ${predicted} `, element("em", {}, count.toLocaleString("en"))))];
  }

  function controls() {
    const task = index.tasks[state.task];
    if (state.code && !task.codes.includes(state.code)) state.code = task.codes[0];
    if (!state.code && !task.parallel) state.code = task.codes[0];
    if (!task.units.some((unit) => unit.run === state.run)) state.run = task.units[0].run;
    const languages = task.codes.map((code) => [code, index.languages[code]]);
    if (task.parallel) languages.unshift(["", "all languages side by side"]);
    const kinds = Object.keys(NAMES).filter((kind) => kind !== "differ" || several).map((kind) => [kind, NAMES[kind]]);
    tools.replaceChildren(
      select("task", index.tasks.map((each, number) => [number, each.title]), state.task, (value) => { state.task = Number(value); }),
      select("language", languages, state.code, (value) => { state.code = value; }),
      ...(several ? [select("run", index.runs.map((name, number) => [number, name]), state.run, (value) => { state.run = Number(value); })] : []),
      select("which", kinds, state.show, (value) => { state.show = value; }),
      search,
    );
    summary.replaceChildren(...describe(task));
  }

  async function list() {
    const number = state.task, task = index.tasks[number], all = await items(number);
    if (number !== state.task) return;
    const by = new Map();
    if (task.parallel) for (const item of all) by.set(item.id, [...(by.get(item.id) ?? []), item]);
    const wanted = state.search.toLowerCase();
    let found = all.filter((item) => (!state.code || item.code === state.code) && SHOW[state.show](item)
      && (!wanted || item.text.includes(wanted)));
    if (!state.code) {  // an item once, by the first of its languages
      const seen = new Set();
      found = found.filter((item) => !seen.has(item.id) && seen.add(item.id)).map((item) => by.get(item.id)[0]);
    }
    const size = state.code ? 10 : 5, pages = Math.max(1, Math.ceil(found.length / size));
    state.page = Math.min(state.page, pages - 1);
    const cards = found.slice(state.page * size, (state.page + 1) * size)
      .map((item) => card(item, (by.get(item.id) ?? []).filter((other) => other !== item)));
    results.replaceChildren(...(cards.length ? cards : [element("p", { class: "note" }, "No such items here.")]));
    const turn = (step, text) => {
      const button = element("button", { type: "button", onclick: () => { state.page += step; list(); } }, text);
      button.disabled = state.page + step < 0 || state.page + step >= pages;
      return button;
    };
    const count = `${found.length.toLocaleString("en")} item${found.length === 1 ? "" : "s"}, page ${state.page + 1} of ${pages}`;
    pager.replaceChildren(turn(-1, "Previous"), turn(1, "Next"), element("span", {}, count));
    const which = [...tools.querySelectorAll("select")].map((each) => each.selectedOptions[0].text);  // paper has no controls
    const shown = `${state.page * size + 1} to ${state.page * size + cards.length} of ${found.length.toLocaleString("en")}`;
    chosen.textContent = `${[...which, ...(wanted ? [`with “${search.value}”`] : [])].join(", ")}: ${cards.length ? shown : "none"}`;
  }

  function update() { controls(); return list(); }

  // #examples/xnli/sw, to which the cells of the maps lead
  function follow() {
    const [where, ...names] = location.hash.slice(1).split("/").map(decodeURIComponent);
    if (where !== "examples" || names.length < 2) return;
    const code = names.at(-1), name = names.slice(0, -1).join("/");
    const task = index.tasks.findIndex((each) => each.name === name);
    if (task < 0) return;
    Object.assign(state, { task, code, page: 0, search: "" });
    search.value = "";
    update().then(() => document.getElementById("examples").scrollIntoView());
  }
  addEventListener("hashchange", follow);
  follow();
  (window.requestIdleCallback ?? setTimeout)(() => { if (!results.firstChild) update(); });  // a printout cannot scroll to them
})();
