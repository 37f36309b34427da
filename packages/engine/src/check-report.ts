/** What the checker's parts write their findings into, and how they compare numbers. */
import { fault, type Fault, type FaultCode } from "@sluice/model";

/** Relative; sums of floating-point numbers depend on their order. */
export const checkTolerance = 1e-9;
/** Most violations that one report lists. */
export const violationsListedMax = 100;

/** Collects violations, bounded. */
export class Report {
  readonly violations: Fault[] = [];
  count = 0;

  add(code: FaultCode, pointer: string, message: string): void {
    this.count++;
    if (this.violations.length < violationsListedMax) this.violations.push(fault(code, message, { pointer }));
  }

  /** Whether a number is finite and not negative; if not, says so. */
  number(value: number, pointer: string): boolean {
    if (!Number.isFinite(value)) this.add("not-finite", pointer, `${pointer} is not a finite number.`);
    else if (value < 0) this.add("negative", pointer, `${pointer} is negative.`);
    return Number.isFinite(value) && value >= 0;
  }
}

/** Whether `value` is above `limit` by more than the tolerance. NaN is not: `Report.number` finds it. */
export function exceeds(value: number, limit: number): boolean {
  return value > limit * (1 + checkTolerance);
}

export function differ(a: number, b: number): boolean {
  return !(Math.abs(a - b) <= checkTolerance * Math.max(Math.abs(a), Math.abs(b)));
}
