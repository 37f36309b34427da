/**
 * Plain interpolation, SWAN's constructive case (Hong et al., SIGCOMM 2013, section 4): in each of K steps every flow goes 1/K of its way. A link then never has to
 * carry more than what it is planned plus 1/K of what comes to it; with a slack s of capacity on every link, K = ceil(1 / s) is enough,
 * whatever old and new are.
 */
import { stopOf, type Move, type Place } from "./flow-moves.js";
import { fitsAll, type Leg, type StepInput, type Stepping } from "./flow-steps.js";
import { stepCostMax, type Steps } from "./steps.js";

/**
 * The fewest steps, up to `stepsMax`, in which quantized flows fit; undefined where there are none. New flows, those that cannot divide, and what
 * flows grow by come with the last step, when all others have made their room. O(steps^2 x moves x links of a move).
 */
export function* interpolateSteps(input: StepInput): Steps<Stepping | undefined> {
  for (let steps = 2; steps <= input.stepsMax; steps += 1) {
    const legs = new Map<Move, Leg[]>();
    let isFeasible = true;
    let cost = 0;
    for (const move of input.moves) {
      cost += move.divides ? steps * move.links.length : 1;
      if (cost >= stepCostMax) {
        yield cost;
        cost = 0;
      }
      const ofMove = legsOf(input, move, steps);
      if (ofMove === undefined) isFeasible = false;
      else legs.set(move, ofMove);
    }
    if (!isFeasible) return undefined;
    if (yield* fitsAll(input, legs, steps)) return { legs, steps, isDone: true, stuck: new Set() };
  }
  return undefined;
}

function legsOf(input: StepInput, move: Move, steps: number): Leg[] | undefined {
  const { after, before } = move;
  if (!move.divides) return [{ step: comesLast(move) ? steps : 1, place: after }];
  const legs: Leg[] = [];
  const isMoved = before.loadBps.some((bps, i) => bps !== after.loadBps[i]);
  if (!isMoved) return [{ step: 1, place: after }];
  const keep = input.throttled.get(move)?.keep ?? 1;
  for (let step = 1; step < steps; step += 1) {
    const place: Place | undefined = stopOf(input, move, { share: step / (steps - 1), keep });
    if (place === undefined) return undefined;
    legs.push({ step, place });
  }
  return [...legs, { step: steps, place: after }];
}

/** What adds to some link waits for all others. */
function comesLast({ links, before, after }: Move): boolean {
  return links.some((_, i) => (after.loadBps[i] ?? 0) > (before.loadBps[i] ?? 0));
}
