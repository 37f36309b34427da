/** The failure report of a running controller, page by page over REST (docs/rest.md). */
import { layerNames, type FailureReport, type LayerName, type ScenarioChoice, type ScenarioReport } from "@sluice/failures";
import { fault, ok, refuse, type FailureKind, type Fault, type Faults, type Result } from "@sluice/model";
import { z } from "zod";
import type { ControllerClient } from "../operator/controller-client.js";
import type { Query } from "../operator/request.js";

/** Longest wait for one page, ms: the controller gives a report up sooner. */
const pageMsMax = 280_000;
/** Items asked for at a time. */
const pageItems = 1_000;

export interface ControllerReport extends FailureReport {
  /** Of the plan that the report is about, and whether that is in force. */
  readonly epoch: number;
  readonly inForce: boolean;
}

export interface ControllerQuery {
  readonly kinds: readonly FailureKind[] | undefined;
  readonly pairs: ScenarioChoice["pairs"];
  readonly layers: readonly LayerName[];
  readonly epoch: number | undefined;
}

type Asking = (stage: string, fraction: number) => void;

const rates = z.object({ interactive: z.number(), elastic: z.number(), bulk: z.number() });
const outcome = z.object({
  lostBps: rates,
  utilizationMax: z.number(),
  fullestLinkId: z.string().optional(),
  overfullLinks: z.number(),
});
/** What the table reads; the rest is the controller's promise (its OpenAPI document). */
const headSchema = z.looseObject({
  kind: z.literal("failure-report"),
  formatVersion: z.literal(1),
  epoch: z.number(),
  inForce: z.boolean(),
  admittedBps: rates,
  layers: z.array(z.enum(layerNames)),
  total: z.number(),
});
const itemSchema = z.looseObject({
  id: z.string(),
  linkIds: z.array(z.string()),
  endsLostBps: rates,
  layers: z.partialRecord(z.enum(layerNames), outcome),
});

/** Faults: the controller's own; `unavailable` where nobody answers, `malformed` where something else does, `cancelled`. */
export async function controllerReport(
  client: ControllerClient,
  query: ControllerQuery,
  onProgress: Asking,
): Promise<Result<ControllerReport>> {
  const listed = await client.list("/v1/failures", itemSchema, queryOf(query), {
    pageItems,
    timeoutMs: pageMsMax,
    onPage: (count, { total }) => onProgress("read the report", typeof total === "number" && total > 0 ? count / total : 1),
  });
  if (!listed.ok) return { ok: false, faults: inOptions(listed.faults) };
  const head = headSchema.safeParse(listed.value.head);
  if (!head.success)
    return refuse(fault("malformed", `${client.origin} answered with something that is no failure report.`, { pointer: "--controller" }));
  const { total: _, ...report } = head.data;
  return ok({ ...report, scenarios: listed.value.items as unknown as readonly ScenarioReport[] } as unknown as ControllerReport);
}

function queryOf({ kinds, pairs, layers, epoch }: ControllerQuery): Query {
  return {
    epoch,
    kinds: kinds === undefined ? undefined : kinds.length === 0 ? "none" : kinds,
    pairs: pairs?.countMax,
    seed: pairs?.seed,
    layers,
  };
}

const optionOf: ReadonlyMap<string, string> = new Map([
  ["/query/pairs", "--pairs"],
  ["/query/seed", "--seed"],
  ["/query/epoch", "--epoch"],
]);

/** Its pointers are into the query. */
function inOptions([first, ...rest]: Faults): Faults {
  const inOption = (each: Fault): Fault => {
    const option = optionOf.get(each.pointer ?? "");
    return option === undefined ? each : { ...each, pointer: option };
  };
  return [inOption(first), ...rest.map(inOption)];
}
