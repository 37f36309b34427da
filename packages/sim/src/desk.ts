/** A controller alone with its store and the real engine: for what operators do, where agents and faults do not matter. */
import {
  controllerView,
  createController,
  stepController,
  type ControllerEffect,
  type ControllerEvent,
  type ControllerState,
} from "@sluice/control";
import { optimize, type OptimizeOptions } from "@sluice/engine";
import {
  applyTopologyChanges,
  assert,
  basisHash,
  ok,
  planSnapshot,
  topologyDocument,
  type DemandMatrix,
  type PlanSettings,
  type Proposal,
  type Result,
  type Snapshot,
  type TopologyChange,
} from "@sluice/model";
import type { Scenario } from "./scenario.js";
import { SimulatedStore } from "./store.js";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

const tickMs = 50;
/** Nobody is waited for: there are no agents. */
const adoptGraceMs = 100;
/** Slices in which a plan that is brought may be verified. */
const slicesMax = 20_000;
/** How long the first plan may take, in time of the desk. */
const firstPlanSecondsMax = 60;

export class Desk {
  readonly store = new SimulatedStore();
  readonly state: ControllerState;
  readonly replies = new Map<string, Result<unknown>>();
  readonly #term = this.store.acquireTerm();
  readonly #lp: OptimizeOptions["lp"];
  readonly #solves: { readonly solveId: number; readonly snapshot: Snapshot }[] = [];
  #nowMs = 1_000_000;
  #requestLast = 0;

  private constructor(scenario: Scenario, lp: OptimizeOptions["lp"]) {
    this.#lp = lp;
    this.state = createController(
      { ...scenario.controllerConfig, adoptGraceMs, controllerId: "desk" },
      { term: this.#term, inventory: { epoch: 0 } },
    );
  }

  /** With a first plan as the target, and nobody waited for any more. */
  static async open(scenario: Scenario, demands: DemandMatrix, lp: OptimizeOptions["lp"]): Promise<Desk> {
    const desk = new Desk(scenario, lp);
    desk.ask({ kind: "replace-topology", topology: topologyDocument(scenario.universe) });
    desk.ask({ kind: "change-settings", settings: scenario.settings });
    desk.event({ kind: "measure-demands", matrix: demands });
    // A large plan is verified in slices, one a tick.
    for (let seconds = 0; seconds < firstPlanSecondsMax && desk.state.push.target === undefined; seconds += 1) await desk.wait(1_000);
    const { target } = desk.state.push;
    assert(target !== undefined, `there is a first plan: ${desk.state.cycle.lastFaults?.[0].message ?? "none was made"}`);
    return desk;
  }

  event(event: Untimed<ControllerEvent>): void {
    this.#carryOut(stepController(this.state, { ...event, nowMs: this.#nowMs } as ControllerEvent).effects);
  }

  ask(request: Readonly<Record<string, unknown>>): Result<unknown> | undefined {
    this.#requestLast += 1;
    const requestId = `r${this.#requestLast}`;
    this.event({ ...request, requestId } as unknown as Untimed<ControllerEvent>);
    // A plan that is brought is verified in slices, one a tick.
    for (let ticks = 0; ticks < slicesMax && this.state.inventory.inHand !== undefined; ticks += 1) this.event({ kind: "tick" });
    return this.replies.get(requestId);
  }

  /** Time passes; what is to be solved is solved at once. */
  async wait(ms: number): Promise<void> {
    for (const untilMs = this.#nowMs + ms; this.#nowMs < untilMs;) {
      this.#nowMs += tickMs;
      this.event({ kind: "tick" });
      for (let asked = this.#solves.shift(); asked !== undefined; asked = this.#solves.shift()) {
        const { solveId, snapshot } = asked;
        this.event({ kind: "solved", solveId, result: await this.#solve(snapshot) });
      }
    }
  }

  /** As a preview does it. */
  async propose(topologyChanges: readonly TopologyChange[], settings: Partial<PlanSettings>): Promise<Proposal> {
    const view = controllerView(this.state);
    const { topology, demands, topologyVersion = 0, demandsVersion = 0, settingsVersion } = view;
    assert(topology !== undefined && demands !== undefined, "there is something to plan on");
    const after = applyTopologyChanges(topology, topologyChanges);
    assert(after.ok, "the changes are valid");
    const snapshot = planSnapshot({ topology: after.value, demands, settings: { ...view.settings, ...settings } }, view.operation.mode);
    const made = await this.#solve(snapshot);
    assert(made.ok, "the engine has a plan");
    const inputHash = basisHash({ topology, demands, settings: view.settings });
    return { basis: { topologyVersion, demandsVersion, settingsVersion, inputHash }, topologyChanges, settings, snapshot, ...made.value };
  }

  #solve(snapshot: Snapshot): ReturnType<typeof optimize> {
    return optimize(snapshot, { lp: this.#lp, nowMs: () => 0 });
  }

  #carryOut(effects: readonly ControllerEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "reply") this.replies.set(effect.requestId, effect.result);
      else if (effect.kind === "solve") this.#solves.push(effect);
      else if (effect.kind === "cancel-solve") this.#solves.splice(0);
      else if (effect.kind === "protect") this.event({ kind: "protected", protectId: effect.protectId, result: ok({ splits: [] }) });
      else if (effect.kind === "persist")
        this.event({ kind: "persisted", persistId: effect.persistId, result: this.store.write(this.#term, effect.write) });
    }
  }
}
