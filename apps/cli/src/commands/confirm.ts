/** `sluice confirm`: keeps a plan that would be taken back unless it is confirmed. */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { textOf, type Arguments } from "../grammar/act.js";
import type { ControllerClient } from "../operator/controller-client.js";
import { parseEpoch } from "../operator/plan-pair.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";

const operationSchema = z.looseObject({ confirmation: z.looseObject({ epoch: z.number(), deadline: z.string() }).optional() });
const confirmedSchema = z.looseObject({ epoch: z.number() });

export function confirmCommand(flags: ControllerFlags, context: CommandContext, [epochAsked]: Arguments): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async ({ client, show }) => {
      const epoch = epochAsked === undefined ? await waitingEpoch(client) : parseEpoch(textOf(epochAsked));
      if (!epoch.ok) return epoch;
      const done = await client.change("POST", `/v1/plans/${epoch.value}/confirm`, undefined, { schema: confirmedSchema });
      if (!done.ok) return done;
      await show({ value: done.value.value, table: () => `Plan ${epoch.value} is confirmed, and stays.\n` });
      return ok(exitCode.ok);
    },
    ["table", "json", "yaml"],
  );
}

/** Fault: `not-found` where nothing waits. */
async function waitingEpoch(client: ControllerClient): Promise<Result<number>> {
  const operation = await client.get("/v1/operation", operationSchema);
  if (!operation.ok) return operation;
  const { confirmation } = operation.value.value;
  if (confirmation !== undefined) return ok(confirmation.epoch);
  return refuse(
    fault("not-found", "No plan waits to be confirmed.", {
      data: { advice: "apply one with --confirm-within; one that waited too long was taken back: sluice events says so" },
    }),
  );
}
