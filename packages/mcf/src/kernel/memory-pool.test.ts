import { describe, expect, it } from "vitest";
import { firstOrder } from "../first-order/first-order.js";
import { openSession } from "../first-order/session.js";
import { ringProgram } from "../testing/ring-program.js";
import { tickingClock } from "../testing/ticking-clock.js";
import { memoryPool, type LentMemory } from "./memory-pool.js";

const module = {
  runs: () => true,
  compiled: () => {
    throw new Error("no kernels are needed here");
  },
};
const limits = { gap: 1e-3, timeLimitSeconds: 1000, nowMs: tickingClock() };

describe("the pool of memories", () => {
  it("lends no memory twice at a time, and the largest again", () => {
    const { take, giveBack } = memoryPool(module, { shared: false });
    const small = take(100_000);
    const large = take(1_000_000);
    expect(large).not.toBe(small);
    const dropped: LentMemory[] = [];
    for (const lent of [small, large]) lent.onDropped = () => dropped.push(lent);
    giveBack(small);
    giveBack(large);
    expect(dropped).toEqual([small]);
    expect(take(1_000_000)).toBe(large);
    expect(take(1)).not.toBe(large);
  });

  it("makes a larger one where what it has is too small", () => {
    const { take, giveBack } = memoryPool(module, { shared: false });
    giveBack(take(100_000));
    const { memory } = take(10_000_000);
    expect(memory.buffer.byteLength).toBeGreaterThanOrEqual(10_000_000);
  });

  it("keeps none beyond its bound", () => {
    const { take, giveBack } = memoryPool(module, { shared: false });
    const huge = take(1_100_000_000);
    let dropped = false;
    huge.onDropped = () => {
      dropped = true;
    };
    giveBack(huge);
    expect(dropped).toBe(true);
    expect(take(1)).not.toBe(huge);
  });
});

describe("solves one after the other and one within the other", () => {
  it("do not see what is left in their memories", () => {
    const [small, large] = [ringProgram(40, "capacity"), ringProgram(90, "utilization")];
    const alone = [firstOrder(small, limits), firstOrder(large, limits)];
    expect([firstOrder(small, limits), firstOrder(large, limits)]).toEqual(alone);
    const session = openSession(small, { kind: "wasm", threads: 2, demandGrowthMax: 1 });
    const before = session.solve(limits);
    expect(firstOrder(large, limits)).toEqual(alone[1]);
    expect(session.solve(limits)).toEqual(before);
    session.close();
    expect(before.flowBps).toEqual(alone[0]?.flowBps);
  });

  it("are over when they are closed", () => {
    const session = openSession(ringProgram(10, "capacity"), { kind: "wasm", threads: 1, demandGrowthMax: 1 });
    session.close();
    session.close();
    expect(() => session.solve(limits)).toThrow(/closed/);
  });
});
