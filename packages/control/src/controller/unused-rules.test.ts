import { ruleKey, toId, type LinkId, type NodeId, type Rule, type RuleSet } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { withoutUnused } from "./unused-rules.js";

const [a, b, c] = ["a", "b", "c"].map((id) => toId<NodeId>(id)) as [NodeId, NodeId, NodeId];
const [ab, ac, cb, bd] = ["ab", "ac", "cb", "bd"].map((id) => toId<LinkId>(id)) as [LinkId, LinkId, LinkId, LinkId];

function rules(...ofNodes: readonly (readonly [NodeId, ...Rule[]])[]): RuleSet {
  return new Map(ofNodes.map(([nodeId, ...list]) => [nodeId, new Map(list.map((rule) => [ruleKey(rule), rule]))]));
}

const keys = (set: RuleSet) => Object.fromEntries([...set].map(([nodeId, ofNode]) => [nodeId, [...ofNode.keys()].sort()]));
const output = (label: number, link: LinkId, failoverId?: number): Rule => ({
  kind: "label",
  match: { label },
  action: { kind: "output", link, failoverId },
});
const group = (pushLabel: number, failoverId?: number): Rule => ({
  kind: "group",
  groupId: 1,
  buckets: [{ weight: 1, pushLabel, mplsTc: 1, output: ab, failoverId }],
});
const failover = (failoverId: number): Rule => ({
  kind: "failover",
  failoverId,
  buckets: [{ output: ab }, { output: ac, pushLabel: failoverId }],
});
const popped = (label: number): Rule => ({ kind: "label", match: { label }, action: { kind: "pop-output", link: cb } });

describe("withoutUnused", () => {
  it("leaves out tunnels that no group uses, failover groups that then nothing uses, and their bypasses", () => {
    const installed = rules([a, group(16), output(17, ab, 40), failover(40)], [b, output(16, bd)], [c, popped(40)]);
    expect(keys(withoutUnused(installed, rules([a, group(18)])))).toEqual({ a: ["group/1"], b: ["label/16"], c: [] });
  });

  it("leaves out flow groups that the target has not, and with them their tunnels", () => {
    const installed = rules([a, group(16, 40), failover(40)], [b, output(16, bd)], [c, popped(40)]);
    expect(keys(withoutUnused(installed, new Map()))).toEqual({ a: [], b: [], c: [] });
  });

  it("keeps bypasses of what is used, by buckets and by label rules", () => {
    const installed = rules([a, group(16, 40), output(16, ab, 41), failover(40), failover(41)], [c, popped(40), popped(41)]);
    expect(withoutUnused(installed, rules([a, group(18)]))).toBe(installed);
  });

  it("keeps what the target has, and what that uses", () => {
    const installed = rules([a, group(16), output(17, ab, 40), failover(40), failover(41)], [c, popped(40), popped(41)]);
    expect(keys(withoutUnused(installed, rules([a, group(16), output(17, ab)])))).toEqual({
      a: ["failover/40", "group/1", "label/17"],
      c: ["label/40"],
    });
    expect(keys(withoutUnused(installed, rules([a, group(16), failover(41)])))).toEqual({
      a: ["failover/41", "group/1"],
      c: ["label/41"],
    });
  });
});
