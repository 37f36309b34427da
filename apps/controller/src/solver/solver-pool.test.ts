import { afterEach, describe, expect, it } from "vitest";
import type { Snapshot } from "@sluice/model";
import { startSolverPool, type SolverPool } from "./solver-pool.js";

const moody = new URL("./testdata/moody-solver.mjs", import.meta.url);

/** A snapshot that tells the moody solver what to do; a deadline so short that the pool's grace time is what counts. */
function snapshot(moods: string): Snapshot {
  return { topology: { name: moods }, demands: {}, settings: { deadlineSeconds: 0.05 } } as unknown as Snapshot;
}

let pool: SolverPool | undefined;
afterEach(() => pool?.close());

async function outcome(moods: string): Promise<unknown> {
  pool = startSolverPool(moody);
  const result = await pool.optimize(1, snapshot(moods));
  return result.ok ? { ok: true, plan: result.value.plan } : result.faults.map((each) => each.code);
}

describe("solver pool", () => {
  it("passes on the optimizer's answer", async () => {
    expect(await outcome("answer,crash")).toMatchObject({ ok: true, plan: { greedy: false } });
  });

  it.each(["hang", "crash", "throw", "refuse", "mute"])("answers greedily when the optimizer does this: %s", async (mood) => {
    const answer = await outcome(`${mood},answer`);
    expect(answer).toMatchObject({ ok: true, plan: { greedy: true, classes: [{ notes: [expect.stringMatching(/./)] }] } });
  });

  it("says why when both fail, and works again afterwards", async () => {
    pool = startSolverPool(moody);
    const result = await pool.optimize(1, snapshot("hang,crash"));
    expect(result.ok ? [] : result.faults.map((each) => each.code)).toEqual(["deadline-exceeded", "solver-failed"]);
    expect(await pool.optimize(2, snapshot("answer,crash"))).toMatchObject({ ok: true });
  });

  it("cancels the solve in hand and no other", async () => {
    pool = startSolverPool(moody);
    const running = pool.optimize(7, snapshot("mute,answer"));
    pool.cancel(6);
    pool.cancel(7);
    const result = await running;
    expect(result.ok ? [] : result.faults.map((each) => each.code)).toEqual(["cancelled"]);
    expect(await pool.optimize(8, snapshot("answer,crash"))).toMatchObject({ ok: true });
  });

  it("runs one solve at a time", async () => {
    pool = startSolverPool(moody);
    const running = pool.optimize(1, snapshot("mute,answer"));
    const second = await pool.optimize(2, snapshot("answer,answer"));
    expect(second.ok ? "" : second.faults[0].code).toBe("unavailable");
    pool.cancel(1);
    await running;
  });
});
