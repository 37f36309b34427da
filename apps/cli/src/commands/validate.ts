/** `sluice validate [NODE]`: what switches hold against what they should. */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import type { CommandContext } from "../command-context.js";
import { differing, exitCode, type ExitCode } from "../exit-code.js";
import { listOf, type Arguments } from "../grammar/act.js";
import { agentRulesLines, isAsIntended } from "../operator/agent-rules-table.js";
import type { ControllerClient } from "../operator/controller-client.js";
import { agentRulesSchema, type AgentRules } from "../operator/plan-answer.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";
import { parseTop } from "./plan.js";

const formats = ["table", "wide", "json", "yaml"] as const;
const agentSchema = z.looseObject({ nodeId: z.string() });
const ruleStateSchema = agentRulesSchema.shape.items.element;

export interface ValidateFlags extends ControllerFlags {
  readonly top?: string;
}

/** 0 where all is as intended, 2 where something differs or is not known. */
export async function validateCommand(flags: ValidateFlags, context: CommandContext, [nodes]: Arguments): Promise<ExitCode> {
  let isRight = true;
  const code = await withController(
    flags,
    context,
    async ({ client, show, progress }) => {
      const rows = parseTop(flags.top);
      if (!rows.ok) return rows;
      const named = listOf(nodes);
      const nodeIds = named.length > 0 ? ok(named) : await everyNode(client);
      if (!nodeIds.ok) return nodeIds;
      const agents: AgentRules[] = [];
      for (const [i, nodeId] of nodeIds.value.entries()) {
        progress({ stage: `compare ${nodeId}`, fraction: i / nodeIds.value.length });
        const rules = await readDifferences(client, nodeId);
        if (!rules.ok) return rules;
        agents.push(rules.value);
      }
      isRight = agents.every(isAsIntended);
      await show({
        value: { kind: "validation", formatVersion: 1, asIntended: isRight, switches: agents },
        table: (colors, isWide) => `${agentRulesLines(agents, { colors, rows: isWide ? Infinity : rows.value }).join("\n")}\n`,
      });
      return ok(exitCode.ok);
    },
    formats,
  );
  return code === exitCode.ok && !isRight ? exitCode.different : differing(code);
}

async function everyNode(client: ControllerClient): Promise<Result<readonly string[]>> {
  const agents = await client.list("/v1/agents", agentSchema);
  return agents.ok ? ok(agents.value.items.map(({ nodeId }) => nodeId)) : agents;
}

async function readDifferences(client: ControllerClient, nodeId: string): Promise<Result<AgentRules>> {
  const listed = await client.list(`/v1/agents/${encodeURIComponent(nodeId)}/rules`, ruleStateSchema, { compare: "intended" });
  if (!listed.ok) return listed;
  const rules = agentRulesSchema.safeParse({ ...listed.value.head, items: listed.value.items });
  return rules.success ? ok(rules.data) : refuse(fault("malformed", `${client.origin} said something else than the rules of ${nodeId}.`));
}
