import { optimize } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import {
  parseDemandMatrix,
  parseTopology,
  planSettingsDefault,
  protectionDefault,
  topologyDocument,
  type NodeId,
  type NodeRules,
  type Result,
  type Rule,
  type RuleSet,
} from "@sluice/model";
import { assign, compileRules, emptyAssignments, walkRules } from "@sluice/rules";
import { describe, expect, test } from "vitest";
import { walkFailures } from "./walk-failures.js";

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

/** a, b, c, d in a ring of cables of 10 Gb/s; each sends 1 Gb/s to the next. */
const ids = ["a", "b", "c", "d"];
const topology = value(
  parseTopology({
    name: "ring",
    nodes: ids.map((id) => ({ id })),
    links: ids.flatMap((from, i) => {
      const to = ids[(i + 1) % ids.length] ?? "";
      return [
        [from, to],
        [to, from],
      ].map(([a = "", b = ""]) => ({ id: `${a}-${b}`, from: a, to: b, capacityBps: 1e10, latencyMs: 1, metric: 1 }));
    }),
  }),
);

async function protectedRules(): Promise<RuleSet> {
  const demands = ids.map((src, i) => ({ src, dst: ids[(i + 1) % ids.length], trafficClass: "elastic", rateBps: 1e9 }));
  const snapshot = {
    topology: topologyDocument(topology),
    demands: value(parseDemandMatrix({ name: "next", demands })),
    settings: { ...planSettingsDefault, objective: "shortest-path" as const, protection: protectionDefault },
  };
  const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
  const { plan } = value(await optimize(snapshot, { lp, nowMs: () => performance.now() }));
  return value(compileRules(topology, plan, value(assign(emptyAssignments, plan, topology))));
}

describe("the walk through single failures", () => {
  test("passes rules that repair, and counts what they bring through", async () => {
    const walked = walkFailures(topology, await protectedRules());
    // A node's failure takes only its own traffic with it: each sends to its neighbour.
    expect(walked).toEqual({ verdict: "pass", scenarios: 8, repaired: 8, overfull: 0, violationCount: 0, violations: [] });
  });

  test("finds a bypass that leaves its label on, which nothing but a failure shows", async () => {
    const rules = new Map<NodeId, NodeRules>(await protectedRules());
    const [nodeId, table] = [...rules].find(([, each]) => [...each.values()].some(isPopOutput)) ?? [];
    if (nodeId === undefined || table === undefined) throw new Error("there are bypasses of more than one link");
    const broken = new Map(table);
    for (const [key, rule] of table) {
      if (rule.kind === "label" && rule.action.kind === "pop-output") {
        broken.set(key, { ...rule, action: { kind: "output", link: rule.action.link } });
        break;
      }
    }
    rules.set(nodeId, broken);
    expect(walkRules(topology, rules, {}).verdict).toBe("pass");
    const walked = walkFailures(topology, rules);
    expect(walked.verdict).toBe("fail");
    expect(walked.repaired).toBeLessThan(8);
    expect(walked.violationCount).toBeGreaterThanOrEqual(walked.violations.length);
    expect(walked.violations.map(({ data }) => data?.["scenarioId"])).toEqual(
      walked.violations.map(() => expect.stringMatching(/^(link|node):/) as unknown),
    );
  });
});

function isPopOutput(rule: Rule): boolean {
  return rule.kind === "label" && rule.action.kind === "pop-output";
}
