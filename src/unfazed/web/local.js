"use strict";

// Where examples come from and where decisions go: this file, and the browser's own storage.
const data = JSON.parse(document.getElementById("data").textContent);
const KEY = "unfazed review " + data.fingerprint;
const kept = () => { try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch { return []; } };
let lines = kept();
const keep = () => {
  try { localStorage.setItem(KEY, JSON.stringify(lines)); } catch { throw { status: 0, error: "this browser keeps nothing for files: download the file before you close the page" }; }
};
const earlier = new Map(data.items.map((item) => [item.row, item.decision])); // decided on the server, or before the run
const undone = () => new Set(lines.map((line) => line.undoes));
const aboutRow = (row) => {
  const back = undone(), all = lines.filter((line) => line.row === row);
  return { row, number: all.length ? all.at(-1).number : 0, decision: all.filter((line) => !line.undoes && !back.has(line.number)).at(-1) || earlier.get(row) || null };
};
const pictured = (thing) => ({ ...thing, picture: data.pictures[thing.picture], sound: data.pictures[thing.sound] });
const whole = (item) => ({ ...item, ...aboutRow(item.row), thing: pictured(item.thing) });
const holds = (label, wanted) => data.start.task !== "multilabel" ? label === wanted : label !== null && (wanted === "|" ? !parts(label).length : parts(label).includes(wanted)); // "|": a set of none
const fits = (item, wanted) => {
  const decided = aboutRow(item.row).decision, state = wanted.state;
  return (!wanted.split || item.split === wanted.split) && (!wanted.label || holds(item.label, wanted.label))
    && (!wanted.suggested || holds(item.suggested, wanted.suggested))
    && (!state || (state === "open" ? !decided : state === "decided" ? decided : decided?.action === state))
    && (!wanted.worth || item.rank < data.start.worth)
    && (item.probability === null || (item.probability >= (wanted.low ?? 0) && item.probability <= (wanted.high ?? 1)))
    && (!wanted.text || [item.name, ...inputs(item)].some((text) => text.toLowerCase().includes(wanted.text.toLowerCase())));
};
const inputs = ({ thing }) => thing.words ? [thing.words.map(([word]) => word).join("")] : (thing.cells ?? []).map(([, value]) => value);
const catchUp = () => { const found = kept(); if (found.length > lines.length) lines = found; }; // another tab of the same file
const take = (line) => {
  catchUp();
  lines.push({ ...line, number: lines.length + 1, when: new Date().toISOString().replace(/\.\d+Z/, "+00:00") });
  keep();
  return aboutRow(line.row);
};
const cell = (value) => /[",\r\n]/.test(value) ? '"' + value.replaceAll('"', '""') + '"' : value;
const inColumns = (line) => line && Object.fromEntries(data.columns.map((name, place) => [name, line[place]]));
// As `in_terms_of_the_source` of earlier.py: a label that was corrected before is told by what the source has.
const after = (before, found) => {
  if (!before) return found;
  if (["keep", "unsure"].includes(found.action) && ["relabel", "drop"].includes(before.action)) return before;
  return { ...found, label: before.label, action: found.corrected === (before.label || "|") ? "keep" : found.action };
};
const decidedLine = (item, decision) => {
  const { who, when, why } = decision, before = inColumns(item.before), found = { input: item.input, who, when, why, sha256: item.sha256, run: data.path };
  if (data.start.labelling) return decision.action === "label" ? { ...found, label: decision.corrected } : before;
  const corrected = { relabel: decision.corrected, keep: item.label }[decision.action] ?? "";
  return after(before, { ...found, id: item.name, label: item.label ?? "", corrected, action: decision.action });
};
const csv = () => {
  const found = new Map(data.lines.map(inColumns).map((line) => [line[data.key], line]));
  for (const item of data.items) {
    const { decision } = aboutRow(item.row), name = data.key === "id" ? item.name : item.input;
    if (!decision || decision === earlier.get(item.row)) continue; // among the lines already
    const line = decidedLine(item, decision);
    found.delete(name);
    if (line) found.set(name, line);
  }
  const rows = [...found.values()].map((line) => data.columns.map((name) => line[name]));
  return [data.columns, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
};
// As `valid_label` of corrections.py: what a person typed as a label, or why it is none.
const refused = (why) => { throw { status: 400, error: why }; };
const NUMERALS = { ".": /^[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d*)(?:\.\d*)?(?:e[+-]?\d+)?$/i, ",": /^[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+|\d*)(?:,\d*)?(?:e[+-]?\d+)?$/i };
const plain = (text, mark) => { // the number with a point before its fraction, where the text has that mark there
  const found = text.replace(/^[$€£¥% ]+|[$€£¥% ]+$/g, ""), read = mark === "." ? found.replaceAll(",", "") : found.replaceAll(".", "").replace(",", ".");
  return read && NUMERALS[mark].test(found) && Number.isFinite(Number(read)) ? read : null;
};
const number = (text) => {
  const read = plain(text, ".") ?? plain(text, ",") ?? refused(`a number is predicted here, got ${quoted(text)}`);
  const other = plain(text, data.decimal) ?? read;
  return Number(other) === Number(read) ? read : refused(`${quoted(text)} may be ${read}, or ${other} as the source writes numbers: write one of them so that no mark can stand between thousands`);
};
const valid = (text) => {
  if (!/^(?:[^\p{C}\p{Z}]| ){1,200}$/u.test(text)) refused("a label is 1 to 200 printable letters");
  return data.start.task === "regression" ? number(text) : text;
};
const label = (item, text) => {
  const { task, classes } = data.start;
  if (task === "multilabel") return joined(parts(text).map((part) => classes.includes(part) ? part : valid(part)));
  return [...classes, item.label, item.suggested].includes(text) ? text : valid(text);
};
const source = {
  start: async () => ({ ...data.start, number: lines.length }),
  list: async (wanted) => {
    const all = data.items.filter((item) => fits(item, wanted));
    const chosen = wanted.before !== undefined ? all.filter((item) => item.rank < wanted.before).slice(-60) : all.filter((item) => item.rank > (wanted.after ?? -1)).slice(0, 60);
    const any = data.items.filter((item) => fits(item, { ...wanted, state: "" })), done = {};
    for (const { decision } of any.map((item) => aboutRow(item.row))) if (decision) done[decision.action] = (done[decision.action] ?? 0) + 1;
    return { total: all.length, of: any.length, decided: Object.values(done).reduce((sum, number) => sum + number, 0), done, items: chosen.map(whole) };
  },
  example: async (row) => {
    const item = data.items.find((one) => one.row === row);
    if (!item) throw { status: 404, error: "this file does not hold that example" };
    return { ...whole(item), neighbours: item.neighbours.map((one) => ({ ...one, thing: pictured(one.thing), decision: aboutRow(one.row).decision || one.decision })) };
  },
  decide: async (said) => {
    const item = data.items.find((one) => one.row === said.row);
    const corrected = ["relabel", "label"].includes(said.action) ? label(item, said.corrected) : "";
    const unchanged = said.action === "relabel" && corrected === (item.label || "|");
    return take({ row: said.row, action: unchanged ? "keep" : said.action, corrected: unchanged ? "" : corrected, who: said.who, why: said.why, based_on: said.based_on, undoes: 0 });
  },
  undo: async () => {
    const back = undone(), last = lines.filter((line) => !line.undoes && !back.has(line.number)).at(-1);
    return last ? take({ ...last, undoes: last.number }) : null;
  },
  changes: async (since) => {
    catchUp();
    return { number: lines.length, rows: [...new Set(lines.slice(since).map((line) => line.row))].map(aboutRow) };
  },
  exported: csv,
};
