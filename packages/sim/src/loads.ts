/**
 * I3: what links carry, from meters and weights as they are installed. Judged in two ways.
 *
 * At rest (all switches hold the plan in force, or it with the scenario that is active on top): under the links that it was made for no link is
 * over capacity. Nothing is excused.
 *
 * On the way: under the links that the controller took for down when it made the way, because that is what it promises; what a cable does to traffic
 * of which nobody has told the controller is judged when it was told.
 *
 *   an update      no link carries more than (1 + slack) x capacity, or than it did when the update was made, where that is more: with
 *                  each switch that has not answered for a stage, whichever of the two is more on each tunnel
 *   an activation  each switch sends as the plan says, or as a scenario that was activated from it says; with those that have not changed over taken
 *                  to have done so, no link is over capacity
 *
 * Left out is only what a switch sends of which the controller knows that it does not know its rules.
 */
import { controllerView } from "@sluice/control";
import { cablesOf, type FailureScenario, type LinkId, type NodeId, type Rule, type RuleKey, type Topology } from "@sluice/model";
import type { ControllerHost } from "./controller-host.js";
import { ThrottleChecks } from "./throttles.js";
import { offeredBy, walksOf, type Offered, type Start, type Walk } from "./walker.js";
import type { World } from "./world.js";

type Rules = ReadonlyMap<RuleKey, Rule>;
type Update = NonNullable<ControllerHost["state"]["push"]["update"]>;
type Target = NonNullable<ControllerHost["state"]["push"]["target"]>;

/** What the controller that made an update promises of it. */
interface Way {
  readonly update: Update;
  readonly linksDown: ReadonlySet<LinkId>;
  /** What each link may carry, bps. */
  readonly allowedBps: (linkId: LinkId) => number;
  /** Switches whose rules it did not know. */
  readonly unread: ReadonlySet<NodeId>;
  /** Where all switches change over at once. */
  readonly activation: (Activated & { readonly target: Target }) | undefined;
  readonly counting: Counting;
}

interface Counting {
  /** Otherwise packets are counted up to where they are repaired. */
  readonly countsRepaired: boolean;
  /** Packets are counted up to these links. */
  readonly foreign?: ReadonlySet<LinkId>;
}

/** What switches may hold since the first scenario of a plan was activated. */
interface Activated {
  /** The plan itself. */
  readonly base: Target;
  readonly held: readonly Target[];
  /** Switches that were away: they may hold what came before. */
  readonly unreached: ReadonlySet<NodeId>;
}

/** What meters count in: a sum of rounded rates may be off by this much, relative. */
export const loadTolerance = 1e-6;

export class LoadChecks {
  readonly #world: World;
  readonly #throttles: ThrottleChecks;
  #way: Way | undefined;
  #activated: Activated | undefined;

  constructor(world: World) {
    this.#world = world;
    this.#throttles = new ThrottleChecks(world);
  }

