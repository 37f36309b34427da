/** `sluice status`: a controller at a glance. */
import { ok } from "@sluice/model";
import { z } from "zod";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";

export type StatusFlags = ControllerFlags;

export function statusCommand(flags: StatusFlags, context: CommandContext): Promise<ExitCode> {
  return withController(flags, context, async ({ client, show }) => {
    const status = await client.get("/v1/status", z.looseObject({}));
    if (!status.ok) return status;
    await show({ value: status.value.value, table: () => `${JSON.stringify(status.value.value)}\n` });
    return ok(exitCode.ok);
  });
}
