/** `sluice explain` of a plan that a controller has: its own words, with the smallest change that would admit the demand. */
import type { DemandExplanation, LinkExplanation } from "@sluice/engine";
import {
  fault,
  flowGroupId,
  nodeIdSchema,
  ok,
  refuse,
  trafficClasses,
  trafficClassSchema,
  type FlowGroup,
  type Result,
} from "@sluice/model";
import { z } from "zod";
import { parseFlowGroup } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import type { ControllerClient } from "../operator/controller-client.js";
import { parseEpoch } from "../operator/plan-pair.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";

/** Longest wait for an explanation, ms: the smallest change is sought by planning again. */
const explanationMsMax = 280_000;

export interface ControllerExplainFlags extends ControllerFlags {
  readonly demand?: string;
  readonly link?: string;
  readonly epoch?: string;
}

const demandExplanation = z.looseObject({
  flowGroup: z.looseObject({ src: z.string(), dst: z.string(), trafficClass: z.string() }),
  tunnels: z.array(
    z.looseObject({
      path: z.array(z.string()),
      rateBps: z.number(),
      latencyMs: z.number(),
      bottleneck: z.looseObject({ linkId: z.string(), spareBps: z.number(), capacityBps: z.number() }),
    }),
  ),
  unusable: z.array(z.string()),
  sentence: z.string(),
  change: z.looseObject({ sentence: z.string() }).optional(),
});
const linkExplanation = z.looseObject({ linkId: z.string(), sentence: z.string() });
const explanationSchema = z.union([demandExplanation, linkExplanation]);

const statusSchema = z.looseObject({ plan: z.looseObject({ epoch: z.number() }).optional() });
const demandSchema = z.looseObject({ src: nodeIdSchema, dst: nodeIdSchema, trafficClass: trafficClassSchema });

export function controllerExplainCommand(
  flags: ControllerExplainFlags,
  context: CommandContext,
  wordsOf: (explained: DemandExplanation | LinkExplanation) => readonly string[],
): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async ({ client, show, progress }) => {
      const epoch = flags.epoch === undefined ? await epochInForce(client) : parseEpoch(flags.epoch, "--epoch");
      if (!epoch.ok) return epoch;
      const demand = flags.demand === undefined ? ok(undefined) : await wholeName(flags.demand, client);
      if (!demand.ok) return demand;
      progress({ stage: "explain", fraction: 0 });
      const path = `/v1/plans/${epoch.value}/explanation`;
      const answer = await client.get(path, explanationSchema, { demand: demand.value, link: flags.link }, { timeoutMs: explanationMsMax });
      if (!answer.ok) return answer;
      const { value } = answer.value;
      const change = "change" in value ? (value.change as { readonly sentence: string } | undefined) : undefined;
      await show({
        value: { kind: "explanation", formatVersion: 1, epoch: epoch.value, ...value },
        table: ({ bold }) => {
          // The schema is what the words are made of.
          const words = wordsOf(value as unknown as DemandExplanation | LinkExplanation);
          const more = change === undefined ? [] : [`Smallest change found: ${change.sentence}`];
          return `${[`${bold("plan")} ${epoch.value}`, ...words, ...more].join("\n")}\n`;
        },
      });
      return ok(exitCode.ok);
    },
    ["table", "json", "yaml"],
  );
}

async function epochInForce(client: ControllerClient): Promise<Result<number>> {
  const status = await client.get("/v1/status", statusSchema);
  if (!status.ok) return status;
  const { plan } = status.value.value;
  return plan === undefined ? refuse(fault("not-ready", "No plan is in force yet: there is nothing to explain.")) : ok(plan.epoch);
}

/** `A>B` as `A>B/class`, of the most important class that has such a demand. */
async function wholeName(text: string, client: ControllerClient): Promise<Result<string>> {
  const slash = text.lastIndexOf("/");
  if (slash >= 0 && trafficClasses.some((name) => name === text.slice(slash + 1))) return ok(text);
  const known: FlowGroup[] = [];
  for (const { index } of text.matchAll(/>/g)) {
    const listed = await client.list("/v1/demands", demandSchema, { src: text.slice(0, index), dst: text.slice(index + 1) });
    // An end that the network does not have is another reading's.
    if (listed.ok) known.push(...listed.value.items);
    else if (listed.faults[0].code !== "not-found") return listed;
  }
  const group = parseFlowGroup(text, "--demand", known);
  return group.ok ? ok(flowGroupId(group.value)) : group;
}
