// graphql-sse, for devices behind proxies that let no socket through. node sse.mjs URL
import { createClient } from "graphql-sse";
import { mark, signUp, verdict } from "./support.mjs";

const url = process.argv[2];
const { token, username, deviceId } = await signUp(url);
const client = createClient({ url, retryAttempts: 0, headers: { Authorization: `Bearer ${token}` } });
const asked = await client.iterate({ query: "{ viewer { user { username } } }" }).next();
const events = [];
const query = "subscription($id: ID!) { highlightChanges(deviceId: $id) { __typename } }";
for await (const { data } of client.iterate({ query, variables: { id: deviceId } })) {
  events.push(data.highlightChanges.__typename);
  if (events.length === 1) await mark(url, token, "Said in one direction only.");
  if (events.length === 2) break;
}
verdict({ known: asked.value.data.viewer.user.username === username, events });
client.dispose();
