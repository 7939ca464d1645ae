// The rows and columns of a table that are shown, as CSV, Markdown or LaTeX, on the clipboard.
"use strict";
const copyTable = (() => {
  const shown = (table) => [...table.rows].filter((row) => !row.hidden)
    .map((row) => [...row.cells].filter((cell) => !cell.hidden).map((cell) => cell.textContent.trim()));
  const numeric = (table) => [...table.tHead.rows[0].cells].filter((cell) => !cell.hidden)
    .map((cell) => cell.dataset.sortMethod === "number");

  // A text that a spreadsheet would take for a formula gets an apostrophe.
  const inert = (text) => (/^\s*[=+\-@\t\r＝＋－＠]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text);
  const plain = (text) => text.replace(/−/g, "-").replace(/^–$/, "");
  const csvCell = (text) => (/[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const csv = (table) => shown(table).map((row) => row.map((text) => csvCell(inert(plain(text)))).join(",")).join("\n");

  const entities = { "<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;" };
  const markdownCell = (text) => text.replace(/[<>&|]/g, (found) => entities[found]).replace(/[\\`*_[\]]/g, "\\$&");
  function markdown(table) {
    const [head, ...rows] = shown(table).map((row) => `| ${row.map(markdownCell).join(" | ")} |`);
    const rule = `| ${numeric(table).map((number) => (number ? "--:" : ":--")).join(" | ")} |`;
    return [head, rule, ...rows].join("\n");
  }

  const commands = {
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", $: "\\$", "&": "\\&", "#": "\\#", "%": "\\%", _: "\\_",
    "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "−": "$-$", "±": "$\\pm$", "†": "$^\\dagger$", "–": "--",
    "°": "$^\\circ$", "‡": "$^\\ddagger$",
  };
  const latexCell = (text) => text.replace(/[\\{}$&#%_^~−±†–°‡]/g, (found) => commands[found]);
  function latex(table) {
    const spec = numeric(table).map((number) => (number ? "r" : "l")).join("");
    const [head, ...rows] = shown(table).map((row) => `${row.map(latexCell).join(" & ")} \\\\`);
    const lines = [`\\begin{tabular}{${spec}}`, "\\toprule", head, "\\midrule", ...rows, "\\bottomrule", "\\end{tabular}"];
    return ["% needs \\usepackage{booktabs}", ...lines].join("\n");
  }

  async function put(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // no permission, as in some browsers for files
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  }
  const kinds = { CSV: csv, Markdown: markdown, LaTeX: latex };

  // A menu that copies the table.
  return (table) => {
    const menu = document.createElement("details"), summary = document.createElement("summary");
    const list = document.createElement("div");
    menu.className = "copy";
    summary.textContent = "Copy";
    for (const [name, write] of Object.entries(kinds)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", async () => {
        await put(write(table));
        menu.open = false;
        summary.textContent = `${name} copied`;
        setTimeout(() => { summary.textContent = "Copy"; }, 1600);
      });
      list.append(button);
    }
    menu.append(summary, list);
    return menu;
  };
})();
