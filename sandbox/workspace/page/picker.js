// The emoji picker: favourites, a search, a skin tone.

import { byId, el, fill } from "./dom.js";
import { FAVOURITES, NAMES, emojiNode, glyph, hasTone } from "./emoji.js";

let tone = 1;
let opener = null;

function close() {
  byId("picker").hidden = true;
  document.removeEventListener("pointerdown", outside);
  opener?.focus();
}

function outside(event) {
  if (!byId("picker").contains(event.target)) close();
}

export function openPicker(button, choose) {
  const panel = byId("picker");
  opener = button;
  const grid = el("div", { class: "picker-grid" });
  const search = el("input", { type: "search", placeholder: "Search emoji", "aria-label": "Search emoji", testid: "picker-search" });
  const tones = el("div", { class: "tones", role: "radiogroup", "aria-label": "Skin tone" });

  const full = (name) => (tone > 1 && hasTone(name) ? `${name}::skin-tone-${tone}` : name);
  const draw = () => {
    const wanted = search.value.trim().replaceAll(" ", "_");
    const names = wanted ? NAMES.filter((name) => name.includes(wanted)).slice(0, 40) : FAVOURITES;
    fill(grid, names.map((name) => el("button", { type: "button", "aria-label": name.replaceAll("_", " "), title: `:${full(name)}:`, testid: `pick-${name}`, on: { click: () => { close(); choose(full(name)); } } }, emojiNode(full(name)))));
    fill(tones, [1, 2, 3, 4, 5, 6].map((each) => el("button", { type: "button", role: "radio", "aria-checked": String(each === tone), "aria-label": each === 1 ? "default tone" : `skin tone ${each}`, testid: `tone-${each}`, on: { click: () => { tone = each; draw(); } } }, glyph(each > 1 ? `hand::skin-tone-${each}` : "hand"))));
  };
  search.addEventListener("input", draw);
  panel.onkeydown = (event) => { if (event.key === "Escape") close(); };
  draw();
  fill(panel, search, grid, tones);
  panel.hidden = false;
  const box = button.getBoundingClientRect();
  panel.style.left = `${Math.max(8, Math.min(box.left - 120, innerWidth - 316))}px`;
  panel.style.top = `${Math.max(8, Math.min(box.bottom + 6, innerHeight - panel.offsetHeight - 8))}px`;
  search.focus();
  document.addEventListener("pointerdown", outside);
}
