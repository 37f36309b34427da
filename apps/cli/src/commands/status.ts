/** `sluice status`: a controller at a glance. */
import { ok } from "@sluice/model";
import { z } from "zod";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { fieldsText, instantText, stateText, tableOf, utilizationText, type Column } from "../operator/columns-of.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";
import { percentText, rateText } from "../rate-unit.js";
import type { Colors } from "../terminal.js";

export type StatusFlags = ControllerFlags;

const classSchema = z.looseObject({
  trafficClass: z.string(),
  rung: z.string(),
  demandBps: z.number(),
  admittedBps: z.number(),
  certificate: z.looseObject({ objective: z.string(), gap: z.number().optional() }),
});
const statusSchema = z.looseObject({
  controllerId: z.string(),
  term: z.number(),
  ready: z.boolean(),
  reasons: z.array(z.string()),
  network: z.looseObject({ name: z.string(), nodes: z.number(), links: z.number(), linksDown: z.number(), version: z.number() }).optional(),
  demands: z.looseObject({ name: z.string(), flowGroups: z.number(), rateBps: z.number() }).optional(),
  plan: z
    .looseObject({
      epoch: z.number(),
      createdAt: z.string(),
      rung: z.string(),
      check: z.string(),
      walk: z.string(),
      ruleCount: z.number(),
      tunnels: z.number(),
      unroutable: z.number(),
      utilizationMax: z.number(),
      classes: z.array(classSchema),
    })
    .optional(),
  rung: z.string().optional(),
  utilizationMaxMeasured: z.number().optional(),
  cycle: z.looseObject({
    phase: z.string(),
    solves: z.number(),
    failures: z.number(),
    lastFaults: z.array(z.looseObject({ code: z.string(), message: z.string() })).optional(),
  }),
  push: z
    .looseObject({ epoch: z.number(), purpose: z.string(), messages: z.number(), programmed: z.number(), outstanding: z.array(z.string()) })
    .optional(),
  agents: z.looseObject({ total: z.number(), absent: z.number(), onTarget: z.number() }),
});
type Status = z.output<typeof statusSchema>;

/** Exit code 1 where the controller says that it is not ready, or where the plan in force does not hold. */
export function statusCommand(flags: StatusFlags, context: CommandContext): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async ({ client, show }) => {
      const status = await client.get("/v1/status", statusSchema);
      if (!status.ok) return status;
      const { value } = status.value;
      await show({ value, table: (colors) => statusText(value, colors) });
      const holds = value.plan === undefined || (value.plan.check === "pass" && value.plan.walk === "pass");
      return ok(value.ready && holds ? exitCode.ok : exitCode.verdictFailed);
    },
    ["table", "json", "yaml"],
  );
}

function statusText(status: Status, colors: Colors): string {
  const { network, demands, plan, push, agents, cycle } = status;
  const down = network === undefined || network.linksDown === 0 ? "" : `, ${colors.red(`${network.linksDown} down`)}`;
  const faults = cycle.lastFaults ?? [];
  const head = fieldsText(
    [
      [
        "controller",
        `${status.controllerId}, term ${status.term}, ${status.ready ? "ready" : colors.red(`not ready: ${status.reasons.join(" ")}`)}`,
      ],
      [
        "network",
        network === undefined ? colors.yellow("none yet") : `${network.name}: ${network.nodes} nodes, ${network.links} links${down}`,
      ],
      [
        "demands",
        demands === undefined
          ? colors.yellow("none yet")
          : `${demands.name}: ${demands.flowGroups} flow groups, ${rateText(demands.rateBps)}`,
      ],
      ["plan in force", plan === undefined ? colors.yellow("none yet") : planText(plan, colors)],
      ["stands on", status.rung !== undefined && status.rung !== plan?.rung ? colors.yellow(status.rung) : undefined],
      ["fullest link", plan === undefined ? undefined : fullestText(status, plan.utilizationMax, colors)],
      ["unroutable", plan === undefined || plan.unroutable === 0 ? undefined : colors.red(`${plan.unroutable} flow groups have no tunnel`)],
      [
        "switches",
        `${agents.onTarget} of ${agents.total} hold what they should${agents.absent === 0 ? "" : `, ${colors.red(`${agents.absent} are not connected`)}`}`,
      ],
      [
        "on its way",
        push === undefined
          ? undefined
          : `${push.purpose} epoch ${push.epoch}: ${push.programmed} switches programmed, ${push.outstanding.length} to come`,
      ],
      ["planning", `${cycle.phase}, ${cycle.solves} plans${cycle.failures === 0 ? "" : `, ${colors.yellow(`${cycle.failures} failed`)}`}`],
      ["last failure", faults[0] === undefined ? undefined : colors.yellow(`${faults[0].message} [${faults[0].code}]`)],
    ],
    colors,
  );
  return plan === undefined ? head : `${head}\n${classesText(plan.classes, colors)}`;
}

function planText({ epoch, createdAt, rung, check, walk, ruleCount, tunnels }: NonNullable<Status["plan"]>, colors: Colors): string {
  return `epoch ${epoch} of ${instantText(createdAt)}, ${stateText(rung, colors)}; check ${stateText(check, colors)}, walk ${stateText(walk, colors)}; ${tunnels} tunnels, ${ruleCount} rules`;
}

function fullestText({ utilizationMaxMeasured }: Status, planned: number, colors: Colors): string {
  const measured =
    utilizationMaxMeasured === undefined ? "not measured yet" : `${utilizationText(utilizationMaxMeasured, colors)} measured`;
  return `${utilizationText(planned, colors)} planned, ${measured}`;
}

function classesText(classes: readonly z.output<typeof classSchema>[], colors: Colors): string {
  const columns: readonly Column<z.output<typeof classSchema>>[] = [
    { head: "class", cell: ({ trafficClass }) => trafficClass },
    { head: "demand", align: "right", cell: ({ demandBps }) => rateText(demandBps) },
    { head: "admitted", align: "right", cell: ({ admittedBps }) => rateText(admittedBps) },
    { head: "share", align: "right", cell: ({ demandBps, admittedBps }) => (demandBps === 0 ? "-" : percentText(admittedBps / demandBps)) },
    { head: "objective", cell: ({ certificate }) => certificate.objective },
    {
      head: "gap",
      align: "right",
      cell: ({ certificate: { gap } }) => (gap === undefined ? "unknown" : gap === 0 ? "0" : gap.toExponential(1)),
    },
    { head: "rung", cell: ({ rung }, colorsHere) => stateText(rung, colorsHere) },
  ];
  return tableOf(classes, columns, { colors, isWide: false, none: "There are no classes." });
}