  /** After an event, before tables are judged: an update that was made in it is what they are judged by. */
  follow(): void {
    const newest = this.#world.controllers.findLast(({ alive, state }) => alive && !state.adopting);
    // One that was deposed is not obeyed any more by those whom its successor has heard.
    if (newest === undefined || newest.term < this.#world.store.term - 1) return;
    const { update, target } = newest.state.push;
    if (update === undefined || target === undefined || update === this.#way?.update) return;
    this.#way = update.atOnce && target.active !== undefined ? this.#activation(newest, update, target) : this.#update(newest, update);
  }

  #update(host: ControllerHost, update: Update): Way {
    const { plane } = this.#world;
    const { state } = host;
    const { down: linksDown, foreign } = linksAsKnown(state, plane.universe.links);
    const unread = new Set([...state.switches.values()].filter(({ belief }) => belief.kind === "unknown").map(({ nodeId }) => nodeId));
    const offered = plane.offered().filter(({ nodeId }) => !unread.has(nodeId));
    const byTunnel = new Map(offered.map((one) => [tunnelOf(one), one]));
    for (const { nodeId, belief } of state.switches.values()) {
      if (belief.kind !== "either" || plane.strangersAtMs.has(nodeId)) continue;
      for (const one of [...offeredBy(nodeId, belief.before.rules), ...offeredBy(nodeId, belief.after.rules)]) {
        const known = byTunnel.get(tunnelOf(one));
        if (known === undefined || known.rateBps < one.rateBps) byTunnel.set(tunnelOf(one), one);
      }
    }
    const startBps = loadsOf(byTunnel.values(), walksOf(plane.under(linksDown)), { countsRepaired: true, foreign });
    this.#beginThrottles(host, update, { startBps, linksDown });
    const share = 1 + update.plan.slack;
    return {
      update,
      linksDown,
      unread,
      activation: undefined,
      counting: { countsRepaired: true, foreign },
      allowedBps: (linkId) => Math.max(this.#capacityBps(linkId) * share, startBps.get(linkId) ?? 0),
    };
  }

  /** Rates of an update are held against what was admitted before it and will be after. */
  #beginThrottles(
    host: ControllerHost,
    update: Update,
    { startBps, linksDown }: { readonly startBps: ReadonlyMap<LinkId, number>; readonly linksDown: ReadonlySet<LinkId> },
  ): void {
    const { target } = host.state.push;
    if (target === undefined) return this.#throttles.end();
    const walk = walksOf(this.#world.plane.under(linksDown, target.rules));
    const offered = [...target.rules].flatMap(([nodeId, rules]) => offeredBy(nodeId, rules));
    this.#throttles.begin(host, update, { startBps, endBps: loadsOf(offered, walk) });
  }

  #activation({ state }: ControllerHost, update: Update, target: Target): Way {
    const { plane } = this.#world;
    const { active } = target;
    const { checks } = this.#world;
    this.#throttles.end();
    const base = active?.base ?? target;
    const before = this.#activated?.base === base ? this.#activated : undefined;
    const unreached = [...state.switches.values()].filter(({ streamId }) => streamId === undefined).map(({ nodeId }) => nodeId);
    this.#activated = {
      base,
      held: [...(before?.held ?? [base]), target],
      unreached: new Set([...unreached, ...(before?.unreached ?? [])]),
    };
    const prepared = state.protection.scenarios.get(active?.scenarioId ?? "");
    const scenario = prepared?.split.scenario;
    if (active !== undefined && scenario !== undefined) this.#covers(state, active.base, scenario);
    const linksDown = new Set([...linksDownIn(target.topology), ...(scenario?.linkIds ?? [])]);
    const counting = { countsRepaired: prepared?.crowded !== true };
    // What the switches are told must fit once they all have obeyed.
    const walk = walksOf(plane.under(linksDown, target.rules));
    const offered = [...target.rules].flatMap(([nodeId, rules]) => offeredBy(nodeId, rules));
    for (const [linkId, bps] of loadsOf(offered, walk, counting)) {
      if (!(bps <= this.#capacityBps(linkId) * (1 + loadTolerance)))
        checks.fail("I3", `scenario ${active?.scenarioId} puts ${bps} bps on link ${linkId} of ${this.#capacityBps(linkId)} bps`);
    }
    checks.count("I3 scenario");
    return {
      update,
      linksDown,
      unread: new Set(),
      activation: { ...this.#activated, target },
      counting,
      allowedBps: (linkId) => this.#capacityBps(linkId),
    };
  }

  /** A scenario answers for all that was reported and that the plan uses, and for nothing else that the plan uses. */
  #covers(state: ControllerHost["state"], { topology, record: { plan } }: Target, { id, linkIds }: FailureScenario): void {
    const now = controllerView(state).topology;
    const isDown = (linkId: LinkId) => now?.linkById.get(linkId)?.operational === "down";
    const used = new Set([...plan.tunnels, ...(plan.protection?.backupTunnels ?? [])].flatMap(({ path }) => path));
    for (const cable of cablesOf(topology)) {
      if (!cable.linkIds.some((linkId) => used.has(linkId))) continue;
      const isNews = cable.linkIds.some((linkId) => isDown(linkId) && topology.linkById.get(linkId)?.operational === "up");
      const wasUp = cable.linkIds.some((linkId) => topology.linkById.get(linkId)?.operational === "up");
      const isTaken = cable.linkIds.some((linkId) => linkIds.includes(linkId));
      if (wasUp && isNews !== isTaken)
        this.#world.checks.fail("scenario", `${id} is activated, and cable ${cable.id} is ${isNews ? "down" : "up"}`);
    }
  }

  /** After a change of tables or cables. */
  judge(inForce: Target | undefined, isSteady: boolean): void {
    const { plane, checks, leader } = this.#world;
    if (isSteady && inForce !== undefined) {
      const prepared = leader?.state.protection.scenarios.get(inForce.active?.scenarioId ?? "");
      const linksDown = new Set([...linksDownIn(inForce.topology), ...(prepared?.split.scenario.linkIds ?? [])]);
      checks.count("I3 steady");
      const loads = loadsOf(plane.offered(), walksOf(plane.under(linksDown)), { countsRepaired: prepared?.crowded !== true });
      this.#compare(loads, (linkId) => this.#capacityBps(linkId), "in steady state");
    }
    this.#throttles.judge();
    const way = this.#way;
    if (way === undefined) return;
    checks.count(way.activation === undefined ? "I3 moving" : "I3 activating");
    const walk = walksOf(plane.under(way.linksDown));
    const offered = plane.offered().filter(({ nodeId }) => !way.unread.has(nodeId));
    if (offered.length < plane.offered().length) checks.count("I3 without a switch that nobody has read");
    const loads = loadsOf(offered, walk, way.counting);
    if (way.activation !== undefined) this.#subtractStragglers(loads, way.activation, walk, way.counting);
    this.#compare(loads, way.allowedBps, way.activation === undefined ? "during an update" : "during an activation");
  }

  /** Of switches that have yet to change over: what they load links with beyond what they will. */
  #subtractStragglers(
    loads: Map<LinkId, number>,
    { target, held, unreached }: NonNullable<Way["activation"]>,
    walk: (start: Start) => Walk,
    counting: Counting,
  ): void {
    const { plane, checks } = this.#world;
    for (const [nodeId, { rules }] of plane.tables) {
      const wanted = target.rules.get(nodeId) ?? new Map<RuleKey, Rule>();
      if (sameTraffic(rules, wanted) || rules.size === 0 || plane.strangersAtMs.has(nodeId)) continue;
      const isHeld = held.some((each) => sameTraffic(rules, each.rules.get(nodeId) ?? new Map<RuleKey, Rule>()));
      if (!isHeld && !unreached.has(nodeId))
        checks.fail("I3", `${nodeId} sends neither as its plan says nor as scenario ${target.active?.scenarioId} does`);
      checks.count("I3 explained by a switch that has yet to change over");
      const after = loadsOf(offeredBy(nodeId, wanted), walk, counting);
      for (const [linkId, bps] of loadsOf(offeredBy(nodeId, rules), walk, counting)) {
        const excess = bps - (after.get(linkId) ?? 0);
        if (excess > 0) loads.set(linkId, (loads.get(linkId) ?? 0) - excess);
      }
    }
  }

  #compare(loads: ReadonlyMap<LinkId, number>, allowedBps: (linkId: LinkId) => number, when: string): void {
    for (const [linkId, load] of loads) {
      const allowed = allowedBps(linkId);
      if (!(load <= allowed * (1 + loadTolerance)))
        this.#world.checks.fail(
          "I3",
          `link ${linkId} carries ${load} bps of ${this.#capacityBps(linkId)} bps ${when}, and may carry ${allowed}`,
        );
    }
  }

  #capacityBps(linkId: LinkId): number {
    return this.#world.plane.universe.linkById.get(linkId)?.capacityBps ?? 0;
  }
}

