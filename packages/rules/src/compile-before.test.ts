/** Rules that stay from one plan to the next are the same objects, and nothing else is different for it. */
import { assert as invariant } from "@sluice/model";
import fc from "fast-check";
import { expect, it } from "vitest";
import { arbitraryProtectedNetwork } from "./arbitrary-protection.js";
import { assign, emptyAssignments } from "./assignments.js";
import { compileRules } from "./compile.js";
import { sameRule } from "./diff.js";

it("compiles the same with the rules of an earlier plan and without, and keeps those that are the same", () => {
  let kept = 0;
  let changed = 0;
  fc.assert(
    fc.property(arbitraryProtectedNetwork({ plans: 2 }), ({ topology, plans: [earlier, later] }) => {
      invariant(earlier !== undefined && later !== undefined, "two plans");
      const first = assign(emptyAssignments, earlier, topology);
      invariant(first.ok, "labels suffice");
      const second = assign(first.value, later, topology);
      invariant(second.ok, "labels suffice");
      const before = compileRules(topology, earlier, first.value);
      const afresh = compileRules(topology, later, second.value);
      invariant(before.ok && afresh.ok, "compiled");
      const after = compileRules(topology, later, second.value, { before: before.value });
      invariant(after.ok, "compiled");
      const entries = (rules: typeof after.value) => [...rules].map(([nodeId, ofNode]) => [nodeId, [...ofNode]]);
      expect(entries(after.value)).toEqual(entries(afresh.value));
      for (const [nodeId, ofNode] of after.value) {
        for (const [key, rule] of ofNode) {
          const old = before.value.get(nodeId)?.get(key);
          const isKept = old !== undefined && sameRule(old, rule);
          expect(rule === old).toBe(isKept);
          if (isKept) kept += 1;
          else changed += 1;
        }
      }
    }),
    { numRuns: 100 },
  );
  expect(Math.min(kept, changed)).toBeGreaterThan(100);
});
