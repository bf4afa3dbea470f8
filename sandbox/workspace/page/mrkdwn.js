// Slack's mrkdwn, and standard Markdown for markdown blocks, as DOM nodes.

import { clock, el } from "./dom.js";
import { emojiNode, glyph } from "./emoji.js";
import { person, store } from "./store.js";

const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

export function link(address, label) {
  if (!/^(https?:|mailto:)/i.test(address)) return label ?? address;
  if (address.startsWith(`${location.origin}/archives/`)) return el("a", { href: address }, label ?? address);
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label ?? address);
}

export function userMention(id) {
  const mine = id === store.me;
  return el("span", { class: mine ? "mention mine" : "mention" }, `@${person(id).name}`);
}

export const channelMention = (id, name) => el("span", { class: "mention" }, `#${store.channels.get(id)?.name ?? name ?? id}`);
export const groupMention = (id, name) => el("span", { class: "mention" }, `@${store.groups.get(id)?.handle ?? name?.replace(/^@/, "") ?? id}`);

const DATES = {
  date_num: { year: "numeric", month: "2-digit", day: "2-digit" },
  date: { year: "numeric", month: "long", day: "numeric" },
  date_short: { year: "numeric", month: "short", day: "numeric" },
  date_long: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
};

export function dateText(stamp, format) {
  const when = new Date(Number(stamp) * 1000);
  return format.replace(/\{(\w+)\}/g, (whole, token) => {
    if (token === "time") return clock(stamp);
    if (token === "time_secs") return clock(stamp, true);
    if (token === "ago") return ago(when);
    const plain = token.replace("_pretty", "");
    if (token.endsWith("_pretty") && when.toDateString() === new Date().toDateString()) return "today";
    return DATES[plain] ? when.toLocaleDateString([], DATES[plain]) : whole;
  });
}

function ago(when) {
  const minutes = Math.round((Date.now() - when) / 60000);
  if (Math.abs(minutes) < 1) return "just now";
  const words = Math.abs(minutes) < 60 ? `${Math.abs(minutes)} min` : `${Math.round(Math.abs(minutes) / 60)} h`;
  return minutes > 0 ? `${words} ago` : `in ${words}`;
}

function angle(inside) {
  const [target, label] = inside.split(/\|(.*)/s);
  const words = label === undefined ? undefined : unescape(label);
  if (target.startsWith("@")) return userMention(target.slice(1));
  if (target.startsWith("#")) return channelMention(target.slice(1), words);
  if (target.startsWith("!subteam^")) return groupMention(target.slice(9), words);
  if (target.startsWith("!date^")) {
    const [, stamp, format] = target.split("^");
    return el("time", { title: words }, dateText(stamp, unescape(format)));
  }
  if (target.startsWith("!")) return el("span", { class: "mention" }, `@${target.slice(1)}`);
  return link(unescape(target), words);
}

// One pattern; the first alternative that matches wins. Marks count only at word edges.
const INLINE = /`([^`\n]+)`|<([^<>\n]+)>|:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):|(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])|(?<!\w)_(\S(?:[^_\n]*\S)?)_(?!\w)|(?<!\w)~(\S(?:[^~\n]*\S)?)~(?!\w)/g;

export function inline(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, inside, emoji, bold, italic, strike] = match;
    if (emoji !== undefined && !glyph(emoji)) continue;
    if (match.index > at) nodes.push(unescape(text.slice(at, match.index)));
    if (code !== undefined) nodes.push(el("code", {}, unescape(code)));
    else if (inside !== undefined) nodes.push(angle(inside));
    else if (emoji !== undefined) nodes.push(emojiNode(emoji));
    else if (bold !== undefined) nodes.push(el("strong", {}, inline(bold)));
    else if (italic !== undefined) nodes.push(el("em", {}, inline(italic)));
    else if (strike !== undefined) nodes.push(el("s", {}, inline(strike)));
    at = match.index + whole.length;
  }
  if (at < text.length) nodes.push(unescape(text.slice(at)));
  return nodes;
}

function lines(text) {
  const nodes = [];
  const rows = text.replace(/^\n|\n$/g, "").split("\n");
  let quote = null;
  for (const [index, row] of rows.entries()) {
    const quoted = row.match(/^(?:&gt;|>) ?(.*)$/);
    if (quoted) {
      quote ??= nodes[nodes.push(el("blockquote")) - 1];
      quote.append(el("div", {}, inline(quoted[1])));
    } else {
      quote = null;
      nodes.push(...inline(row));
      if (index < rows.length - 1) nodes.push(el("br"));
    }
  }
  return nodes;
}

export function mrkdwn(text) {
  return text.split(/```\n?/).map((part, index) => (index % 2 ? el("pre", {}, unescape(part.replace(/\n$/, ""))) : part && lines(part)));
}

export const plain = (text, emoji = true) => (emoji ? text.split(/(:[a-z0-9_+'-]+:)/).map((part) => (/^:.*:$/.test(part) ? emojiNode(part.slice(1, -1)) : part)) : text);

const MARKDOWN = /`([^`]+)`|\*\*(.+?)\*\*|~~(.+?)~~|\[([^\]]+)\]\(([^)\s]+)\)|(?<!\w)[*_](\S(?:.*?\S)?)[*_](?!\w)/g;

function markdownInline(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(MARKDOWN)) {
    const [whole, code, bold, strike, label, address, italic] = match;
    nodes.push(text.slice(at, match.index));
    if (code) nodes.push(el("code", {}, code));
    else if (bold) nodes.push(el("strong", {}, markdownInline(bold)));
    else if (strike) nodes.push(el("s", {}, markdownInline(strike)));
    else if (label) nodes.push(link(address, label));
    else nodes.push(el("em", {}, markdownInline(italic)));
    at = match.index + whole.length;
  }
  nodes.push(text.slice(at));
  return nodes;
}

const cells = (row) => row.replace(/^\s*\||\|\s*$/g, "").split("|").map((each) => each.trim());

export function markdown(text) {
  const nodes = [];
  for (const [index, part] of text.split(/```\w*\n?/).entries()) {
    if (index % 2) nodes.push(el("pre", {}, part.replace(/\n$/, "")));
    else for (const paragraph of part.split(/\n{2,}/)) nodes.push(...markdownParagraph(paragraph.trim()));
  }
  return nodes;
}

function markdownParagraph(text) {
  if (!text) return [];
  const rows = text.split("\n");
  if (rows.length > 1 && /^\|?[\s:|-]+\|?$/.test(rows[1]) && rows[0].includes("|")) {
    const body = rows.slice(2).map((row) => el("tr", {}, cells(row).map((each) => el("td", {}, markdownInline(each)))));
    return [el("table", {}, el("tr", {}, cells(rows[0]).map((each) => el("th", {}, markdownInline(each)))), body)];
  }
  const nodes = [];
  for (const row of rows) {
    const heading = row.match(/^(#{1,6}) (.*)$/);
    const item = row.match(/^\s*(?:[-*+]|\d+[.)]) (.*)$/);
    const quote = row.match(/^> ?(.*)$/);
    if (heading) nodes.push(el(`h${Math.min(6, heading[1].length + 2)}`, {}, markdownInline(heading[2])));
    else if (item) {
      if (nodes.at(-1)?.tagName !== "UL") nodes.push(el("ul"));
      nodes.at(-1).append(el("li", {}, markdownInline(item[1])));
    } else if (quote) nodes.push(el("blockquote", {}, markdownInline(quote[1])));
    else nodes.push(el("p", {}, markdownInline(row)));
  }
  return nodes;
}
