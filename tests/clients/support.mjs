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
