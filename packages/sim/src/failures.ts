/**
 * What plans promise for failures, tried on the real tables: at rest every cable of the network is cut in thought, one after the other, and so is
 * every scenario that agents keep operations for. Judged without the code that made the plan, the splits or the rules.
 */
import {
  cablesOf,
  classMarking,
  guaranteeOf,
  protectionOf,
  ruleKey,
  trafficClasses,
  type FailureScenario,
  type Guarantee,
  type LinkId,
  type NodeId,
  type Rule,
  type RuleKey,
  type RuleOperation,
} from "@sluice/model";
import type { ControllerHost } from "./controller-host.js";
import { linksDownIn, loadsOf, loadTolerance } from "./loads.js";
import { offeredBy, walksOf, type Offered, type Start, type Walk } from "./walker.js";
import type { World } from "./world.js";

type Target = NonNullable<ControllerHost["state"]["push"]["target"]>;

/** What the plan promises the class of these packets. */
export function guaranteeOfDscp({ input }: Target, dscp: number): Guarantee {
  const protection = protectionOf(input.settings);
  const trafficClass = trafficClasses.find((each) => classMarking[each].dscp === dscp);
  return trafficClass === undefined ? { kind: "none" } : guaranteeOf(protection, trafficClass);
}

export class FailureChecks {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** All switches hold what is in force; once for each. */
  judge(inForce: Target): void {
    if (inForce.active === undefined) this.#cutEveryCable(inForce);
    else this.#judgeActive(inForce);
  }

