/** What is prepared for failures: bypasses, backups, scenarios and where they stand. */
import type { ControllerView } from "@sluice/control";
import {
  compareText,
  failureKinds,
  fault,
  linkIdSchema,
  nodeIdSchema,
  ok,
  refuse,
  type PlanProtection,
  type Result,
  type Tunnel,
} from "@sluice/model";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import { cursorSchema, limitSchema, pageOf } from "../page.js";
import { groupsBody, nothingHeldReady, protectionBody, scenarioBody } from "../protection-body.js";
import { declareGet } from "../route.js";
import { backupsSchema, bypassesSchema, protectionSchema, scenariosSchema, splitSchema } from "../schemas/protection.js";

const page = { limit: limitSchema(10_000, 1_000), cursor: cursorSchema.optional() };

export function declareProtectionRoutes(app: FastifyInstance, { view }: RestDeps): void {
  declareGet(
    app,
    {
      url: "/v1/protection",
      tag: "protection",
      role: "viewer",
      summary: "What is prepared for failures, and which are under way",
      response: protectionSchema,
    },
    () => ok(protectionBody(view())),
  );

  declareGet(
    app,
    {
      url: "/v1/protection/scenarios",
      tag: "protection",
      role: "viewer",
      summary: "Failures for which splits are prepared, and what would be lost under them",
      query: z.strictObject({ ...page, kind: z.enum([...failureKinds, "drain"]).optional() }),
      response: scenariosSchema,
      refusals: [404, 422],
    },
    ({ query }) => {
      const { protection } = view();
      if (protection === undefined) return noPlan();
      const { epoch, splits, refused } = protection;
      const wanted = splits
        .filter(({ scenario: { kind } }) => (query.kind ?? kind) === kind)
        .toSorted((a, b) => compareText(a.scenario.id, b.scenario.id));
      const paged = pageOf(wanted, ({ scenario }) => scenario.id, query);
      if (!paged.ok) return paged;
      const marks = { ...protection, crowded: new Set(protection.crowded) };
      const items = paged.value.items.map((split) => ({ ...scenarioBody(split, marks), groupCount: split.groups.length }));
      return ok({ epoch, total: wanted.length, ...paged.value, items, refused: [...refused] });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/protection/split",
      tag: "protection",
      role: "viewer",
      summary: "What ingresses change over to when a failure happens (`scenario=ID`)",
      query: z.strictObject({
        scenario: z.string().min(1).max(512).meta({ description: "Such as `link:a-b`, `node:a` or `srlg:fiber-7`." }),
      }),
      response: splitSchema,
      refusals: [404, 422],
    },
    ({ query: { scenario } }) => {
      const { protection, planInForce: inForce, planPending } = view();
      if (protection === undefined) return noPlan();
      const split = protection.splits.find((each) => each.scenario.id === scenario);
      if (split === undefined) {
        const refusal = protection.refused.find(({ scenarioId }) => scenarioId === scenario);
        const why = refusal === undefined ? "" : ` What was computed was refused: ${refusal.fault.message}`;
        return refuse(fault("not-found", `Nothing is prepared for a scenario ${scenario}.${why}`, { pointer: "/query/scenario" }));
      }
      const record = [inForce?.record, planPending?.record].find((each) => each?.epoch === protection.epoch);
      if (record === undefined) return refuse(fault("not-found", `Plan ${protection.epoch} is not at hand.`));
      return ok({
        epoch: protection.epoch,
        ...scenarioBody(split, { ...protection, crowded: new Set(protection.crowded) }),
        groups: groupsBody(split, record.plan),
      });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/protection/bypasses",
      tag: "protection",
      role: "viewer",
      summary: "Ways around each link of the plan in force, and what they share with it",
      query: z.strictObject({ ...page, link: linkIdSchema.optional().meta({ description: "Of this link only." }) }),
      response: bypassesSchema,
      refusals: [404, 422],
    },
    ({ query }) => {
      const inForce = planInForce(view());
      if (!inForce.ok) return inForce;
      const { epoch, protection, latencyMs } = inForce.value;
      const wanted = protection.bypasses.filter(({ protects }) => (query.link ?? protects) === protects);
      const paged = pageOf(wanted, ({ id }) => id, query);
      if (!paged.ok) return paged;
      const items = paged.value.items.map(({ id, protects, avoids, path, sharedSrlgIds }) => ({
        id,
        protects,
        ...(avoids === undefined ? {} : { avoids }),
        path: [...path],
        latencyMs: latencyMs(path),
        sharedSrlgIds: [...sharedSrlgIds],
      }));
      return ok({ epoch, total: wanted.length, ...paged.value, items });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/protection/backups",
      tag: "protection",
      role: "viewer",
      summary: "The tunnel that stands in for each tunnel of the plan in force, and what the two have in common",
      query: z.strictObject({ ...page, src: nodeIdSchema.optional(), dst: nodeIdSchema.optional() }),
      response: backupsSchema,
      refusals: [404, 422],
    },
    ({ query }) => {
      const inForce = planInForce(view());
      if (!inForce.ok) return inForce;
      const { epoch, protection, tunnels, latencyMs } = inForce.value;
      const wanted = protection.backups.flatMap((backup) => {
        const tunnel = tunnels.get(backup.backupId);
        if (tunnel === undefined) return [];
        const isWanted = (query.src ?? tunnel.src) === tunnel.src && (query.dst ?? tunnel.dst) === tunnel.dst;
        return isWanted ? [{ backup, tunnel }] : [];
      });
      const paged = pageOf(wanted, ({ backup }) => backup.tunnelId, query);
      if (!paged.ok) return paged;
      const items = paged.value.items.map(({ backup, tunnel: { src, dst, path } }) => ({
        ...backup,
        src,
        dst,
        path: [...path],
        latencyMs: latencyMs(path),
        sharedLinkIds: [...backup.sharedLinkIds],
        sharedNodeIds: [...backup.sharedNodeIds],
        sharedSrlgIds: [...backup.sharedSrlgIds],
      }));
      return ok({ epoch, total: wanted.length, ...paged.value, items });
    },
  );
}

interface InForce {
  readonly epoch: number;
  readonly protection: PlanProtection;
  /** The plan's and those that stand by. */
  readonly tunnels: ReadonlyMap<Tunnel["id"], Tunnel>;
  readonly latencyMs: (path: Tunnel["path"]) => number;
}

function noPlan() {
  return refuse(fault("not-found", "There is no plan yet."));
}

function planInForce({ planInForce: inForce }: Pick<ControllerView, "planInForce">): Result<InForce> {
  if (inForce === undefined) return noPlan();
  const { epoch, plan } = inForce.record;
  const protection = plan.protection ?? nothingHeldReady;
  const latency = new Map(inForce.input.topology.links.map((link) => [link.id, link.latencyMs]));
  return ok({
    epoch,
    protection,
    tunnels: new Map([...plan.tunnels, ...protection.backupTunnels].map((tunnel) => [tunnel.id, tunnel])),
    latencyMs: (path) => path.reduce((sum, linkId) => sum + (latency.get(linkId) ?? 0), 0),
  });
}
