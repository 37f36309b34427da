/** `sluice what-if`: what would be if something failed, or demand or capacity were others. Nothing is changed, and nothing can be applied. */
import { ok, refuse } from "@sluice/model";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { answerLines } from "../operator/answer-table.js";
import { ask, type QuestionFlags } from "../operator/preview-run.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";
import { argumentFault } from "../refusal.js";
import { parseTop } from "./plan.js";

export interface WhatIfCommandFlags extends ControllerFlags, QuestionFlags {
  readonly top?: string;
}

export function whatIfCommand(flags: WhatIfCommandFlags, context: CommandContext): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async (session) => {
      const rows = parseTop(flags.top);
      if (!rows.ok) return rows;
      const { filename, set, drain, undrain, fail, scale, addDemand, addCapacity, soft } = flags;
      const given = [set, drain, undrain, fail, scale, addDemand, addCapacity].some((list) => (list ?? []).length > 0);
      if (!given && filename === undefined)
        return refuse(
          argumentFault(
            "missing-field",
            "arguments",
            "Say what if: --fail, --drain, --scale, --add-demand, --add-capacity, --set, or -f FILE.",
          ),
        );
      if (soft === true && (drain ?? []).length === 0)
        return refuse(argumentFault("not-allowed", "--soft", "--soft says how to drain: give it with --drain."));
      const asked = await ask("what-if", flags, session);
      if (!asked.ok) return asked;
      await session.show({
        value: asked.value.answer,
        table: (colors, isWide) => `${answerLines(asked.value, { colors, rows: isWide ? Infinity : rows.value }).join("\n")}\n`,
      });
      return ok(exitCode.ok);
    },
    ["table", "wide", "json", "yaml"],
  );
}
