/** `sluice diff EPOCH [EPOCH]`: from one stored plan to another. */
import { ok } from "@sluice/model";
import type { CommandContext } from "../command-context.js";
import { differing, exitCode, type ExitCode } from "../exit-code.js";
import { textOf, type Arguments } from "../grammar/act.js";
import { diffLines, parseEpoch, readDifference } from "../operator/plan-pair.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";
import { parseTop } from "./plan.js";

export interface DiffFlags extends ControllerFlags {
  readonly top?: string;
}

export async function diffCommand(flags: DiffFlags, context: CommandContext, [from, to]: Arguments): Promise<ExitCode> {
  let isDifferent = false;
  const code = await withController(
    flags,
    context,
    async ({ client, show, progress }) => {
      const rows = parseTop(flags.top);
      if (!rows.ok) return rows;
      const before = parseEpoch(textOf(from));
      if (!before.ok) return before;
      const other = textOf(to) === "in-force" ? ok("in-force" as const) : parseEpoch(textOf(to));
      if (!other.ok) return other;
      progress({ stage: "compare the plans", fraction: 0 });
      const difference = await readDifference(client, before.value, other.value);
      if (!difference.ok) return difference;
      ({ isDifferent } = difference.value);
      await show({
        value: difference.value,
        table: (colors, isWide) => `${diffLines(difference.value, { colors, rows: isWide ? Infinity : rows.value }).join("\n")}\n`,
      });
      return ok(exitCode.ok);
    },
    ["table", "wide", "json", "yaml"],
  );
  return code === exitCode.ok && isDifferent ? exitCode.different : differing(code);
}
