// One message on the screen: author, content, files, reactions, thread; and what one can do with it.

import { askFirst } from "./confirm.js";
import { blocks } from "./blocks.js";
import { clock, el, fill, swap, toast } from "./dom.js";
import { QUICK, emojiNode } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { openPicker } from "./picker.js";
import { act, person, store } from "./store.js";

const COLOURS = ["#0f766e", "#b45309", "#4338ca", "#be185d", "#15803d", "#0369a1", "#7c3aed", "#b91c1c", "#4d7c0f", "#a16207"];

export function avatar(who, size = "") {
  if (who.is_app) return el("img", { class: `avatar app ${size}`, src: "/page/icon.svg", alt: "" });
  const place = [...store.people.keys()].indexOf(who.id);
  const initials = who.real_name.split(/\s+/).map((each) => each[0]).join("").slice(0, 2).toUpperCase();
  return el("span", { class: `avatar ${size} ${who.is_bot ? "bot" : ""}`, "aria-hidden": "true", colour: place < 0 ? "#475569" : COLOURS[place % COLOURS.length] }, who.is_bot ? "⚙" : initials);
}

export async function react(message, name) {
  const mine = message.reactions?.find((each) => each.name === name)?.users.includes(store.me);
  const answer = await act(mine ? "unreact" : "react", { channel: message.channel, ts: message.ts, name });
  if (!answer.ok) toast(answer.error);
}

async function click(message, element, value, button) {
  if (element.url) window.open(element.url, "_blank", "noopener");
  if (!(await askFirst(element.confirm))) return;
  button?.setAttribute("aria-busy", "true");
  const answer = await act("click", { channel: message.channel, ts: message.ts, action_id: element.action_id, value });
  button?.removeAttribute("aria-busy");
  if (!answer.ok) toast(answer.error);
}

function badges(who) {
  if (who.is_app || who.is_bot) return el("span", { class: "badge" }, "App");
  if (who.is_guest) return el("span", { class: "badge" }, "Guest");
  return who.team && el("span", { class: "badge" }, who.team);
}

function names(users) {
  const list = users.map((id) => (id === store.me ? "you" : person(id).name));
  return list.length > 1 ? `${list.slice(0, -1).join(", ")} and ${list.at(-1)}` : list[0];
}

function reactionRow(message) {
  if (!message.reactions?.length) return null;
  const buttons = message.reactions.map((each) => {
    const mine = each.users.includes(store.me);
    const label = `${each.name.replaceAll("_", " ")}: ${names(each.users)}`;
    return el("button", { type: "button", class: "reaction", title: `${names(each.users)} reacted with :${each.name}:`, "aria-pressed": String(mine), "aria-label": label, testid: `reaction-${each.name}`, on: { click: () => react(message, each.name) } }, emojiNode(each.name), el("span", {}, String(each.count)));
  });
  return el("div", { class: "reactions" }, buttons, pickerButton(message, "reaction add"));
}

function pickerButton(message, look) {
  return el("button", { type: "button", class: look, "aria-label": "Add another reaction", testid: "react-more", on: { click: (event) => openPicker(event.currentTarget, (name) => react(message, name)) } }, "☺", el("sup", {}, "+"));
}

function tools(message, context) {
  const quick = QUICK.map((name) => el("button", { type: "button", "aria-label": `React with ${name.replaceAll("_", " ")}`, title: `:${name}:`, testid: `react-${name}`, on: { click: () => react(message, name) } }, emojiNode(name)));
  const reply = context.openThread && el("button", { type: "button", "aria-label": "Reply in thread", title: "Reply in thread", testid: "reply", on: { click: () => context.openThread(message.thread_ts ?? message.ts) } }, "💬");
  return el("div", { class: "tools", role: "toolbar", "aria-label": "Message actions" }, quick, pickerButton(message, ""), reply);
}

