/** What switches hold against what they should: a row a switch, and below it the rules that differ. */
import { compareText } from "@sluice/model";
import { columnsText } from "../columns.js";
import type { Colors } from "../terminal.js";
import { counted, table } from "./difference-table.js";
import type { AgentRules } from "./plan-answer.js";

/** Everything is known and as intended. */
export function isAsIntended({ known, missing, unexpected, different }: AgentRules): boolean {
  return known && missing + unexpected + different === 0;
}

export function agentRulesLines(
  agents: readonly AgentRules[],
  { rows, colors }: { readonly rows: number; readonly colors: Colors },
): readonly string[] {
  const wrong = agents.filter((agent) => !isAsIntended(agent));
  const lines = columnsText({
    head: ["switch", "installed", "intended", "missing", "unexpected", "different", "verdict"].map((name) => colors.dim(name)),
    aligns: ["left", "right", "right", "right", "right", "right", "left"],
    rows: agents.map((agent) => [
      agent.nodeId,
      ...[agent.installed, agent.intended, agent.missing, agent.unexpected, agent.different].map((count) =>
        agent.known ? String(count) : "?",
      ),
      verdictOf(agent, colors),
    ]),
  }).split("\n");
  for (const agent of wrong) lines.push(...ruleLines(agent, { rows, colors }));
  lines.push("");
  lines.push(
    wrong.length === 0
      ? `All ${counted(agents.length, "switch", "switches")} ${agents.length === 1 ? "holds" : "hold"} what ${agents.length === 1 ? "it" : "they"} should.`
      : `${wrong.length} of ${counted(agents.length, "switch", "switches")} ${wrong.length === 1 ? "is" : "are"} not as intended: sluice resync NODE reads its rules anew and sends what it lacks.`,
  );
  return lines;
}

function verdictOf(agent: AgentRules, { green, red, yellow }: Colors): string {
  if (!agent.known) return yellow("not known now");
  return isAsIntended(agent) ? green("as intended") : red("differs");
}

function ruleLines({ nodeId, items }: AgentRules, { rows, colors }: { readonly rows: number; readonly colors: Colors }): readonly string[] {
  if (items.length === 0) return [];
  const signs = { missing: "-", unexpected: "+", different: "~", same: " " } as const;
  return [
    "",
    ...table(
      colors,
      [nodeId, "state"],
      items.slice(0, rows).map(({ key, state, installed, intended }) => ({
        sign: signs[state],
        cells: [
          key,
          state === "different" ? `${ruleText(installed)} -> ${ruleText(intended)}` : `${state}: ${ruleText(installed ?? intended)}`,
        ],
      })),
    ),
    ...(items.length > rows ? [colors.dim(`  and ${items.length - rows} more: --top, -o wide or -o json`)] : []),
  ];
}

/** The rule's own fields, keys sorted, without what the key says already. */
function ruleText(rule: AgentRules["items"][number]["installed"]): string {
  if (rule === undefined) return "nothing";
  const fields = Object.entries(rule)
    .filter(([name]) => name !== "kind" && name !== "match")
    .toSorted(([a], [b]) => compareText(a, b));
  return fields.map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
}
