import { assert as invariant, flowGroupId, labelMax, labelMin, type Plan, type Topology } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryNetwork } from "./arbitrary.js";
import { assignmentsDocument, parseAssignments } from "./assignments-document.js";
import { assign, emptyAssignments, type Assignments } from "./assignments.js";
import { diamond, diamondPlan, group } from "./diamond.js";

function assigned(before: Assignments, plan: Plan, topology: Topology): Assignments {
  const result = assign(before, plan, topology);
  invariant(result.ok, "labels suffice");
  return result.value;
}

describe("assign", () => {
  it("gives every tunnel and flow group of a plan a number of its own, and keeps it while it is in use", () => {
    fc.assert(
      fc.property(arbitraryNetwork({ plans: 4 }), ({ topology, plans }) => {
        let before = emptyAssignments;
        for (const plan of plans) {
          const after = assigned(before, plan, topology);
          const labels = plan.tunnels.map(({ id }) => after.labelByTunnel.get(id));
          expect(new Set(labels).size).toBe(plan.tunnels.length);
          expect(labels.every((label) => label !== undefined && label >= labelMin && label <= labelMax)).toBe(true);
          expect(after.labelByTunnel.size).toBe(plan.tunnels.length);
          const taken = new Set(before.labelByTunnel.values());
          for (const [id, label] of after.labelByTunnel) {
            const kept = before.labelByTunnel.get(id);
            expect(kept === undefined ? !taken.has(label) : kept === label).toBe(true);
          }
          for (const planned of plan.groups) {
            const id = flowGroupId(planned);
            const number = after.ingressByNode.get(planned.src)?.numberByGroup.get(id)?.number;
            const kept = before.ingressByNode.get(planned.src)?.numberByGroup.get(id)?.number;
            expect(number).toBeGreaterThan(0);
            expect(kept ?? number).toBe(number);
          }
          before = after;
        }
      }),
      { numRuns: 100 },
    );
  });

  it("reuses freed labels as late as possible: only after the cursor has passed all others", () => {
    const topology = diamond();
    const one = diamondPlan(group("bulk", 1, { abd: 1 }));
    const other = diamondPlan(group("bulk", 1, { acd: 1 }));
    let assignments: Assignments = { ...emptyAssignments, labelNext: labelMax };
    const labels: (number | undefined)[] = [];
    for (const plan of [one, other, one, other]) {
      assignments = assigned(assignments, plan, topology);
      labels.push([...assignments.labelByTunnel.values()][0]);
    }
    expect(labels).toEqual([labelMax, labelMin, labelMin + 1, labelMin + 2]);
  });

  it("passes over labels that switches are known to hold", () => {
    const result = assign(emptyAssignments, diamondPlan(group("bulk", 1, { abd: 1 })), diamond(), { labelsReserved: new Set([16, 17]) });
    expect(result.ok && [...result.value.labelByTunnel.values()]).toEqual([18]);
  });

  it("refuses a plan when no label is free, counting those that are only now being freed", () => {
    const labelsReserved = new Set(Array.from({ length: labelMax - labelMin }, (_, i) => labelMin + i));
    const topology = diamond();
    const first = assign(emptyAssignments, diamondPlan(group("bulk", 1, { abd: 1 })), topology, { labelsReserved });
    invariant(first.ok, "the last label");
    expect([...first.value.labelByTunnel.values()]).toEqual([labelMax]);
    const second = assign(first.value, diamondPlan(group("bulk", 1, { acd: 1 })), topology, { labelsReserved });
    expect(second.ok || second.faults[0].code).toBe("labels-exhausted");
    const kept = assign(first.value, diamondPlan(group("bulk", 2, { abd: 1 })), topology, { labelsReserved });
    expect(kept.ok).toBe(true);
  });

  it("refuses a plan for nodes that the topology does not have", () => {
    const topology = diamond();
    const plan = diamondPlan(group("bulk", 1, { abd: 1 }));
    const result = assign(emptyAssignments, plan, { ...topology, nodes: topology.nodes.slice(1) });
    expect(result.ok || result.faults[0].code).toBe("dangling-reference");
  });
});

describe("assignments as a document", () => {
  it("round trips through JSON", () => {
    fc.assert(
      fc.property(arbitraryNetwork({ plans: 2 }), ({ topology, plans }) => {
        let assignments = emptyAssignments;
        for (const plan of plans) assignments = assigned(assignments, plan, topology);
        const document = assignmentsDocument(assignments);
        const parsed = parseAssignments(JSON.parse(JSON.stringify(document)));
        invariant(parsed.ok, "its own document is legal");
        expect(assignmentsDocument(parsed.value)).toEqual(document);
        expect(parsed.value).toEqual(assignments);
      }),
      { numRuns: 50 },
    );
  });

  const legal = {
    kind: "assignments",
    labelNext: 18,
    tunnels: [
      { tunnelId: "t-1", label: 16 },
      { tunnelId: "t-2", label: 17 },
    ],
    ingresses: [
      {
        nodeId: "a",
        numberNext: 3,
        groups: [
          { dst: "b", trafficClass: "bulk", number: 1 },
          { dst: "c", trafficClass: "bulk", number: 2 },
        ],
      },
    ],
  };

  it.each([
    ["null", null, "wrong-type", ""],
    ["an unknown field", { ...legal, extra: 1 }, "unknown-field", "/extra"],
    ["no cursor", { ...legal, labelNext: undefined }, "missing-field", "/labelNext"],
    ["a reserved label", { ...legal, labelNext: 15 }, "out-of-range", "/labelNext"],
    ["a label of 21 bits", { ...legal, tunnels: [{ tunnelId: "t-1", label: 2 ** 20 }] }, "out-of-range", "/tunnels/0/label"],
    ["half a label", { ...legal, tunnels: [{ tunnelId: "t-1", label: 16.5 }] }, "wrong-type", "/tunnels/0/label"],
    ["a label twice", { ...legal, tunnels: [legal.tunnels[0], { tunnelId: "t-2", label: 16 }] }, "duplicate-id", "/tunnels/1/label"],
    ["a tunnel twice", { ...legal, tunnels: [legal.tunnels[0], { tunnelId: "t-1", label: 17 }] }, "duplicate-id", "/tunnels/1/tunnelId"],
    ["a node twice", { ...legal, ingresses: [...legal.ingresses, ...legal.ingresses] }, "duplicate-id", "/ingresses/1/nodeId"],
    [
      "a number twice",
      {
        ...legal,
        ingresses: [
          {
            nodeId: "a",
            numberNext: 3,
            groups: [
              { dst: "b", trafficClass: "bulk", number: 1 },
              { dst: "c", trafficClass: "bulk", number: 1 },
            ],
          },
        ],
      },
      "duplicate-id",
      "/ingresses/0/groups/1/number",
    ],
    [
      "a class that is none",
      { ...legal, ingresses: [{ nodeId: "a", numberNext: 1, groups: [{ dst: "b", trafficClass: "gold", number: 1 }] }] },
      "not-allowed",
      "/ingresses/0/groups/0/trafficClass",
    ],
  ])("refuses %s", (_, document, code, pointer) => {
    expect(parseAssignments(legal).ok).toBe(true);
    const parsed = parseAssignments(document);
    invariant(!parsed.ok, "refused");
    expect({ code: parsed.faults[0].code, pointer: parsed.faults[0].pointer }).toEqual({ code, pointer });
  });
});
