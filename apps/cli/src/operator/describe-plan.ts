/** One plan: its verdicts, what each class got, who asked for it and what became of it. */
import { ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import { percentText, rateText } from "../rate-unit.js";
import { argumentFault } from "../refusal.js";
import type { Colors } from "../terminal.js";
import { fieldsText, instantText, partText, stateText, tableOf, utilizationText, type Column } from "./columns-of.js";
import type { Described, Describing } from "./description.js";

const classSchema = z.looseObject({
  trafficClass: z.string(),
  rung: z.string(),
  solver: z.string(),
  demandBps: z.number(),
  allottedBps: z.number(),
  admittedBps: z.number(),
  certificate: z.looseObject({ objective: z.string(), gap: z.number().optional() }),
  notes: z.array(z.string()),
});
const planSchema = z.looseObject({
  epoch: z.number(),
  term: z.number(),
  createdAt: z.string(),
  inForce: z.boolean(),
  rung: z.string(),
  inputHash: z.string(),
  rulesDigest: z.string(),
  ruleCount: z.number(),
  tunnelCount: z.number(),
  groupCount: z.number(),
  utilizationMax: z.number(),
  demandBps: z.number(),
  admittedBps: z.number(),
  unroutable: z.array(z.looseObject({ src: z.string(), dst: z.string(), trafficClass: z.string() })),
  softDrained: z.string().optional(),
  timings: z.record(z.string(), z.number()),
  check: z.looseObject({ verdict: z.string(), violations: z.array(z.looseObject({ code: z.string(), message: z.string() })) }),
  classes: z.array(classSchema),
});
type DescribedPlan = z.output<typeof planSchema>;

const columns: readonly Column<z.output<typeof classSchema>>[] = [
  { head: "class", cell: ({ trafficClass }) => trafficClass },
  { head: "demand", align: "right", cell: ({ demandBps }) => rateText(demandBps) },
  { head: "allotted", align: "right", cell: ({ allottedBps }) => rateText(allottedBps) },
  { head: "admitted", align: "right", cell: ({ admittedBps }) => rateText(admittedBps) },
  { head: "share", align: "right", cell: ({ demandBps, admittedBps }) => (demandBps === 0 ? "-" : percentText(admittedBps / demandBps)) },
  { head: "objective", cell: ({ certificate }) => certificate.objective },
  {
    head: "gap",
    align: "right",
    cell: ({ certificate: { gap } }) => (gap === undefined ? "unknown" : gap === 0 ? "0" : gap.toExponential(1)),
  },
  { head: "rung", cell: ({ rung }, colors) => stateText(rung, colors) },
  { head: "solver", cell: ({ solver }) => solver },
];

/** `id` is an epoch, or `in-force` or `newest`. */
export async function describePlan(id: string, { client }: Describing): Promise<Result<Described>> {
  const epoch = await epochOf(id, client);
  if (!epoch.ok) return epoch;
  const plan = await client.get(`/v1/plans/${epoch.value}`, planSchema);
  if (!plan.ok) return plan;
  const { value } = plan.value;
  return ok({ value: { kind: "plan-description", plan: value }, table: (colors) => planText(value, colors) });
}

async function epochOf(id: string, client: Describing["client"]): Promise<Result<string>> {
  if (/^[1-9][0-9]{0,14}$/.test(id)) return ok(id);
  if (id !== "in-force" && id !== "newest")
    return refuse(
      argumentFault("malformed", "plan", `A plan's id is its epoch, a whole number, or in-force or newest, not ${JSON.stringify(id)}.`),
    );
  const status = await client.get(
    "/v1/status",
    z.looseObject({ plan: z.looseObject({ epoch: z.number() }).optional(), epochNewest: z.number() }),
  );
  if (!status.ok) return status;
  const { plan, epochNewest } = status.value.value;
  const epoch = id === "newest" ? epochNewest : (plan?.epoch ?? 0);
  return epoch === 0 ? refuse(argumentFault("not-found", "plan", "There is no plan yet.")) : ok(String(epoch));
}

function planText(plan: DescribedPlan, colors: Colors): string {
  const seconds = Object.entries(plan.timings).map(([stage, value]) => `${stage} ${value.toFixed(3)}`);
  const head = fieldsText(
    [
      ["plan", `epoch ${plan.epoch}, term ${plan.term}`],
      ["created", instantText(plan.createdAt)],
      ["in force", plan.inForce ? colors.green("yes") : "no"],
      ["rung", stateText(plan.rung, colors)],
      ["check", stateText(plan.check.verdict, colors)],
      [
        "admitted",
        `${rateText(plan.admittedBps)} of ${rateText(plan.demandBps)}${plan.demandBps === 0 ? "" : ` (${percentText(plan.admittedBps / plan.demandBps)})`}`,
      ],
      ["fullest link", utilizationText(plan.utilizationMax, colors)],
      ["tunnels", `${plan.tunnelCount}, for ${plan.groupCount} flow groups`],
      ["unroutable", plan.unroutable.length === 0 ? undefined : colors.red(String(plan.unroutable.length))],
      ["soft-drained", plan.softDrained],
      ["rules", `${plan.ruleCount}, digest ${plan.rulesDigest}`],
      ["inputs' hash", plan.inputHash],
      ["seconds", seconds.join("  ")],
    ],
    colors,
  );
  const notes = plan.classes.flatMap(({ trafficClass, notes: said }) => said.map((note) => `${trafficClass}: ${note}\n`));
  const violations = plan.check.violations.map(({ code, message }) => `${colors.red(message)} [${code}]\n`);
  return [
    head,
    partText("classes", tableOf(plan.classes, columns, { colors, isWide: false, none: "There are no classes." }), colors),
    violations.length === 0 ? "" : partText("violations", violations.join(""), colors),
    notes.length === 0 ? "" : partText("notes", notes.join(""), colors),
  ].join("");
}
