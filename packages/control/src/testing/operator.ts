/** What operators do, for tests: proposals as a preview would make them, and a network to apply them to. */
import {
  applyTopologyChanges,
  assert,
  basisHash,
  planSnapshot,
  type PlanSettings,
  type Proposal,
  type Result,
  type TopologyChange,
} from "@sluice/model";
import { demandsOf, Harness, link, planOn, triangle, type PathsByPair } from "./harness.js";

export const direct: PathsByPair = { "a>c": ["a-c"], "b>c": ["b-c"] };
export const around: PathsByPair = { "a>c": ["a-b", "b-c"], "b>c": ["b-c"] };
export const demands = demandsOf("one", { "a>c": 2e9, "b>c": 1e9 });
export const by = { actor: "somebody", correlationId: "r-17" };
export const ids = ["a", "b", "c"] as const;

/** A triangle with three agents, and a first plan in force: both groups on their direct links. */
export function running(more: ConstructorParameters<typeof Harness>[0] = {}): Harness {
  const harness = new Harness(more);
  harness.ingest(triangle(), demands);
  for (const id of ids) harness.startAgent(id);
  harness.wait(100);
  harness.answer(direct);
  harness.wait(1_000);
  assert(harness.view.planInForce?.record.epoch === 1, "the first plan is in force");
  return harness;
}

export function drain(id: string, drained = true): TopologyChange {
  return { kind: "set-link-state", linkId: link(id), drain: drained ? "drained" : "active" };
}

/** As a preview computes it from what the controller shows now. */
export function proposalOn(
  { view }: Harness,
  more: { readonly changes?: readonly TopologyChange[]; readonly settings?: Partial<PlanSettings>; readonly paths: PathsByPair },
): Proposal {
  const { topology, demands: matrix, topologyVersion = 0, demandsVersion = 0, settingsVersion } = view;
  assert(topology !== undefined && matrix !== undefined, "there is something to plan on");
  const { changes = [], settings = {}, paths } = more;
  const after = applyTopologyChanges(topology, changes);
  assert(after.ok, "the changes are valid");
  const snapshot = planSnapshot(
    { topology: after.value, demands: matrix, settings: { ...view.settings, ...settings } },
    view.operation.mode,
  );
  const inputHash = basisHash({ topology, demands: matrix, settings: view.settings });
  return {
    basis: { topologyVersion, demandsVersion, settingsVersion, inputHash },
    topologyChanges: changes,
    settings,
    snapshot,
    plan: planOn(snapshot, paths),
    timings: { solve: 0.1 },
  };
}

export function apply(
  harness: Harness,
  proposal: Proposal,
  more: {
    readonly force?: boolean;
    readonly tolerateDemands?: boolean;
    readonly confirmWithinSeconds?: number;
    readonly requestId?: string;
  } = {},
): Result<unknown> | undefined {
  const { force = true, requestId = `apply-${harness.replies.size}`, ...rest } = more;
  harness.event({ kind: "apply-proposal", requestId, by, proposal, force, ...rest });
  return harness.replies.get(requestId);
}

/** Of a stored plan, as the driver reads it. */
export function rollBack(
  harness: Harness,
  epoch: number,
  more: { readonly force?: boolean; readonly confirmWithinSeconds?: number } = {},
): Result<unknown> | undefined {
  const { force = true, ...rest } = more;
  const stored = harness.plans().find(({ record }) => record.epoch === epoch);
  assert(stored !== undefined, "the plan is stored");
  const requestId = `roll-back-${harness.replies.size}`;
  harness.event({ kind: "roll-back", requestId, by, record: stored.record, input: stored.input, force, ...rest });
  return harness.replies.get(requestId);
}

export function setMode(harness: Harness, mode: "automatic" | "held" | "shortest-path"): void {
  harness.event({ kind: "change-operation", requestId: `mode-${harness.replies.size}`, by, operation: { mode } });
}

/** The codes and pointers of a refusal; empty for what was not refused. */
export function refusals(result: Result<unknown> | undefined): readonly (readonly [string, string | undefined])[] {
  assert(result !== undefined, "there is an answer");
  return result.ok ? [] : result.faults.map(({ code, pointer }) => [code, pointer]);
}

/** All that a refused request must leave as it was. */
export function standing({ view, controller, writes, solves, cancelled }: Harness): unknown {
  const { cycle, push, inventory, operation } = controller;
  return structuredClone({
    versions: [view.topologyVersion, view.demandsVersion, view.settingsVersion, view.operationVersion, view.epoch],
    settings: [view.settings, operation.set, operation.confirmation ?? null],
    target: push.target?.record.epoch ?? null,
    pending: [push.stale, inventory.writing?.persistId ?? null, inventory.queue.length, inventory.restate.size],
    cycle: [cycle.phase.kind, cycle.topologyDirtyMs ?? null, cycle.demandsDirtyMs ?? null],
    counts: [writes.filter(({ kind }) => kind !== "events").length, solves.length, cancelled.length],
  });
}

export function published(harness: Harness, kind: string): readonly Readonly<Record<string, unknown>>[] {
  return harness.published.filter((event) => event.kind === kind).map(({ data }) => data);
}

export function rulesOfAll(harness: Harness): unknown {
  return ids.map((id) => [id, [...harness.rulesOf(id)].sort(([x], [y]) => (x < y ? -1 : 1))]);
}
