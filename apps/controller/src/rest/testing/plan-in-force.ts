/** For the tests of REST: a small network with a real plan in force, as the controller would show it, and a store with its history. */
import type { ControllerView, SwitchRules } from "@sluice/control";
import { explainDemand, explainLink, optimize, splitScenarios } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import {
  assert,
  canonicalHash,
  failureScenarios,
  parseDemandMatrix,
  parseTopology,
  operationSettingsDefault,
  planSettingsDefault,
  protectionDefault,
  refuse,
  fault,
  ok,
  topologyDocument,
  type DemandMatrix,
  type LinkId,
  type NodeId,
  type Result,
  type Rule,
  type RuleKey,
  type Topology,
} from "@sluice/model";
import { assign, assignmentsDocument, compileRules, digestOfRuleSet, emptyAssignments, walkRules } from "@sluice/rules";
import { memoryStore, type PlanRecord, type Store } from "@sluice/store";
import { reportOf } from "../../solver/report-of.js";
import type { RestDeps } from "../deps.js";

export function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}

/** a - b - c in a ring with a thin side, one id that needs care in a URL, and one node apart. */
function network(): Topology {
  const nodes = ["a", "b", "c", "x>y/z", "apart"].map((id) => ({ id }));
  const cable = (from: string, to: string, capacityBps: number) =>
    [`${from}-${to}`, `${to}-${from}`].map((id, i) => ({
      id,
      from: i === 0 ? from : to,
      to: i === 0 ? to : from,
      capacityBps,
      latencyMs: 5,
      metric: 1,
    }));
  const links = [...cable("a", "b", 10e9), ...cable("b", "c", 10e9), ...cable("a", "c", 1e9), ...cable("c", "x>y/z", 1e9)];
  return value(parseTopology({ name: "ring", nodes, links }));
}

function matrix(): DemandMatrix {
  const demand = (src: string, dst: string, trafficClass: string, rateBps: number) => ({ src, dst, trafficClass, rateBps });
  const points = [
    { fairShare: 0, rateBps: 0 },
    { fairShare: 1, rateBps: 2e9 },
  ];
  const demands = [
    { ...demand("a", "c", "interactive", 2e9), bandwidthFunction: { points } },
    demand("a", "c", "bulk", 20e9),
    demand("b", "a", "elastic", 3e9),
    demand("x>y/z", "a", "elastic", 5e8),
    demand("a", "apart", "bulk", 1e9),
  ];
  return value(parseDemandMatrix({ name: "busy hour", demands }));
}

export interface Fixture {
  readonly deps: RestDeps;
  readonly store: Store;
  readonly empty: ControllerView;
  readonly full: ControllerView;
  show(view: ControllerView): void;
}

/** The first switch is being programmed; the third lacks a rule, has one too many and one that differs; the others hold what they should. */
function switchRulesOf({ topology, planInForce: inForce }: ControllerView, nodeId: NodeId): SwitchRules | undefined {
  const index = topology?.nodes.findIndex(({ id }) => id === nodeId) ?? -1;
  if (index < 0) return undefined;
  const intended = inForce?.rules.get(nodeId) ?? new Map<RuleKey, Rule>();
  if (index === 0) return { installed: undefined, intended };
  if (index !== 2) return { installed: intended, intended };
  const [missing = "", different = ""] = intended.keys();
  const installed = new Map(intended);
  installed.delete(missing);
  installed.set(different, { kind: "meter", meterId: 999_999, rateBps: 1, burstBits: 1 });
  installed.set("label/77", { kind: "label", match: { label: 77 }, action: { kind: "pop-deliver" } });
  return { installed, intended };
}

const nowMs = Date.parse("2026-03-01T12:00:00Z");

