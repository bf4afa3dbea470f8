// Where one writes: ordinary messages and slash commands, with completion of commands, their words and people.

import { el, fill, toast } from "./dom.js";
import { act, store } from "./store.js";

function commandHints(text) {
  const typed = text.match(/^(\/\S*)$/);
  if (typed) return store.app.commands.filter((each) => each.command.startsWith(typed[1])).map((each) => ({ insert: `${each.command} `, name: each.command, usage: each.usage_hint, about: each.description, more: true }));
  const inside = text.match(/^(\/\S+)\s+(\S*)$/);
  const command = inside && store.app.commands.find((each) => each.command === inside[1]);
  if (!command) return [];
  return command.words.filter((each) => each.word.startsWith(inside[2])).map((each) => ({ insert: `${command.command} ${each.word}${each.usage ? " " : ""}`, name: `${command.command} ${each.word}`, usage: each.usage, about: each.description }));
}

function peopleHints(text) {
  const typed = text.match(/(^|\s)@([a-z0-9._-]*)$/i);
  if (!typed) return [];
  const start = text.slice(0, text.length - typed[2].length);
  return [...store.people.values()].filter((each) => each.name.startsWith(typed[2].toLowerCase())).slice(0, 8).map((each) => ({ insert: `${start}${each.name} `, name: `@${each.name}`, usage: "", about: each.real_name }));
}

export class Composer {
  constructor(place, { label, testid, target, commands = true }) {
    this.target = target;
    this.hints = [];
    this.at = 0;
    this.list = el("ul", { class: "hints", role: "listbox", id: `${testid}-hints`, "aria-label": "Completions", testid: `${testid}-hints`, hidden: true });
    this.box = el("textarea", { rows: 1, "aria-label": label, placeholder: label, testid, role: "combobox", "aria-autocomplete": "list", "aria-controls": `${testid}-hints`, "aria-expanded": "false" });
    this.button = el("button", { type: "button", class: "send", "aria-label": "Send", testid: testid === "composer" ? "send" : `${testid}-send`, on: { click: () => this.send() } }, "➤");
    const slash = el("button", { type: "button", class: "quiet slash", "aria-label": "Slash command", on: { click: () => this.put(`${store.app.commands[0]?.command ?? "/"} `) } }, "/ command");
    this.box.addEventListener("input", () => this.suggest());
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("blur", () => setTimeout(() => this.hide(), 150));
    fill(place, el("div", { class: "composer" }, this.list, this.box, el("div", { class: "composer-foot" }, commands && slash, el("span", { class: "grow" }, "Enter sends, Shift+Enter starts a line"), this.button)));
    this.box.addEventListener("focus", () => this.measure());
    this.measure();
  }

  label(text) { this.box.placeholder = text; this.box.setAttribute("aria-label", text); }

  put(text) { this.box.value = text; this.box.focus(); this.suggest(); }

  measure() {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(180, this.box.scrollHeight)}px`;
    this.button.disabled = !this.box.value.trim();
  }

  suggest() {
    this.measure();
    this.hints = [...commandHints(this.box.value), ...peopleHints(this.box.value)];
    this.at = 0;
    this.draw();
  }

  draw() {
    this.list.hidden = !this.hints.length;
    this.box.setAttribute("aria-expanded", String(Boolean(this.hints.length)));
    fill(this.list, this.hints.map((hint, index) => el("li", { role: "option", id: `hint-${index}`, "aria-selected": String(index === this.at), on: { pointerdown: (event) => { event.preventDefault(); this.take(hint); } } }, el("span", { class: "hint-name" }, hint.name, hint.usage && el("span", { class: "hint-usage" }, ` ${hint.usage}`)), el("span", { class: "hint-about" }, hint.about))));
    if (this.hints.length) { this.box.setAttribute("aria-activedescendant", `hint-${this.at}`); this.list.children[this.at]?.scrollIntoView({ block: "nearest" }); }
    else this.box.removeAttribute("aria-activedescendant");
  }

  hide() { this.hints = []; this.draw(); }

  take(hint) { this.box.value = hint.insert; this.suggest(); if (!hint.more) this.hide(); }

  key(event) {
    if (event.isComposing) return;
    const open = this.hints.length > 0;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const hint = this.hints[this.at];
    const done = hint && hint.insert.trim() === this.box.value.trim();
    if (open && step) { event.preventDefault(); this.at = (this.at + step + this.hints.length) % this.hints.length; this.draw(); }
    else if (open && event.key === "Escape") { event.preventDefault(); this.hide(); }
    else if (open && (event.key === "Tab" || (event.key === "Enter" && !done)) && !event.shiftKey) { event.preventDefault(); this.take(hint); }
    else if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); this.send(); }
  }

  async send() {
    const text = this.box.value.trim();
    if (!text) return;
    this.box.value = "";
    this.hide();
    this.measure();
    const answer = await act(text.startsWith("/") ? "command" : "say", { ...this.target(), text });
    if (!answer.ok) { toast(answer.error); this.put(text); this.hide(); }
  }
}