  /**
   * I2 under a failure that nobody knows of yet: what would pass the dead cable is delivered, wherever the plan has a bypass for it. No bypass
   * of a plan uses the cable that it leads around, so one is whole while nothing else fails.
   */
  #cutEveryCable(plan: Target): void {
    const { protection } = plan.record.plan;
    if (protection === undefined || protection.bypasses.length === 0) return;
    const { plane, checks } = this.#world;
    const downThen = linksDownIn(plan.topology);
    const offered = plane.offered();
    const walk = walksOf(plane.under(new Set(downThen)));
    const ways = new Map<string, { readonly one: Offered; readonly links: readonly LinkId[] }>();
    for (const one of offered) {
      const { links } = walk(one);
      ways.set(`${one.nodeId} ${one.label} ${one.output} ${one.failoverId} ${one.dstPrefix}`, { one, links });
    }
    for (const { linkIds } of cablesOf(plan.topology)) {
      const cut = new Set([...downThen, ...linkIds]);
      const under = walksOf(plane.under(cut));
      for (const { one, links } of ways.values()) {
        const at = links.findIndex((id) => linkIds.includes(id));
        const failed = links[at];
        if (failed === undefined) continue;
        const found = under(one);
        if (found.end === "loop") checks.fail("I1", `with ${failed} cut, label ${one.label} from ${one.nodeId} loops`);
        const next = links[at + 1];
        const mergesAt = [failed, next].map((id) => plane.universe.linkById.get(id ?? ("" as LinkId))?.to);
        const isRepaired = protection.bypasses.some(
          ({ protects, path }) => protects === failed && mergesAt.includes(plane.universe.linkById.get(path.at(-1) ?? ("" as LinkId))?.to),
        );
        if (!isRepaired) {
          checks.count("I2 without a bypass");
          continue;
        }
        checks.count("I2 under a cut");
        if (found.end !== "delivered" || plane.universe.nodeById.get(found.at)?.prefix !== one.dstPrefix) {
          checks.fail(
            "I2",
            `with ${failed} cut, ${one.key} of ${one.nodeId} under label ${one.label} ends ${found.end} at ${found.at} ${found.what}`,
          );
        }
      }
    }
  }

  /** After the ingresses have changed over. */
  #judgeActive(target: Target): void {
    const { plane, leader, checks } = this.#world;
    const { active } = target;
    const scenario = leader?.state.protection.scenarios.get(active?.scenarioId ?? "")?.split.scenario;
    if (active === undefined || scenario === undefined) return;
    checks.count("I2 scenario in force");
    const offered = plane.offered();
    this.#nothingIntoTheDead(active.base, scenario, offered);
    const planned = [...active.base.rules].flatMap(([nodeId, rules]) => (plane.strangersAtMs.has(nodeId) ? [] : offeredBy(nodeId, rules)));
    const cut = new Set([...linksDownIn(target.topology), ...scenario.linkIds]);
    this.#guaranteed(active.base, scenario, { planned, offered, walk: walksOf(plane.under(cut)) });
  }

  /** No ingress sends what is promised anything into a tunnel that is dead, while its group has one that lives. */
  #nothingIntoTheDead(plan: Target, { linkIds, id }: FailureScenario, offered: readonly Offered[]): void {
    const { checks } = this.#world;
    const dead = new Set([...linkIds, ...linksDownIn(plan.topology)]);
    const { tunnels, protection } = plan.record.plan;
    const pathOf = new Map<number, readonly LinkId[]>();
    for (const { id: tunnelId, path } of [...tunnels, ...(protection?.backupTunnels ?? [])]) {
      const label = plan.assignmentsAfter.labelByTunnel.get(tunnelId);
      if (label !== undefined) pathOf.set(label, path);
    }
    const isDead = ({ label }: { readonly label: number }) => pathOf.get(label)?.some((linkId) => dead.has(linkId)) === true;
    const planned = new Map<string, Offered[]>();
    for (const one of [...plan.rules].flatMap(([nodeId, rules]) => offeredBy(nodeId, rules))) {
      const key = `${one.nodeId} ${one.key}`;
      planned.set(key, [...(planned.get(key) ?? []), one]);
    }
    for (const one of offered) {
      if (!isDead(one) || guaranteeOfDscp(plan, one.dscp).kind === "none") continue;
      if (planned.get(`${one.nodeId} ${one.key}`)?.some((member) => !isDead(member)) !== true) continue;
      checks.fail("I2", `under ${id}, ${one.key} of ${one.nodeId} sends into label ${one.label}, which is dead`);
    }
  }

  /** What agents keep, tried: each scenario as if it happened now. Guaranteed classes lose nothing and crowd no link. */
  tryScenarios(plan: Target, kept: ReadonlyMap<NodeId, ReadonlyMap<string, readonly RuleOperation[]>>): void {
    const { plane, leader, checks } = this.#world;
    const planned = plane.offered();
    for (const { split, operations } of leader?.state.protection.scenarios.values() ?? []) {
      const { scenario } = split;
      const rules = new Map<NodeId, ReadonlyMap<RuleKey, Rule>>();
      for (const [nodeId, ofNode] of operations) {
        const table = new Map<RuleKey, Rule>(plane.rulesOf(nodeId));
        // What an agent has no room for, it is told in full when it happens.
        for (const operation of kept.get(nodeId)?.get(scenario.id) ?? ofNode) {
          if (operation.op === "put") table.set(ruleKey(operation.rule), operation.rule);
          else table.delete(operation.key);
        }
        rules.set(nodeId, table);
      }
      const offered = [...plane.tables].flatMap(([nodeId, table]) => offeredBy(nodeId, rules.get(nodeId) ?? table.rules));
      const cut = new Set([...linksDownIn(plan.topology), ...scenario.linkIds]);
      checks.count("scenario tried");
      this.#nothingIntoTheDead(plan, scenario, offered);
      this.#guaranteed(plan, scenario, { planned, offered, walk: walksOf(plane.under(cut, rules)) });
    }
  }

  /** What is guaranteed of what the plan admits arrives, but for ends that fail, and fills no link. */
  #guaranteed(
    plan: Target,
    { nodeIds, kind, id }: FailureScenario,
    {
      planned,
      offered,
      walk,
    }: { readonly planned: readonly Offered[]; readonly offered: readonly Offered[]; readonly walk: (start: Start) => Walk },
  ): void {
    const { plane, checks } = this.#world;
    const isGuaranteed = ({ dscp }: Offered) => guaranteeOfDscp(plan, dscp).kind === "guaranteed";
    if (!planned.some(isGuaranteed) || kind === "pair" || kind === "drain") return;
    checks.count("guarantee tried");
    const arrivedBps = new Map<string, number>();
    const guaranteed = offered.filter(isGuaranteed);
    for (const one of guaranteed) {
      const { end } = walk(one);
      const flow = `${one.nodeId} ${one.key}`;
      if (end === "delivered") arrivedBps.set(flow, (arrivedBps.get(flow) ?? 0) + one.rateBps);
    }
    const gone = new Set(nodeIds.map((nodeId) => plane.universe.nodeById.get(nodeId)?.prefix));
    for (const one of planned) {
      if (!isGuaranteed(one) || nodeIds.includes(one.nodeId) || gone.has(one.dstPrefix)) continue;
      const arrives = arrivedBps.get(`${one.nodeId} ${one.key}`) ?? 0;
      if (arrives < one.meterBps * (1 - loadTolerance))
        checks.fail("guarantee", `under ${id}, ${arrives} of ${one.meterBps} bps of ${one.key} of ${one.nodeId} arrive`);
    }
    for (const [linkId, bps] of loadsOf(guaranteed, walk)) {
      const capacityBps = plane.universe.linkById.get(linkId)?.capacityBps ?? 0;
      if (bps > capacityBps * (1 + loadTolerance)) checks.fail("guarantee", `under ${id}, what is guaranteed puts ${bps} bps on ${linkId}`);
    }
  }
}
