/** The invariants are worth what they catch: each deliberate bug is found within a few seeds, by a check that it breaks. */
import { describe, expect, it } from "vitest";
import {
  deafToLinks,
  failedIsProgrammed,
  flipBeforeTransit,
  noDuplicateCheck,
  noEpochCheck,
  noGrace,
  noReread,
  noTermCheck,
  pushBeforePersist,
  removeBeforeFlip,
  silentThrottle,
  stepsAtOnce,
} from "./mutations.js";
import {
  activatedOnTheWay,
  bypassGoesFirst,
  bypassUnderChangedGroup,
  failoverGoesFirst,
  groupBeforeBypass,
  noDistance,
  noHoldDown,
  otherPlan,
  otherScenario,
  uncoveredFailure,
  unverifiedSplit,
} from "./mutations-protection.js";
import {
  blastRadiusUnseen,
  deadlineTooEarly,
  forgottenConfirmation,
  heldIgnored,
  staleProposalApplied,
  versionsIgnored,
} from "./mutations-operators.js";
import type { Mutation } from "./mutation.js";
import { runWorld, SeedFailed } from "./world.js";

const testTimeoutMs = 600_000;
/** A bug that hides longer than this is not caught. */
const seedsMax = 60;

const bugs: readonly { readonly bug: string; readonly mutation: Mutation; readonly caughtBy: readonly string[] }[] = [
  { bug: "no check of terms", mutation: noTermCheck, caughtBy: ["I4"] },
  { bug: "no check of epochs", mutation: noEpochCheck, caughtBy: ["I4"] },
  { bug: "ingresses flip before transit rules are acknowledged", mutation: flipBeforeTransit, caughtBy: ["I2", "I8"] },
  { bug: "transit rules go before ingresses have flipped", mutation: removeBeforeFlip, caughtBy: ["I2", "I3", "I8"] },
  { bug: "transit rules go while packets are under way", mutation: noGrace, caughtBy: ["I8"] },
  { bug: "steps over crowded links do not wait for each other", mutation: stepsAtOnce, caughtBy: ["I3"] },
  { bug: "flows shrink in an update that says nothing of it", mutation: silentThrottle, caughtBy: ["I3"] },
  { bug: "a switch is not read again after its stream was lost", mutation: noReread, caughtBy: ["I2", "I3", "I8", "I10"] },
  { bug: "duplicates are obeyed again", mutation: noDuplicateCheck, caughtBy: ["I9"] },
  { bug: "plans are pushed before they are durable", mutation: pushBeforePersist, caughtBy: ["I5", "persisted-first"] },
  { bug: "a refused stage counts as programmed", mutation: failedIsProgrammed, caughtBy: ["I2", "I3", "I8", "I10"] },
  { bug: "news of cut cables is not heard", mutation: deafToLinks, caughtBy: ["I10"] },
  { bug: "an agent changes over to another scenario than it is told", mutation: otherScenario, caughtBy: ["I4"] },
  { bug: "an agent keeps what it had of the plan before", mutation: otherPlan, caughtBy: ["I4", "I10"] },
  { bug: "a scenario is activated that does not cover the failure", mutation: uncoveredFailure, caughtBy: ["scenario"] },
  { bug: "a scenario is activated in the middle of an update", mutation: activatedOnTheWay, caughtBy: ["I3", "I10"] },
  { bug: "failover groups go before the rules that use them", mutation: failoverGoesFirst, caughtBy: ["I2", "I10"] },
  { bug: "bypasses go before the failover groups that use them", mutation: bypassGoesFirst, caughtBy: ["I2"] },
  { bug: "bypasses go while a group that is to change leads into them", mutation: bypassUnderChangedGroup, caughtBy: ["I2"] },
  { bug: "failover groups change before their new bypasses are there", mutation: groupBeforeBypass, caughtBy: ["I2"] },
  { bug: "links that flap are used at once", mutation: noHoldDown, caughtBy: ["I12"] },
  { bug: "solves keep no distance", mutation: noDistance, caughtBy: ["I12"] },
  { bug: "a split that nobody verified is prepared", mutation: unverifiedSplit, caughtBy: ["I2", "I3", "guarantee"] },
];

/** Found only where operators act. */
const operatorBugs: typeof bugs = [
  { bug: "a controller that starts forgets what waits for a confirmation", mutation: forgottenConfirmation, caughtBy: ["confirmed"] },
  { bug: "a change meant for another version is made", mutation: versionsIgnored, caughtBy: ["versions"] },
  { bug: "a stale proposal is applied", mutation: staleProposalApplied, caughtBy: ["bound"] },
  { bug: "a blast radius passes", mutation: blastRadiusUnseen, caughtBy: ["limits"] },
  { bug: "a cycle that is held goes on", mutation: heldIgnored, caughtBy: ["held"] },
  { bug: "a plan is taken back before its time", mutation: deadlineTooEarly, caughtBy: ["confirmed"] },
];

describe("a deliberate bug is caught", () => {
  it.each(bugs)("$bug", { timeout: testTimeoutMs }, async ({ mutation, caughtBy }) => {
    const failure = await firstFailure(mutation, false);
    expect(caughtBy).toContain(failure?.invariant);
    expect(failure?.message).toContain(`packages/sim/src/replay.ts ${failure?.seed}`);
  });

  it.each(operatorBugs)("$bug", { timeout: testTimeoutMs }, async ({ mutation, caughtBy }) => {
    const failure = await firstFailure(mutation, true);
    expect(caughtBy).toContain(failure?.invariant);
    expect(failure?.message).toContain(`packages/sim/src/replay.ts ${failure?.seed} operators`);
  });
});

async function firstFailure(mutation: Mutation, operators: boolean): Promise<SeedFailed | undefined> {
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    try {
      await runWorld(seed, mutation, { operators });
    } catch (cause) {
      if (cause instanceof SeedFailed) return cause;
      throw cause;
    }
  }
  return undefined;
}