export async function planInForce(): Promise<Fixture> {
  const topology = network();
  const demands = matrix();
  const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
  const settings = { ...planSettingsDefault, protection: protectionDefault };
  const snapshot = { topology: topologyDocument(topology), demands, settings };
  const { plan, timings } = value(await optimize(snapshot, { lp, nowMs: () => performance.now() }));
  const scenarios = failureScenarios(topology, settings.protection.scenarios);
  const { splits } = value(await splitScenarios(snapshot, plan, scenarios, { lp, nowMs: () => performance.now() }));
  const assignments = value(assign(emptyAssignments, plan, topology));
  const rules = value(compileRules(topology, plan, assignments));
  const input = { ...snapshot, assignmentsBefore: { ...assignmentsDocument(emptyAssignments) } };
  const record = (epoch: number, term: number): PlanRecord => ({
    epoch,
    term,
    createdAt: new Date(nowMs - 1_000).toISOString(),
    cycleInputHash: canonicalHash(input),
    plan,
    timings,
    rulesDigest: digestOfRuleSet(rules),
    ruleCount: [...rules.values()].reduce((sum, { size }) => sum + size, 0),
  });

  const store = memoryStore();
  const term = value(await store.acquireTerm("a test"));
  for (const epoch of [1, 2, 3]) value(await store.appendPlan(term, record(epoch, term), input, { ...assignmentsDocument(assignments) }));
  const at = new Date(nowMs).toISOString();
  value(
    await store.appendEvents(
      term,
      Array.from({ length: 5 }, (_, i) => ({
        at,
        kind: "plan-applied",
        data: { epoch: i, nested: { list: [null, 1] }, ...(i === 4 && { by: { actor: "alice", correlationId: "r-4" } }) },
      })),
    ),
  );

  const empty: ControllerView = {
    controllerId: "test",
    term,
    epoch: 0,
    nowMs,
    linksReportedDown: [],
    linksDamped: [],
    settings: planSettingsDefault,
    settingsVersion: 0,
    operation: operationSettingsDefault,
    operationVersion: 0,
    cycle: { phase: "idle", solves: 0, failures: 0 },
    agents: [],
    linkMeasurements: new Map(),
    groupMeasurements: new Map(),
    readiness: { ready: false, reasons: ["There is no topology yet."], deletionsAllowed: false },
  };
  const [firstLink] = topology.links;
  assert(firstLink !== undefined, "the network has links");
  const full: ControllerView = {
    ...empty,
    epoch: 3,
    topology,
    topologyStored: topology,
    topologyVersion: 7,
    demands,
    demandsVersion: 9,
    settings,
    settingsVersion: 2,
    operationVersion: 4,
    confirmation: { epoch: 3, previousEpoch: 2, deadlineMs: nowMs + 60_000 },
    linksReportedDown: [firstLink.id],
    linksDamped: [{ linkId: firstLink.id, penalty: 2_600.5, suppressed: true, heldDown: false }],
    frozen: { sinceMs: nowMs, missing: topology.nodes.slice(0, 2).map(({ id }) => id) },
    planInForce: { record: record(3, term), input, rules, walk: walkRules(topology, rules, {}) },
    protection: {
      phase: "ready",
      epoch: 3,
      scenarios: splits.length + 1,
      splits: splits.toReversed(),
      refused: [{ scenarioId: "drain:everything", fault: fault("walk-failed", "Link a-b is over its capacity.", { pointer: "/links/0" }) }],
      crowded: ["link:a-b"],
      operations: 17,
      agents: topology.nodes.slice(0, 2).map(({ id }, i) => ({ nodeId: id, concerned: 2, held: 2 - i, refused: i })),
      active: { scenarioId: "link:a-b", newsMs: nowMs, programmed: false },
    },
    rung: plan.rung,
    cycle: {
      phase: "solving",
      startedAtMs: nowMs,
      solves: 4,
      failures: 1,
      lastFaults: [fault("deadline-exceeded", "The solver was late.", { pointer: "/settings/deadlineSeconds", data: { seconds: 10 } })],
    },
    push: {
      epoch: 3,
      purpose: "reconcile",
      stages: 3,
      flips: 1,
      throttled: 0,
      messages: 9,
      sent: 5,
      programmed: 4,
      outstanding: [topology.nodes[0]?.id].flatMap((id) => id ?? []),
      absent: [],
      startedAtMs: nowMs,
    },
    agents: topology.nodes.map(({ id }, i) => ({
      nodeId: id,
      state: i === 0 ? "programming" : i === 1 ? "absent" : "synced",
      onTarget: i > 1,
      ruleCount: i,
      ruleCountMax: 1_000,
      ...(i === 1
        ? { failure: { epoch: 2, code: "table-full", reason: "no room" } }
        : { bootId: "boot", digest: "d", lastSeenMs: nowMs, connectedSinceMs: nowMs }),
    })),
    linkMeasurements: new Map<LinkId, { linkId: LinkId; transmittedBps: number; droppedBps: number; measuredAtMs: number }>([
      [firstLink.id, { linkId: firstLink.id, transmittedBps: 4e9, droppedBps: 8, measuredAtMs: nowMs }],
    ]),
    readiness: { ready: true, reasons: [], deletionsAllowed: true },
  };

  let shown = full;
  return {
    store,
    empty,
    full,
    show: (view) => {
      shown = view;
    },
    deps: {
      view: () => shown,
      store,
      version: "1.2.3",
      submit: async (request) => {
        await Promise.resolve();
        return request.kind === "resync" ? ok({ nodeId: request.nodeId }) : refuse(fault("unavailable", "Nobody writes anything here."));
      },
      rulesOf: (nodeId) => switchRulesOf(shown, nodeId),
      report: (task, given) => reportOf(task, given, { lp, nowMs: () => performance.now() }),
      explain: async (epoch, query) => {
        await Promise.resolve();
        if (epoch === 1) return refuse(fault("deadline-exceeded", "The explanation took too long."));
        return ok(query.kind === "demand" ? explainDemand(snapshot, plan, query.flowGroup) : explainLink(snapshot, plan, query.linkId));
      },
    },
  };
}
