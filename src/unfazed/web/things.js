
// Things as elements: pictures, texts with shaded words, rows of tables, recordings.
// Elements. Whatever comes from data is text, never markup.
const make = (name, style, ...inside) => {
  const made = document.createElement(name);
  if (style) made.className = style;
  made.append(...inside.filter((part) => part !== null && part !== undefined));
  return made;
};
// A name may go on in the next line behind its marks: "card_payment_fee", but not within a number.
const breaking = (name) => (name ?? "").split(/(?<=[_\-./])(?=\p{L})/u).flatMap((part, place) => place ? [document.createElement("wbr"), part] : [part]);
const quoted = (label) => "“" + label + "”";
const count = (number) => number.toLocaleString("en-US");

const picture = (thing, name, small) => {
  const image = make("img", "picture");
  image.alt = name;
  image.addEventListener("load", () => { const side = Math.max(image.naturalWidth, image.naturalHeight); if (side < 200) image.classList.add(side < 64 ? "small-source" : "modest-source"); });
  image.addEventListener("error", () => image.replaceWith(make("p", "blank", "It can no longer be shown: the file is gone, damaged, or not the one that was trained on.")));
  if (small) image.loading = "lazy";
  image.src = thing.picture;
  return image;
};
const heat = (bits, most) => { const shade = Math.round(4 * Math.abs(bits) / most); return shade ? (bits > 0 ? "for-" : "against-") + shade : ""; };
const text = (words, small, wanted) => {
  const most = Math.max(0.25, ...words.map(([, bits]) => Math.abs(bits)));
  const parts = words.flatMap(([word, bits]) => {
    const shade = small ? "" : heat(bits, most), inside = word.trimEnd();
    if (!shade || !inside) return word;
    const span = make("span", shade, inside);
    span.title = `${bits > 0 ? "for" : "against"} ${wanted}: ${Math.abs(bits).toFixed(2)} bits`;
    return [span, word.slice(inside.length)]; // spaces and empty lines have no colour
  });
  const told = make("p", "text", ...parts);
  told.dir = "auto";
  return told;
};
const table = (cells, small, wanted) => {
  const most = Math.max(...cells.map(([, , bits]) => Math.abs(bits)));
  const rows = cells.map(([name, value, bits]) => {
    const heading = make("th", "", make("bdi", "", name)), row = make("tr", "", heading, make("td", "", make("bdi", "", value || "–")));
    heading.scope = "row"; heading.title = name; row.cells[1].title = value;
    if (most && !small) {
      const bar = make("i", bits > 0 ? "for" : "against");
      bar.style.width = 50 * Math.abs(bits) / most + "%";
      row.append(make("td", "weighed", bar));
      row.cells[2].title = `${Math.abs(bits).toPrecision(3)} ${bits > 0 ? "for" : "against"} ${wanted}`;
    }
    return row;
  });
  return make("table", "cells-table", make("tbody", "", ...rows));
};
const legend = (whole, wanted) => {
  const how = numbers() ? "" : ", which the model finds most probable";
  return make("div", "shaded", make("p", "text legend", make("span", "for-4", "for"), " and ", make("span", "against-4", "against"), ` ${wanted}${how}`), whole);
};
const thing = (what, name, small) => {
  if (what.kind === "image") return picture(what, name, small);
  if (what.kind === "text" || what.kind === "row") {
    const wanted = numbers() ? "a higher number" : quoted(what.speaks_for);
    const whole = what.kind === "text" ? text(what.words, small, wanted) : table(what.cells, small, wanted);
    if (what.unweighed && !small) return make("div", "shaded", whole, make("p", "text legend", `Which ${what.kind === "text" ? "words" : "values"} mattered ${what.unweighed === "soon" ? "is being worked out: come back to it" : "was kept for the first ones only"}.`));
    return !small && (what.words ?? what.cells).some((part) => part.at(-1)) ? legend(whole, wanted) : whole;
  }
  if (what.kind !== "audio") return make("p", "blank", what.why || "not shown");
  const whole = make("div", "recording", picture(what, "spectrogram of " + name, small));
  if (what.sound) {
    const player = make("audio");
    player.controls = true; player.preload = "none"; player.src = what.sound;
    whole.append(player);
  }
  return whole;
};
