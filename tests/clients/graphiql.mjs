// GraphiQL in a browser that cannot resolve any name: play the tour, type a header, follow a subscription.
// node graphiql.mjs URL [FOLDER for screenshots]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { ask, browserPath, verdict } from "./support.mjs";

const [url, screenshots] = process.argv.slice(2);
const origin = new URL(url).origin;
const profile = mkdtempSync(join(tmpdir(), "commonplace-browser-"));
const browser = await puppeteer.launch({
  executablePath: browserPath(),
  userDataDir: profile,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
  ],
});
try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1440, height: 900 });
  const outside = [], complaints = [], sent = [], received = [];
  page.on("request", (request) => {
    const address = request.url();
    if (!address.startsWith("data:") && !address.startsWith(origin)) outside.push(address);
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
  const devtools = await page.createCDPSession();
  await devtools.send("Network.enable");
  devtools.on("Network.webSocketFrameSent", ({ response }) => sent.push(JSON.parse(response.payloadData)));
  devtools.on("Network.webSocketFrameReceived", ({ response }) => received.push(JSON.parse(response.payloadData)));

  const shot = async (name) => screenshots && page.screenshot({ path: join(screenshots, `${name}.png`) });
  const until = (test, ...args) => page.waitForFunction(test, { timeout: 15_000, polling: 50 }, ...args);
  const answer = () => page.$eval(".result-window .CodeMirror", (editor) => editor.CodeMirror.getValue());
  const title = (button) => button.textContent.trim();
  const show = async (name) => {
    for (const button of await page.$$(".graphiql-tab-button")) {
      if ((await button.evaluate(title)) === name) return button.click();
    }
    throw new Error(`There is no tab ${name}.`);
  };
  // GraphiQL reads the operation's name a tenth of a second after the text came; a person is slower than that.
  const settle = () => new Promise((done) => setTimeout(done, 500));
  const play = async (name) => {
    await show(name);
    await until((text) => document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror.getValue().includes(text), name);
    await settle();
    await page.click(".graphiql-execute-button");
    await until(() => /"(data|errors)"/.test(document.querySelector(".result-window .CodeMirror").CodeMirror.getValue()));
    return JSON.parse(await answer());
  };

  await page.goto(url);
  await page.waitForSelector(".graphiql-execute-button", { timeout: 30_000 });
  const tabs = await page.$$eval(".graphiql-tab-button", (buttons) => buttons.map((button) => button.textContent.trim()));
  await until(() => document.querySelector(".graphiql-editor-tool .CodeMirror")?.CodeMirror.getValue().includes("username"));
  await shot("1-first-sight");

  // As a newcomer does: press play, and nothing else.
  await settle();
  await page.click(".graphiql-execute-button");
  await until(() => document.querySelector(".result-window .CodeMirror").CodeMirror.getValue().includes("token"));
  const answers = { SignUp: JSON.parse(await answer()) };
  await shot("2-signed-up");
  const { token } = answers.SignUp.data.signUp;
  answers.WhoAmI = await play("WhoAmI");

  // Only what is typed among the headers may sign the socket in now.
  await page.evaluate(() => sessionStorage.removeItem("token"));
  await show("FollowHighlights");
  const typed = JSON.stringify({ authorization: `Bearer ${token}` });
  for (const button of await page.$$(".graphiql-editor-tools button")) {
    if ((await button.evaluate(title)) === "Headers") await button.click();
  }
  const editor = ".graphiql-editor-tool .graphiql-editor:not(.hidden) .CodeMirror";
  await page.waitForSelector(editor);
  await page.click(editor);
  await page.$eval(editor, (it, text) => it.CodeMirror.setValue(text), typed);
  await settle();
  await page.click(".graphiql-execute-button");
  await until(() => document.querySelector(".result-window .CodeMirror").CodeMirror.getValue().includes("SyncCaughtUp"));
  const passage = { text: "A ledger is a slow lamp.", anchor: { locationStart: 1, locationEnd: 25 } };
  await ask(url, token, "mutation($input: CreateHighlightInput!) { createHighlight(input: $input) { userErrors { message } } }", {
    input: { book: { named: { title: "Slow Lamps", authors: ["Ida Marsh"] } }, passage },
  });
  await until(() => document.querySelector(".result-window .CodeMirror").CodeMirror.getValue().includes("A ledger is a slow lamp."));
  await shot("3-subscription");
  await page.click(".graphiql-execute-button"); // stop

  for (const name of ["SignIn", "AddBook", "Highlight", "Pull", "Push", "Post", "HomeFeed"]) answers[name] = await play(name);
  await shot("4-pushed");
  answers.PushAgain = await play("Push");

  // A token that has ended must not lock the page up.
  await page.evaluate(() => (sessionStorage.token = "ended"));
  const again = await play("SignIn");
  const recovered = Boolean(again.data?.signIn?.token);
  const refused = complaints.filter((text) => text.includes("401"));

  await page.click('[aria-label="Show Documentation Explorer"]');
  await page.waitForSelector(".graphiql-doc-explorer");
  await shot("5-documentation");
  await page.click('[aria-label="Show GraphiQL Explorer"]');
  await page.waitForSelector(".graphiql-explorer-root");
  await shot("6-explorer");

  verdict({
    outside,
    complaints: complaints.filter((text) => !text.includes("401")),
    refused: refused.length,
    tabs,
    answers,
    init: sent.find((frame) => frame.type === "connection_init")?.payload,
    typed: JSON.parse(typed),
    next: received.filter((frame) => frame.type === "next").map((frame) => frame.payload.data.highlightChanges.__typename),
    recovered,
  });
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
