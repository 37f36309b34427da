/** Random harm to installed rules, for tests: each a change that no compiler makes. */
import type { FailoverRule, LinkId, NodeId, Rule, RuleKey, RuleSet, Topology } from "@sluice/model";
import fc from "fast-check";

export const arbitraryHarm = fc.record({
  kind: fc.constantFrom("delete", "deliver", "pop", "link", "relabel", "repair", "unrepair", "bucket", "back"),
  rule: fc.nat(),
  choice: fc.nat(),
});
export type Harm = typeof arbitraryHarm extends fc.Arbitrary<infer T> ? T : never;

/** Rules harmed one after the other; a harm that does not fit its rule changes nothing. */
export function harmed(topology: Topology, rules: RuleSet, harms: readonly Harm[]): RuleSet {
  const made = new Map<NodeId, Map<RuleKey, Rule>>([...rules].map(([id, ofNode]) => [id, new Map(ofNode)]));
  for (const { kind, rule: index, choice } of harms) {
    const all = [...made].flatMap(([nodeId, ofNode]) => [...ofNode].map(([key, rule]) => ({ nodeId, key, rule })));
    const fits = all.filter(({ rule }) => isFor(kind, rule));
    const hit = fits[index % Math.max(1, fits.length)];
    if (hit === undefined) continue;
    // Mostly what the node itself has, so that packets go on astray and do not only end there.
    const near = choice % 4 > 0;
    const links = topology.links.filter(({ from }) => !near || from === hit.nodeId).map(({ id }) => id);
    const failovers = all.flatMap(({ nodeId, rule }) => (rule.kind === "failover" && (!near || nodeId === hit.nodeId) ? [rule] : []));
    if (kind === "back" && hit.rule.kind === "label") {
      // To a neighbour and back again.
      const out = links[choice % links.length];
      const there = topology.linkById.get(out ?? ("" as LinkId))?.to;
      const back = topology.links.find(({ from, to }) => from === there && to === hit.nodeId)?.id;
      const match = hit.rule.match;
      if (out === undefined || there === undefined || back === undefined) continue;
      made.get(hit.nodeId)?.set(hit.key, { kind: "label", match, action: { kind: "output", link: out } });
      made.set(
        there,
        (made.get(there) ?? new Map<RuleKey, Rule>()).set(hit.key, { kind: "label", match, action: { kind: "output", link: back } }),
      );
      continue;
    }
    const changed = change(hit.rule, {
      kind,
      link: links[choice % links.length],
      failover: failovers[choice % Math.max(1, failovers.length)],
    });
    if (changed === undefined) made.get(hit.nodeId)?.delete(hit.key);
    else made.get(hit.nodeId)?.set(hit.key, changed);
  }
  return made;
}

function isFor(kind: Harm["kind"], rule: Rule): boolean {
  switch (kind) {
    case "delete":
      return true;
    case "relabel":
      return rule.kind === "group" || rule.kind === "failover";
    case "bucket":
      return rule.kind === "failover";
    default:
      return rule.kind === "label";
  }
}

function change(
  rule: Rule,
  { kind, link, failover }: { readonly kind: Harm["kind"]; readonly link: LinkId | undefined; readonly failover: FailoverRule | undefined },
): Rule | undefined {
  if (kind === "delete") return undefined;
  if (link === undefined) return rule;
  if (rule.kind === "failover") return { ...rule, buckets: changedBuckets(rule, kind, link) };
  if (rule.kind === "group")
    return { ...rule, buckets: rule.buckets.map((bucket) => ({ ...bucket, pushLabel: failover?.buckets[1]?.pushLabel ?? 17 })) };
  if (rule.kind !== "label") return rule;
  switch (kind) {
    case "deliver":
      return { ...rule, action: { kind: "pop-deliver" } };
    case "pop":
      return { ...rule, action: { kind: "pop-output", link: rule.action.kind === "pop-deliver" ? link : rule.action.link } };
    case "link":
      return { ...rule, action: { kind: "output", link } };
    case "repair":
      return failover === undefined
        ? rule
        : { ...rule, action: { kind: "output", link: failover.buckets[0]?.output ?? link, failoverId: failover.failoverId } };
    case "unrepair":
      return rule.action.kind === "pop-deliver" ? rule : { ...rule, action: { kind: "output", link: rule.action.link } };
    default:
      return rule;
  }
}

function changedBuckets({ buckets }: FailoverRule, kind: Harm["kind"], link: LinkId): FailoverRule["buckets"] {
  const pushLabel = buckets[1]?.pushLabel ?? 17;
  if (kind === "relabel") return buckets.map((bucket) => ({ output: bucket.output, pushLabel }));
  return [...buckets.slice(0, 1), { output: link, pushLabel }];
}
