/** I1 and I2 on the network as it is: where packets go, of all that is installed and of all that is let in. */
import type { FailoverRule, NodeId, Rule, RuleKey } from "@sluice/model";
import { walksOf } from "./walker.js";
import type { World } from "./world.js";

/**
 * Over all that is installed, used or not. I1: following a label from anywhere ends. I2: what names a failover group finds it, and what a
 * failover group that is used leads around a dead port finds its way back, but for rules that a crash took.
 */
export function checkLabels(world: World): void {
  const { plane, checks } = world;
  const walk = walksOf(plane);
  for (const [nodeId, { rules, lost }] of plane.tables) {
    const used = failoversUsed(rules);
    for (const rule of rules.values()) {
      if (rule.kind === "failover" && used.has(rule.failoverId) && !plane.strangersAtMs.has(nodeId)) checkBypass(world, nodeId, rule);
      if (rule.kind !== "label" || rule.action.kind !== "output") continue;
      checks.count("I1");
      const { link: output, failoverId } = rule.action;
      if (failoverId !== undefined && !rules.has(`failover/${failoverId}`) && !lost.has(`failover/${failoverId}`))
        checks.fail("I2", `label ${rule.match.label} of ${nodeId} names failover ${failoverId}, which is not there`);
      const { end, links } = walk({ nodeId, output, failoverId, label: rule.match.label });
      if (end === "loop") checks.fail("I1", `label ${rule.match.label} from ${nodeId} loops over ${links.join(", ")}`);
    }
  }
}

/** Failover groups that a packet can come to. */
function failoversUsed(rules: ReadonlyMap<RuleKey, Rule>): ReadonlySet<number> {
  const used = new Set<number>();
  for (const rule of rules.values()) {
    const exits = rule.kind === "group" ? rule.buckets : rule.kind === "label" && rule.action.kind === "output" ? [rule.action] : [];
    for (const { failoverId } of exits) if (failoverId !== undefined) used.add(failoverId);
  }
  return used;
}

/** Whether its port is dead or not: the packet carries a tunnel's label below, and comes out of the bypass with it alone. */
function checkBypass({ plane, checks }: World, nodeId: NodeId, { failoverId, buckets }: FailoverRule): void {
  for (const { output, pushLabel } of buckets) {
    let at = plane.universe.linkById.get(output)?.to;
    if (pushLabel === undefined) continue;
    checks.count("I2 bypass");
    for (let hops = 0; at !== undefined; hops += 1) {
      const key = `label/${pushLabel}`;
      const rule = plane.tablesOf(at).rules.get(key);
      if (rule?.kind !== "label") {
        // What an operator takes out in the middle of an update is told nothing more.
        if (plane.tablesOf(at).lost.has(key) || plane.strangersAtMs.has(at)) break;
        return checks.fail("I2", `failover ${failoverId} of ${nodeId} leads to ${at}, where there is no ${key}`);
      }
      if (rule.action.kind === "pop-output") break;
      if (rule.action.kind !== "output" || hops > plane.universe.nodes.length)
        return checks.fail("I2", `failover ${failoverId} of ${nodeId} leads nowhere: ${key} of ${at} is ${rule.action.kind}`);
      at = plane.universe.linkById.get(rule.action.link)?.to;
    }
  }
}

/** I2: whatever a meter admits is delivered behind the prefix that it is for. */
export function checkWays({ plane, checks }: World): void {
  const walk = walksOf(plane);
  for (const one of plane.offered()) {
    const { key, nodeId, dstPrefix, label } = one;
    const { end, at, what, isRepaired } = walk(one);
    switch (end) {
      case "delivered": {
        checks.count(isRepaired ? "I2 repaired" : "I2");
        const prefix = plane.universe.nodeById.get(at)?.prefix;
        if (prefix !== dstPrefix) checks.fail("I2", `${key} of ${nodeId} under label ${label} is delivered at ${at}`);
        break;
      }
      case "no-rule":
        if (!plane.tablesOf(at).lost.has(what)) checks.fail("I2", `${key} of ${nodeId} under label ${label} finds no ${what} at ${at}`);
        checks.count("I2 excused by a crash");
        break;
      case "link-down":
        checks.count("I2 excused by a cut");
        break;
      case "loop":
        checks.fail("I1", `${key} of ${nodeId} under label ${label} loops`);
    }
  }
}
