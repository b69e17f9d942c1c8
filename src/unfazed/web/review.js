
const $ = (id) => document.getElementById(id);
const about = {}, wanted = { state: "open", worth: "1", split: "", label: "", suggested: "", low: "", high: "", text: "" };
let items = [], at = 0, shown = null, total = 0, of = 0, decided = 0, done = {}, seen = 0, busy = false, wall = false, more = true;
let reached = -1; // the highest rank that a list has brought

// What an action did is shown for a moment; a screen reader reads it and then what is on the screen, as one announcement.
let fading = 0;
const said = (text) => {
  $("told").textContent += text + " ";
  $("told").className = "";
  clearTimeout(fading);
  fading = setTimeout(() => { $("told").className = "unseen"; }, 4000);
};
const heard = (text) => { $("heard").textContent = text; };
const silent = () => { $("told").className = "unseen"; $("told").textContent = $("heard").textContent = ""; };
const numbers = () => about.task === "regression";
const sets = () => about.task === "multilabel";
const parts = (label) => (label ?? "").split("|").filter(Boolean);
const placed = (label) => { const place = about.classes.indexOf(label); return place < 0 ? about.classes.length : place; };
const joined = (labels) => [...labels].sort((one, other) => placed(one) - placed(other) || (one < other ? -1 : 1)).join("|") || "|"; // a set of none
const named = (label) => sets() && label !== null && label !== undefined ? parts(label).join(", ") || "none of them" : label;
const same = (one, other) => one === other || (sets() && one !== null && other !== null && joined(parts(one)) === joined(parts(other)));
const labelled = () => about.labelling ? "label" : "relabel"; // what a decision for a label is called
const guess = (item) => named(item.suggested) + "?";

const badge = (decision, label) => {
  if (!decision) return null;
  const words = { keep: "kept", relabel: "now " + quoted(named(decision.corrected)), label: quoted(named(decision.corrected)), drop: "dropped", unsure: "unsure" }[decision.action];
  return make("span", "badge " + decision.action, words);
};

// Trouble is said where it is seen, with what to do about it.
const trouble = (error) => {
  const box = $("conflict");
  if (error.status === undefined) { box.replaceChildren(String(error)); box.hidden = false; throw error; }
  box.replaceChildren(make("p", "", error.status === 409 ? "Somebody else was faster." : `${error.what ?? "That could not be shown"}: ${error.error || "something went wrong"}.`));
  box.hidden = false;
  if (error.status !== 409) return;
  const other = error.decision?.earlier ? null : error.decision;
  box.firstChild.append(" " + (other ? other.who + ": " : "It was taken back."), badge(other) || "", other ? " at " + new Date(other.when).toLocaleTimeString() + "." : "", " Yours was not written: decide again to overrule, or go on.");
  refresh(error);
  recount();
};
const failing = async (what, work) => { try { return await work(); } catch (error) { throw Object.assign(error, { what }); } };
// Whoever looks at an example and has not `seen` what is new about it keeps the old number: the next decision is refused.
const refresh = (told, seen = true) => {
  const news = seen ? { decision: told.decision, number: told.number } : { decision: told.decision };
  for (const item of [...items, shown]) if (item?.row === told.row && told.number >= item.number) Object.assign(item, news);
  if (shown?.row === told.row) showDecision();
  const tile = document.querySelector(`.tile[data-row="${told.row}"]`);
  if (tile) mark(tile, told.decision);
};
const tried = async (work) => {
  if (busy) return undefined;
  busy = true;
  waiting = null;
  silent();
  try { const result = await work(); return result; } catch (error) { if (error.nameless) waiting = work; trouble(error); return undefined; } finally { busy = false; }
};

