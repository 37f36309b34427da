/** Long computations in steps: whoever has other things to do does them in between. A computation that is run to its end says the same. */

/** Yields after each bounded piece of work what that cost, in rules and ways looked at; returns the result. */
export type Steps<T> = Generator<number, T, void>;

/** A step ends when it has cost this much, some hundred microseconds; what cannot be divided costs more. */
export const stepCostMax = 500;

/** All steps, one after the other. */
export function allSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** As many steps as this cost allows, one at least. Undefined while there are more. */
export function someSteps<T>(steps: Steps<T>, costMax: number): { readonly value: T } | undefined {
  for (let cost = 0; ;) {
    const step = steps.next();
    if (step.done === true) return { value: step.value };
    cost += step.value;
    if (cost >= costMax) return undefined;
  }
}
