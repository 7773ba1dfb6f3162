// What the checks share: asking the API plainly, finding the browser, telling the verdict.
import { existsSync } from "node:fs";

export async function ask(url, token, query, variables = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

export function browserPath() {
  const found = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
  if (!found) throw new Error("There is no Chromium on this machine.");
  return found;
}

export function verdict(found) {
  process.stdout.write(JSON.stringify(found) + "\n");
}

export const book = { named: { title: "The Lighthouse Ledger", authors: ["Ida Marsh"] } };

export async function signUp(url) {
  const username = `client_${Math.random().toString(36).slice(2, 10)}`;
  const { it } = await ask(
    url,
    null,
    `mutation($input: SignUpInput!) { it: signUp(input: $input) { token session { device { id } } userErrors { message } } }`,
    {
      input: {
        username,
        email: `${username}@example.org`,
        password: "correct horse battery",
        displayName: username,
        device: { name: "Browser", platform: "web" },
      },
    },
  );
  if (it.userErrors.length) throw new Error(JSON.stringify(it.userErrors));
  return { username, token: it.token, deviceId: it.session.device.id };
}

export async function mark(url, token, text) {
  const { it } = await ask(
    url,
    token,
    `mutation($input: CreateHighlightInput!) { it: createHighlight(input: $input) { highlight { id } userErrors { message } } }`,
    { input: { book, passage: { text, anchor: { locationStart: 1, locationEnd: 1 + text.length } } } },
  );
  if (it.userErrors.length) throw new Error(JSON.stringify(it.userErrors));
  return it.highlight.id;
}

export const socketAddress = (url) => url.replace(/^http/, "ws");
