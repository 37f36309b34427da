import type { Plan, PlanTimings } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planOf, planOfText, planText } from "./plan-text.js";

const timings = { total: 1 } as unknown as PlanTimings;
const planWith = (value: unknown) => ({ rung: "optimal", value }) as unknown as Plan;

describe("a plan between processes", () => {
  it("arrives as it was sent, whatever JSON can say is in it", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plan = planWith(value);
        expect(planOf({ ok: true, value: planText({ plan, timings }) }, planOfText)).toEqual({
          ok: true,
          value: { plan: JSON.parse(JSON.stringify(plan)) as Plan, timings },
        });
      }),
    );
  });

  it.each([NaN, Infinity, -Infinity])("is not sent with %s in it", (number) => {
    expect(() => planText({ plan: planWith([{ deep: number }]), timings })).toThrow(RangeError);
    expect(() => planText({ plan: planWith([null]), timings })).not.toThrow();
  });

  it("is refused where there is none", () => {
    for (const value of [{}, { timings }, { planJson: "{}", timings }, { planJson: Buffer.from("{"), timings }]) {
      const refused = planOf({ ok: true, value }, planOfText);
      expect(refused.ok ? [] : refused.faults.map(({ code }) => code)).toEqual(["solver-failed"]);
    }
  });
});
