/** An update that ends at other rules than it should is not passed, wherever the difference is: in what it touches and in what it leaves alone. */
import { assert as invariant, type NodeId, type RuleKey, type RuleSet } from "@sluice/model";
import fc from "fast-check";
import { expect, it } from "vitest";
import { arbitraryProtectedNetwork } from "./arbitrary-protection.js";
import { sameRule } from "./diff.js";
import { orderUpdate } from "./order.js";
import { arbitraryHarm, harmed } from "./rule-harm.js";
import { rulesOfPlans } from "./rules-of-plans.js";
import { violationsListedMax } from "./walk-report.js";
import { walkUpdate } from "./walk-update.js";

/** Every key at which two rule sets differ, one after the other. */
function differences(a: RuleSet, b: RuleSet): readonly string[] {
  const found: string[] = [];
  for (const nodeId of new Set<NodeId>([...a.keys(), ...b.keys()])) {
    for (const key of new Set<RuleKey>([...(a.get(nodeId)?.keys() ?? []), ...(b.get(nodeId)?.keys() ?? [])])) {
      const [one, other] = [a.get(nodeId)?.get(key), b.get(nodeId)?.get(key)];
      if (one === undefined || other === undefined || !sameRule(one, other)) found.push(`${nodeId} ${key}`);
    }
  }
  return found.sort();
}

it("names every key at which the rules after an update are others than the target's", () => {
  let touched = 0;
  let untouched = 0;
  fc.assert(
    fc.property(
      arbitraryProtectedNetwork({ plans: 2 }),
      fc.array(arbitraryHarm, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      ({ topology, plans }, harms, isSwapped) => {
        const [installed, target] = rulesOfPlans(topology, plans);
        invariant(installed !== undefined && target !== undefined, "two rule sets");
        const other = harmed(topology, target, harms);
        const [reached, wanted] = isSwapped ? [other, target] : [target, other];
        const update = orderUpdate({ topology, installed, target: reached, slack: 1 });
        const { violations } = walkUpdate(topology, installed, update, { target: wanted });
        const astray = violations
          .filter(({ data }) => data?.["kind"] === "astray")
          .map(({ data }) => `${data?.["nodeId"]} ${data?.["key"]}`);
        const expected = differences(reached, wanted);
        // Where too many other violations come first, the list is cut off.
        fc.pre(violations.length < violationsListedMax);
        expect(astray.sort()).toEqual(expected);
        const changed = new Set(differences(installed, reached));
        for (const key of expected) {
          if (changed.has(key)) touched += 1;
          else untouched += 1;
        }
      },
    ),
    { numRuns: 100 },
  );
  expect(Math.min(touched, untouched)).toBeGreaterThan(10);
});
