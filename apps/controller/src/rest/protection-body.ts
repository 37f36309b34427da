/** The controller's view of protection as bodies of answers. */
import type { ControllerView, ProtectionView } from "@sluice/control";
import {
  compareText,
  flowGroupId,
  type Disjointness,
  type Plan,
  type PlanProtection,
  type ScenarioId,
  type ScenarioSplit,
} from "@sluice/model";
import type { z } from "zod";
import type { protectionSchema, splitSchema } from "./schemas/protection.js";

export const nothingHeldReady: PlanProtection = { bypasses: [], backupTunnels: [], backups: [] };

export function protectionBody({
  planInForce: inForce,
  protection,
  linksDamped,
  frozen,
}: ControllerView): z.input<typeof protectionSchema> {
  const settings = inForce?.input.settings.protection;
  return {
    epoch: inForce?.record.epoch ?? 0,
    ...(settings && { settings }),
    ...readinessOf(inForce?.record.plan),
    scenarios: scenariosBody(protection),
    ...(protection?.active && { active: activeBody(protection.active) }),
    linksDamped: linksDamped.map((link) => ({ ...link })),
    ...(frozen && { frozen: { since: new Date(frozen.sinceMs).toISOString(), missing: [...frozen.missing] } }),
  };
}

type HeldReady = Pick<z.input<typeof protectionSchema>, "bypasses" | "backups">;

/** Plans never change. */
const known = new WeakMap<Pick<Plan, "tunnels" | "protection">, HeldReady>();
const noPlan: Pick<Plan, "tunnels" | "protection"> = { tunnels: [] };

/** O(hops + backups) once for each plan. */
function readinessOf(plan: Pick<Plan, "tunnels" | "protection"> = noPlan): HeldReady {
  const before = known.get(plan);
  if (before !== undefined) return before;
  const { tunnels, protection: { bypasses, backups } = nothingHeldReady } = plan;
  const protectedLinks = new Set(bypasses.map(({ protects }) => protects));
  const used = new Set(tunnels.flatMap(({ path }) => path));
  const backed = new Set(backups.map(({ tunnelId }) => tunnelId));
  const countOf = (wanted: Disjointness) => backups.filter(({ disjointness }) => disjointness === wanted).length;
  const held: HeldReady = {
    bypasses: {
      total: bypasses.length,
      sharing: bypasses.filter(({ sharedSrlgIds }) => sharedSrlgIds.length > 0).length,
      linksWithout: [...used].filter((linkId) => !protectedLinks.has(linkId)).sort(compareText),
    },
    backups: {
      total: backups.length,
      byDisjointness: { srlg: countOf("srlg"), node: countOf("node"), link: countOf("link"), partial: countOf("partial") },
      tunnelsWithout: tunnels.filter(({ id }) => !backed.has(id)).length,
    },
  };
  known.set(plan, held);
  return held;
}

function scenariosBody(protection: ProtectionView | undefined): z.input<typeof protectionSchema>["scenarios"] {
  const agents = protection?.agents ?? [];
  return {
    phase: protection?.phase ?? "none",
    epoch: protection?.epoch ?? 0,
    asked: protection?.scenarios ?? 0,
    prepared: protection?.splits.length ?? 0,
    refused: protection?.refused.length ?? 0,
    crowded: protection?.crowded.length ?? 0,
    operations: protection?.operations ?? 0,
    agents: {
      concerned: agents.length,
      holdingAll: agents.filter(({ concerned, held }) => held === concerned).length,
      withoutRoom: agents.filter(({ refused }) => refused > 0).length,
    },
  };
}

function activeBody({ scenarioId, newsMs, programmed }: NonNullable<ProtectionView["active"]>) {
  return { scenarioId, since: new Date(newsMs).toISOString(), programmed };
}

/** What a list and the whole split say alike. */
export function scenarioBody(
  { scenario, groups, lostBps, lostBpsMin, utilizationMax, fullestLinkId }: ScenarioSplit,
  { active, crowded }: { readonly active?: ProtectionView["active"]; readonly crowded: ReadonlySet<ScenarioId> },
) {
  return {
    scenarioId: scenario.id,
    kind: scenario.kind,
    linkIds: [...scenario.linkIds],
    nodeIds: [...scenario.nodeIds],
    crowded: crowded.has(scenario.id),
    active: active?.scenarioId === scenario.id,
    ingresses: new Set(groups.map(({ src }) => src)).size,
    lostBps: { ...lostBps },
    ...(lostBpsMin && { lostBpsMin: { ...lostBpsMin } }),
    utilizationMax,
    ...(fullestLinkId === undefined ? {} : { fullestLinkId }),
  };
}

export function groupsBody({ groups }: ScenarioSplit, plan: Plan): z.input<typeof splitSchema>["groups"] {
  const planned = new Map(plan.groups.map((group) => [flowGroupId(group), group.admittedBps]));
  const backups = new Map((plan.protection?.backupTunnels ?? []).map((tunnel) => [tunnel.id, tunnel]));
  const tunnels = new Map([...plan.tunnels.map((tunnel) => [tunnel.id, tunnel] as const), ...backups]);
  return groups.map(({ src, dst, trafficClass, admittedBps, members }) => ({
    src,
    dst,
    trafficClass,
    plannedBps: planned.get(flowGroupId({ src, dst, trafficClass })) ?? 0,
    admittedBps,
    members: members.map(({ tunnelId, allottedBps, weight }) => ({
      tunnelId,
      path: [...(tunnels.get(tunnelId)?.path ?? [])],
      allottedBps,
      weight,
      backup: backups.has(tunnelId),
    })),
  }));
}
