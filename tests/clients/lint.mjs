// graphql-eslint over the printed schema: node lint.mjs SCHEMA
import { readFileSync } from "node:fs";
import plugin from "@graphql-eslint/eslint-plugin";
import { ESLint } from "eslint";
import { verdict } from "./support.mjs";

const schema = process.argv[2];
const ours = {
  "strict-id-in-types": ["error", {
    exceptions: {
      // What has no life of its own: values, events, refusals, and the caller, who is found by asking who it is.
      types: [
        "Anchor", "DevicePosition", "HighlightOpResult", "HighlightRemoved", "HighlightUpserted", "ImportBook", "ImportProblem", "PostCounts",
        "PrivacySettings", "Quote", "RateLimit", "Relationship", "ResyncRequired", "SyncCaughtUp", "UserError", "Viewer",
      ],
      suffixes: ["Connection", "Edge", "PageInfo", "Payload", "Page"],
    },
  }],
  // Lists are read forwards only.
  "relay-arguments": ["error", { includeBoth: false }],
  "relay-edge-types": ["error", { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false }],
  // Directives are printed by the library, which describes none of its own.
  "require-description": ["error", { types: true, rootField: true }],
};
const eslint = new ESLint({
  overrideConfigFile: true,
  overrideConfig: {
    files: ["**/*.graphql"],
    plugins: { "@graphql-eslint": plugin },
    languageOptions: { parser: plugin.parser, parserOptions: { graphQLConfig: { schema } } },
    rules: {
      ...plugin.configs["flat/schema-recommended"].rules,
      ...plugin.configs["flat/schema-relay"].rules,
      ...Object.fromEntries(Object.entries(ours).map(([name, rule]) => [`@graphql-eslint/${name}`, rule])),
    },
  },
});
// Words of their own, not the type's name before another.
const words = [
  'Field "reporter" starts with the name of the parent type "Report"',
  'Field "username" starts with the name of the parent type "User"',
];
const [report] = await eslint.lintText(readFileSync(schema, "utf8"), { filePath: "schema.graphql" });
verdict({ errors: report.messages.filter(({ message }) => !words.includes(message)).map(({ line, ruleId, message }) => `${line} ${ruleId}: ${message}`) });
