// Modals: fields with their errors beside them, submit, cancel, push and update.

import { blocks, options, text } from "./blocks.js";
import { askFirst } from "./confirm.js";
import { byId, el, fill, toast } from "./dom.js";
import { act, store } from "./store.js";

const LINES = { plain_text_input: "text", email_text_input: "email", url_text_input: "url", number_input: "number", datepicker: "date", timepicker: "time" };
let shown = null;

function fieldOf(block, view, drafts) {
  const { element } = block;
  const held = drafts.get(element.action_id) ?? saved(view, block);
  const about = { id: `f-${element.action_id}`, testid: `field-${element.action_id}`, name: element.action_id, "data-kind": element.type, "aria-describedby": `e-${block.block_id} h-${block.block_id}`, "aria-invalid": view.errors[block.block_id] ? "true" : null, autofocus: element.focus_on_load };
  const place = element.placeholder?.text ?? "";
  if (element.type === "static_select" || element.type === "multi_static_select") {
    const several = element.type === "multi_static_select";
    const node = el("select", { ...about, multiple: several }, several ? null : el("option", { value: "" }, place || "Choose an option"), options(element));
    for (const option of node.options) option.selected = [held].flat().includes(option.value);
    return node;
  }
  if (element.type === "users_select" || element.type === "multi_users_select") {
    const node = el("select", { ...about, multiple: element.type === "multi_users_select" }, el("option", { value: "" }, place || "Choose a person"), [...store.people.values()].map((each) => el("option", { value: each.id }, each.real_name)));
    for (const option of node.options) option.selected = [held].flat().includes(option.value);
    return node;
  }
  if (element.type === "checkboxes" || element.type === "radio_buttons") {
    const kind = element.type === "checkboxes" ? "checkbox" : "radio";
    const boxes = element.options.map((option) => el("label", { class: "tick" }, el("input", { type: kind, name: element.action_id, value: option.value, checked: [held].flat().includes(option.value) }), el("span", {}, text(option.text), option.description && el("small", {}, text(option.description)))));
    return el("div", { ...about, role: kind === "radio" ? "radiogroup" : "group", "aria-labelledby": `l-${block.block_id}` }, boxes);
  }
  if (!LINES[element.type]) return el("pre", {}, JSON.stringify(element, null, 1));
  const node = element.multiline ? el("textarea", { ...about, rows: 3, placeholder: place }) : el("input", { ...about, type: LINES[element.type], placeholder: place, autocomplete: "off" });
  node.value = held ?? "";
  return node;
}

function saved(view, block) {
  const { element } = block;
  const state = view.state.values[block.block_id]?.[element.action_id] ?? {};
  const pick = (each) => (Array.isArray(each) ? each.map((one) => one.value ?? one) : each?.value ?? each);
  for (const key of ["value", "selected_option", "selected_options", "selected_user", "selected_users", "selected_date", "selected_time"]) if (key in state) return pick(state[key]);
  return pick(element.initial_value ?? element.initial_option ?? element.initial_options ?? element.initial_user ?? element.initial_users ?? element.initial_date ?? element.initial_time);
}

function row(block, view, drafts) {
  const error = view.errors[block.block_id];
  return el("div", { class: "field" },
    el("label", { for: `f-${block.element.action_id}`, id: `l-${block.block_id}` }, text(block.label), block.optional && el("small", {}, " (optional)")),
    fieldOf(block, view, drafts),
    el("p", { class: "field-error", id: `e-${block.block_id}`, testid: `error-${block.block_id}`, role: error ? "alert" : null, hidden: !error }, error ?? ""),
    el("p", { class: "field-hint", id: `h-${block.block_id}`, hidden: !block.hint }, block.hint ? text(block.hint) : ""));
}

export function values(root) {
  const found = {};
  for (const node of root.querySelectorAll("[data-kind]")) {
    const kind = node.dataset.kind;
    if (kind === "checkboxes") found[node.getAttribute("name")] = [...node.querySelectorAll("input:checked")].map((each) => each.value);
    else if (kind === "radio_buttons") found[node.getAttribute("name")] = node.querySelector("input:checked")?.value ?? "";
    else if (node.multiple) found[node.name] = [...node.selectedOptions].map((each) => each.value).filter(Boolean);
    else found[node.name] = node.value;
  }
  return found;
}

async function click(view, root, element, value) {
  if (!(await askFirst(element.confirm))) return;
  const given = values(root);
  const answer = await act("click", { view_id: view.id, action_id: element.action_id, value, values: given });
  if (!answer.ok) toast(answer.error);
}

export const viewContext = (view, root, drafts = new Map()) => ({
  click: (element, value) => click(view, root, element, value),
  field: (block) => row(block, view, drafts),
});

async function submit(event, view, dialog) {
  event.preventDefault();
  const button = dialog.querySelector('[type="submit"]');
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  const answer = await act("submit", { view_id: view.id, values: values(dialog) });
  if (!answer.ok) toast(answer.error);
  if (button.isConnected) { button.disabled = false; button.removeAttribute("aria-busy"); }
}

async function cancel(view, everything = false) {
  const answer = await act("close", { view_id: view.id, everything });
  if (!answer.ok) byId("modal").close();
}

export function showModal() {
  const dialog = byId("modal");
  const view = store.modal;
  if (!view) { shown = null; if (dialog.open) dialog.close(); return; }
  const drafts = new Map(shown === view.id ? Object.entries(values(dialog)) : []);
  const focused = dialog.contains(document.activeElement) ? document.activeElement.id : null;
  const form = el("form", { novalidate: true, on: { submit: (event) => submit(event, view, dialog) } });
  const close = view.close?.text ?? (view.submit ? "Cancel" : "Close");
  fill(form,
    el("header", {}, el("h2", { id: "modal-title" }, view.title.text), el("button", { type: "button", class: "icon", "aria-label": "Close dialog", on: { click: () => cancel(view, true) } }, "✕")),
    view.notice && el("p", { class: "notice", role: "alert" }, view.notice),
    el("div", { class: "modal-body" }, blocks(view.blocks, viewContext(view, form, drafts))),
    el("footer", {},
      el("span", { class: "modal-app" }, store.app.name),
      el("button", { type: "button", class: "block-button", testid: "modal-cancel", on: { click: () => cancel(view) } }, store.depth > 1 ? "Back" : close),
      view.submit && el("button", { type: "submit", class: "block-button primary", testid: "modal-submit" }, view.submit.text)));
  fill(dialog, form);
  dialog.oncancel = (event) => { event.preventDefault(); cancel(view); };
  if (!dialog.open) dialog.showModal();
  const wrong = form.querySelector('[aria-invalid="true"]');
  (wrong ?? (focused && byId(focused)) ?? form.querySelector("[data-kind]"))?.focus?.();
  shown = view.id;
}
