/** I1 and I2 on the network as it is: where packets go, of all that is installed and of all that is let in. */
import type { FailoverRule, NodeId, Rule, RuleKey } from "@sluice/model";
import { walksOf } from "./walker.js";
import type { World } from "./world.js";

/**
 * Over all that is installed, used or not. I1: following a label from anywhere ends. I2: what names a failover group finds it, and what a
 * failover group that is used leads around a dead port finds its way back to its tunnel, but for rules that a crash took.
 */
export function checkLabels(world: World): void {
  const { plane, checks } = world;
  const walk = walksOf(plane);
  for (const [nodeId, { rules, lost }] of plane.tables) {
    const used = failoversUsed(rules);
    for (const rule of rules.values()) {
      const users = rule.kind === "failover" ? used.get(rule.failoverId) : undefined;
      if (rule.kind === "failover" && users !== undefined && !plane.strangersAtMs.has(nodeId)) checkBypass(world, nodeId, rule, users);
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

/** Failover groups that a packet can come to, and the labels under which it does. */
function failoversUsed(rules: ReadonlyMap<RuleKey, Rule>): ReadonlyMap<number, ReadonlySet<number>> {
  const used = new Map<number, Set<number>>();
  const use = (failoverId: number | undefined, label: number) => {
    if (failoverId !== undefined) used.set(failoverId, (used.get(failoverId) ?? new Set()).add(label));
  };
  for (const rule of rules.values()) {
    if (rule.kind === "group") for (const { failoverId, pushLabel } of rule.buckets) use(failoverId, pushLabel);
    else if (rule.kind === "label" && rule.action.kind === "output") use(rule.action.failoverId, rule.match.label);
  }
  return used;
}

/** Whether its port is dead or not: the packet carries a tunnel's label below, comes out of the bypass with it alone, and is on its tunnel again. */
function checkBypass(world: World, nodeId: NodeId, { failoverId, buckets }: FailoverRule, labels: ReadonlySet<number>): void {
  const { plane, checks } = world;
  for (const { output, pushLabel } of buckets.slice(1)) {
    let at = plane.universe.linkById.get(output)?.to;
    let isOut = pushLabel === undefined;
    if (!isOut) checks.count("I2 bypass");
    for (let hops = 0; at !== undefined && !isOut; hops += 1) {
      const key = `label/${pushLabel}`;
      const rule = plane.tablesOf(at).rules.get(key);
      if (rule?.kind !== "label") {
        // What an operator takes out in the middle of an update is told nothing more.
        if (plane.tablesOf(at).lost.has(key) || plane.strangersAtMs.has(at)) break;
        return checks.fail("I2", `failover ${failoverId} of ${nodeId} leads to ${at}, where there is no ${key}`);
      }
      isOut = rule.action.kind === "pop-output";
      if (rule.action.kind === "pop-deliver" || hops > plane.universe.nodes.length)
        return checks.fail("I2", `failover ${failoverId} of ${nodeId} leads nowhere: ${key} of ${at} is ${rule.action.kind}`);
      at = plane.universe.linkById.get(rule.action.link)?.to;
    }
    if (isOut && at !== undefined) checkReturn(world, nodeId, { failoverId, buckets, labels, merge: at });
  }
}

/** Where a bypass ends, each tunnel that goes through its failover group comes by: followed from the protected link's end, as far as there are rules. */
function checkReturn(
  { plane, checks }: World,
  nodeId: NodeId,
  { failoverId, buckets, labels, merge }: Omit<FailoverRule, "kind"> & { readonly labels: ReadonlySet<number>; readonly merge: NodeId },
): void {
  const [first] = buckets;
  for (const label of labels) {
    checks.count("I2 return");
    const passed = new Set<NodeId>();
    let at = first === undefined ? undefined : plane.universe.linkById.get(first.output)?.to;
    while (at !== undefined && at !== merge && !passed.has(at)) {
      passed.add(at);
      const rule = plane.tablesOf(at).rules.get(`label/${label}`);
      if (rule?.kind !== "label") break;
      if (rule.action.kind !== "output")
        return checks.fail("I2", `failover ${failoverId} of ${nodeId} leads to ${merge}, which is not on the way of label ${label}`);
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
