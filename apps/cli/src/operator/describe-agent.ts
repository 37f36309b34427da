/** A switch's session, and how its rules compare with those that it should hold. */
import { ok, type Result } from "@sluice/model";
import { z } from "zod";
import type { Colors } from "../terminal.js";
import { fieldsText, instantText, partText, stateText, tableOf, type Column } from "./columns-of.js";
import { restText, rowsShown, type Described, type Describing } from "./description.js";
import { agentItem } from "./plan-resources.js";

const rulesPage = z.looseObject({
  known: z.boolean(),
  installed: z.number(),
  intended: z.number(),
  missing: z.number(),
  unexpected: z.number(),
  different: z.number(),
  items: z.array(z.looseObject({ key: z.string(), state: z.string() })),
});
type Rules = z.output<typeof rulesPage>;

const columns: readonly Column<Rules["items"][number]>[] = [
  { head: "rule", cell: ({ key }) => key },
  { head: "state", cell: ({ state }, colors) => colors.yellow(state) },
];

export async function describeAgent(id: string, { client }: Describing): Promise<Result<Described>> {
  const path = `/v1/agents/${encodeURIComponent(id)}`;
  const agent = await client.get(path, agentItem);
  if (!agent.ok) return agent;
  const rules = await client.get(`${path}/rules`, rulesPage, { compare: "intended", limit: rowsShown });
  if (!rules.ok) return rules;
  const found = rules.value.value;
  return ok({
    value: { kind: "agent-description", agent: agent.value.value, rules: found },
    table(colors) {
      const head = fieldsText([["node", agent.value.value.nodeId], ...agentFields(agent.value.value, colors)], colors);
      return `${head}${partText("rules", rulesText(found, colors), colors)}`;
    },
  });
}

function rulesText({ known, installed, intended, missing, unexpected, different, items }: Rules, colors: Colors): string {
  if (!known) return `${colors.yellow("What it holds is not known.")}\n`;
  const differing = missing + unexpected + different;
  const sums = fieldsText(
    [
      ["installed", String(installed)],
      ["intended", String(intended)],
      ["otherwise", differing === 0 ? "none" : colors.yellow(`${missing} missing, ${unexpected} unexpected, ${different} different`)],
    ],
    colors,
  );
  if (items.length === 0) return sums;
  const table = tableOf(items, columns, { colors, isWide: false, none: "" });
  return `${sums}\n${table}${differing > items.length ? `and ${differing - items.length} more: sluice validate\n` : restText(items.length)}`;
}

/** What is known of a switch's session, without its name. */
export function agentFields(agent: z.output<typeof agentItem>, colors: Colors): readonly (readonly [string, string | undefined])[] {
  const { state, onTarget, ruleCount, ruleCountMax, lastSeen, connectedSince, bootId, digest, failure } = agent;
  return [
    ["session", stateText(state, colors)],
    ["connected", instantText(connectedSince)],
    ["last seen", instantText(lastSeen)],
    ["as intended", stateText(onTarget ? "yes" : "no", colors)],
    ["rules", `${ruleCount} of ${ruleCountMax} that it has room for`],
    ["boot", bootId],
    ["digest", digest],
    ["failure", failure === undefined ? undefined : colors.red(`epoch ${failure.epoch}: ${failure.reason} [${failure.code}]`)],
  ];
}
