/** `sluice path-check SRC DST`: whether a demand could be met beside what is admitted now, and how. */
import { ok, refuse } from "@sluice/model";
import { parseClass, parseNumber } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { textOf, type Arguments } from "../grammar/act.js";
import { pathCheckLines } from "../operator/path-check-table.js";
import { pathCheckSchema } from "../operator/plan-answer.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";
import { parseRateUnit } from "../rate-unit.js";
import { argumentFault } from "../refusal.js";

export interface PathCheckFlags extends ControllerFlags {
  readonly rate: string;
  readonly class: string;
  readonly latencyMax?: string;
}

/** Longest latency that a topology may have, ms. */
const latencyMsMost = 1e6;

export function pathCheckCommand(flags: PathCheckFlags, context: CommandContext, [src, dst]: Arguments): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async ({ client, show, progress }) => {
      const rateBps = parseRateUnit(flags.rate, "--rate");
      if (!rateBps.ok) return rateBps;
      const trafficClass = parseClass(flags.class, "--class");
      if (!trafficClass.ok) return trafficClass;
      const latencyMsMax =
        flags.latencyMax === undefined ? ok(undefined) : parseNumber(flags.latencyMax, "--latency-max", { above: 0, most: latencyMsMost });
      if (!latencyMsMax.ok) return latencyMsMax;
      if (textOf(src) === textOf(dst))
        return refuse(argumentFault("self-loop", "DST", `A demand from ${textOf(src)} to itself needs no path.`));
      const question = {
        src: textOf(src),
        dst: textOf(dst),
        trafficClass: trafficClass.value,
        rateBps: rateBps.value,
        ...(latencyMsMax.value === undefined ? {} : { latencyMsMax: latencyMsMax.value }),
      };
      progress({ stage: "check paths", fraction: 0 });
      const answer = await client.change("POST", "/v1/path-checks", question, { schema: pathCheckSchema });
      if (!answer.ok) return answer;
      const { value } = answer.value;
      await show({ value, table: (colors) => `${pathCheckLines(value, colors).join("\n")}\n` });
      return ok(exitCode.ok);
    },
    ["table", "json", "yaml"],
  );
}
