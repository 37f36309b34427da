/** How the controller is doing: status, and what orchestrators probe. */
import type { AgentView, ControllerView } from "@sluice/control";
import { ok, type DemandMatrix } from "@sluice/model";
import type { FastifyInstance } from "fastify";
import type { z } from "zod";
import type { RestDeps } from "../deps.js";
import { declareGet } from "../route.js";
import { leadershipBody } from "./leadership.js";
import { healthSchema, readinessSchema, statusSchema } from "../schemas/operation.js";

/** How long readiness waits for the store, ms: probes give up after a second or a few. */
const pingMsMax = 1_000;

export function declareOperationRoutes(app: FastifyInstance, { view, store, leadership }: RestDeps): void {
  declareGet(
    app,
    { url: "/v1/status", tag: "operation", role: ["viewer", "job"], summary: "The whole at a glance", response: statusSchema },
    () => ok({ ...statusBody(view()), ...(leadership && { leadership: leadershipBody(leadership) }) }),
  );

  declareGet(
    app,
    { url: "/healthz", tag: "operation", role: "open", isProbe: true, summary: "Whether the process serves", response: healthSchema },
    () => ok({ status: "ok" as const }),
  );

  declareGet(
    app,
    {
      url: "/readyz",
      tag: "operation",
      role: "open",
      isProbe: true,
      summary: "Whether the controller can do its work, as leader or follower; 503 with the reasons where not",
      response: readinessSchema,
      alsoStatus: 503,
    },
    async ({ reply }) => {
      const { readiness } = view();
      const reasons = [...readiness.reasons, ...(await storeReasons(store))];
      const ready = readiness.ready && reasons.length === 0;
      if (!ready) void reply.code(503);
      return ok({ ready, reasons, deletionsAllowed: readiness.deletionsAllowed, role: leadership?.view().role ?? "leader" });
    },
  );
}

async function storeReasons(store: RestDeps["store"]): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), pingMsMax);
  });
  const pinged = await Promise.race([store.ping(), late]);
  clearTimeout(timer);
  if (pinged === "late") return [`The store has not answered within ${pingMsMax} ms.`];
  return pinged.ok ? [] : ["The store does not answer."];
}

/** Matrices never change. */
const rates = new WeakMap<DemandMatrix, number>();

function rateOf(matrix: DemandMatrix): number {
  const known = rates.get(matrix);
  if (known !== undefined) return known;
  const rate = matrix.demands.reduce((sum, { rateBps }) => sum + rateBps, 0);
  rates.set(matrix, rate);
  return rate;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

export function statusBody(view: ControllerView): z.input<typeof statusSchema> {
  const { topology, demands, planInForce, push, cycle, agents } = view;
  const inState = (state: AgentView["state"]) => agents.filter((agent) => agent.state === state).length;
  const measured = topology?.links.flatMap(({ id, capacityBps }) => {
    const measurement = view.linkMeasurements.get(id);
    return measurement === undefined || capacityBps === 0 ? [] : [measurement.transmittedBps / capacityBps];
  });
  return {
    controllerId: view.controllerId,
    term: view.term,
    now: timeOf(view.nowMs),
    ready: view.readiness.ready,
    reasons: [...view.readiness.reasons],
    ...(topology && {
      network: {
        name: topology.name,
        version: view.topologyVersion ?? 0,
        nodes: topology.nodes.length,
        links: topology.links.length,
        linksDown: topology.links.filter(({ operational }) => operational === "down").length,
      },
    }),
    ...(demands && {
      demands: {
        name: demands.name,
        version: view.demandsVersion ?? 0,
        flowGroups: demands.demands.length,
        rateBps: rateOf(demands),
      },
    }),
    ...(planInForce && { plan: planBody(planInForce) }),
    epochNewest: view.epoch,
    ...(view.rung && { rung: view.rung }),
    ...(measured !== undefined && measured.length > 0 && { utilizationMaxMeasured: measured.reduce((a, b) => Math.max(a, b), 0) }),
    cycle: {
      phase: cycle.phase,
      solves: cycle.solves,
      failures: cycle.failures,
      ...(cycle.lastFaults && { lastFaults: [...cycle.lastFaults] }),
    },
    ...(push && {
      push: {
        epoch: push.epoch,
        purpose: push.purpose,
        stages: push.stages,
        flips: push.flips,
        throttled: push.throttled,
        messages: push.messages,
        sent: push.sent,
        programmed: push.programmed,
        outstanding: [...push.outstanding],
        absent: [...push.absent],
        startedAt: timeOf(push.startedAtMs),
      },
    }),
    agents: {
      total: agents.length,
      absent: inState("absent"),
      reading: inState("reading"),
      synced: inState("synced"),
      programming: inState("programming"),
      onTarget: agents.filter(({ onTarget }) => onTarget).length,
    },
  };
}

function planBody({ record, walk }: NonNullable<ControllerView["planInForce"]>) {
  const { plan } = record;
  return {
    epoch: record.epoch,
    createdAt: record.createdAt,
    rung: plan.rung,
    check: plan.check.verdict,
    walk: walk.verdict,
    ruleCount: record.ruleCount,
    rulesDigest: record.rulesDigest,
    tunnels: plan.tunnels.length,
    unroutable: plan.unroutable.length,
    utilizationMax: plan.check.utilizationMax,
    classes: plan.classes.map(({ trafficClass, rung, solver, demandBps, admittedBps, certificate }) => {
      const { objective, sense, unit, value, bound, gap } = certificate;
      return { trafficClass, rung, solver, demandBps, admittedBps, certificate: { objective, sense, unit, value, bound, gap } };
    }),
    seconds: { ...record.timings },
  };
}
