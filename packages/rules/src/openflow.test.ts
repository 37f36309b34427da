import { assert as invariant, labelMax, labelMin, toId, type LinkId, type Rule } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryRepairRule, repairLinkOf } from "./arbitrary-protection.js";
import { groupNumberMax } from "./assignments.js";
import { fromOpenFlow, openFlowPorts, toOpenFlow } from "./openflow.js";
import { misshapen } from "./rule-shape.js";

const [x, y, z] = ["x", "y", "z"].map((id) => toId<LinkId>(id));
invariant(x !== undefined && y !== undefined && z !== undefined, "three links");
const ports = openFlowPorts(
  [
    [x, 1],
    [y, 2],
    [z, 3],
  ],
  100,
);

describe("OpenFlow text", () => {
  it("stands one to one for rules", () => {
    const lines = new Map<string, string>();
    fc.assert(
      fc.property(arbitraryRepairRule(), (rule) => {
        expect(misshapen(rule)).toBeUndefined();
        const text = toOpenFlow(rule, ports);
        invariant(text.ok, "a well-formed rule has a text");
        expect(fromOpenFlow(text.value, ports, repairLinkOf)).toEqual({ ok: true, value: rule });
        const same = lines.get(text.value);
        expect(same ?? JSON.stringify(rule)).toBe(JSON.stringify(rule));
        lines.set(text.value, JSON.stringify(rule));
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[Rule, string]>([
    [{ kind: "meter", meterId: 7, rateBps: 6e9, burstBits: 6e8 }, "meter=7,kbps,burst,band=type=drop,rate=6000000,burst_size=600000"],
    [
      {
        kind: "group",
        groupId: 7,
        buckets: [
          { weight: 2, pushLabel: 16, mplsTc: 5, output: x },
          { weight: 1, pushLabel: 17, mplsTc: 5, output: y },
        ],
      },
      "group_id=7,type=select" +
        ",bucket=weight:2,actions=push_mpls:0x8847,set_field:16->mpls_label,set_field:5->mpls_tc,output:1" +
        ",bucket=weight:1,actions=push_mpls:0x8847,set_field:17->mpls_label,set_field:5->mpls_tc,output:2",
    ],
    [
      { kind: "ingress", match: { dstPrefix: "10.0.3.0/24", dscp: 46 }, meterId: 7, groupId: 7 },
      "table=0,priority=1024,ip,nw_dst=10.0.3.0/24,ip_dscp=46,actions=meter:7,group:7",
    ],
    [
      { kind: "label", match: { label: 16 }, action: { kind: "output", link: z } },
      "table=1,priority=1000,mpls,mpls_label=16,actions=dec_mpls_ttl,output:3",
    ],
    [
      { kind: "label", match: { label: 16 }, action: { kind: "pop-deliver" } },
      "table=1,priority=1000,mpls,mpls_label=16,actions=pop_mpls:0x0800,output:100",
    ],
    [
      { kind: "failover", failoverId: 40, buckets: [{ output: x }, { output: y, pushLabel: 40 }, { output: z }] },
      "group_id=4292870184,type=ff,bucket=watch_port:1,actions=output:1" +
        ",bucket=watch_port:2,actions=push_mpls:0x8847,set_field:40->mpls_label,output:2" +
        ",bucket=watch_port:3,actions=output:3",
    ],
    [
      { kind: "group", groupId: 7, buckets: [{ weight: 2, pushLabel: 16, mplsTc: 5, output: x, failoverId: 40 }] },
      "group_id=7,type=select,bucket=weight:2,actions=push_mpls:0x8847,set_field:16->mpls_label,set_field:5->mpls_tc,group:4292870184",
    ],
    [
      { kind: "label", match: { label: 16 }, action: { kind: "output", link: x, failoverId: 40 } },
      "table=1,priority=1000,mpls,mpls_label=16,actions=dec_mpls_ttl,group:4292870184",
    ],
    [
      { kind: "label", match: { label: 40 }, action: { kind: "pop-output", link: z } },
      "table=1,priority=1000,mpls,mpls_label=40,actions=pop_mpls:0x8847,output:3",
    ],
  ])("is what ovs-ofctl takes: %o", (rule, line) => {
    expect(toOpenFlow(rule, ports)).toEqual({ ok: true, value: line });
  });

  it.each([
    ["", "unknown-format"],
    ["table=0,priority=1,ip,actions=drop", "unknown-format"],
    ["table=0,priority=1023,ip,nw_dst=10.0.3.0/24,ip_dscp=46,actions=meter:7,group:7", "unknown-format"],
    ["table=0,priority=1024,ip,nw_dst=10.0.3.0/24,ip_dscp=64,actions=meter:7,group:7", "rule-refused"],
    ["meter=7,kbps,burst,band=type=drop,rate=0,burst_size=1", "rule-refused"],
    ["meter=7,kbps,burst,band=type=drop,rate=99999999999,burst_size=1", "rule-refused"],
    ["table=1,priority=1000,mpls,mpls_label=16,actions=dec_mpls_ttl,output:9", "dangling-reference"],
    ["table=1,priority=1000,mpls,mpls_label=16,actions=pop_mpls:0x0800,output:3", "dangling-reference"],
    ["table=1,priority=1000,mpls,mpls_label=16,actions=dec_mpls_ttl,group:4292870184", "dangling-reference"],
    ["table=1,priority=1000,mpls,mpls_label=16,actions=pop_mpls:0x8847,group:4292870184", "unknown-format"],
    ["group_id=4292870184,type=ff,bucket=watch_port:2,actions=output:1", "unknown-format"],
    ["group_id=4292870184,type=ff,bucket=watch_port:9,actions=output:9", "dangling-reference"],
    ["group_id=4292870184,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_port:1,actions=output:1", "rule-refused"],
    ["group_id=40,type=ff,bucket=watch_port:1,actions=output:1", "rule-refused"],
    [
      "group_id=4292870184,type=select,bucket=weight:1,actions=push_mpls:0x8847,set_field:16->mpls_label,set_field:5->mpls_tc,output:1",
      "rule-refused",
    ],
    [
      "group_id=7,type=select,bucket=weight:2,actions=push_mpls:0x8847,set_field:5->mpls_tc,set_field:16->mpls_label,output:1",
      "unknown-format",
    ],
  ])("refuses %s", (text, code) => {
    const rule = fromOpenFlow(text, ports);
    expect(rule.ok || rule.faults[0].code).toBe(code);
  });

  it("has numbers for the failover group of every label, apart from those of flow groups", () => {
    for (const failoverId of [labelMin, labelMax]) {
      const rule: Rule = { kind: "failover", failoverId, buckets: [{ output: x }] };
      const text = toOpenFlow(rule, ports);
      invariant(text.ok, "a well-formed rule has a text");
      const number = Number(/^group_id=(\d+)/.exec(text.value)?.[1]);
      expect(number).toBeGreaterThan(groupNumberMax);
      // OFPG_MAX (OpenFlow 1.3.5 section A.2.4).
      expect(number).toBeLessThanOrEqual(0xffffff00);
      expect(fromOpenFlow(text.value, ports)).toEqual({ ok: true, value: rule });
    }
    const beyond = toOpenFlow(
      { kind: "group", groupId: groupNumberMax + 1, buckets: [{ weight: 1, pushLabel: 16, mplsTc: 1, output: x }] },
      ports,
    );
    expect(beyond.ok || beyond.faults[0].code).toBe("rule-refused");
  });

  it("refuses rules that OpenFlow cannot hold, and links without a port", () => {
    const half = toOpenFlow({ kind: "meter", meterId: 1, rateBps: 500, burstBits: 1000 }, ports);
    expect(half.ok || half.faults[0].code).toBe("rule-refused");
    const nowhere = toOpenFlow({ kind: "label", match: { label: 16 }, action: { kind: "output", link: toId<LinkId>("w") } }, ports);
    expect(nowhere.ok || nowhere.faults[0].code).toBe("dangling-reference");
  });
});
