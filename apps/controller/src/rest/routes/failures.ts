/** What each failure would cost: the failure report of a plan. */
import { layerNames, type FailureReport, type LayerName, type ScenarioChoice } from "@sluice/failures";
import type { ControllerView } from "@sluice/control";
import { failureKinds, fault, ok, protectionDefault, refuse, type Result } from "@sluice/model";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import type { FailureReports } from "../failure-reports.js";
import { cursorOf, cursorSchema, keyOf, limitSchema, wholeNumber } from "../page.js";
import { planLookup } from "../plan-lookup.js";
import { declareGet, parameterFault } from "../route.js";
import { failuresSchema } from "../schemas/failures.js";

/** Most pairs of cables in one report: with each a walk a layer, a minute on a network of fifty nodes. */
const pairsMax = 10_000;
const epochMax = 999_999_999;
/** A solve for each scenario is for those who ask for it. */
const layersUsual = layerNames.filter((name) => name !== "new-plan");

/** `a,b` of these names, in their order, each once; `none` where that is allowed. */
function namesOf<Name extends string>(names: readonly Name[], none?: "none") {
  const one = `(${names.join("|")})`;
  const some = `${one}(,${one})*`;
  return z
    .string()
    .max(200)
    .regex(new RegExp(none === undefined ? `^${some}$` : `^(${none}|${some})$`), `must be some of ${names.join(",")}`)
    .transform((text): readonly Name[] => names.filter((name) => text.split(",").includes(name)));
}

const querySchema = z.strictObject({
  epoch: wholeNumber({ min: 1, max: epochMax }).optional().meta({ description: "Of this plan; without it, of the one in force." }),
  kinds: namesOf(failureKinds, "none")
    .optional()
    .meta({ description: "Single failures: some of link,node,srlg, or none. Without it, those that the plan's settings name." }),
  pairs: wholeNumber({ min: 1, max: pairsMax })
    .optional()
    .meta({ description: "Two cables at once, too: so many pairs, drawn by `seed` where there are more." }),
  seed: wholeNumber({ min: 0, max: 2 ** 31 - 1 })
    .optional()
    .meta({ description: "Draws other pairs; 1 where it is not given." }),
  layers: namesOf(layerNames)
    .optional()
    .meta({ description: `Some of ${layerNames.join(",")}; without it, all but new-plan, which solves once for each failure.` }),
  limit: limitSchema(1_000, 100),
  cursor: cursorSchema.optional(),
});
type Query = z.output<typeof querySchema>;

export function declareFailureRoutes(app: FastifyInstance, { view, store, report }: RestDeps, reports: FailureReports): void {
  const plans = planLookup(view, store);

  declareGet(
    app,
    {
      url: "/v1/failures",
      tag: "protection",
      role: "viewer",
      summary: "What each failure would cost, layer by layer, worst first",
      description:
        "Losses before any repair, after local repair, with the split prepared for the failure, and with a new plan; walked through the plan's own rules. " +
        "Computed when it is asked for, one report at a time (others: 503, ask again), and kept; a client that goes away ends the computation of what nobody else waits for.",
      query: querySchema,
      response: failuresSchema,
      refusals: [404, 422],
    },
    async ({ query, reply }) => {
      const from = startOf(query);
      if (!from.ok) return from;
      const epoch = from.value.epoch ?? view().planInForce?.record.epoch;
      if (epoch === undefined) return refuse(fault("not-found", "There is no plan yet."));
      const [record, input] = [await plans.get(epoch), await plans.inputOf(epoch)];
      if (!record.ok) return record;
      if (!input.ok) return input;
      const { topology, demands, settings, assignmentsBefore } = input.value;
      const choice = choiceOf(query, settings.protection);
      const layers = query.layers ?? layersUsual;
      const ready = readyFor(epoch, choice, view());
      const key = JSON.stringify([epoch, choice, layers, ready.splits.length, ready.withoutSplit]);
      const found = await reports.get(
        key,
        (signal, progress) => {
          const { plan } = record.value;
          const task = {
            snapshot: { topology, demands, settings },
            plan,
            assignmentsBefore,
            choice,
            layers,
            withoutSplit: ready.withoutSplit,
          };
          return report(task, ready.splits, signal, progress);
        },
        goneSignal(reply),
      );
      if (!found.ok) return found;
      const inForce = view().planInForce?.record.epoch === epoch;
      return ok(bodyOf(found.value, { epoch, inForce, rank: from.value.rank, limit: query.limit }));
    },
  );
}

