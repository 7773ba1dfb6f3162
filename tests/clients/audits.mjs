// The public audits of GraphQL over HTTP: node audits.mjs URL
import { auditServer } from "graphql-http";
import { verdict } from "./support.mjs";

const results = await auditServer({ url: process.argv[2], fetchFn: fetch });
const missed = results.filter(({ status }) => status !== "ok");
verdict({
  total: results.length,
  ok: results.length - missed.length,
  missed: missed.map(({ id, name, status, reason }) => `${id} ${status}: ${name} (${reason})`),
});