/** Links that a plan was told are down. */
export function linksDownIn({ links }: Pick<Topology, "links">): readonly LinkId[] {
  return links.filter(({ operational }) => operational === "down").map(({ id }) => id);
}

/** Rules that say what a switch itself sends. */
function isTrafficRule({ kind }: Rule): boolean {
  return kind === "ingress" || kind === "meter" || kind === "group";
}

/** Load of each link by what is offered. */
export function loadsOf(
  offered: Iterable<Offered>,
  walk: (start: Start) => Walk,
  { countsRepaired, foreign }: Counting = { countsRepaired: true },
): Map<LinkId, number> {
  const loads = new Map<LinkId, number>();
  for (const one of offered) {
    const { links, unrepaired } = walk(one);
    const count = countsRepaired ? links.length : unrepaired;
    for (let i = 0; i < count; i += 1) {
      const linkId = links[i];
      if (linkId === undefined || foreign?.has(linkId) === true) break;
      loads.set(linkId, (loads.get(linkId) ?? 0) + one.rateBps);
    }
  }
  return loads;
}

/** Links that the controller takes for down; and those of which no document that it has says anything: what passes them is out of its sight. */
function linksAsKnown(
  state: ControllerHost["state"],
  links: readonly { readonly id: LinkId }[],
): { readonly down: ReadonlySet<LinkId>; readonly foreign: ReadonlySet<LinkId> } {
  const topology = controllerView(state).topology;
  const { retired } = state.inventory;
  const down = new Set<LinkId>();
  const foreign = new Set<LinkId>();
  for (const { id } of links) {
    const known = topology?.linkById.get(id) ?? retired.links.get(id);
    if (known === undefined) foreign.add(id);
    else if (known.operational === "down") down.add(id);
  }
  return { down, foreign };
}

function tunnelOf({ nodeId, key, label, output }: Offered): string {
  return `${nodeId} ${key} ${label} ${output}`;
}

/** Whether two tables send alike: all but what passes. */
function sameTraffic(a: Rules, b: Rules): boolean {
  const count = (rules: Rules) => [...rules.values()].filter(isTrafficRule).length;
  if (count(a) !== count(b)) return false;
  for (const [key, rule] of a) {
    if (!isTrafficRule(rule)) continue;
    const other = b.get(key);
    if (other !== rule && JSON.stringify(other) !== JSON.stringify(rule)) return false;
  }
  return true;
}
