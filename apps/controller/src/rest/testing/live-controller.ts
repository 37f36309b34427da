/**
 * A controller in one process for the tests of REST: the real machine and its driver, a store in memory, real planning without a process of its
 * own, and the real machine of an agent for each switch. Nothing is played; only time passes as it does.
 */
import {
  controllerConfigDefault,
  createAgent,
  createController,
  stepAgent,
  type AgentEffect,
  type AgentEvent,
  type AgentState,
} from "@sluice/control";
import { optimize, splitScenarios } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { fault, refuse, type DemandMatrix, type NodeId, type Term, type Topology, type TopologyInput } from "@sluice/model";
import { pathCheck } from "@sluice/preview";
import { memoryStore, type Store } from "@sluice/store";
import type { FastifyInstance } from "fastify";
import { startDriver, type Driver } from "../../driver.js";
import { differenceOf, jobAnswerOf } from "../../solver/preview-of.js";
import type { SolverPool } from "../../solver/solver-pool.js";
import type { RestDeps } from "../deps.js";
import { buildRest } from "../server.js";
import { value } from "./plan-in-force.js";

const tickMs = 20;
/** A plan that something asks for is begun within this, ms: twice the intervals that the machine is told to keep, and its ticks. */
const quietMs = 200;

const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
const nowMs = (): number => performance.now();

/** As the pool's, on this event loop. */
export const solversHere: SolverPool = {
  optimize: (_, snapshot) => optimize(snapshot, { lp, nowMs }),
  cancel: () => undefined,
  protect: async (_, { snapshot, plan, scenarios }) => splitScenarios(snapshot, plan, scenarios, { lp, nowMs }),
  cancelProtect: () => undefined,
  explain: () => Promise.resolve(refuse(fault("unavailable", "Nobody explains here."))),
  report: () => Promise.resolve(refuse(fault("unavailable", "Nobody reports here."))),
  job: (task, { signal, progress }) =>
    jobAnswerOf(task, {
      lp,
      nowMs,
      onProgress: (stage, fraction) => progress({ stage, fraction }),
      isCancelled: () => signal.aborted,
    }),
  pathCheck: (question) => pathCheck(question, { lp, nowMs }),
  difference: (task) => Promise.resolve(differenceOf(task)),
  close: () => undefined,
};

export interface LiveController {
  readonly app: FastifyInstance;
  readonly driver: Driver;
  readonly store: Store;
  /** Waits, within the test's time limit, until the condition holds of what the controller shows. */
  until(condition: (view: ReturnType<Driver["view"]>) => boolean): Promise<void>;
  /** Until the newest plan is in force, and no other is on its way. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** With this network, every switch connected, and the plan for these demands in force. */
export async function liveController(
  network: { readonly topology: TopologyInput; readonly demands: DemandMatrix },
  more: Partial<RestDeps> | ((parts: { readonly driver: Driver; readonly store: Store; readonly term: Term }) => Partial<RestDeps>) = {},
): Promise<LiveController> {
  const store = memoryStore();
  const term = value(await store.acquireTerm("a test"));
  const broken: unknown[] = [];
  const config = {
    ...controllerConfigDefault,
    controllerId: "test",
    solveIntervalMinMs: 50,
    topologySettleMs: 20,
    topologySolveIntervalMinMs: 50,
  };
  const driver = startDriver({
    state: createController(config, { term, inventory: { epoch: 0 } }),
    term,
    store,
    solvers: solversHere,
    onStepDown: (reason) => broken.push(reason),
    onBroken: (error) => broken.push(error),
  });
  value(await driver.submit({ kind: "replace-topology", topology: network.topology }));
  const { topology } = driver.view();
  if (topology === undefined) throw new Error("the topology was taken");
  const agents = topology.nodes.map(({ id }) => startAgent(driver, topology, id));
  value(await driver.submit({ kind: "measure-demands", matrix: network.demands }));

  const deps: RestDeps = {
    view: driver.view,
    watch: driver.watch,
    store,
    submit: driver.submit,
    rulesOf: driver.rulesOf,
    explain: () => solversHere.explain(undefined as never, undefined as never, undefined as never),
    report: (task, splits, signal) => solversHere.report(task, splits, signal),
    solvers: solversHere,
    ...(typeof more === "function" ? more({ driver, store, term }) : more),
  };
  const app = await buildRest(deps);

  async function until(condition: (view: ReturnType<Driver["view"]>) => boolean): Promise<void> {
    while (!condition(driver.view())) {
      if (broken.length > 0) throw new Error(`the controller broke: ${String(broken[0])}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  const live: LiveController = {
    app,
    driver,
    store,
    until,
    async settled() {
      for (let solves = -1; solves !== driver.view().cycle.solves;) {
        await until(
          ({ epoch, planInForce, planPending, cycle }) =>
            epoch > 0 && planInForce?.record.epoch === epoch && planPending === undefined && cycle.phase === "idle",
        );
        ({ solves } = driver.view().cycle);
        await new Promise((resolve) => setTimeout(resolve, quietMs));
      }
    },
    async close() {
      for (const stop of agents) stop();
      await app.close();
      await driver.stop();
    },
  };
  await live.settled();
  return live;
}

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

/** Whatever the agent's machine asks for succeeds, in a later turn of the event loop. */
function startAgent(driver: Driver, topology: Topology, nodeId: NodeId): () => void {
  const links = topology.links.filter(({ from }) => from === nodeId).map(({ id }) => ({ linkId: id, up: true }));
  const agent: AgentState = createAgent(
    { nodeId, bootId: `boot of ${nodeId}`, ruleCountMax: 10_000 },
    { termSeen: 0, epochSeen: 0, links },
  );
  /** The controller's number of each stream that the agent has opened. */
  const streams = new Map<number, number>();
  let stopped = false;
  const later = (act: () => void): void => void setImmediate(() => stopped || act());

  function step(event: Untimed<AgentEvent>): void {
    for (const effect of stepAgent(agent, { ...event, nowMs: nowMs() } as AgentEvent).effects) later(() => carryOut(effect));
  }
  function carryOut(effect: AgentEffect): void {
    switch (effect.kind) {
      case "connect": {
        const { streamId } = effect;
        const opened = driver.agentOpened({
          send: (message) => later(() => step({ kind: "message", streamId, message })),
          close: () => later(() => step({ kind: "closed", streamId })),
        });
        streams.set(streamId, opened);
        return step({ kind: "opened", streamId });
      }
      case "send":
        return driver.agentMessage(streams.get(effect.streamId) ?? 0, effect.message);
      case "close-stream":
        return driver.agentClosed(streams.get(effect.streamId) ?? 0);
      case "persist-term":
        return step({ kind: "persisted", persistId: effect.persistId, ok: true });
      case "apply":
        return step({ kind: "applied", applyId: effect.applyId, failures: [] });
      case "read-counters":
        return step({ kind: "count", links: [], groups: [] });
    }
  }
  const timer = setInterval(() => step({ kind: "tick" }), tickMs);
  step({ kind: "tick" });
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}
