// What this page knows, kept current by the stream of changes; tells its listeners.

export const store = {
  me: null, team: {}, app: { commands: [] }, people: new Map(), groups: new Map(), channels: new Map(),
  messages: new Map(), modal: null, depth: 0, home: null, log: new Map(), faults: {}, connections: 0, live: false,
};

const listeners = new Map();
export const on = (kind, run) => listeners.set(kind, [...(listeners.get(kind) ?? []), run]);
const tell = (kind, detail) => (listeners.get(kind) ?? []).forEach((run) => run(detail));

const key = (message) => `${message.channel} ${message.ts}`;
export const find = (channel, ts) => store.messages.get(`${channel} ${ts}`);
export const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts;

export function inChannel(channel) {
  const own = [...store.messages.values()].filter((each) => each.channel === channel && (!isReply(each) || each.reply_broadcast || each.only_for));
  return own.sort((one, two) => (one.ts < two.ts ? -1 : 1));
}

export function inThread(channel, ts) {
  const own = [...store.messages.values()].filter((each) => each.channel === channel && isReply(each) && each.thread_ts === ts);
  return own.sort((one, two) => (one.ts < two.ts ? -1 : 1));
}

export function person(id) {
  if (id === "USLACKBOT") return { id, name: "slackbot", real_name: "Slackbot", is_bot: true, is_app: false };
  return store.people.get(id) ?? { id, name: id, real_name: id };
}

const takers = {
  snapshot(change) {
    Object.assign(store, { me: change.me, team: change.team, app: change.app, modal: change.modal, depth: change.depth, home: change.home, faults: change.faults, connections: change.connections, welcome: change.welcome });
    store.people = new Map(change.people.map((each) => [each.id, each]));
    store.groups = new Map(change.groups.map((each) => [each.id, each]));
    store.channels = new Map(change.channels.map((each) => [each.id, each]));
    store.messages = new Map(change.messages.map((each) => [key(each), each]));
    store.log = new Map(change.log.map((each) => [each.id, each]));
    store.live = true;
  },
  message({ message }) {
    const place = store.channels.get(message.channel);
    if (place && !place.members.includes(store.me)) return false;
    store.messages.set(key(message), message);
  },
  gone(change) { store.messages.delete(key(change)); },
  channels({ channels }) { store.channels = new Map(channels.map((each) => [each.id, each])); },
  modal({ view, depth }) { store.modal = view; store.depth = depth; },
  home({ view }) { store.home = view; },
  log({ entry }) {
    store.log.set(entry.id, entry);
    if (entry.what === "socket" && "connections" in entry) store.connections = entry.connections;
    if (store.log.size > 400) store.log.delete(store.log.keys().next().value);
  },
  faults({ faults }) { store.faults = faults; },
};

let stream = null;
export function connect(name) {
  stream?.close();
  stream = new EventSource(`/_page/stream?as=${encodeURIComponent(name)}`);
  stream.onmessage = (event) => {
    const change = JSON.parse(event.data);
    if (takers[change.kind]?.(change) !== false) tell(change.kind, change);
  };
  stream.onerror = () => { store.live = false; tell("offline"); };
}

// Calls one of the people's verbs; the answer has `ok` and, if not, a sentence in `error`.
export async function act(verb, args) {
  const body = JSON.stringify({ as: store.me, ...args });
  const response = await fetch(`/_control/${verb}`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  return response.json();
}
