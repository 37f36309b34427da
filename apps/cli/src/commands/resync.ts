/** `sluice resync NODE`: the rules of a switch read anew, and what it lacks sent. */
import { setTimeout as wait } from "node:timers/promises";
import { fault, ok, refuse } from "@sluice/model";
import { z } from "zod";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { parseSpan } from "../forecast/span.js";
import { textOf, type Arguments } from "../grammar/act.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";

const agentSchema = z.looseObject({ nodeId: z.string(), state: z.string(), onTarget: z.boolean() });

export interface ResyncFlags extends ControllerFlags {
  readonly wait?: string | boolean;
}

const pauseMs = 200;

/** Waits until the switch holds what it should, for as long as --wait says; exit code 3 where it does not by then. */
export function resyncCommand(flags: ResyncFlags, context: CommandContext, [node]: Arguments): Promise<ExitCode> {
  const nodeId = textOf(node);
  return withController(
    flags,
    context,
    async ({ client, show, progress, terminal }) => {
      const limit = typeof flags.wait === "string" ? parseSpan(flags.wait, "--wait") : ok(0);
      if (!limit.ok) return limit;
      const path = `/v1/agents/${encodeURIComponent(nodeId)}`;
      const asked = await client.change("POST", `${path}/resync`, undefined, { schema: z.looseObject({}) });
      if (!asked.ok) return asked;
      const end = performance.now() + limit.value;
      for (;;) {
        const agent = await client.get(path, agentSchema);
        if (!agent.ok) return agent;
        const { state, onTarget } = agent.value.value;
        const isDone = state === "synced" && onTarget;
        if (isDone || performance.now() >= end) {
          await show({
            value: agent.value.value,
            table: () => `${nodeId} ${isDone ? "was read anew, and holds what it should" : `is being read anew: ${state}`}.\n`,
          });
          if (!isDone && limit.value > 0)
            terminal.tell(`sluice: it does not hold what it should yet: sluice validate ${nodeId} shows the difference.`);
          return ok(isDone || limit.value === 0 ? exitCode.ok : exitCode.noAnswer);
        }
        progress({ stage: `${nodeId}: ${state}`, fraction: 0 });
        await wait(pauseMs, undefined, { signal: client.signal }).catch(() => undefined);
        if (client.signal.aborted) return refuse(fault("cancelled", "The switch goes on being read; nobody waits for it any more."));
      }
    },
    ["table", "json", "yaml"],
  );
}
