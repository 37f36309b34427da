/**
 * Operators of the simulated network: they look at what the controller shows, have a plan made for what they want to change, and apply it
 * (sometimes much later, when it is stale), go back to earlier plans, confirm in time, too late or not at all, change the mode of the cycle and
 * have switches read. They draw from a random of their own: without them a seed is what it was.
 */
import { optimize, type OptimizeOptions } from "@sluice/engine";
import type { ControllerEvent } from "@sluice/control";
import {
  applyTopologyChanges,
  basisHash,
  planSnapshot,
  type OperationSettings,
  type PlanSettings,
  type Proposal,
  type ProposalBasis,
  type Result,
  type Snapshot,
  type TopologyChange,
} from "@sluice/model";
import { OperatorChecks } from "./operator-checks.js";
import { seededRandom, type Random } from "./random.js";
import type { World } from "./world.js";

/** Longest time to confirm that is asked for, seconds: well below what the network gets to come to rest. */
const confirmSecondsMax = 4;
/** How often they look whether the network is left to itself again when the faults are over, ms. */
const lookMs = 500;

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;
export type OperatorEvent = Extract<
  Untimed<ControllerEvent>,
  { kind: "change-settings" | "change-operation" | "apply-proposal" | "roll-back" | "confirm" | "resync" }
>;

/** A change that somebody wants to see planned. */
interface Question {
  readonly basis: ProposalBasis;
  readonly topologyChanges: readonly TopologyChange[];
  readonly settings: Partial<PlanSettings>;
  readonly snapshot: Snapshot;
}

