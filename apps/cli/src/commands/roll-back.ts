/** `sluice rollback EPOCH`: an earlier plan again, rule for rule. What would change is shown and asked about. */
import { fault, ok, refuse } from "@sluice/model";
import { z } from "zod";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { textOf, type Arguments } from "../grammar/act.js";
import { advised, isMeant, parseChangeFlags, shownBefore, toldInstalled, type ChangeFlags } from "../operator/change-asked.js";
import { needsForce } from "../operator/difference-table.js";
import { diffLines, parseEpoch, readDifference } from "../operator/plan-pair.js";
import { readLimits } from "../operator/preview-run.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";
import { parseTop } from "./plan.js";

const rolledBackSchema = z.looseObject({
  epoch: z.number(),
  rolledBackTo: z.number(),
  mode: z.string(),
  confirmBy: z.string().optional(),
});
const inForceSchema = z.looseObject({ plan: z.looseObject({ epoch: z.number() }).optional() });

export interface RollBackFlags extends ControllerFlags, ChangeFlags {
  readonly top?: string;
}

export function rollBackCommand(flags: RollBackFlags, context: CommandContext, [epochAsked]: Arguments): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async (session) => {
      const { client, show, progress } = session;
      const setting = parseChangeFlags(flags);
      if (!setting.ok) return setting;
      const rows = parseTop(flags.top);
      if (!rows.ok) return rows;
      const epoch = parseEpoch(textOf(epochAsked));
      if (!epoch.ok) return epoch;
      const status = await client.get("/v1/status", inForceSchema);
      if (!status.ok) return status;
      const inForce = status.value.value.plan?.epoch;
      if (inForce === undefined) return refuse(fault("not-ready", "No plan is in force yet: there is nothing to go back from."));
      const limits = await readLimits(client);
      if (!limits.ok) return limits;
      progress({ stage: "compare the plans", fraction: 0 });
      const difference = await readDifference(client, inForce, epoch.value);
      if (!difference.ok) return difference;
      await shownBefore(
        (colors, isWide) => [
          ...diffLines(difference.value, { colors, rows: isWide ? Infinity : rows.value, limits: limits.value }),
          ...(needsForce(difference.value.blastRadius, limits.value)
            ? [colors.red("This is more than may be changed at once: it needs --force.")]
            : []),
          "Nothing is planned after a roll-back until the mode is changed: sluice mode automatic.",
        ],
        flags,
        session,
      );
      const meant = await isMeant(`Go back to plan ${epoch.value}?`, flags, context);
      if (!meant.ok) return meant;
      if (!meant.value) return ok(exitCode.verdictFailed);
      const { force, confirmWithinSeconds } = setting.value;
      const body = { force, ...(confirmWithinSeconds === undefined ? {} : { confirmWithinSeconds }) };
      const done = await client.change("POST", `/v1/plans/${epoch.value}/roll-back`, body, { schema: rolledBackSchema });
      if (!done.ok) return { ok: false, faults: advised(done.faults) };
      const { value } = done.value;
      const isInForce = await toldInstalled(session, value, setting.value);
      if (!isInForce.ok) return isInForce;
      await show({
        value: { ...value, inForce: isInForce.value },
        table: () =>
          `Plan ${value.rolledBackTo} again, as plan ${value.epoch}${isInForce.value ? ", which every switch holds" : ""}; the mode is ${value.mode}.\n`,
      });
      return ok(exitCode.ok);
    },
    ["table", "wide", "json", "yaml"],
  );
}
