
// What is left, and what comes when nothing is
const progress = () => {
  document.querySelector(".progress").hidden = !of;
  $("progress").max = Math.max(1, of);
  $("progress").value = decided;
  $("progress-words").textContent = `${count(decided)} of ${count(of)} decided`;
};
const HOW = { keep: "kept", relabel: "changed", label: "labelled", drop: "dropped", unsure: "unsure" };
const nothing = () => {
  const all = of > 0 && decided === of && ["open", ""].includes(wanted.state);
  $("nothing-title").textContent = all ? $("progress-words").textContent : "No example fits the filter";
  $("done").replaceChildren(...Object.entries(HOW).filter(([action]) => done[action]).map(([action, how]) => make("div", "", make("dt", "", how), make("dd", "", count(done[action])))));
  $("done").hidden = $("take-file").hidden = !all;
  $("take-file").textContent = "Download " + about.file;
  $("then").hidden = !all || !about.onward;
};
const finished = async () => {
  shown = null; at = items.length;
  $("one").hidden = true; $("nothing").hidden = false;
  await recount();
  nothing();
  said("All of these are decided.");
};
$("copy").addEventListener("click", async () => {
  try { await navigator.clipboard.writeText(about.onward); said("Copied."); } catch { getSelection().selectAllChildren($("onward")); said("Marked, to be copied."); }
});
