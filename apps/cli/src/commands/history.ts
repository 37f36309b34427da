/** `sluice history`: what followed from a request; without one, who asked for each plan and what became of it. */
import { ok, type Result } from "@sluice/model";
import { z } from "zod";
import { parseWhole } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { textOf, type Arguments } from "../grammar/act.js";
import { instantText, stateText, tableOf, type Column } from "../operator/columns-of.js";
import { eventLine, eventSchema } from "../operator/event-text.js";
import { withController, type ControllerFlags, type Session } from "../operator/with-controller.js";
import { percentText, rateText } from "../rate-unit.js";
import { eventFormats } from "./events.js";

export interface HistoryFlags extends ControllerFlags {
  readonly limit: string;
}

export function historyCommand(flags: HistoryFlags, context: CommandContext, [request]: Arguments): Promise<ExitCode> {
  return withController(
    flags,
    context,
    (session) => (request === undefined ? plansHistory(flags, session) : requestHistory(textOf(request), session)),
    eventFormats,
  );
}

const historySchema = z.looseObject({
  correlationId: z.string(),
  items: z.array(eventSchema.extend({ follows: z.string() })),
  epochs: z.array(z.number()),
  isWhole: z.boolean(),
});

async function requestHistory(correlation: string, { client, show }: Session): Promise<Result<ExitCode>> {
  const history = await client.get("/v1/history", historySchema, { correlation });
  if (!history.ok) return history;
  const { items, epochs, isWhole } = history.value.value;
  await show({
    value: history.value.value,
    names: items.map(({ sequence }) => String(sequence)),
    table: (colors) => {
      const plans = epochs.length === 0 ? "no plan" : `plan${epochs.length === 1 ? "" : "s"} ${epochs.join(", ")}`;
      const rest = isWhole ? "" : `${colors.yellow("More followed than is listed.")}\n`;
      return `${items.map((event) => eventLine(event, colors)).join("")}${rest}\n${colors.bold("led to")}  ${plans}\n`;
    },
  });
  return ok(exitCode.ok);
}

const planHistoryItem = z.looseObject({
  epoch: z.number(),
  createdAt: z.string(),
  rung: z.string(),
  demandBps: z.number(),
  admittedBps: z.number(),
  by: z.looseObject({ actor: z.string(), correlationId: z.string() }).optional(),
  events: z.array(z.looseObject({ sequence: z.number(), at: z.string(), kind: z.string() })),
});
type PlanHistoryItem = z.output<typeof planHistoryItem>;

const columns: readonly Column<PlanHistoryItem>[] = [
  { head: "epoch", align: "right", cell: ({ epoch }) => String(epoch) },
  { head: "created", cell: ({ createdAt }) => instantText(createdAt) },
  { head: "rung", cell: ({ rung }, colors) => stateText(rung, colors) },
  { head: "demand", align: "right", cell: ({ demandBps }) => rateText(demandBps) },
  { head: "share", align: "right", cell: ({ demandBps, admittedBps }) => (demandBps === 0 ? "-" : percentText(admittedBps / demandBps)) },
  { head: "by", cell: ({ by }) => by?.actor ?? "the controller" },
  { head: "request", cell: ({ by }) => by?.correlationId ?? "" },
  { head: "what became of it", cell: ({ events }) => events.map(({ kind }) => kind).join(", ") },
];

async function plansHistory({ limit }: HistoryFlags, { client, show }: Session): Promise<Result<ExitCode>> {
  const most = parseWhole(limit, "--limit", { least: 1, most: 1_000_000 });
  if (!most.ok) return most;
  const listed = await client.list("/v1/history/plans", planHistoryItem, {}, { most: most.value, pageItems: 100 });
  if (!listed.ok) return listed;
  const { head, items } = listed.value;
  await show({
    value: { ...head, items },
    names: items.map(({ epoch }) => String(epoch)),
    table: (colors, isWide) => tableOf(items, columns, { colors, isWide, none: "There are no plans yet." }),
  });
  return ok(exitCode.ok);
}
