// The drawer that shows what passes between workspace and app, and the fault switches.

import { byId, clock, el, fill, swap } from "./dom.js";
import { act, on, store } from "./store.js";

const METHODS = ["*", "chat.postMessage", "chat.update", "chat.postEphemeral", "views.open", "reactions.get", "users.info", "files.completeUploadExternal"];
const KINDS = { ratelimited: "429, try later", server_error: "503", refuse: "ok:false", lose_answer: "done, answer lost", hang: "done, no answer" };
let list = null;

function verdict(entry) {
  if (entry.what === "api") return entry.state === "running" ? ["…", ""] : entry.ok ? ["ok", "good"] : [entry.error || String(entry.status), "bad"];
  if (entry.what === "envelope") return entry.state === "acked" ? ["acked", "good"] : entry.state === "sent" ? ["sent", ""] : [entry.state, "bad"];
  if (entry.what === "hook") return entry.ok ? ["ok", "good"] : [entry.error ?? "refused", "bad"];
  return [entry.reason ?? `${store.connections} open`, entry.name === "refused" ? "bad" : ""];
}

const DIRECTION = { api: "→ api", envelope: "← app", hook: "→ hook", socket: "socket" };

function entryNode(entry) {
  const [word, look] = verdict(entry);
  const details = Object.fromEntries(Object.entries(entry).filter(([name]) => ["args", "payload", "answer", "fault", "reason", "attempt", "frame"].includes(name)));
  return el("details", { class: "entry", "data-id": entry.id },
    el("summary", {}, el("time", {}, clock(entry.at, true)), el("span", { class: `way ${entry.what}` }, DIRECTION[entry.what] ?? entry.what), el("span", { class: "entry-name" }, entry.name, entry.attempt ? ` (retry ${entry.attempt})` : ""), el("span", { class: `verdict ${look}` }, word), el("span", { class: "ms" }, entry.ms === undefined ? "" : `${Math.round(entry.ms)} ms`)),
    el("pre", {}, JSON.stringify(details, null, 1)));
}

function amend({ entry }) {
  if (byId("inspector").hidden || !list) return;
  const old = list.querySelector(`[data-id="${entry.id}"]`);
  const fresh = entryNode(entry);
  if (old) { fresh.open = old.open; swap(old, fresh); } else list.prepend(fresh);
  while (list.children.length > 200) list.lastChild.remove();
}

const number = (name, label, step) => {
  const node = el("input", { type: "number", min: 0, step, value: store.faults[name] ?? 0, id: `fault-${name}` });
  node.addEventListener("change", () => act("faults", { [name]: Number(node.value) }));
  return el("label", { class: "switch" }, el("span", {}, label), node);
};

function failForm() {
  const method = el("select", { "aria-label": "Method" }, METHODS.map((each) => el("option", { value: each }, each === "*" ? "any method" : each)));
  const kind = el("select", { "aria-label": "Fault" }, Object.entries(KINDS).map(([value, label]) => el("option", { value }, label)));
  const times = el("input", { type: "number", min: 1, value: 1, "aria-label": "Times" });
  const button = el("button", { type: "button", class: "block-button", on: { click: () => act("fail", { method: method.value, kind: kind.value, times: Number(times.value), seconds: 2 }) } }, "Add");
  return el("div", { class: "fail-form" }, method, kind, times, button);
}

function faults() {
  const active = (store.faults.methods ?? []).map((each) => el("li", {}, `${each.method}: ${KINDS[each.kind]}${each.times ? `, ${each.times} left` : ""}`));
  const press = (label, verb, args) => el("button", { type: "button", class: "block-button", on: { click: () => act(verb, args) } }, label);
  return el("section", { class: "faults", "aria-label": "Fault switches" },
    el("h3", {}, "Make something go wrong"),
    el("p", { class: "soft" }, "Calls of the Web API"), failForm(), active.length ? el("ul", { class: "active" }, active) : null,
    el("p", { class: "soft" }, "Events and acks"),
    number("duplicate_events", "Deliver the next N events twice", 1), number("reorder_events", "Hold the next N events, send them in reverse", 1), number("event_delay_s", "Delay every event, seconds", 0.5), number("ack_delay_s", "See acks late, seconds", 0.5),
    el("p", { class: "soft" }, "Sockets"),
    el("div", { class: "block-actions" }, press("Cut all sockets", "sockets", { do: "drop" }), press("Ask to reconnect", "sockets", { do: "refresh" }), press("Clear all faults", "faults", { clear: true })));
}

function draw() {
  if (byId("inspector").hidden) return;
  list = el("div", { class: "entries" }, [...store.log.values()].sort((one, two) => two.id - one.id).slice(0, 200).map(entryNode));
  fill(byId("inspector-body"), faults(), el("h3", { class: "entries-title" }, "Latest first"), list);
}

export function toggleInspector(open) {
  byId("inspector").hidden = !open;
  byId("inspector-button").setAttribute("aria-expanded", String(open));
  draw();
}

on("log", amend);
on("snapshot", draw);
on("faults", () => { const old = byId("inspector-body").querySelector(".faults"); if (old && !old.contains(document.activeElement?.closest("input"))) swap(old, faults()); });
