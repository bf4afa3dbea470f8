// rich_text blocks as DOM nodes.

import { el } from "./dom.js";
import { emojiNode } from "./emoji.js";
import { channelMention, dateText, groupMention, link, userMention } from "./mrkdwn.js";

const TAGS = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };

function part(each) {
  switch (each.type) {
    case "text": return each.text;
    case "link": return link(each.url, each.text);
    case "emoji": return emojiNode(each.skin_tone ? `${each.name}::skin-tone-${each.skin_tone}` : each.name);
    case "user": return userMention(each.user_id);
    case "channel": return channelMention(each.channel_id);
    case "usergroup": return groupMention(each.usergroup_id);
    case "broadcast": return el("span", { class: "mention" }, `@${each.range}`);
    case "date": return el("time", {}, dateText(each.timestamp, each.format));
    default: return JSON.stringify(each);
  }
}

function styled(each) {
  let node = part(each);
  for (const [style, tag] of Object.entries(TAGS)) if (each.style?.[style]) node = el(tag, {}, node);
  return node;
}

function element(each) {
  const inside = each.elements ?? [];
  switch (each.type) {
    case "rich_text_section": return el("div", { class: "rich" }, inside.map(styled));
    case "rich_text_list": return el(each.style === "ordered" ? "ol" : "ul", { class: `indent-${each.indent ?? 0}`, start: each.offset ? each.offset + 1 : null }, inside.map((item) => el("li", {}, (item.elements ?? []).map(styled))));
    case "rich_text_quote": return el("blockquote", {}, inside.map(styled));
    case "rich_text_preformatted": return el("pre", {}, inside.map(styled));
    default: return JSON.stringify(each);
  }
}

export const richText = (block) => (block.elements ?? []).map(element);