// Lists
const asked = (where) => ({ ...wanted, low: wanted.low === "" ? undefined : wanted.low, high: wanted.high === "" ? undefined : wanted.high, ...where });
const load = async () => {
  const told = await source.list(asked({}));
  items = []; reached = -1; counting = null;
  bring(told);
  ({ total, of, decided, done } = told);
  await show(0);
};
const bring = (told) => { // what comes next in the list; an example that was taken back may be in it already
  const fresh = told.items.filter((one) => items.every((item) => item.row !== one.row));
  items.push(...fresh);
  reached = told.items.at(-1)?.rank ?? reached;
  more = told.items.length === 60;
  return fresh;
};
let counting = null; // the last question of how many are decided: whatever comes in between asks again
const recount = async () => {
  const mine = counting = {};
  try {
    const told = await source.list(asked({ after: about.rows })); // behind the last row the list itself is empty
    if (mine === counting) { ({ of, decided, done } = told); progress(); }
  } catch { /* the next list brings it */ }
  if (mine === counting) counting = null;
};
const extend = async () => {
  if (!more || !items.length) return false;
  const fresh = bring(await source.list(asked({ after: reached })));
  if (wall) $("tiles").append(...fresh.map(tile));
  $("more").hidden = !more;
  return fresh.length > 0;
};
const precede = async () => {
  if (!items.length || items[0].rank <= 0) return false;
  const told = await source.list(asked({ before: items[0].rank }));
  items.unshift(...told.items);
  at += told.items.length;
  return told.items.length > 0;
};
const go = async (to) => {
  if (to >= items.length && !(await extend())) return end();
  if (to < 0) { const before = items.length; if (!(await precede())) return said("That is the first one."); to += items.length - before; }
  await show(to);
};
const end = async () => {
  said("That was the last one.");
  if (!["open", ""].includes(wanted.state)) return;
  if (items.every((item) => item.decision)) await finished(); else said("Some before it are not decided.");
};

