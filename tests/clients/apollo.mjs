// Apollo Client: persisted queries, pages merged in its cache, errors by code, a subscription. node apollo.mjs URL
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { relayStylePagination } from "@apollo/client/utilities";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { book, mark, signUp, socketAddress, verdict } from "./support.mjs";

const url = process.argv[2];
const { token, deviceId } = await signUp(url);
const headers = { authorization: `Bearer ${token}` };
const requests = [];
const noted = async (address, init) => {
  const response = await fetch(address, init);
  requests.push({ method: init.method, told: (init.body ?? "").includes('"query":') || String(address).includes("query=") });
  return response;
};
const http = new HttpLink({ uri: url, headers, fetch: noted });
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const persisted = new PersistedQueryLink({ sha256, useGETForHashedQueries: true });
const socket = createClient({ url: socketAddress(url), webSocketImpl: WebSocket, retryAttempts: 0, connectionParams: { Authorization: headers.authorization } });
const isLive = ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION;
const open = (overHttp = http) =>
  new ApolloClient({
    link: ApolloLink.split(isLive, new GraphQLWsLink(socket), overHttp),
    cache: new InMemoryCache({ typePolicies: { Viewer: { merge: true, fields: { highlights: relayStylePagination() } } } }),
  });

// A live query before anything else, so that the events come after it.
const events = [];
const listener = open();
const heard = new Promise((resolve, reject) => {
  listener
    .subscribe({
      query: gql`subscription Follow($deviceId: ID!) { highlightChanges(deviceId: $deviceId) { __typename ... on HighlightUpserted { highlight { id text } } } }`,
      variables: { deviceId },
    })
    .subscribe({ next: ({ data }) => { events.push(data.highlightChanges.__typename); if (events.length === 2) resolve(); }, error: reject });
});
while (!events.length) await new Promise((done) => setTimeout(done, 20));
await mark(url, token, "First of three.");
await heard;

// Pages behind each other become one list in the cache.
for (const text of ["Second of three.", "Third of three."]) await mark(url, token, text);
const client = open();
const SHELF = gql`query Shelf($after: String) { viewer { highlights(first: 2, after: $after) { edges { cursor node { id text } } pageInfo { hasNextPage endCursor hasPreviousPage startCursor } } } }`;
const first = await client.query({ query: SHELF });
const watched = client.watchQuery({ query: SHELF });
const watching = watched.subscribe(() => {});
const after = first.data.viewer.highlights.pageInfo.endCursor;
await watched.fetchMore({ variables: { after } });
const merged = client.readQuery({ query: SHELF }).viewer.highlights.edges.map(({ node }) => node.text);

const written = await client.mutate({
  mutation: gql`mutation Write($input: CreateHighlightInput!) { createHighlight(input: $input) { highlight { id } userErrors { code } } }`,
  variables: { input: { book, passage: { text: "", anchor: {} } } },
});
const refusal = written.data.createHighlight.userErrors[0]?.code;
const code = await client.query({ query: gql`{ node(id: "nonsense") { id } }`, fetchPolicy: "no-cache" }).then(
  () => null,
  (error) => (CombinedGraphQLErrors.is(error) ? error.errors[0].extensions.code : String(error)),
);
const invalid = await client.query({ query: gql`{ unheardOf }`, fetchPolicy: "no-cache" }).then(
  () => null,
  (error) => (CombinedGraphQLErrors.is(error) ? error.errors[0].extensions.code : String(error)),
);
// The first asks by hash, is told that it is unknown, and tells the query; the second asks by hash alone.
const NEVER_SEEN = gql(`query Seen_${token.replace(/\W/g, "_")} { books(first: 1) { nodes { id title } } }`);
const saving = open(persisted.concat(http));
const persistence = [];
for (const _ of ["miss", "hit"]) {
  requests.length = 0;
  const { error } = await saving.query({ query: NEVER_SEEN, fetchPolicy: "no-cache" }).catch((error) => ({ error }));
  persistence.push({ error: error ? String(error) : null, requests: requests.map(({ method, told }) => `${method} ${told ? "query" : "hash"}`) });
}
saving.stop();
verdict({ events, merged, refusal, code, invalid, persistence });
watching.unsubscribe();
client.stop();
listener.stop();
await socket.dispose();