/** A cursor names the plan as well: what is in force may change between two pages. */
function startOf({ epoch, cursor }: Query): Result<{ readonly epoch?: number | undefined; readonly rank: number }> {
  const key = keyOf(cursor);
  if (!key.ok) return key;
  if (key.value === undefined) return ok({ epoch, rank: 0 });
  const [, of, rank] = /^([1-9][0-9]{0,8}):([0-9]{1,9})$/.exec(key.value) ?? [];
  if (of === undefined || rank === undefined || (epoch ?? Number(of)) !== Number(of)) {
    return refuse(parameterFault("cursor", "The cursor is not one that this report gave out."));
  }
  return ok({ epoch: Number(of), rank: Number(rank) });
}

type Protection = NonNullable<ControllerView["settings"]["protection"]>;

function choiceOf({ kinds, pairs, seed }: Query, protection: Protection | undefined): ScenarioChoice {
  return {
    kinds: kinds ?? protection?.scenarios ?? protectionDefault.scenarios,
    drains: protection?.drains ?? [],
    ...(pairs === undefined ? {} : { pairs: { countMax: pairs, seed: seed ?? 1 } }),
  };
}

/** What the controller has ready for the failures of the choice, where it is for this plan. */
function readyFor(epoch: number, { kinds }: ScenarioChoice, { protection }: ControllerView) {
  if (protection?.epoch !== epoch) return { splits: [], withoutSplit: [] };
  const asked = new Set<string>([...kinds, "drain"]);
  return {
    splits: protection.splits.filter(({ scenario }) => asked.has(scenario.kind)),
    withoutSplit: protection.refused.map(({ scenarioId }) => scenarioId),
  };
}

/** Aborted when the client is gone before it has its answer. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  if (reply.raw.destroyed) gone.abort();
  return gone.signal;
}

function bodyOf(
  { scenarios, kind, formatVersion, inputHash, admittedBps, layers, pairs }: FailureReport,
  page: { readonly epoch: number; readonly inForce: boolean; readonly rank: number; readonly limit: number },
): z.input<typeof failuresSchema> {
  const { epoch, inForce, rank, limit } = page;
  const next = rank + limit;
  return {
    kind,
    formatVersion,
    epoch,
    inForce,
    inputHash,
    admittedBps: { ...admittedBps },
    layers: [...layers],
    ...(pairs && { pairs: { ...pairs } }),
    total: scenarios.length,
    items: scenarios.slice(rank, next).map(({ linkIds, nodeIds, endsLostBps, layers: found, ...rest }) => ({
      ...rest,
      linkIds: [...linkIds],
      nodeIds: [...nodeIds],
      endsLostBps: { ...endsLostBps },
      layers: layersBody(found),
    })),
    ...(next < scenarios.length && { nextCursor: cursorOf(`${epoch}:${next}`) }),
  };
}

function layersBody(found: FailureReport["scenarios"][number]["layers"]) {
  const body: Partial<Record<LayerName, z.input<typeof failuresSchema>["items"][number]["layers"]["unrepaired"]>> = {};
  for (const name of layerNames) {
    const outcome = found[name];
    if (outcome === undefined) continue;
    const { lostBps, fullestLinkId, ...rest } = outcome;
    body[name] = { ...rest, lostBps: { ...lostBps }, ...(fullestLinkId === undefined ? {} : { fullestLinkId }) };
  }
  return body;
}