// One example: what is on the screen, and what the keys decide about, changes when all of it has arrived.
const show = async (to, onWall = wall) => {
  shown = items.length && !onWall ? await source.example(items[to].row) : null;
  at = to; wall = onWall;
  if (shown) refresh(shown);
  $("view-one").setAttribute("aria-pressed", String(!wall));
  $("view-wall").setAttribute("aria-pressed", String(wall));
  $("conflict").hidden = true;
  progress();
  const empty = !items.length;
  $("nothing").hidden = !empty; $("one").hidden = empty || wall; $("wall").hidden = empty || !wall;
  if (empty) return nothing();
  if (wall) return showWall();
  $("thing").replaceChildren(thing(shown.thing, shown.name, false));
  $("thing").className = shown.thing.kind + (shown.thing.cells?.length > MANY ? " many" : "");
  $("split").textContent = about.labelling ? "" : shown.split || "on no side";
  $("name").textContent = shown.name; $("name").title = shown.name;
  $("question").replaceChildren(...breaking(about.labelling ? guess(shown) : named(shown.label)));
  $("reason").textContent = shown.reason ? "asked for because: " + shown.reason : sets() ? change(shown) : "";
  evidence();
  showDecision();
  $("why").value = "";
  $("neighbours").replaceChildren(...shown.neighbours.map(neighbour));
  document.querySelector(".near").hidden = !shown.neighbours.length;
  reach();
  if (about.labelling) heard(`A guess: ${named(shown.suggested)}. ${shown.reason}`);
  else heard(`Given ${named(shown.label)}, suggested ${named(shown.suggested) ?? "nothing"}, ${shown.doubt} ${$("doubt-words").textContent}.`);
};
// What scrolls by itself is reached by key, and then scrolls by key.
const MANY = 40; // columns, from which on a row scrolls
const BOXES = { "#thing": "The row", "#thing .text:not(.legend)": "The text", "#neighbours": "Its nearest neighbours" };
const reach = () => {
  for (const [place, name] of Object.entries(BOXES)) for (const box of document.querySelectorAll(place)) {
    const { overflowX, overflowY } = getComputedStyle(box);
    const scrolls = (overflowX === "auto" && box.scrollWidth > box.clientWidth) || (overflowY === "auto" && box.scrollHeight > box.clientHeight);
    for (const [key, value] of Object.entries({ tabindex: "0", role: "group", "aria-label": name })) scrolls ? box.setAttribute(key, value) : box.removeAttribute(key);
  }
};
addEventListener("resize", reach);
const lacking = (one, other) => parts(one).filter((name) => !parts(other).includes(name)); // what the other set lacks
const change = ({ label, suggested }) => {
  const said = (names, what) => names.length ? names.map(quoted).join(" and ") + (names.length > 1 ? " seem " : " seems ") + what : null;
  return [said(lacking(suggested, label), "to be missing"), said(lacking(label, suggested), "not to belong")].filter(Boolean).join("; ");
};
const doubtOf = ({ probability, residual }) => probability === null && residual !== null ? "the usual distance from what is expected" : "likely wrong";
const evidence = () => {
  const agrees = same(shown.suggested, shown.label);
  $("doubt").hidden = shown.probability === null && shown.residual === null;
  document.querySelector(".doubt-track").hidden = shown.probability === null;
  document.querySelector("#doubt i").style.width = 100 * shown.probability + "%";
  document.querySelector("#doubt b").textContent = shown.doubt;
  $("doubt-words").textContent = doubtOf(shown);
  $("candidates").replaceChildren(...(shown.candidates.length ? [make("p", "soft small", takenFor()), ...shown.candidates.map(about.labelling && !sets() ? choice : candidate)] : []));
  const suggest = document.querySelector('[data-action="suggested"]');
  for (const [button, label] of [[document.querySelector('[data-action="keep"]'), shown.label], [suggest, agrees ? null : shown.suggested]]) {
    button.querySelector("b").replaceChildren(...breaking(named(label)));
    button.title = named(label) ?? "";
  }
  suggest.disabled = agrees || shown.suggested === null;
};
const takenFor = () => { // what was trained on is told by epochs that had not learnt it yet
  const epochs = shown.early === 1 ? "its first epoch" : `${shown.early} early epochs`;
  if (!shown.early) return sets() ? "what the model finds in it" : "what the model takes it for";
  return `${sets() ? "what the model found in it" : "what the model took it for"} in ${epochs}${shown.early > 1 ? ", on average" : ""}, before it could know its label by heart`;
};
const candidate = ({ label, probability, share }) => {
  const bar = make("i");
  bar.style.width = 100 * probability + "%";
  const holds = (set) => sets() ? parts(set).includes(label) : label === set;
  const kind = holds(shown.label) ? "given" : holds(shown.suggested) ? "suggested" : "";
  const name = make("span", "", ...breaking(label));
  name.title = label;
  return make("div", "candidate " + kind, make("span", "label", name, kind && !about.labelling ? make("small", "", kind) : null), make("span", "track-bar", bar), make("span", "share", share));
};
const choice = (one, place) => {
  const button = make("button", "choice", make("kbd", "", String(place + 1)), candidate(one));
  button.type = "button";
  button.setAttribute("aria-keyshortcuts", String(place + 1));
  button.addEventListener("click", () => takeGuess(place));
  return button;
};
const takeGuess = (place) => tried(async () => {
  const item = current(), label = shown?.candidates[place]?.label;
  if (!item || label === undefined) return;
  await decide(item, "label", label);
  await onward();
});
const labelOf = ({ label, decision }) => decision?.action === "drop" ? null : decision?.corrected || label; // as it is now
const speaks = (label) => label !== null && (sets() // for what is suggested: in a set, for each label that is added or taken away
  ? !about.labelling && lacking(shown.suggested, shown.label).every((name) => parts(label).includes(name)) && lacking(shown.label, shown.suggested).every((name) => !parts(label).includes(name))
  : label !== shown.label && label === shown.suggested);
