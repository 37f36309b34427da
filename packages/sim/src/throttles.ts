/**
 * I3, what updates admit: no flow group that is there before and after an update is admitted less than the lesser of both while it lasts, but those
 * that the update says it throttles, and these by no more than it says. And it throttles nobody where steps exist: with a slack of s on every
 * link, old and new within capacity, 1 / s of them are enough (SWAN, Hong et al. 2013, section 4).
 *
 * Rates are read off the tables of the switches, before the update and after each event.
 */
import type { LinkId, NodeId, Rule, RuleKey } from "@sluice/model";
import type { ControllerHost } from "./controller-host.js";
import { offeredBy } from "./walker.js";
import type { World } from "./world.js";

type Update = NonNullable<ControllerHost["state"]["push"]["update"]>;
type Rules = ReadonlyMap<RuleKey, Rule>;

/** What a flow group must be admitted at least, bps. */
interface Least {
  readonly key: RuleKey;
  readonly leastBps: number;
  /** What the update says that it is admitted less for a time, bps. */
  readonly lessBps: number;
}

/** A slack of so much makes steps enough, with what the rounding of weights may cost. */
const slackEnough = 0.1;
const rateTolerance = 1e-6;

export class ThrottleChecks {
  readonly #world: World;
  #least: ReadonlyMap<NodeId, readonly Least[]> = new Map();

  constructor(world: World) {
    this.#world = world;
  }

  /** An update begins; `startBps`: what links may carry before it, `endBps`: what they carry after it. */
  begin(
    { state }: ControllerHost,
    update: Update,
    loads: { readonly startBps: ReadonlyMap<LinkId, number>; readonly endBps: ReadonlyMap<LinkId, number> },
  ): void {
    const { plane, checks } = this.#world;
    const { throttled, interrupts, slack } = update.plan;
    const least = new Map<NodeId, readonly Least[]>();
    const lessOf = new Map(throttled.map(({ nodeId, key, lessBps }) => [`${nodeId} ${key}`, lessBps]));
    const paused = new Set(interrupts.map(({ nodeId, key }) => `${nodeId} ${key}`));
    for (const { nodeId, belief } of state.switches.values()) {
      const wanted = state.push.target?.rules.get(nodeId);
      if (belief.kind === "unknown" || plane.strangersAtMs.has(nodeId) || wanted === undefined) continue;
      const after = ratesOf(nodeId, wanted);
      const befores = [plane.tablesOf(nodeId).rules, ...(belief.kind === "either" ? [belief.before.rules, belief.after.rules] : [])];
      const ofNode: Least[] = [];
      const rates = befores.map((rules) => ratesOf(nodeId, rules));
      for (const [key, bps] of after) {
        if (paused.has(`${nodeId} ${key}`)) continue;
        const leastBps = Math.min(bps, ...rates.map((each) => each.get(key) ?? 0));
        if (leastBps > 0) ofNode.push({ key, leastBps, lessBps: lessOf.get(`${nodeId} ${key}`) ?? 0 });
      }
      least.set(nodeId, ofNode);
    }
    this.#least = least;
    checks.count("I3 flow groups throttled", throttled.length);
    checks.count("I3 Mb/s throttled", Math.ceil(throttled.reduce((sum, { lessBps }) => sum + lessBps, 0) / 1e6));
    const flips = update.plan.stages.filter(({ purpose }) => purpose === "flip").length;
    if (flips > 1) checks.count("I3 in steps");
    if (throttled.length > 0 && slack >= slackEnough && this.#fits(loads.startBps) && this.#fits(loads.endBps))
      checks.fail("I3", `an update throttles ${throttled.length} flow groups, and with a slack of ${slack} there are steps without`);
  }

  /** Something else moves traffic: a scenario, which admits what its split does. */
  end(): void {
    this.#least = new Map();
  }

  /** After a change of tables. */
  judge(): void {
    const { plane, checks } = this.#world;
    for (const [nodeId, ofNode] of this.#least) {
      const { rules, lost } = plane.tablesOf(nodeId);
      // What a crash took is not admitted, and is no throttle.
      if (ofNode.length === 0 || lost.size > 0 || plane.strangersAtMs.has(nodeId)) continue;
      checks.count("I3 admitted");
      const now = ratesOf(nodeId, rules);
      for (const { key, leastBps, lessBps } of ofNode) {
        const bps = now.get(key) ?? 0;
        if (bps >= (leastBps - lessBps) * (1 - rateTolerance)) continue;
        const said = lessBps > 0 ? `, and the update says ${lessBps} bps less` : "";
        checks.fail("I3", `${nodeId} admits ${key} ${bps} bps during an update: before and after it is at least ${leastBps} bps${said}`);
      }
    }
  }

  #fits(loads: ReadonlyMap<LinkId, number>): boolean {
    const { linkById } = this.#world.plane.universe;
    return [...loads].every(([linkId, bps]) => bps <= (linkById.get(linkId)?.capacityBps ?? 0) * (1 + rateTolerance));
  }
}

function ratesOf(nodeId: NodeId, rules: Rules): ReadonlyMap<RuleKey, number> {
  return new Map(offeredBy(nodeId, rules).map(({ key, meterBps }) => [key, meterBps]));
}
