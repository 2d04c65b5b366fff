"use strict";
// The rows are in the page as one JSON document. This script shows them by pages, so that a report of
// 100,000 users is a table of a hundred rows. Values become text nodes only, never markup.
(() => {
  const byId = (id) => document.getElementById(id);
  // A printed report has at most so many users; the sentence above the table says so.
  const PRINTED = 2000;
  const MAX_LISTED = 4096;

  let data;
  try {
    data = JSON.parse(byId("data").textContent);
  } catch {
    byId("broken").hidden = false;
    return;
  }
  byId("data").remove();
  const { columns, rows, page, codes } = data;
  const at = Object.fromEntries(columns.map((name, i) => [name, i]));
  const has = (name) => name in at;
  const cell = (row, name) => (name in at ? row[at[name]] : "");

  // A value that is often repeated is written once, and then as its number. A value of the SIS that
  // equals the actual one is written as 0.
  const listed = columns.map((name) => (data.listed.includes(name) ? [] : null));
  const actual = columns.map((name) => (name.startsWith("sis_") && has(name.slice(4)) ? at[name.slice(4)] : -1));
  for (const row of rows) {
    for (let i = 0; i < columns.length; i++) {
      const value = row[i];
      if (value === undefined) row[i] = "";
      else if (listed[i]) {
        if (typeof value === "number") row[i] = listed[i][value];
        else if (value !== "" && listed[i].length < MAX_LISTED) listed[i].push(value);
      } else if (value === 0 && actual[i] >= 0) row[i] = row[actual[i]];
    }
  }

  const number = (count) => count.toLocaleString("en-US");
  const counted = (count, one, several) => `${number(count)} ${count === 1 ? one : several}`;
  const fold = (text) => {
    const lower = String(text).toLowerCase();
    return /[^\x00-\x7f]/.test(lower) ? lower.normalize("NFD").replace(/\p{M}/gu, "") : lower;
  };
  const SEPARATORS = { role: "|", schools: "|", codes: " " };
  const parted = { role: new Map(), schools: new Map(), codes: new Map() };
  // The values of a cell that can hold several. Few cells differ, so each is cut once.
  function several(row, name) {
    const cells = cell(row, name);
    if (cells === "") return [];
    let found = parted[name].get(cells);
    if (found === undefined) parted[name].set(cells, (found = cells.split(SEPARATORS[name])));
    return found;
  }
  const schoolName = (id) => (Object.hasOwn(page.schools, id) && page.schools[id]) || id;
  const schoolsOf = (row) => several(row, "schools");
  const fullName = (row) => `${cell(row, "given_name")} ${cell(row, "family_name")}`.trim();
  const sisName = (row) => `${cell(row, "sis_given_name")} ${cell(row, "sis_family_name")}`.trim();

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  }
  const SVG = "http://www.w3.org/2000/svg";
  function draw(tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // ---- Rows: filters and order

  const LABELS = {
    line: "Line of the file", sourced_id: "sourcedId", identifier: "Identifier", role: "Role", schools: "School",
    state: "State", action: "Action", given_name: "Given name", family_name: "Family name", email: "Email",
    phone: "Mobile", home_phone: "Home phone", sis_given_name: "Given name (SIS)", sis_family_name: "Family name (SIS)",
    sis_email: "Email (SIS)", sis_phone: "Mobile (SIS)", sis_home_phone: "Home phone (SIS)", codes: "Codes",
    first_seen: "Since", notes: "Notes", user: "User",
  };
  const view = { sort: "", reverse: false, first: 0, size: 100 };
  let ordered = Uint32Array.from(rows.keys());
  let shown = ordered;
  let texts = null;

  function sortKey(name) {
    switch (name) {
      case "user":
        return (row) => {
          const key = `${cell(row, "family_name")}\t${cell(row, "given_name")}`;
          return fold(key === "\t" ? `${cell(row, "sis_family_name")}\t${cell(row, "sis_given_name")}` : key).trim();
        };
      case "schools":
        return (row) => fold(schoolsOf(row).map(schoolName).join("|"));
      case "line":
        return (row) => cell(row, "line");
      default:
        return (row) => fold(cell(row, name));
    }
  }

  // Users without a value come last in either direction, and equal ones stay in the order of the report.
  function order() {
    ordered = Uint32Array.from(rows.keys());
    if (view.sort === "") {
      if (view.reverse) ordered.reverse();
      return;
    }
    const keys = rows.map(sortKey(view.sort));
    const way = view.reverse ? -1 : 1;
    ordered.sort((a, b) => {
      const one = keys[a], other = keys[b];
      if (one === other) return a - b;
      if (one === "") return 1;
      if (other === "") return -1;
      return one < other ? -way : way;
    });
  }

  function textOf(i) {
    texts ??= new Array(rows.length);
    return (texts[i] ??= fold(
      `${fullName(rows[i])}\n${sisName(rows[i])}\n${rows[i].join("\n")}\n${schoolsOf(rows[i]).map(schoolName).join("\n")}`,
    ));
  }

  function select() {
    const text = fold(byId("text").value.trim());
    // A number is found however it is written: (718) 555-0142 is +17185550142.
    const digits = /^[+()\d\s./-]{7,}$/.test(text) ? text.replace(/\D/g, "") : "";
    const wanted = { school: "school", role: "role", action: "action", code: "code" };
    for (const name in wanted) wanted[name] = byId(name).value;
    const { school, role, action, code } = wanted;
    const withNotes = byId("notes").checked;
    const found = [];
    for (const i of ordered) {
      const row = rows[i];
      if (action !== "" && cell(row, "action") !== action) continue;
      if (withNotes && cell(row, "notes") === "") continue;
      if (role !== "" && !several(row, "role").includes(role)) continue;
      if (school !== "" && !schoolsOf(row).includes(school)) continue;
      if (code !== "" && !several(row, "codes").includes(code)) continue;
      if (text !== "") {
        const all = textOf(i);
        if (!all.includes(text) && !(digits !== "" && all.includes(digits))) continue;
      }
      found.push(i);
    }
    shown = found;
    view.first = 0;
    render();
  }

  // ---- The table

  const TABLE = [
    { name: "user", of: ["sourced_id", "given_name", "family_name", "identifier"], fill: user },
    { name: "role", of: ["role"], fill: (row) => lines(several(row, "role")) },
    { name: "schools", of: ["schools"], fill: (row) => lines(schoolsOf(row).map(schoolName)) },
    { name: "action", of: ["action", "state"], fill: action },
    { name: "email", of: ["email", "sis_email"], fill: (row) => details(row, ["email"]) },
    { name: "phone", of: ["phone", "home_phone", "sis_phone", "sis_home_phone"], fill: (row) => details(row, ["phone", "home_phone"]) },
    { name: "first_seen", of: ["first_seen"], fill: since },
    { name: "notes", of: ["notes", "codes"], fill: notes },
  ].filter((column) => column.of.some(has));

  function lines(values) {
    if (values.length < 2) return values;
    return [make("ul", {}, ...values.map((value) => make("li", {}, value)))];
  }

  function user(row) {
    const name = fullName(row), sis = sisName(row), id = cell(row, "sourced_id"), identifier = cell(row, "identifier");
    const parts = [name !== "" ? make("strong", {}, name) : sis === "" ? "" : make("strong", {}, sis)];
    if (name !== "" && differs(row, "name", name, sis)) parts.push(make("small", { class: "sis" }, `SIS: ${sis || "none"}`));
    const line = cell(row, "line");
    const ids = [id, identifier !== id ? identifier : "", line === "" ? "" : `line ${line}`].filter((part) => part !== "");
    parts.push(make("small", {}, ids.join(" · ")));
    return parts;
  }

  function action(row) {
    const word = cell(row, "action"), state = cell(row, "state");
    return [
      word === "" ? "" : make("span", { class: `dot ${/^[a-z]+$/.test(word) ? word : ""}` }, word),
      state === "" ? "" : make("small", {}, state),
    ];
  }

  // Whether the SIS has another value, by the codes of the row: the two may be written differently and
  // still be the same number.
  function differs(row, field, value, sis) {
    if (value === sis) return false;
    const word = field.replace("_", "-");
    const all = several(row, "codes");
    if (all.includes("settled")) return loose(value) !== loose(sis);
    return all.some((code) => [`active-${word}-differs`, `sis-${word}-invalid`, `sis-${word}-blank`, `${word}-taken`].includes(code));
  }
  const loose = (value) => (/@|[a-z]/i.test(value) ? fold(value) : value.replace(/\D/g, "").slice(-10));

  function details(row, fields) {
    const parts = [];
    for (const field of fields) {
      const value = cell(row, field), sis = cell(row, `sis_${field}`);
      const is_home = field === "home_phone";
      if (value !== "") parts.push(make("div", {}, ...breakable(value), is_home ? make("small", {}, "home") : ""));
      const only = value === "" && sis !== "" && (cell(row, "state") === "" || !has(field));
      if (only || differs(row, field, value, sis)) {
        parts.push(make("small", { class: "sis" }, `SIS${is_home ? " home" : ""}: `, ...breakable(sis || "none")));
      }
    }
    return parts;
  }

  // A long address goes on in the next line after its @.
  function breakable(value) {
    const end = value.indexOf("@") + 1;
    return end === 0 ? [value] : [value.slice(0, end), make("wbr"), value.slice(end)];
  }

  const days = (from) => {
    const age = Math.round((Date.parse(page.day) - Date.parse(from)) / 86_400_000);
    return Number.isFinite(age) && age >= 0 ? age : null;
  };
  function since(row) {
    const day = cell(row, "first_seen");
    if (day === "") return [];
    const age = days(day);
    return [make("div", {}, day), age === null ? "" : make("small", {}, age === 0 ? "today" : counted(age, "day", "days"))];
  }

  function notes(row) {
    const all = cell(row, "notes"), codes = cell(row, "codes");
    const sentences = all === "" ? [] : all.split(/; (?=[A-Z])/);
    return [...lines(sentences), codes === "" ? "" : make("div", { class: "code" }, codes)];
  }

  function head() {
    const tr = document.querySelector("#table thead tr");
    for (const column of TABLE) {
      const way = make("span", { class: "way", "aria-hidden": "true" });
      const button = make("button", { type: "button" }, LABELS[column.name], " ", way);
      button.addEventListener("click", () => {
        sortBy(column.name, view.sort === column.name && !view.reverse);
      });
      column.way = way;
      column.th = make("th", { scope: "col", role: "columnheader", class: `c-${column.name}`, "aria-sort": "none" }, button);
      tr.append(column.th);
    }
  }

  function sortBy(name, reverse) {
    view.sort = name;
    view.reverse = reverse;
    byId("sort").value = name;
    byId("order").value = reverse ? "reverse" : "";
    order();
    select();
  }

  function tableRow(row) {
    const tr = make("tr", { role: "row" });
    for (const [i, column] of TABLE.entries()) {
      const parts = column.fill(row).filter((part) => part !== "");
      const td = i === 0 ? make("th", { scope: "row", role: "rowheader" }) : make("td", { role: "cell", "data-label": LABELS[column.name] });
      if (parts.length === 0) td.className = "empty";
      td.append(make("div", {}, ...parts));
      tr.append(td);
    }
    return tr;
  }

  let said = 0;
  function render() {
    const { first, size } = view;
    fill(first, size);
    const pages = Math.max(1, Math.ceil(shown.length / size));
    const now = Math.floor(first / size) + 1;
    for (const span of document.querySelectorAll(".pages .at")) span.textContent = `Page ${number(now)} of ${number(pages)}`;
    for (const button of document.querySelectorAll(".pages button")) {
      button.disabled = ["first", "previous"].includes(button.dataset.go) ? now === 1 : now === pages;
    }
    for (const column of TABLE) {
      const sorted = view.sort === column.name;
      column.th.setAttribute("aria-sort", sorted ? (view.reverse ? "descending" : "ascending") : "none");
      column.way.textContent = sorted ? (view.reverse ? "▼" : "▲") : "";
    }
    const last = Math.min(first + size, shown.length);
    const range = shown.length > size ? `, ${number(first + 1)} to ${number(last)} shown` : "";
    const all = shown.length === rows.length ? counted(rows.length, "user", "users")
      : `${number(shown.length)} of ${counted(rows.length, "user", "users")}`;
    // While a text is typed, only the last count is worth saying.
    clearTimeout(said);
    const count = byId("count");
    count.setAttribute("aria-busy", "true");
    said = setTimeout(() => {
      count.textContent = all + range;
      count.removeAttribute("aria-busy");
    }, 150);
  }

  function fill(first, size) {
    const body = document.createDocumentFragment();
    for (const i of shown.slice(first, first + size)) body.append(tableRow(rows[i]));
    if (shown.length === 0) {
      const why = rows.length === 0 ? "This report has no users." : "No user fits these filters.";
      body.append(make("tr", { role: "row", class: "none" }, make("td", { role: "cell", colspan: TABLE.length }, why)));
    }
    document.querySelector("#table tbody").replaceChildren(body);
  }

  // ---- Filters

  function options(id, all, values, label) {
    const select = byId(id);
    const option = (value, text) => make("option", { value }, text);
    select.replaceChildren(option("", all), ...values.map(([value, count]) => option(value, `${label(value)} (${number(count)})`)));
  }

  // How many users have each value of a column: whole cells first, which are few.
  function tally(name) {
    const cells = new Map(), counts = new Map();
    for (const row of rows) cells.set(cell(row, name), (cells.get(cell(row, name)) || 0) + 1);
    cells.delete("");
    for (const [whole, count] of cells) {
      for (const value of name in SEPARATORS ? whole.split(SEPARATORS[name]) : [whole]) counts.set(value, (counts.get(value) || 0) + count);
    }
    return counts;
  }
  const byCount = (counts) => [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const byName = (counts, name) => [...counts].sort((a, b) => (fold(name(a[0])) < fold(name(b[0])) ? -1 : 1));
  const same = (value) => value;
  const codeCounts = tally("codes");

  function filters() {
    for (const label of document.querySelectorAll("#filters [data-of]")) label.hidden = !has(label.dataset.of);
    options("school", "all schools", byName(tally("schools"), schoolName), schoolName);
    options("role", "all roles", byName(tally("role"), same), same);
    options("action", "all actions", byCount(tally("action")), same);
    options("code", "all codes", byName(codeCounts, same), same);
    const sorts = ["user", ...columns.filter((name) => !["given_name", "family_name"].includes(name))];
    byId("sort").replaceChildren(make("option", { value: "" }, "report order"), ...sorts.map((name) => make("option", { value: name }, LABELS[name] || name)));
    const form = byId("filters");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(() => {
      view.size = Number(byId("size").value);
      sortBy("", false);
    }));
    let typing = 0;
    byId("text").addEventListener("input", () => {
      clearTimeout(typing);
      byId("count").setAttribute("aria-busy", "true");
      typing = setTimeout(select, rows.length > 5000 ? 200 : 0);
    });
    for (const id of ["school", "role", "action", "code", "notes"]) byId(id).addEventListener("change", select);
    for (const id of ["sort", "order"]) byId(id).addEventListener("change", () => sortBy(byId("sort").value, byId("order").value !== ""));
    byId("size").addEventListener("change", () => {
      view.size = Number(byId("size").value);
      view.first = 0;
      render();
    });
    for (const button of document.querySelectorAll(".pages button")) {
      button.addEventListener("click", () => {
        const last = Math.max(0, Math.ceil(shown.length / view.size) - 1) * view.size;
        view.first = { first: 0, previous: Math.max(0, view.first - view.size), next: Math.min(last, view.first + view.size), last }[button.dataset.go];
        render();
        // Below the table the next page begins out of sight.
        if (button.closest(".below")) byId("users").scrollIntoView();
        if (button.disabled) byId("users").focus({ preventScroll: true });
      });
    }
  }

  // ---- Charts

  const ACTIONS = ["created", "updated", "restored", "kept", "archived", "held", "rejected", "missing", "skipped", "unchanged"];
  const charts = [];

  // A figure with its legend, and its numbers as a table. `paint` draws for a width in pixels.
  function chart(title, about, series, table, paint) {
    const id = `chart-${charts.length}`;
    const svg = draw("svg", { role: "img", "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-about` });
    const figure = make("figure", { "aria-labelledby": `${id}-title` },
      make("h3", { id: `${id}-title` }, title),
      make("p", { class: "about", id: `${id}-about` }, about));
    if (paint) {
      figure.append(svg);
      if (series.length > 1) {
        figure.append(make("ul", { class: "legend" }, ...series.map(([key, label]) => make("li", { class: `dot ${key}` }, label))));
      }
    }
    if (table.rows.length > 0) {
      figure.append(make("details", {}, make("summary", {}, `Numbers: ${title.toLowerCase()}`),
        make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Numbers: ${title.toLowerCase()}` },
          make("table", { class: "figures" },
            make("thead", {}, make("tr", {}, ...table.head.map((text) => make("th", { scope: "col" }, text)))),
            make("tbody", {}, ...table.rows.map(([first, ...rest]) => make("tr", {}, make("th", { scope: "row" }, first),
              ...rest.map((value) => make("td", {}, typeof value === "number" ? number(value) : value)))))))));
    }
    byId("charts").append(figure);
    charts.push({ svg, paint, figure });
  }

  function paintAll() {
    for (const { svg, paint, figure } of charts.filter((one) => one.paint)) {
      const width = Math.max(220, Math.round(figure.clientWidth - 34));
      const { height, parts } = paint(width);
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.replaceChildren(...parts);
    }
  }

  // Stacked bars from left to right, one for each [label, values].
  function bars(bars, series) {
    return (width) => {
      const total = (values) => series.reduce((sum, [key]) => sum + (values[key] || 0), 0);
      const most = Math.max(1, ...bars.map(([, values]) => total(values)));
      const left = Math.min(190, Math.round(width * 0.36)), right = 56, step = 22;
      const parts = [];
      bars.forEach(([label, values], i) => {
        const y = i * step + 3;
        const fits = Math.floor((left - 8) / 6.6);
        const short = label.length > fits ? `${label.slice(0, fits - 1)}…` : label;
        parts.push(draw("text", { x: left - 8, y: y + 13, "text-anchor": "end" }, short, draw("title", {}, label)));
        let x = left;
        for (const [key, name] of series) {
          const value = values[key] || 0;
          if (value === 0) continue;
          const wide = Math.max(2, (value / most) * (width - left - right));
          parts.push(draw("rect", { x, y, width: wide, height: 16, class: `tone gap ${key}` }, draw("title", {}, `${label}: ${number(value)} ${name}`)));
          x += wide;
        }
        parts.push(draw("text", { x: x + 6, y: y + 13 }, number(total(values))));
      });
      return { height: bars.length * step + 4, parts };
    };
  }

  // Stacked columns, one for each run. One that is far above all others is cut, and has its number.
  function columnsOf(all, series) {
    return (width) => {
      const height = 140, top = 20, bottom = 24, left = 8, right = 8;
      const room = Math.min(46, (width - left - right) / all.length);
      const total = ({ actions }) => series.reduce((sum, [key]) => sum + (actions[key] || 0), 0);
      const totals = all.map(total).sort((a, b) => b - a);
      const next = totals.find((value) => value * 4 < totals[0]);
      const above = totals.filter((value) => value * 4 >= totals[0]).length;
      const most = Math.max(1, next > 0 && above <= Math.max(1, all.length / 8) ? next * 1.25 : totals[0]);
      const scale = (height - top - bottom) / most;
      const parts = [draw("line", { x1: left, x2: width - right, y1: height - bottom + 0.5, y2: height - bottom + 0.5, class: "axis" })];
      const every = Math.ceil(34 / room);
      all.forEach((run, i) => {
        const x = left + i * room, wide = Math.max(2, room - 4), middle = x + wide / 2;
        let y = height - bottom;
        for (const [key, name] of series) {
          const value = run.actions[key] || 0;
          if (value === 0) continue;
          const tall = Math.min(Math.max(1.5, value * scale), y - top + 4);
          if (tall <= 0) continue;
          y -= tall;
          parts.push(draw("rect", { x, y, width: wide, height: tall, class: `tone gap ${key}` }, draw("title", {}, `Run ${run.run}, ${run.started}: ${number(value)} ${name}`)));
        }
        const sum = total(run);
        if (run.blocked || sum > most) {
          const text = run.blocked ? "✕" : number(sum);
          parts.push(draw("text", { x: Math.max(middle, 14), y: Math.max(12, y - 4), "text-anchor": "middle" }, text, draw("title", {}, run.blocked ? `Run ${run.run} was blocked` : `Run ${run.run}: ${number(sum)}`)));
        }
        if (i % every === 0 || all.length * room < 60) {
          parts.push(draw("text", { x: middle, y: height - 7, "text-anchor": "middle", class: "quiet" }, String(run.run)));
        }
      });
      return { height, parts };
    };
  }

  function chartOfSchools() {
    if (!has("action") || !has("schools")) return;
    const cells = new Map(), counts = new Map();
    for (const row of rows) {
      const schools = cell(row, "schools"), word = cell(row, "action");
      const of = cells.get(schools) || cells.set(schools, {}).get(schools);
      of[word] = (of[word] || 0) + 1;
    }
    for (const [schools, values] of cells) {
      for (const id of schools.split("|")) {
        const of = counts.get(id) || counts.set(id, {}).get(id);
        for (const word in values) of[word] = (of[word] || 0) + values[word];
      }
    }
    const name = (id) => (id === "" ? "(no school)" : schoolName(id));
    const moving = ACTIONS.filter((key) => !["unchanged", "skipped"].includes(key));
    const total = (values) => moving.reduce((sum, key) => sum + (values[key] || 0), 0);
    const all = [...counts].sort((a, b) => total(b[1]) - total(a[1]) || (fold(name(a[0])) < fold(name(b[0])) ? -1 : 1));
    const drawn = all.filter(([, values]) => total(values) > 0).slice(0, 8);
    const used = moving.filter((key) => drawn.some(([, values]) => values[key]));
    const inTable = ACTIONS.filter((key) => all.some(([, values]) => values[key]));
    const active = all.filter(([, values]) => total(values) > 0).length;
    const about = drawn.length === 0 ? "Nothing to do at any school." :
      `${active > drawn.length ? `The ${drawn.length} schools with most, of ${number(active)}. ` : ""}Unchanged and skipped users are not drawn. A user at two schools counts at both.`;
    const series = used.map((key) => [key, key]);
    chart("Actions by school", about, series,
      { head: ["School", ...inTable], rows: all.map(([id, values]) => [name(id), ...inTable.map((key) => values[key] || 0)]) },
      drawn.length > 0 && bars(drawn.map(([id, values]) => [name(id), values]), series));
  }

  function chartOfAges() {
    if (!has("first_seen")) return;
    const groups = [["today", 0], ["1 to 7 days", 7], ["8 to 30 days", 30], ["31 to 90 days", 90], ["91 to 365 days", 365], ["over a year", Infinity]];
    const counts = groups.map(() => 0);
    let total = 0;
    for (const row of rows) {
      const age = cell(row, "first_seen") === "" ? null : days(cell(row, "first_seen"));
      if (age === null) continue;
      counts[groups.findIndex(([, most]) => age <= most)] += 1;
      total += 1;
    }
    const table = groups.map(([label], i) => [label, counts[i]]);
    const about = total === 0 ? "No user has a value that differs from the SIS." :
      `${counted(total, "user has", "users have")} a value that differs from the SIS and was kept. By the newest difference of each user.`;
    chart("Kept differences by age", about, [["kept", "kept"]], { head: ["Age", "Users"], rows: total === 0 ? [] : table },
      total > 0 && bars(table.map(([label, count]) => [label, { kept: count }]), [["kept", "kept"]]));
  }

  function chartOfRuns() {
    if (page.runs.length === 0) return;
    const keys = ["created", "updated", "restored", "archived"];
    const used = keys.filter((key) => page.runs.some((run) => run.actions[key]));
    const head = ["Run", "Started", "Result", ...keys, "kept", "rejected"];
    const table = page.runs.map((run) => [`${run.run}`, run.started, run.result, ...head.slice(3).map((key) => run.actions[key] || 0)]);
    const blocked = page.runs.some((run) => run.blocked) ? " ✕ is a run that was blocked: its column is what it would have done." : "";
    const series = used.map((key) => [key, key]);
    chart("Run history", used.length === 0 ? `No change in ${counted(page.runs.length, "run", "runs")}.` : `Changes in the last ${counted(page.runs.length, "run", "runs")}.${blocked}`,
      series, { head, rows: table.reverse() }, used.length > 0 && columnsOf(page.runs, series));
  }

  function chartOfMessages() {
    if (!page.messages) return;
    const STATES = ["sent", "queued", "sending", "deferred", "unknown", "failed", "discarded", "untold"];
    const label = { untold: "cannot be told" };
    const byRole = new Map();
    const add = (role, key, count) => {
      const of = byRole.get(role) || byRole.set(role, {}).get(role);
      of[key] = (of[key] || 0) + count;
    };
    for (const { role, state, count } of page.messages) add(role || "(no role)", state, count);
    let untold = 0;
    for (const row of rows) {
      if (!several(row, "codes").includes("not-notifiable")) continue;
      add(several(row, "role")[0] || "(no role)", "untold", 1);
      untold += 1;
    }
    const all = [...byRole].sort((a, b) => (a[0] < b[0] ? -1 : 1));
    const used = STATES.filter((key) => all.some(([, values]) => values[key]));
    const total = page.messages.reduce((sum, { count }) => sum + count, 0);
    const email = page.messages.filter(({ channel }) => channel === "email").reduce((sum, { count }) => sum + count, 0);
    const about = all.length === 0 ? "This run has no messages." :
      `${counted(total, "message", "messages")}: ${number(email)} by email, ${number(total - email)} by SMS.${untold > 0 ? ` ${counted(untold, "person", "people")} with a change cannot be reached.` : ""}`;
    const rowsOf = page.messages.map(({ role, channel, state, count }) => [role || "(no role)", channel === "sms" ? "SMS" : channel, state, count]);
    for (const [role, values] of all) if (values.untold) rowsOf.push([role, "none", label.untold, values.untold]);
    const series = used.map((key) => [key, label[key] || key]);
    chart("Messages", about, series, { head: ["Role", "By", "State", "Messages"], rows: rowsOf }, all.length > 0 && bars(all, series));
  }

  // ---- Codes, print, start

  function meanings() {
    const known = byCount(codeCounts).filter(([code]) => Object.hasOwn(codes, code));
    if (known.length === 0) return;
    const list = document.querySelector("#codes dl");
    for (const [code, count] of known) {
      list.append(make("dt", {}, code, make("span", { class: "many" }, counted(count, "user", "users"))));
      for (const sentence of codes[code]) list.append(make("dd", {}, sentence));
    }
    byId("codes").hidden = false;
  }

  function print(begins) {
    const count = Math.min(shown.length, PRINTED);
    if (!begins) return render();
    byId("printed").textContent = shown.length > PRINTED
      ? `The first ${number(PRINTED)} of ${counted(shown.length, "user", "users")}. Filter to print fewer users, or open the CSV report.`
      : shown.length === rows.length ? counted(count, "user", "users") : `${number(count)} of ${counted(rows.length, "user", "users")}`;
    fill(0, PRINTED);
  }

  byId("charts").hidden = false;
  byId("users").hidden = false;
  head();
  filters();
  chartOfSchools();
  chartOfAges();
  chartOfRuns();
  chartOfMessages();
  byId("charts").hidden = charts.length === 0;
  meanings();
  render();
  paintAll();
  let width = innerWidth;
  addEventListener("resize", () => {
    if (width !== innerWidth) requestAnimationFrame(paintAll);
    width = innerWidth;
  });
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  document.documentElement.dataset.ready = "true";
})();