const neighbour = (near) => make("figure", speaks(labelOf(near)) ? "speaks" : "", thing(near.thing, "a neighbour", true), make("figcaption", "", make("b", "", ...breaking(near.decision?.action === "drop" ? "dropped" : named(labelOf(near)))), about.labelling ? null : make("span", "soft small", near.split || "")));
const decidedBy = ({ who, when, why, earlier, was, action }) => {
  const moment = when ? (earlier ? " on " + new Date(when).toLocaleDateString() : ", " + new Date(when).toLocaleString()) : "";
  const told = [earlier ? "before this run" : "", earlier && action === "relabel" ? "it was " + quoted(named(was)) : ""].filter(Boolean).join("; ");
  return ` ${who ? "by " + who : ""}${moment}${told ? ", " + told : ""}${why ? ": " + why : ""}`;
};
const showDecision = () => {
  const decision = shown.decision, box = $("decided");
  box.hidden = !decision;
  box.replaceChildren(...(decision ? [badge(decision), decidedBy(decision)] : []));
  for (const button of document.querySelectorAll("[data-action]")) {
    const mine = decision?.earlier ? false : { suggested: decision?.action === labelled() && same(decision.corrected, shown.suggested), other: decision?.action === labelled() && !same(decision.corrected, shown.suggested) }[button.dataset.action] ?? decision?.action === button.dataset.action;
    button.setAttribute("aria-pressed", String(Boolean(mine)));
  }
};

// Decisions: the next example is shown when this one is on the disk.
let before = null, waiting = null; // where the focus was when a name was asked for, and what is done when it is there
const reviewer = () => {
  const who = $("reviewer").value.trim();
  if (who) return who;
  before = document.activeElement;
  $("reviewer").focus();
  throw { status: 0, nameless: true, error: "your name is missing, which stands beside every decision. Type it at the top; Enter goes on" };
};
const introduced = () => { // whatever was done in between, by key or pointer, has taken the place of what waited
  if ($("reviewer").value.trim() && waiting) tried(waiting);
};
const decide = async (item, action, corrected) => {
  const why = wall ? "" : $("why").value.trim();
  if (sets() && corrected !== undefined && action === labelled()) corrected = joined(parts(corrected));
  if (action === "relabel" && same(corrected, item.label)) { action = "keep"; corrected = ""; }
  const told = await failing("That was not kept", () => source.decide({ row: item.row, action, corrected: corrected ?? "", why, who: reviewer(), based_on: item.number }));
  if (!item.decision) decided += 1;
  if (counting) recount();
  refresh(told);
  $("conflict").hidden = true;
  progress();
  said(badge(told.decision).textContent + ".");
};
const act = (action) => tried(async () => {
  const item = current();
  if (!item) return;
  if (action === "other") return choose(item);
  if (action === "suggested" && (item.suggested === null || same(item.suggested, item.label))) return said("There is no other suggestion.");
  await decide(item, action === "suggested" ? labelled() : action, action === "suggested" ? item.suggested : "");
  await onward();
});
const onward = () => wall ? step(1) : go(at + 1);
const current = () => wall ? items.find((item) => item.row === Number(document.activeElement.dataset?.row)) : items.find((item) => item.row === shown?.row);
const undo = () => tried(async () => {
  const told = await failing("That was not taken back", () => source.undo(reviewer()));
  if (!told) return said("Nothing was decided in this window that can be taken back.");
  refresh(told);
  let place = items.findIndex((item) => item.row === told.row);
  if (wall && place >= 0) $("tiles").children[place].focus();
  else {
    if (place < 0) {
      const item = await source.example(told.row);
      place = items.findIndex((other) => other.rank > item.rank);
      if (place < 0) place = items.length;
      items.splice(place, 0, item);
    }
    await show(place);
  }
  said("Taken back.");
  recount();
});