function file(each) {
  const size = each.size < 1024 ? `${each.size} bytes` : `${(each.size / 1024).toFixed(1)} kB`;
  const preview = el("pre", { class: "file-preview", hidden: true });
  const show = async (event) => {
    preview.hidden = !preview.hidden;
    event.target.textContent = preview.hidden ? "View" : "Hide";
    if (!preview.textContent) preview.textContent = (await (await fetch(each.url_private)).text()).slice(0, 20000);
  };
  return el("div", { class: "file" },
    el("div", { class: "file-head" }, el("span", { class: "file-mark", "aria-hidden": "true" }, (each.filetype || "file").slice(0, 4)), el("div", { class: "file-words" }, el("strong", {}, each.title), el("span", {}, `${each.name} · ${size}`)), el("button", { type: "button", class: "quiet", on: { click: show } }, "View"), el("a", { class: "quiet", href: each.url_private_download, download: each.name }, "Download")), preview);
}

function content(message) {
  const context = { click: (element, value) => click(message, element, value, document.activeElement) };
  const body = message.blocks?.length ? blocks(message.blocks, context) : el("div", { class: "block" }, mrkdwn(message.text));
  const attachments = (message.attachments ?? []).map((each) => el("blockquote", {}, each.blocks ? blocks(each.blocks, context) : each.text ?? each.fallback ?? ""));
  return [body, attachments, message.edited && el("span", { class: "edited" }, "(edited)"), (message.files ?? []).map(file)];
}

function threadLink(message, context) {
  if (!message.reply_count || !context.openThread) return null;
  const count = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
  return el("button", { type: "button", class: "thread-link", testid: "thread-link", on: { click: () => context.openThread(message.ts) } }, message.reply_users.slice(0, 3).map((id) => avatar(person(id), "tiny")), el("b", {}, count), el("span", {}, `last at ${clock(message.latest_reply)}`));
}

export function messageNode(message, context) {
  const who = person(message.user);
  const quiet = message.only_for ? el("div", { class: "only-you" }, "Only visible to you") : null;
  const broadcast = message.thread_ts && message.thread_ts !== message.ts && context.openThread && !message.only_for
    ? el("button", { type: "button", class: "only-you as-link", on: { click: () => context.openThread(message.thread_ts) } }, "replied to a thread") : null;
  return el("article", { class: `message${message.only_for ? " ephemeral" : ""}`, testid: `message-${message.ts}`, "data-ts": message.ts, "data-user": message.user, "aria-label": `${who.real_name} at ${clock(message.ts)}` },
    avatar(who),
    el("div", { class: "message-body" },
      quiet, broadcast, message.pinned_to && el("div", { class: "only-you" }, "📌 Pinned"),
      el("header", {}, el("strong", {}, who.real_name), badges(who), el("time", { title: new Date(Number(message.ts) * 1000).toLocaleString() }, clock(message.ts))),
      el("div", { class: "content" }, content(message)), reactionRow(message), threadLink(message, context)),
    message.only_for ? null : tools(message, context));
}

// Puts a message into a list: in place of its older self, or where its time says.
export function upsert(list, message, context) {
  const fresh = messageNode(message, context);
  const old = list.querySelector(`[data-ts="${message.ts}"]`);
  if (old) {
    if (message.edits && old.dataset.edits !== String(message.edits)) fresh.classList.add("changed");
    swap(old, fresh);
  } else {
    const later = [...list.querySelectorAll("[data-ts]")].find((each) => each.dataset.ts > message.ts);
    list.insertBefore(fresh, later ?? null);
  }
  fresh.dataset.edits = String(message.edits);
  regroup(list);
  return !old;
}

// Messages of one author within five minutes stand together under one name.
export function regroup(list) {
  let before = null;
  for (const node of list.querySelectorAll("[data-ts]")) {
    const near = before && before.dataset.user === node.dataset.user && node.dataset.ts - before.dataset.ts < 300;
    node.classList.toggle("follow", Boolean(near && !node.classList.contains("ephemeral") && !before.classList.contains("ephemeral")));
    before = node;
  }
}

export function showAll(list, messages, context, before = null) {
  fill(list, before, messages.map((message) => {
    const node = messageNode(message, context);
    node.dataset.edits = String(message.edits);
    return node;
  }));
  regroup(list);
}
