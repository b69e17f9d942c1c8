"use strict";
document.documentElement.classList.add("scripted");

// Charts: the values at the pointer, or at the place chosen with the arrow keys.
for (const chart of document.querySelectorAll(".chart[data-x]")) {
  const places = JSON.parse(chart.dataset.x), tips = JSON.parse(chart.dataset.tips);
  const guide = chart.querySelector(".guide"), tip = chart.parentElement.querySelector(".tip");
  let at = places.length - 1;
  const show = (index) => {
    at = Math.max(0, Math.min(places.length - 1, index));
    for (const end of ["x1", "x2"]) guide.setAttribute(end, places[at]);
    guide.style.visibility = tip.style.visibility = "visible";
    tip.textContent = tips[at];
    const x = places[at] * chart.clientWidth / chart.viewBox.baseVal.width;
    const right = x > chart.clientWidth / 2;
    tip.style.transform = `translate(calc(${x}px ${right ? "- 100% - 10px" : "+ 10px"}), 2.2rem)`;
  };
  const hide = () => { guide.style.visibility = tip.style.visibility = "hidden"; };
  chart.addEventListener("pointermove", (event) => {
    const x = (event.clientX - chart.getBoundingClientRect().left) * chart.viewBox.baseVal.width / chart.clientWidth;
    show(places.reduce((best, place, index) => Math.abs(place - x) < Math.abs(places[best] - x) ? index : best, 0));
  });
  chart.addEventListener("pointerleave", hide);
  chart.addEventListener("blur", hide);
  chart.addEventListener("focus", () => { if (chart.matches(":focus-visible")) show(at); });
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step) { event.preventDefault(); show(at + step); }
    if (event.key === "Escape") hide();
  });
}

// Mistakes: a link of the matrix, or of the list of pairs, shows the examples it points to.
const links = [...document.querySelectorAll("a[data-cell]")];
const choose = (link, reveal) => {
  for (const chosen of document.querySelectorAll(".chosen")) chosen.classList.remove("chosen");
  const cell = document.getElementById(link.dataset.cell);
  link.classList.add("chosen");
  cell.classList.add("chosen");
  if (reveal) cell.scrollIntoView({ block: "nearest" });
};
for (const link of links) {
  link.addEventListener("click", (event) => { event.preventDefault(); choose(link, true); });
}
const first = links.find((link) => "#" + link.dataset.cell === location.hash) || links.find((link) => "first" in link.dataset);
if (first) choose(first, false);
for (const matrix of document.querySelectorAll(".matrix")) {
  matrix.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const here = event.target.closest("td");
    if (!move || !here) return;
    event.preventDefault();
    let row = here.parentElement.rowIndex, column = here.cellIndex;
    while (matrix.rows[row += move[0]]?.cells[column += move[1]]) {
      const link = matrix.rows[row].cells[column].querySelector("a");
      if (link) { link.focus(); break; }
    }
  });
}

// Classes: a click on a heading sorts by it.
for (const button of document.querySelectorAll(".classes thead button")) {
  button.addEventListener("click", () => {
    const heading = button.parentElement, body = heading.closest("table").tBodies[0];
    const descending = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentElement.children) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const key = (row) => row.cells[heading.cellIndex].dataset.value ?? row.cells[heading.cellIndex].textContent;
    const order = (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true });
    body.append(...[...body.rows].sort((a, b) => descending ? order(b, a) : order(a, b)));
  });
}

// Names of classes: a line may end behind a mark, "card_payment_", rather than anywhere.
for (const name of document.querySelectorAll(".classes tbody th")) {
  const parts = name.textContent.split(/(?<=[_\-./])(?=\p{L})/u);
  name.replaceChildren(...parts.flatMap((part, place) => place ? [document.createElement("wbr"), part] : [part]));
}
