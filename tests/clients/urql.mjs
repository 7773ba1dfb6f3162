// urql: a query by POST and by GET, a mutation, and a subscription through graphql-ws. node urql.mjs URL
import { Client, cacheExchange, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { book, mark, signUp, socketAddress, verdict } from "./support.mjs";

const url = process.argv[2];
const { token, username, deviceId } = await signUp(url);
const headers = { authorization: `Bearer ${token}` };
const requests = [];
const noted = async (address, init) => {
  const response = await fetch(address, init);
  requests.push(`${init.method} ${response.status} ${response.headers.get("content-type")?.split(";")[0]}`);
  return response;
};
const socket = createClient({ url: socketAddress(url), webSocketImpl: WebSocket, retryAttempts: 0, connectionParams: { Authorization: headers.authorization } });
const options = {
  url,
  fetch: noted,
  fetchOptions: { headers },
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query: query ?? "", variables }, sink) }),
      }),
    }),
  ],
};
const ME = gql`query Me { viewer { user { username } } }`;
const results = {};
for (const [name, preferGetMethod] of [["posted", false], ["got", "force"]]) {
  const { data, error } = await new Client({ ...options, preferGetMethod }).query(ME, {});
  results[name] = data?.viewer?.user?.username === username ? "ok" : String(error);
}
const client = new Client({ ...options, preferGetMethod: false });
const write = await client.mutation(
  gql`mutation Write($input: CreateHighlightInput!) { createHighlight(input: $input) { highlight { text } userErrors { code } } }`,
  { input: { book, passage: { text: "A tide table for readers.", anchor: { percent: 3.5 } } } },
);
results.written = write.data?.createHighlight?.highlight?.text ?? String(write.error);
const bad = await client.query(gql`query Bad { node(id: "nonsense") { id } }`, {});
results.code = bad.error?.graphQLErrors[0]?.extensions?.code ?? String(bad.error);
const invalid = await client.query(gql`query Invalid { unheardOf }`, {});
results.invalid = invalid.error?.graphQLErrors[0]?.extensions?.code ?? String(invalid.error);

const events = await new Promise((resolve, reject) => {
  const seen = [];
  const { unsubscribe } = client
    .subscription(gql`subscription Follow($deviceId: ID!) { highlightChanges(deviceId: $deviceId) { __typename } }`, { deviceId })
    .subscribe(({ data, error }) => {
      if (error) return reject(error);
      seen.push(data.highlightChanges.__typename);
      if (seen.at(-1) === "SyncCaughtUp") mark(url, token, "The second tide.").catch(reject);
      if (seen.length === 3) { unsubscribe(); resolve(seen); }
    });
});
verdict({ ...results, events, requests });
await socket.dispose();
