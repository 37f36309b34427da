/** `sluice describe WHAT ID`: one thing and what belongs to it, from several answers of the controller. */
import { ok, type Result } from "@sluice/model";
import { parseOneOf } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { textOf, type Arguments } from "../grammar/act.js";
import { describeAgent } from "../operator/describe-agent.js";
import { describeDemand } from "../operator/describe-demand.js";
import { describeLink, describeNode } from "../operator/describe-element.js";
import { describePlan } from "../operator/describe-plan.js";
import type { Described, Describing } from "../operator/description.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";

const describers = {
  node: describeNode,
  link: describeLink,
  plan: describePlan,
  agent: describeAgent,
  demand: describeDemand,
} as const satisfies Readonly<Record<string, (id: string, describing: Describing) => Promise<Result<Described>>>>;

export const describable = Object.keys(describers) as readonly (keyof typeof describers)[];

export function describeCommand(flags: ControllerFlags, context: CommandContext, [what, id]: Arguments): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async ({ client, show }) => {
      const kind = parseOneOf(textOf(what), describable, "WHAT");
      if (!kind.ok) return kind;
      const described = await describers[kind.value](textOf(id), { client });
      if (!described.ok) return described;
      await show(described.value);
      return ok(exitCode.ok);
    },
    ["table", "json", "yaml"],
  );
}