// Another label, by typing; of a set, each is ticked or not
let choosing = null, options = [], marked = 0, ticked = [], offered = [];
const choose = (item) => {
  choosing = item;
  ticked = sets() ? parts(item.decision?.corrected || (about.labelling ? item.suggested : item.label)) : [];
  const likely = shown && shown.row === item.row ? shown.candidates.map((one) => one.label) : [];
  offered = [...new Set([...ticked, ...likely, ...about.classes])]; // in one order, whatever is ticked
  $("search").value = "";
  $("search").inputMode = numbers() ? "decimal" : "text";
  $("choose-title").textContent = numbers() ? "Which number?" : sets() ? "Which labels?" : "Which label?";
  $("choose-hint").textContent = sets() ? "Type to search. Enter ticks or unticks the marked one, Ctrl Enter takes the set, Escape leaves." : "Type to search. Enter takes the marked one, Escape leaves.";
  $("take").hidden = !sets();
  match();
  $("choose").showModal();
  $("search").focus();
};
const match = () => {
  const typed = (sets() ? $("search").value.replaceAll("|", "") : $("search").value).normalize("NFC").trim(), folded = typed.toLowerCase();
  const every = offered.filter((label) => sets() || label !== choosing.label);
  const starts = every.filter((label) => label.toLowerCase().startsWith(folded));
  const holds = folded ? every.filter((label) => label.toLowerCase().includes(folded) && !starts.includes(label)) : [];
  options = [...starts, ...holds].slice(0, 50).map((label) => ({ label }));
  if (typed && typed !== choosing.label && !every.includes(typed)) options.push({ label: typed, fresh: true });
  marked = 0;
  $("labels").replaceChildren(...options.map(({ label, fresh }, number) => {
    const option = make("li", ticked.includes(label) ? "ticked" : "", label, fresh && !numbers() ? make("small", "", sets() ? "a new label" : "a new class") : null);
    option.id = "label-" + number;
    if (sets()) option.setAttribute("aria-checked", String(ticked.includes(label)));
    option.role = "option";
    option.addEventListener("click", () => { marked = number; chosen(); });
    return option;
  }));
  $("set").textContent = sets() ? ticked.join(", ") || "no label" : "";
  markOption();
};
const markOption = () => {
  [...$("labels").children].forEach((option, number) => option.setAttribute("aria-selected", String(number === marked)));
  const option = $("labels").children[marked];
  if (option) { $("search").setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" }); } else $("search").removeAttribute("aria-activedescendant");
};
const chosen = () => {
  const option = options[marked];
  if (!option) return;
  if (!sets()) return settle(option.label);
  ticked = ticked.includes(option.label) ? ticked.filter((label) => label !== option.label) : [...ticked, option.label];
  if (!offered.includes(option.label)) offered.unshift(option.label);
  $("search").value = "";
  match();
  marked = Math.max(0, options.findIndex((one) => one.label === option.label));
  markOption();
  $("search").focus();
};
const settleSet = () => {
  if ($("search").value.trim()) chosen(); // what was typed is meant
  settle(ticked.join("|"));
};
const settle = (label) => {
  const item = choosing;
  $("choose").close();
  tried(async () => { await decide(item, labelled(), label); if (wall) document.querySelector(`.tile[data-row="${item.row}"]`)?.focus(); await onward(); });
};

// The wall
const tile = (item) => {
  const becomes = !about.labelling && item.suggested !== null && !same(item.suggested, item.label);
  const caption = make("span", "caption", make("b", "", ...breaking(about.labelling ? guess(item) : named(item.label))), becomes ? make("span", "", " → ", ...breaking(named(item.suggested))) : null, make("small", "soft", about.labelling ? item.reason : `${item.doubt} ${doubtOf(item)}`));
  const button = make("button", "tile", thing({ ...item.thing, sound: null }, item.name, true), caption);
  button.type = "button";
  button.dataset.row = item.row;
  mark(button, item.decision);
  button.addEventListener("click", () => tried(async () => { at = items.indexOf(item); await turn(false); }));
  return button;
};
const mark = (button, decision) => {
  button.querySelector(".badge")?.remove();
  button.classList.toggle("is-decided", Boolean(decision));
  if (decision) button.querySelector(".caption").append(badge(decision));
};
const asks = (name) => [...$("filters").elements[name].options].find((option) => option.value === wanted[name])?.textContent;
const showWall = () => {
  const title = (about.labelling ? "examples" : asks("worth")) + (wanted.state ? ", " + asks("state") : "");
  $("wall-title").textContent = title[0].toUpperCase() + title.slice(1);
  $("tiles").replaceChildren(...items.map(tile));
  $("more").hidden = !more;
  $("tiles").children[at]?.focus();
  heard(`A wall of ${count(total)} ${about.items}.`);
};
const step = async (by) => {
  const tiles = [...$("tiles").children], place = tiles.indexOf(document.activeElement) + by;
  if (place >= tiles.length && await extend()) return $("tiles").children[place]?.focus();
  if (place >= tiles.length) said("That was the last one.");
  tiles[Math.max(0, Math.min(tiles.length - 1, place))]?.focus();
};
$("tiles").addEventListener("focusin", ({ target }) => { at = [...$("tiles").children].indexOf(target); });
const columns = () => getComputedStyle($("tiles")).gridTemplateColumns.split(" ").length;
const turn = (toWall) => show(Math.max(0, Math.min(at, items.length - 1)), toWall);

// News of others
const poll = async () => {
  if (document.hidden || busy) return;
  try {
    const told = await source.changes(seen);
    seen = told.number;
    const eyed = $("choose").open ? choosing : current();
    for (const one of told.rows) refresh(one, one.row !== eyed?.row);
    if (told.rows.length) recount();
  } catch { /* it will be said when a decision fails */ }
};

// Keys
const keys = { k: () => about.labelling || act("keep"), s: () => (about.labelling && numbers()) || act("suggested"), o: () => act("other"), "/": () => act("other"), d: () => act("drop"), u: () => act("unsure"), z: undo, w: () => tried(() => turn(!wall)), f: () => toggleFilters(), y: () => { if (!wall) $("why").focus(); }, "?": () => $("keys").showModal(), p: () => { const player = document.querySelector("#thing audio"); if (player) player.paused ? player.play() : player.pause(); } };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
  const field = event.target.closest("input, select, textarea, audio");
  if (field) {
    if (event.key === "Escape" || (event.key === "Enter" && ["why", "reviewer"].includes(field.id))) { event.preventDefault(); field.blur(); before?.focus(); before = null; if (field.id === "reviewer" && event.key === "Enter") introduced(); waiting = null; }
    return;
  }
  if (event.target === $("neighbours") && event.key.startsWith("Arrow")) return; // it scrolls
  const move = wall ? { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[event.key] : { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (move && items.length) { event.preventDefault(); tried(() => wall ? step(move) : go(at + move)); return; }
  if (event.repeat) { if (event.key === "Enter") event.preventDefault(); return; } // a key that is held decides once
  if (about.labelling && !sets() && /^[1-5]$/.test(event.key)) { event.preventDefault(); takeGuess(Number(event.key) - 1); return; }
  const key = keys[event.key.length === 1 && event.key > "~" ? event.code.replace("Key", "").toLowerCase() : event.key.toLowerCase()]; // other scripts: the letter in that place
  if (key) { event.preventDefault(); key(); }
});
for (const button of document.querySelectorAll("[data-action]")) button.addEventListener("click", () => act(button.dataset.action));
$("undo").addEventListener("click", undo);
$("back").addEventListener("click", () => tried(() => go(at - 1)));
$("forward").addEventListener("click", () => tried(() => go(at + 1)));
$("view-one").addEventListener("click", () => tried(() => turn(false)));
$("view-wall").addEventListener("click", () => tried(() => turn(true)));
$("more").addEventListener("click", () => tried(extend));
$("open-keys").addEventListener("click", () => $("keys").showModal());
$("search").addEventListener("input", match);
$("search").addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (move) { event.preventDefault(); marked = Math.max(0, Math.min(options.length - 1, marked + move)); markOption(); }
  if (event.key === "Enter") { event.preventDefault(); if (!event.repeat) event.ctrlKey || event.metaKey ? sets() && settleSet() : chosen(); }
});
$("take").addEventListener("click", settleSet);
const toggleFilters = () => {
  $("filters").hidden = !$("filters").hidden;
  $("open-filters").setAttribute("aria-expanded", String(!$("filters").hidden));
  if (!$("filters").hidden) $("filters").elements.state.focus();
};
for (const button of [$("open-filters"), $("other-filter")]) button.addEventListener("click", toggleFilters);
$("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = $("filters").elements;
  for (const name of ["state", "worth", "split", "label", "suggested", "text"]) wanted[name] = form[name].value;
  wanted.low = Number(form.low.value) > 0 ? Number(form.low.value) / 100 : "";
  wanted.high = form.high.value !== "" && Number(form.high.value) < 100 ? Number(form.high.value) / 100 : "";
  document.activeElement.blur();
  tried(load);
});
$("reviewer").addEventListener("input", () => { if (waiting && $("reviewer").value.trim()) $("conflict").hidden = true; });
$("reviewer").addEventListener("change", () => { try { sessionStorage.reviewer = $("reviewer").value; } catch { /* asked again next time */ } });
for (const link of document.querySelectorAll(".exports")) link.addEventListener("click", () => {
  if (typeof source.exported === "string") return;
  link.href = URL.createObjectURL(new Blob([source.exported()], { type: "text/csv" }));
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
});

