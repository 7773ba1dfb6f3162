// graphql-transport-ws: the graphql-ws client, and each close code provoked. node sockets.mjs URL INIT_SECONDS
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { mark, signUp, socketAddress, verdict } from "./support.mjs";

const url = process.argv[2];
const patience = Number(process.argv[3]) * 1000 + 5000;
const address = socketAddress(url);
const { token, username, deviceId } = await signUp(url);
const Authorization = `Bearer ${token}`;
const FOLLOW = "subscription($id: ID!) { highlightChanges(deviceId: $id) { __typename } }";

function closeCode(payload) {
  return new Promise((resolve) => {
    const client = createClient({
      url: address, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams: payload, on: { closed: (event) => resolve(event.code) },
    });
    client.subscribe({ query: "{ __typename }" }, { next() {}, error() {}, complete: () => client.dispose() });
  });
}

// A bare socket: say these things, then wait for the close.
function provoke(says, { protocol = "graphql-transport-ws", origin, wait = 5000 } = {}) {
  return new Promise((resolve) => {
    const socket = new WebSocket(address, protocol, { origin });
    const heard = [];
    const timer = setTimeout(() => { socket.terminate(); resolve({ heard, code: "still open" }); }, wait);
    const done = (code) => { clearTimeout(timer); resolve({ heard, code }); };
    socket.on("open", () => says.forEach((said) => socket.send(typeof said === "string" ? said : JSON.stringify(said))));
    socket.on("message", (data) => {
      const { type, payload } = JSON.parse(data);
      heard.push(type);
      if (type === "error") heard.push(payload[0].extensions?.code);
    });
    socket.on("unexpected-response", (_, response) => { done(`HTTP ${response.statusCode}`); response.destroy(); });
    socket.on("error", (error) => done(error.message));
    socket.on("close", done);
  });
}
const code = async (...args) => (await provoke(...args)).code;
const init = { type: "connection_init", payload: { Authorization } };
const follow = { id: "1", type: "subscribe", payload: { query: FOLLOW, variables: { id: deviceId } } };

const client = createClient({ url: address, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams: { authorization: Authorization } });
const events = [];
for await (const { data } of client.iterate({ query: FOLLOW, variables: { id: deviceId } })) {
  events.push(data.highlightChanges.__typename);
  if (events.length === 1) await mark(url, token, "Said over a socket.");
  if (events.length === 2) break;
}
const asked = await client.iterate({ query: "{ viewer { user { username } } }" }).next();
const known = asked.value.data.viewer.user.username === username;
await client.dispose();

const quick = {
  badToken: await closeCode({ Authorization: "Bearer nonsense" }),
  notJson: await code(["nonsense"]),
  unknownType: await code([{ type: "unheard_of" }]),
  noInit: await code([follow]),
  twoInits: await code([init, init]),
  sameIdTwice: await code([init, follow, follow]),
  otherProtocol: await code([], { protocol: "graphql-unheard-of" }),
  foreignOrigin: await code([], { origin: "https://elsewhere.example" }),
};
const pong = (await provoke([init, { type: "ping" }], { wait: 500 })).heard;
const invalid = (await provoke([init, { id: "1", type: "subscribe", payload: { query: "{ unheardOf }" } }], { wait: 500 })).heard;
const unnamed = { id: "1", type: "subscribe", payload: { query: "query A { __typename }", operationName: "B" } };
const unknownOperation = (await provoke([init, unnamed], { wait: 500 })).heard;
const silent = await code([], { wait: patience });
verdict({ events, known, ...quick, pong, invalid, unknownOperation, silent });
