/** What `verify --failures` adds: the installed rules, walked through every single failure with the repairs that switches make by themselves. */
import { failureKinds, failureScenarios, trafficClasses, type Fault, type RuleSet, type Topology } from "@sluice/model";
import { failureWalker } from "@sluice/rules";

/** Violations listed; all are counted. */
const violationsListedMax = 100;

export interface FailuresWalked {
  /** Whether in every scenario each packet is delivered, or lost at a link that is down: none circulates, strays, or arrives elsewhere. */
  readonly verdict: "pass" | "fail";
  readonly scenarios: number;
  /** Scenarios in which local repair brings everything to where it goes, but for traffic of dead nodes themselves. */
  readonly repaired: number;
  /** Scenarios in which some link is sent more than it carries until ingresses change over: no fault of the rules. */
  readonly overfull: number;
  /** Of those that each walk listed. */
  readonly violationCount: number;
  /** The first of them; `data.scenarioId` says under which failure. */
  readonly violations: readonly Fault[];
}

const isOverload = ({ data }: Fault): boolean => data?.["kind"] === "overload";

/** Every cable, node and SRLG, one at a time. O(rules + what each touches). */
export function walkFailures(topology: Topology, rules: RuleSet): FailuresWalked {
  const walker = failureWalker(topology, rules);
  const scenarios = failureScenarios(topology, failureKinds);
  const violations: Fault[] = [];
  let [repaired, overfull, violationCount] = [0, 0, 0];
  for (const scenario of scenarios) {
    const walk = walker.walk(scenario);
    if (walk.violations.some(isOverload)) overfull += 1;
    if (trafficClasses.every((name) => walk.lostBps[name] === 0)) repaired += 1;
    const serious = walk.violations.filter((each) => !isOverload(each));
    // Overloads come last in a walk's list, so the list holds serious ones where there are any.
    violationCount += serious.length;
    for (const each of serious.slice(0, violationsListedMax - violations.length)) {
      violations.push({ ...each, data: { ...each.data, scenarioId: scenario.id } });
    }
  }
  return {
    verdict: violationCount === 0 ? "pass" : "fail",
    scenarios: scenarios.length,
    repaired,
    overfull,
    violationCount,
    violations,
  };
}
