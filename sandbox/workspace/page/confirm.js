// The small "are you sure" of a button's `confirm`.

import { byId, el, fill } from "./dom.js";
import { text } from "./blocks.js";

export function askFirst(confirm) {
  if (!confirm) return Promise.resolve(true);
  const dialog = byId("confirm");
  return new Promise((resolve) => {
    const end = (answer) => { dialog.close(); resolve(answer); };
    fill(dialog, el("form", { method: "dialog" },
      el("h2", { id: "confirm-title" }, confirm.title.text),
      el("div", { class: "modal-body" }, text(confirm.text)),
      el("footer", {},
        el("button", { type: "button", class: "block-button", testid: "confirm-deny", on: { click: () => end(false) } }, confirm.deny.text),
        el("button", { type: "button", class: `block-button ${confirm.style ?? "primary"}`, testid: "confirm-yes", on: { click: () => end(true) } }, confirm.confirm.text))));
    dialog.oncancel = () => resolve(false);
    dialog.showModal();
  });
}