// Who opened this page is told behind the # of its address; it is taken away, so that a link that is passed on names nobody.
const whoIsHere = () => {
  let told = "";
  try { told = decodeURIComponent(location.hash.slice(1)); } catch { /* it is typed */ }
  if (told) history.replaceState(null, "", location.pathname);
  try { return told ? sessionStorage.reviewer = told : sessionStorage.reviewer ?? ""; } catch { return told; }
};

tried(async () => {
  Object.assign(about, await source.start());
  seen = about.number;
  document.title = (about.labelling ? "Labelling of " : "Review of ") + about.source;
  $("source").textContent = about.source; $("run").textContent = about.run;
  $("reviewer").value = whoIsHere();
  for (const link of document.querySelectorAll(".exports")) {
    link.href = typeof source.exported === "string" ? source.exported + about.file : "#";
    link.download = about.file; link.title = "Download " + about.file;
  }
  $("onward").textContent = about.onward;
  $("lead").textContent = about.lead;
  $("text-words").textContent = about.values ? "Name or input holds" : "Name holds";
  const form = $("filters").elements;
  form.split.append(...about.splits.map((split) => new Option(split, split)));
  for (const one of ["label", "suggested"]) form[one].append(...(sets() ? [new Option(named("|"), "|")] : []), ...about.classes.map((label) => new Option(label, label)));
  for (const label of document.querySelectorAll(".classes-only")) label.hidden = numbers();
  if (!about.worth) wanted.worth = form.worth.value = "";
  document.body.classList.toggle("of-numbers", numbers());
  document.body.classList.toggle("labelling", about.labelling);
  for (const option of [...form.state.options]) if ((about.labelling ? ["keep", "relabel"] : ["label"]).includes(option.value)) option.remove();
  if (numbers()) document.querySelector('[data-action="suggested"] span').textContent = "Expected";
  if (numbers() && about.labelling) document.querySelector('[data-action="other"] span').textContent = "Type it …";
  const absent = [about.labelling ? ".given-only" : ".guessed-only", ...(numbers() || sets() ? [".guessed-only"] : []), ...(about.labelling && numbers() ? [".suggested-only"] : [])];
  for (const one of document.querySelectorAll(absent.join())) one.hidden = true;
  $("given-words").textContent = about.labelling ? "no label yet; the model’s guess is" : numbers() ? "given number" : sets() ? "given labels" : "given label";
  if (sets()) for (const word of document.querySelectorAll(".what")) word.textContent = word.dataset.sets;
  if (sets()) document.querySelector('[data-action="suggested"] span').textContent = "They are";
  if (about.labelling) { $("near-title").textContent = "The training " + about.items + " nearest to it"; $("near-words").textContent = "as the model sees them, with their labels"; }
  await load();
  setInterval(poll, 5000);
}).then(() => { if (!about.lead) $("lead").textContent = ""; }); // what went wrong is said
