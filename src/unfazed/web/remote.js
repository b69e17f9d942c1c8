"use strict";

// Where examples come from and where decisions go: the server that sent this page. A decision that is answered is on its disk.
const ask = async (path, said) => {
  const request = said === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said) };
  let answer;
  try { answer = await fetch(path, request); } catch { throw { status: 0, error: "the server does not answer: is it still running? Nothing that was confirmed is lost" }; }
  const told = await answer.json();
  if (!answer.ok) throw { status: answer.status, ...told };
  return told;
};
const query = (wanted) => new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== "" && value !== undefined));
const session = (() => { // which decisions are this browser's own, to be taken back: a name would not tell
  const made = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  try { return sessionStorage.session ??= made; } catch { return made; }
})();
const source = {
  start: () => ask("start"),
  list: (wanted) => ask("list?" + query(wanted)),
  example: (row) => ask("example/" + row),
  decide: (said) => ask("decide", { ...said, session }),
  undo: (who) => ask("undo", { who, session }),
  changes: (since) => ask("changes?since=" + since),
  exported: "export/",
};
