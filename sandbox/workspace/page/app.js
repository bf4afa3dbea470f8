// Puts the page together: side bar, channel, thread, App Home; follows the stream of changes.

import { blocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { byId, el, fill, toast } from "./dom.js";
import { toggleInspector } from "./inspector.js";
import { avatar, showAll, upsert } from "./messages.js";
import { showModal, viewContext } from "./modal.js";
import { act, connect, find, inChannel, inThread, isReply, on, person, store } from "./store.js";

// Where we are; kept in the address as #PERSON/CHANNEL, so that it survives a reload.
const here = { who: null, channel: null, home: false, thread: null };
const unread = new Map();

const mainComposer = new Composer(byId("composer-place"), { label: "Write a message", testid: "composer", target: () => ({ channel: here.channel }) });
const threadComposer = new Composer(byId("thread-composer-place"), { label: "Reply", testid: "composer-thread", commands: false, target: () => ({ channel: here.channel, thread_ts: here.thread }) });
const context = { openThread };

function readAddress() {
  const [who, place] = decodeURIComponent(location.hash.slice(1)).split("/");
  return { who: who || localStorage.getItem("acting-as") || "", place: place || "" };
}

function writeAddress() {
  const place = here.home ? "home" : store.channels.get(here.channel)?.name ?? "";
  history.replaceState(null, "", `/#${here.who}/${place}`);
}

function drawSide() {
  byId("team").textContent = store.team.name;
  document.title = `${store.team.name} · ${store.app.name}`;
  const linked = store.connections > 0;
  fill(byId("link-state"), el("i", { class: linked ? "dot on" : "dot" }), store.live ? (linked ? `${store.app.name} is connected` : `${store.app.name} is not connected`) : "reconnecting…");
  fill(byId("channels"), [...store.channels.values()].filter((each) => !each.is_im).map(channelItem), [...store.channels.values()].filter((each) => each.is_im && each.members.includes(store.me) && inChannel(each.id).length).map(channelItem));
  fill(byId("apps"), store.app.home_tab && el("li", {}, el("button", { type: "button", class: "side-item", "aria-current": here.home ? "page" : null, testid: "app-home", on: { click: openHome } }, el("span", { class: "hash" }, "⌂"), `${store.app.name} Home`)));
  fill(byId("people"), [...store.people.values()].filter((each) => !each.is_app && !each.deleted).map(personItem));
}

function channelItem(channel) {
  const current = !here.home && channel.id === here.channel;
  const news = unread.get(channel.id) ?? 0;
  const name = channel.is_im ? store.app.name : channel.name;
  return el("li", {}, el("button", { type: "button", class: `side-item${news ? " news" : ""}`, "aria-current": current ? "page" : null, testid: `channel-${channel.name}`, on: { click: () => openChannel(channel.id) } }, el("span", { class: "hash" }, channel.is_im ? "●" : channel.is_private ? "🔒" : "#"), name, news ? el("span", { class: "count" }, String(news)) : null));
}

function personItem(each) {
  const mine = each.id === store.me;
  const about = each.team ? `${each.title || "stranger"}` : each.title;
  return el("li", {}, el("button", { type: "button", class: "side-item person", "aria-pressed": String(mine), "aria-label": `Act as ${each.real_name}, ${about}`, testid: `act-as-${each.name}`, on: { click: () => become(each.name) } }, avatar(each, "small"), el("span", { class: "person-words" }, el("b", {}, each.real_name), el("small", {}, about)), mine && el("span", { class: "you" }, "you")));
}

function become(name) {
  here.who = name;
  localStorage.setItem("acting-as", name);
  connect(name);
}

function drawBar() {
  const channel = store.channels.get(here.channel);
  const title = here.home ? `${store.app.name} Home` : channel?.is_im ? store.app.name : `# ${channel?.name ?? ""}`;
  fill(byId("title"), title, !here.home && channel?.is_shared ? el("span", { class: "badge" }, "shared with another company") : null);
  byId("topic").textContent = here.home ? store.app.description : channel?.topic ?? "";
  const members = here.home ? [] : channel?.members ?? [];
  fill(byId("faces"), members.slice(0, 5).map((id) => avatar(person(id), "tiny")), members.length ? el("span", { class: "soft" }, `${members.length} members`) : null);
  byId("composer-place").hidden = here.home || !members.includes(store.me);
  mainComposer.label(`Message ${channel?.is_im ? store.app.name : `#${channel?.name ?? ""}`} as ${person(store.me).real_name}`);
}

function beginning() {
  const channel = store.channels.get(here.channel);
  if (!channel.members.includes(store.me)) return el("div", { class: "beginning" }, el("h2", {}, `You are not in #${channel.name}`), el("p", {}, "Pick another channel, or act as somebody who is in it."));
  if (channel.is_im) return el("div", { class: "beginning" }, el("h2", {}, `Between you and ${store.app.name}`), el("p", {}, "Nobody else sees what is written here."));
  const command = store.app.commands[0];
  const first = command?.words[0];
  const line = `${command?.command} ${first?.word ?? ""} `;
  return el("div", { class: "beginning" }, el("h2", {}, `This is where #${channel.name} begins`), el("p", {}, channel.topic), command && el("button", { type: "button", class: "block-button primary", on: { click: () => mainComposer.put(line) } }, `Type ${line.trim()}`));
}

// The latest pinned message of the channel, always in reach: the board may have scrolled away.
function drawPinned() {
  const pinned = here.home ? null : inChannel(here.channel).filter((each) => each.pinned_to).at(-1);
  const header = pinned?.blocks?.find((each) => each.type === "header")?.text.text;
  byId("pinned").hidden = !pinned;
  fill(byId("pinned"), "📌 ", header ?? pinned?.text.slice(0, 120));
  byId("pinned").onclick = () => point(pinned.ts, byId("messages"));
}

function drawMessages() {
  drawPinned();
  if (here.home) { drawHome(); return; }
  showAll(byId("messages"), inChannel(here.channel), context, beginning());
  byId("scroll").scrollTop = byId("scroll").scrollHeight;
}

function drawHome() {
  const view = store.home;
  const root = el("div", { class: "home", testid: "home" });
  fill(root, view ? blocks(view.blocks, viewContext(view, root)) : el("div", { class: "beginning" }, el("h2", {}, `${store.app.name} has not shown anything here yet`), el("p", {}, store.connections ? "It was told that you opened its Home." : "It is not connected to the workspace.")));
  fill(byId("messages"), root);
}

async function openHome() {
  here.home = true;
  openThread(null);
  drawSide(); drawBar(); drawMessages(); writeAddress();
  const answer = await act("home", {});
  if (!answer.ok) toast(answer.error);
}

function openChannel(id) {
  here.home = false;
  if (here.channel !== id) openThread(null);
  here.channel = id;
  unread.delete(id);
  drawSide(); drawBar(); drawMessages(); writeAddress();
  mainComposer.box.focus();
}

function openThread(ts) {
  here.thread = ts;
  byId("thread").hidden = !ts;
  if (!ts) return;
  toggleInspector(false);
  byId("thread-topic").textContent = `# ${store.channels.get(here.channel).name}`;
  const parent = find(here.channel, ts);
  showAll(byId("thread-messages"), [parent, ...inThread(here.channel, ts)].filter(Boolean), {});
  byId("thread-scroll").scrollTop = byId("thread-scroll").scrollHeight;
  threadComposer.box.focus();
}

const nearEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 160;
function keepAtEnd(box, change) {
  const follow = nearEnd(box);
  change();
  if (follow) box.scrollTop = box.scrollHeight;
  return follow;
}

// A permalink, /archives/CHANNEL/p1234567890123456: its channel, its thread if it has one, its message.
function followPermalink() {
  const [, channel, digits] = location.pathname.match(/^\/archives\/(\w+)\/p(\d+)$/) ?? [];
  if (!channel || !store.channels.has(channel)) return null;
  const thread = new URLSearchParams(location.search).get("thread_ts");
  return { channel, thread, ts: `${digits.slice(0, -6)}.${digits.slice(-6)}` };
}

function point(ts, root = document) {
  document.querySelectorAll(".changed").forEach((node) => node.classList.remove("changed"));
  const node = [...root.querySelectorAll(`[data-ts="${ts}"]`)].at(-1);
  node?.classList.add("changed");
  node?.scrollIntoView({ block: "center" });
}

on("snapshot", () => {
  const wanted = readAddress().place;
  const link = followPermalink();
  here.who = person(store.me).name;
  const all = [...store.channels.values()];
  if (wanted === "home") here.home = true;
  const place = all.find((each) => each.name === wanted) ?? store.channels.get(here.channel) ?? all.find((each) => each.members.includes(store.me)) ?? all[0];
  here.channel = link?.channel ?? place.id;
  if (link) { here.home = false; here.thread = link.thread; }
  byId("welcome").hidden = !store.welcome || sessionStorage.getItem("welcome") === "seen";
  fill(byId("welcome"), el("span", {}, store.welcome), el("button", { type: "button", class: "icon", "aria-label": "Hide this hint", on: { click: () => { sessionStorage.setItem("welcome", "seen"); byId("welcome").hidden = true; } } }, "✕"));
  drawSide(); drawBar(); drawMessages(); showModal(); writeAddress();
  if (here.thread) openThread(here.thread);
  if (link) point(link.ts);
  document.body.dataset.ready = person(store.me).name;
});

on("message", ({ message }) => {
  const inPlace = !here.home && message.channel === here.channel;
  if (inPlace && (!isReply(message) || message.reply_broadcast || message.only_for)) {
    let fresh = false;
    const followed = keepAtEnd(byId("scroll"), () => { fresh = upsert(byId("messages"), message, context); });
    if (fresh && !followed) byId("newer").hidden = false;
    drawPinned();
  }
  if (message.channel === here.channel && here.thread && (message.ts === here.thread || message.thread_ts === here.thread)) keepAtEnd(byId("thread-scroll"), () => upsert(byId("thread-messages"), message, {}));
  if (!inPlace && message.user !== store.me && !message.edits && !message.reactions) { unread.set(message.channel, (unread.get(message.channel) ?? 0) + 1); drawSide(); }
});

on("gone", ({ ts }) => document.querySelectorAll(`[data-ts="${ts}"]`).forEach((node) => node.remove()));
on("channels", () => { drawSide(); drawBar(); });
on("modal", showModal);
on("home", () => here.home && drawHome());
on("log", ({ entry }) => entry.what === "socket" && drawSide());
on("offline", drawSide);

byId("scroll").addEventListener("scroll", () => { if (nearEnd(byId("scroll"))) byId("newer").hidden = true; });
byId("newer").addEventListener("click", () => { byId("scroll").scrollTop = byId("scroll").scrollHeight; });
byId("thread-close").addEventListener("click", () => openThread(null));
byId("inspector-button").addEventListener("click", () => { const open = byId("inspector").hidden; if (open) openThread(null); toggleInspector(open); });
byId("inspector-close").addEventListener("click", () => toggleInspector(false));
addEventListener("hashchange", () => { const { who, place } = readAddress(); if (who !== here.who) become(who); else { const channel = [...store.channels.values()].find((each) => each.name === place); if (channel) openChannel(channel.id); else if (place === "home") openHome(); } });

connect(readAddress().who);
