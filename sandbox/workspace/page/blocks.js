// Blocks as DOM nodes. `context` says where they stand: {click(action_id, value, element), field(block)}.

import { el } from "./dom.js";
import { markdown, mrkdwn, plain } from "./mrkdwn.js";
import { richText } from "./rich_text.js";

export const text = (object) => (object.type === "mrkdwn" ? mrkdwn(object.text) : plain(object.text, object.emoji));
const words = (object) => object?.text ?? "";

export function options(element) {
  const option = (each) => el("option", { value: each.value }, words(each.text));
  if (element.option_groups) return element.option_groups.map((group) => el("optgroup", { label: words(group.label) }, group.options.map(option)));
  return (element.options ?? []).map(option);
}

function button(element, context) {
  const style = element.style ? ` ${element.style}` : "";
  const label = element.accessibility_label;
  return el("button", { type: "button", class: `block-button${style}`, "aria-label": label, testid: `action-${element.action_id}`, on: { click: () => context.click(element, undefined) } }, text(element.text));
}

function select(element, context) {
  const initial = element.initial_option?.value ?? "";
  const place = words(element.placeholder) || "Choose…";
  const node = el("select", { class: "block-select", "aria-label": place, testid: `action-${element.action_id}` }, el("option", { value: "" }, place), options(element));
  node.value = initial;
  node.addEventListener("change", () => node.value && context.click(element, node.value));
  return node;
}

function overflow(element, context) {
  const node = el("select", { class: "block-select", "aria-label": "More actions", testid: `action-${element.action_id}` }, el("option", { value: "" }, "⋯"), options(element));
  node.addEventListener("change", () => { const { value } = node; node.value = ""; if (value) context.click(element, value); });
  return node;
}

function ticks(element, context) {
  const kind = element.type === "checkboxes" ? "checkbox" : "radio";
  const held = new Set((element.initial_options ?? [element.initial_option]).filter(Boolean).map((each) => each.value));
  const group = el("span", { class: "ticks", role: kind === "radio" ? "radiogroup" : "group", testid: `action-${element.action_id}` });
  for (const option of element.options) {
    const box = el("input", { type: kind, name: element.action_id, value: option.value, checked: held.has(option.value) });
    box.addEventListener("change", () => {
      const chosen = [...group.querySelectorAll("input:checked")].map((each) => each.value);
      context.click(element, kind === "radio" ? chosen[0] : chosen);
    });
    group.append(el("label", {}, box, " ", text(option.text)));
  }
  return group;
}

function unknown(thing) {
  return el("details", { class: "unknown" }, el("summary", {}, `${thing.type ?? "block"} (shown as data)`), el("pre", {}, JSON.stringify(thing, null, 1)));
}

export function element(each, context) {
  switch (each.type) {
    case "button": return button(each, context);
    case "static_select": return select(each, context);
    case "overflow": return overflow(each, context);
    case "checkboxes":
    case "radio_buttons": return ticks(each, context);
    case "image": return el("img", { src: each.image_url, alt: each.alt_text, class: "accessory-image" });
    default: return unknown(each);
  }
}

const STATUS = { pending: ["○", "waiting"], in_progress: ["◐", "running"], complete: ["●", "done"], error: ["✕", "failed"] };

function task(each) {
  const [mark, word] = STATUS[each.status] ?? STATUS.pending;
  return el("li", { class: `task ${each.status ?? "pending"}` }, el("span", { class: "task-mark", "aria-hidden": "true" }, mark), el("span", { class: "task-title" }, each.title), el("span", { class: "task-word" }, word), each.details && el("div", { class: "task-more" }, richText(each.details)), each.output && el("div", { class: "task-more" }, richText(each.output)));
}

function tableCell(cell, tag, setting) {
  const inside = cell.type === "rich_text" ? richText(cell) : String(cell.text ?? cell.value ?? "");
  return el(tag, { class: setting?.align ? `to-${setting.align}` : null }, inside);
}

function table(block) {
  const rows = block.rows.map((row, index) => el("tr", {}, row.map((cell, column) => tableCell(cell, index ? "td" : "th", block.column_settings?.[column]))));
  return el("div", { class: "block-table" }, el("table", {}, rows));
}

function section(block, context) {
  return el("div", { class: "section" },
    el("div", { class: "section-words" }, block.text && el("div", {}, text(block.text)), block.fields && el("div", { class: "fields" }, block.fields.map((each) => el("div", {}, text(each))))),
    block.accessory && el("div", { class: "section-side" }, element(block.accessory, context)));
}

const KINDS = {
  section,
  header: (block) => el("h3", { class: "block-header" }, text(block.text)),
  context: (block, context) => el("div", { class: "block-context" }, block.elements.map((each) => (each.type === "image" ? element(each, context) : el("span", {}, text(each))))),
  actions: (block, context) => el("div", { class: "block-actions" }, block.elements.map((each) => element(each, context))),
  divider: () => el("hr"),
  image: (block) => el("figure", {}, block.title && el("figcaption", {}, text(block.title)), el("img", { src: block.image_url, alt: block.alt_text })),
  rich_text: (block) => el("div", {}, richText(block)),
  markdown: (block) => el("div", { class: "markdown" }, markdown(block.text)),
  table,
  plan: (block) => el("div", { class: "plan" }, el("strong", {}, block.title), el("ul", {}, (block.tasks ?? []).map(task))),
  task_card: (block) => el("div", { class: "plan" }, el("ul", {}, task(block))),
  alert: (block) => el("div", { class: `alert ${block.level ?? "default"}`, role: "note" }, text(block.text)),
  input: (block, context) => (context.field ? context.field(block) : unknown(block)),
};

export const blocks = (list, context) => list.map((block) => el("div", { class: "block" }, (KINDS[block.type] ?? unknown)(block, context)));
