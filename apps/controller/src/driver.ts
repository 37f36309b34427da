/**
 * The thin shell around the controller's machine: it stamps events with a clock, steps the machine, and carries out the
 * effects in their order. It decides nothing.
 */
import {
  controllerView,
  stepController,
  switchRules,
  type ControllerEffect,
  type ControllerEvent,
  type ControllerState,
  type ControllerView,
  type Persisted,
  type PersistWrite,
  type PublishedEvent,
  type SwitchRules,
} from "@sluice/control";
import {
  fault,
  refuse,
  type AgentMessage,
  type ControllerMessage,
  type Epoch,
  type Fault,
  type FaultCode,
  type NodeId,
  type RequestedBy,
  type Result,
  type Term,
} from "@sluice/model";
import type { InventoryVersions, Store } from "@sluice/store";
import type { ProtectResult } from "./solver/solver-message.js";
import type { SolverPool } from "./solver/solver-pool.js";

/** The machine keeps all its time-outs by ticks, ms. */
const tickMs = 50;
/** Ticks besides the regular ones that may be due. */
const wakesMax = 64;
/** Requests that may wait for their reply; more are refused as `unavailable`. */
const requestsWaitingMax = 1_000;

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;
export type ControllerInput = Untimed<ControllerEvent>;
type Request = Extract<ControllerInput, { readonly requestId?: string }>;
/** Whatever is asked of the machine, without the id by which the driver matches its reply. */
export type ControllerRequest = Request extends infer R ? (R extends unknown ? Omit<R, "requestId"> : never) : never;

/** How an earlier plan is gone back to. */
export interface RollBackOptions {
  readonly by?: RequestedBy | undefined;
  /** Whatever the blast radius, and over links that an operator has drained. */
  readonly force: boolean;
  readonly confirmWithinSeconds?: number | undefined;
}

/** What is told of forecasts: nothing answers it. */
export type ForecastInput = Extract<ControllerInput, { readonly kind: "forecast-loaded" | "forecast-noted" }>;

/** The controller's end of one agent's stream. */
export interface AgentStream {
  /** Whose agent it is by its certificate; absent where agents are taken at their word. */
  readonly certified?: NodeId;
  send(message: ControllerMessage): void;
  /** `data` as a fault's. */
  close(code: FaultCode, reason: string, data?: Fault["data"]): void;
}

export interface Driver {
  view(): ControllerView;
  /** What a switch is known to hold, and what it should; undefined for a node that the topology does not have. */
  rulesOf(nodeId: NodeId): SwitchRules | undefined;
  /** Resolves when what was asked for is durable, or refused. */
  submit(request: ControllerRequest): Promise<Result<unknown>>;
  /** Submits the stored plan of that epoch with what it was made from (`RollBackReply`). `not-found` where there is none. */
  rollBack(epoch: Epoch, options: RollBackOptions): Promise<Result<unknown>>;
  /** What the controller has found out about forecasts. */
  tell(input: ForecastInput): void;
  agentOpened(stream: AgentStream): number;
  agentMessage(streamId: number, message: AgentMessage): void;
  agentClosed(streamId: number): void;
  /** Every published event, in order. Returns the function that ends the watch. */
  watch(watcher: (event: PublishedEvent) => void): () => void;
  /** Told each time that events have become durable. Returns the function that ends the watch. */
  watchJournal(watcher: () => void): () => void;
  /** Closes all streams, waits for the writes under way and fails the requests that still wait. */
  stop(): Promise<void>;
}

