// Emoji by name, with skin tones.

import { el } from "./dom.js";

const data = await (await fetch("/page/emoji.json")).json();
export const QUICK = ["white_check_mark", "no_entry", "+1", "eyes"];
export const FAVOURITES = [
  "white_check_mark", "no_entry", "+1", "-1", "eyes", "raised_hands", "pray", "ok_hand",
  "tada", "rocket", "fire", "heart", "100", "warning", "octagonal_sign", "rotating_light",
  "hourglass_flowing_sand", "thinking_face", "slightly_smiling_face", "sweat_smile", "saluting_face", "muscle", "handshake", "anchor",
];
export const NAMES = Object.keys(data.emoji);
export const hasTone = (name) => data.skin_tones.includes(name);

export function glyph(name) {
  const [base, tone] = name.split("::skin-tone-");
  const found = data.emoji[data.aliases[base] ?? base];
  if (!found) return null;
  return tone ? found.replace("\ufe0f", "") + String.fromCodePoint(0x1f3f9 + Number(tone)) : found;
}

export function emojiNode(name) {
  const found = glyph(name);
  return found ? el("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, found) : `:${name}:`;
}
