/**
 * What a controller shows that does not lead: the store's newest state, read anew when the journal has grown. What only a leader knows (sessions
 * of agents, links that they report, measurements, what is on its way) is not there.
 */
import { controllerView, createController, type ControllerConfig, type ControllerView, type PlanView } from "@sluice/control";
import { fault, refuse, type Faults, type Result } from "@sluice/model";
import type { Store } from "@sluice/store";
import { loadStartInventory } from "../start-inventory.js";

/** How often the journal is looked at, ms. */
const refreshMs = 1_000;
/** Without news everything is read after this all the same: the journal is written behind what it tells of, ms. */
const readMsMax = 10_000;
/** Older than this is not what a follower is there for, ms. */
const staleMsMax = 5_000;

export interface FollowerView {
  view(): ControllerView;
  /** How long ago the store was known to hold no more than this, ms; Infinity before the first time. */
  stalenessMs(): number;
  /** Reads what there is to be read, now. */
  refresh(): Promise<void>;
  /** Reads for the first time, and goes on. */
  start(): Promise<void>;
  close(): void;
}

export interface FollowerParts {
  readonly store: Store;
  readonly config: ControllerConfig;
  /** Nothing is read while it is false: who leads knows better. */
  isNeeded(): boolean;
  /** The journal has grown. */
  onJournal(): void;
  onFaults(faults: Faults): void;
}

export function followStore({ store, config, isNeeded, onJournal, onFaults }: FollowerParts): FollowerView {
  let shown: ControllerView = {
    ...emptyView(config),
    readiness: { ready: false, reasons: ["The store has not been read yet."], deletionsAllowed: false },
  };
  let plan: PlanView | undefined;
  let eventLast = -1;
  let freshAtMs = -Infinity;
  let readAtMs = -Infinity;
  let running: Promise<void> | undefined;
  let isAway = false;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function read(): Promise<Result<void>> {
    const begunAtMs = nowMs();
    const newest = await store.newestEvent();
    if (!newest.ok) return newest;
    const hasGrown = newest.value !== eventLast;
    if (hasGrown || begunAtMs - readAtMs > readMsMax) {
      const inventory = await store.loadInventory();
      if (!inventory.ok) return inventory;
      if (inventory.value.epoch !== (plan?.record.epoch ?? 0)) {
        const whole = await loadStartInventory(store);
        if (!whole.ok) return whole;
        plan = planOf(controllerView(createController(config, { term: 0, inventory: whole.value })));
      }
      // Without its plan nothing is compiled: that was done when it was new.
      const { rung: _, ...rest } = controllerView(createController(config, { term: 0, inventory: { ...inventory.value, epoch: 0 } }));
      shown = { ...rest, epoch: inventory.value.epoch, agents: [], ...(plan && { planInForce: plan, rung: plan.record.plan.rung }) };
      readAtMs = begunAtMs;
      eventLast = newest.value;
      if (hasGrown) onJournal();
    }
    freshAtMs = begunAtMs;
    return { ok: true, value: undefined };
  }

  async function refreshOnce(): Promise<void> {
    // What is stored and not understood is the leader's to stop for: here nothing is done with it.
    const failed = (error: unknown): Result<void> =>
      refuse(fault("store-failed", `What is stored cannot be shown: ${error instanceof Error ? error.message : String(error)}.`));
    const done = await read().catch(failed);
    if (!done.ok && !isAway) onFaults(done.faults);
    isAway = !done.ok;
  }

  function refresh(): Promise<void> {
    running ??= refreshOnce().finally(() => {
      running = undefined;
    });
    return running;
  }

  function next(): void {
    if (closed) return;
    timer = setTimeout(() => void (isNeeded() ? refresh() : Promise.resolve()).finally(next), refreshMs);
  }

  const stalenessMs = (): number => nowMs() - freshAtMs;
  return {
    view: () => {
      const age = stalenessMs();
      const reasons =
        age === Infinity
          ? shown.readiness.reasons
          : age > staleMsMax
            ? [`What is shown is as of ${Math.round(age / 1_000)} s ago: the store does not answer.`]
            : [];
      return { ...shown, nowMs: nowMs(), readiness: { ready: reasons.length === 0, reasons, deletionsAllowed: false } };
    },
    stalenessMs,
    refresh,
    start() {
      next();
      return refresh();
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

function emptyView(config: ControllerConfig): ControllerView {
  return controllerView(createController(config, { term: 0, inventory: { epoch: 0 } }));
}

/** The newest plan; whether every switch holds it already, only the leader knows. */
function planOf(view: ControllerView): PlanView | undefined {
  return view.planPending ?? view.planInForce;
}

/** Never runs backwards. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