export interface DriverParts {
  readonly state: ControllerState;
  readonly term: Term;
  readonly store: Store;
  readonly solvers: Pick<SolverPool, "optimize" | "cancel" | "protect" | "cancelProtect">;
  /** Told of each sweep over the scenarios of a plan, for the log. */
  readonly onSweep?: (sweep: { readonly epoch: Epoch; readonly scenarios: number; readonly result: ProtectResult }) => void;
  /** Whether the lead can be relied on at this moment; asked before each step. Without it, it always can. */
  readonly mayAct?: () => boolean;
  /** Called once when it could not any more: nothing was done after that. */
  readonly onLapsed?: () => void;
  /** Called once when a newer leader exists. */
  readonly onStepDown: (reason: string) => void;
  /** Called when the machine's own invariant is broken: the process must end. */
  readonly onBroken: (error: unknown) => void;
}

export function startDriver(parts: DriverParts): Driver {
  let state = parts.state;
  let stopped = false;
  let stepping = false;
  let nextStreamId = 1;
  let nextRequestId = 1;
  const inbox: ControllerInput[] = [];
  const streams = new Map<number, AgentStream>();
  const waiting = new Map<string, (result: Result<unknown>) => void>();
  const watchers = new Set<(event: PublishedEvent) => void>();
  const journalWatchers = new Set<() => void>();
  /** By the time at which they are due. */
  const wakes = new Map<number, NodeJS.Timeout>();
  let atOnce: NodeJS.Immediate | undefined;
  let writes: Promise<void> = Promise.resolve();

  /** Events that arise while a step's effects are carried out wait for their turn. */
  function dispatch(input: ControllerInput): void {
    if (stopped) return;
    inbox.push(input);
    if (stepping) return;
    stepping = true;
    try {
      for (let next = inbox.shift(); next !== undefined && !stopped; next = inbox.shift()) {
        if (parts.mayAct?.() === false) {
          stopped = true;
          parts.onLapsed?.();
          return;
        }
        const stepped = stepController(state, { ...next, nowMs: nowMs() } as ControllerEvent);
        state = stepped.state;
        for (const effect of stepped.effects) carryOut(effect);
      }
    } catch (error) {
      stopped = true;
      parts.onBroken(error);
    } finally {
      stepping = false;
    }
  }

  function carryOut(effect: ControllerEffect): void {
    switch (effect.kind) {
      case "solve":
        void parts.solvers.optimize(effect.solveId, effect.snapshot).then((result) => {
          dispatch({ kind: "solved", solveId: effect.solveId, result });
        });
        return;
      case "cancel-solve":
        return parts.solvers.cancel(effect.solveId);
      case "protect": {
        const { protectId, epoch, snapshot, plan, scenarios } = effect;
        void parts.solvers.protect(protectId, { snapshot, plan, scenarios }).then((result) => {
          parts.onSweep?.({ epoch, scenarios: scenarios.length, result });
          dispatch({ kind: "protected", protectId, result });
        });
        return;
      }
      case "cancel-protect":
        return parts.solvers.cancelProtect(effect.protectId);
      case "wake":
        return wake(effect.atMs);
      case "persist":
        writes = writes.then(async () => {
          const result = await write(effect.write);
          dispatch({ kind: "persisted", persistId: effect.persistId, result });
          if (effect.write.kind === "events" && result.ok) for (const told of journalWatchers) told();
        });
        return;
      case "send":
        return streams.get(effect.streamId)?.send(effect.message);
      case "close-stream":
        return streams.get(effect.streamId)?.close(effect.code, effect.reason);
      case "reply":
        waiting.get(effect.requestId)?.(effect.result);
        waiting.delete(effect.requestId);
        return;
      case "publish":
        for (const watcher of watchers) watcher(effect.event);
        return;
      case "step-down":
        return parts.onStepDown(effect.reason);
    }
  }

  /**
   * A tick between the regular ones; where too many are wanted at once, the next regular one has to do. One that is due comes as soon as what has arrived
   * meanwhile was heard: a timer would let a millisecond or two go by with nothing done.
   */
  function wake(atMs: number): void {
    if (atMs <= nowMs()) {
      atOnce ??= setImmediate(() => {
        atOnce = undefined;
        dispatch({ kind: "tick" });
      });
      return;
    }
    const at = Math.ceil(atMs);
    if (wakes.has(at) || wakes.size >= wakesMax) return;
    const timer = setTimeout(
      () => {
        wakes.delete(at);
        dispatch({ kind: "tick" });
      },
      Math.max(0, at - nowMs()),
    );
    wakes.set(at, timer);
  }

  async function write(what: PersistWrite): Promise<Result<Persisted>> {
    const { store, term } = parts;
    try {
      switch (what.kind) {
        case "topology":
          return versioned(await store.putTopology(term, what.document));
        case "demands":
          return versioned(await store.putDemands(term, what.matrix, new Date(nowMs()).toISOString()));
        case "settings":
          return versioned(await store.putSettings(term, what.settings));
        case "operation":
          return versioned(await store.putOperation(term, what.document));
        case "inventory":
          return withVersions(await store.putInventory(term, what.change));
        case "plan":
          return withVersions(await store.appendPlan(term, what.record, what.input, what.assignmentsAfter, what.inventory));
        case "events":
          return unversioned(await store.appendEvents(term, what.events));
      }
    } catch (error) {
      return refuse(fault("store-failed", `The store failed: ${error instanceof Error ? error.message : String(error)}.`));
    }
  }

  const ticker = setInterval(() => dispatch({ kind: "tick" }), tickMs);

  function submit(request: ControllerRequest): Promise<Result<unknown>> {
    if (stopped) return Promise.resolve(refuse(fault("unavailable", "The controller is stopping.")));
    if (waiting.size >= requestsWaitingMax) {
      const message = `${requestsWaitingMax} requests are waiting already; try again later.`;
      return Promise.resolve(refuse(fault("unavailable", message, { data: { accepted: false } })));
    }
    const requestId = `r${nextRequestId++}`;
    return new Promise((resolve) => {
      waiting.set(requestId, resolve);
      dispatch({ ...request, requestId } as ControllerInput);
    });
  }

  return {
    view: () => controllerView(state),
    rulesOf: (nodeId) => switchRules(state, nodeId),
    submit,
    async rollBack(epoch, options) {
      const record = await parts.store.getPlan(epoch);
      if (!record.ok) return record;
      const input = await parts.store.getCycleInput(record.value.cycleInputHash);
      if (!input.ok) return input;
      return submit({ kind: "roll-back", record: record.value, input: input.value, ...options });
    },
    tell: dispatch,
    agentOpened(stream) {
      const streamId = nextStreamId++;
      streams.set(streamId, stream);
      dispatch({ kind: "agent-opened", streamId, ...(stream.certified !== undefined && { certified: stream.certified }) });
      return streamId;
    },
    agentMessage: (streamId, message) => dispatch({ kind: "agent-message", streamId, message }),
    agentClosed(streamId) {
      streams.delete(streamId);
      dispatch({ kind: "agent-closed", streamId });
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    watchJournal(watcher) {
      journalWatchers.add(watcher);
      return () => journalWatchers.delete(watcher);
    },
    async stop() {
      stopped = true;
      clearInterval(ticker);
      for (const timer of wakes.values()) clearTimeout(timer);
      clearImmediate(atOnce);
      for (const stream of streams.values()) stream.close("unavailable", "The controller is stopping.");
      for (const resolve of waiting.values()) resolve(refuse(fault("unavailable", "The controller is stopping.")));
      waiting.clear();
      await writes;
    },
  };
}

/** Never runs backwards. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

function versioned(result: Result<number>): Result<Persisted> {
  return result.ok ? { ok: true, value: { version: result.value } } : result;
}

function withVersions(result: Result<InventoryVersions>): Result<Persisted> {
  return result.ok ? { ok: true, value: { versions: result.value } } : result;
}

function unversioned(result: Result<void>): Result<Persisted> {
  return result.ok ? { ok: true, value: {} } : result;
}