export class Operators {
  readonly checks: OperatorChecks;
  readonly #world: World;
  readonly #random: Random;
  readonly #questions: Question[] = [];
  #requestLast = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = seededRandom(world.scenario.seed ^ 0x0be7a7e);
    this.checks = new OperatorChecks(world);
  }

  get asksForPlans(): boolean {
    return this.#questions.length > 0;
  }

  schedule(): void {
    const random = this.#random;
    const every = (meanMs: number, run: () => void) => {
      const again = () => {
        if (!this.#world.storming) return;
        run();
        this.#world.clock.after(random.between(0.2, 1.8) * meanMs, again);
      };
      this.#world.clock.after(random.between(0.2, 1.8) * meanMs, again);
    };
    every(1_500, () => this.#ask());
    every(3_000, () => this.#rollBack());
    every(3_000, () => this.#changeMode());
    every(2_500, () => this.#changeSettings());
    every(3_000, () => this.#resync());
  }

  /** After the faults: the network is left to itself again. Called until the world ends. */
  settle(): void {
    const view = this.#world.leaderView();
    if (view !== undefined && view.topology !== undefined && view.operation.mode !== "automatic") this.#setMode("automatic");
    this.#world.clock.after(lookMs, () => this.settle());
  }

  /** Have a plan made for a change of the network as it is shown now. */
  #ask(): void {
    const random = this.#random;
    const view = this.#world.leaderView();
    if (view?.topology === undefined || view.demands === undefined) return;
    const { topology, demands, settings, topologyVersion = 0, demandsVersion = 0, settingsVersion } = view;
    const topologyChanges = random.chance(0.6) ? [drainOf(random, topology.links)] : [];
    const settingsChange = random.chance(0.5) ? { splitWeightSumMax: random.integer(4, 16) } : {};
    const after = applyTopologyChanges(topology, topologyChanges);
    if (!after.ok) return;
    this.#questions.push({
      basis: { topologyVersion, demandsVersion, settingsVersion, inputHash: basisHash({ topology, demands, settings }) },
      topologyChanges,
      settings: settingsChange,
      snapshot: planSnapshot({ topology: after.value, demands, settings: { ...settings, ...settingsChange } }, view.operation.mode),
    });
  }

  /** Between two events of the world, as solves are. What is planned is applied soon, or so late that it is stale. */
  async answer(lp: OptimizeOptions["lp"]): Promise<void> {
    for (let asked = this.#questions.shift(); asked !== undefined; asked = this.#questions.shift()) {
      const { snapshot, ...question } = asked;
      const made = await optimize(snapshot, { lp, nowMs: () => 0, greedyOnly: this.#world.scenario.solver === "greedy" });
      if (!made.ok) continue;
      const proposal: Proposal = { ...question, snapshot, ...made.value };
      const random = this.#random;
      const delayMs = random.chance(0.5) ? random.between(5, 60) : random.between(60, 2_500);
      this.#world.clock.after(delayMs, () => this.#apply(proposal));
    }
  }

  #apply(proposal: Proposal): void {
    const random = this.#random;
    this.#send({
      kind: "apply-proposal",
      requestId: this.#requestId("apply"),
      proposal,
      force: random.chance(0.5),
      tolerateDemands: random.chance(0.5),
      ...this.#confirmation(),
    });
  }

  #rollBack(): void {
    const { plans } = this.#world.store;
    const random = this.#random;
    if (plans.length === 0) return;
    const stored = plans[random.integer(Math.max(0, plans.length - 6), plans.length - 1)];
    if (stored === undefined) return;
    const { record, input } = stored;
    const requestId = this.#requestId("roll-back");
    this.#send({ kind: "roll-back", requestId, record, input, force: random.chance(0.7), ...this.#confirmation() });
  }

  #confirmation(): { readonly confirmWithinSeconds?: number } {
    return this.#random.chance(0.5) ? { confirmWithinSeconds: this.#random.integer(1, confirmSecondsMax) } : {};
  }

  /** Held or on shortest paths, and a while later no more. */
  #changeMode(): void {
    const random = this.#random;
    this.#setMode(random.pick(["automatic", "held", "shortest-path"] as const));
    this.#world.clock.after(random.between(500, 3_000), () => {
      if (this.#world.storming) this.#setMode("automatic");
    });
  }

  #setMode(mode: OperationSettings["mode"]): void {
    this.#send({ kind: "change-operation", requestId: this.#requestId("operation"), operation: { mode } });
  }

  /** Meant for the version that was read, which may be another one by then. */
  #changeSettings(): void {
    const random = this.#random;
    const ifVersion = this.#world.leaderView()?.settingsVersion;
    if (ifVersion === undefined) return;
    this.#world.clock.after(random.between(0, 2_000), () =>
      this.#send({
        kind: "change-settings",
        requestId: this.#requestId("settings"),
        settings: { updateSlack: random.pick([0, 0.1, 0.2, 0.3]) },
        ifVersion,
      }),
    );
  }

  #resync(): void {
    const { id: nodeId } = this.#random.pick(this.#world.scenario.universe.nodes);
    this.#send({ kind: "resync", requestId: this.#requestId("resync"), nodeId });
  }

  #requestId(what: string): string {
    this.#requestLast += 1;
    return `operator-${what}-${this.#requestLast}`;
  }

  #send(event: OperatorEvent): void {
    const { leader } = this.#world;
    if (leader === undefined) return;
    this.#world.record(`an operator: ${event.kind} ${event.requestId}`);
    this.checks.send(leader, event);
  }

  /** Half of those who have to confirm do so, some of them too late. */
  answered(result: Result<unknown>): void {
    if (!result.ok) return;
    const { epoch, confirmByMs } = result.value as { epoch: number; confirmByMs?: number };
    const random = this.#random;
    if (confirmByMs === undefined || !random.chance(0.5)) return;
    const delayMs = (confirmByMs - this.#world.clock.nowMs) * random.between(0, 1.3);
    this.#world.clock.after(delayMs, () => this.#send({ kind: "confirm", requestId: this.#requestId("confirm"), epoch }));
  }
}

function drainOf(random: Random, links: readonly { readonly id: string; readonly drain: string }[]): TopologyChange {
  const { id, drain } = random.pick(links);
  return { kind: "set-link-state", linkId: id as never, drain: drain === "active" ? "drained" : "active" };
}
