import { afterEach, describe, expect, it } from "vitest";
import type { FailureScenario, Plan, Snapshot } from "@sluice/model";
import type { ProtectResult } from "./solver-message.js";
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

describe("sweeps over scenarios", () => {
  const scenarios: readonly FailureScenario[] = ["a", "b", "c"].map((id) => ({ id, kind: "link", linkIds: [], nodeIds: [] }));
  const task = (moods: string) => ({ snapshot: snapshot(moods), plan: {} as Plan, scenarios });
  const gist = (result: ProtectResult) =>
    result.ok
      ? { ids: result.value.splits.map(({ scenario }) => scenario.id), cutShort: result.value.cutShort }
      : result.faults.map(({ code }) => code);

  it("collect the splits in their order", async () => {
    pool = startSolverPool(moody);
    expect(gist(await pool.protect(1, task("answer")))).toEqual({ ids: ["a", "b", "c"], cutShort: undefined });
  });

  it.each([
    ["hang", /deadline/],
    ["mute", /deadline/],
    ["crash", /SIGSEGV/],
    ["refuse", /No\./],
  ] as const)("keep what was found before this happens, and say so: %s", async (mood, why) => {
    pool = startSolverPool(moody, { protectDeadlineMs: 1_500 });
    const found = gist(await pool.protect(1, task(`answer,answer,${mood}`)));
    expect(found).toEqual({ ids: ["a", "b"], cutShort: expect.stringMatching(why) as string });
    expect(gist(await pool.protect(2, task("answer")))).toMatchObject({ ids: ["a", "b", "c"] });
  });

  it("fail where nothing was found", async () => {
    pool = startSolverPool(moody, { protectDeadlineMs: 200 });
    expect(gist(await pool.protect(1, task("hang")))).toEqual(["deadline-exceeded"]);
    expect(gist(await pool.protect(2, task("crash")))).toEqual(["solver-failed"]);
    expect(gist(await pool.protect(3, task("refuse")))).toEqual(["input-mismatch"]);
  });

  it("end where the splits are more than can be held", async () => {
    pool = startSolverPool(moody, { splitGroupsMax: 4 });
    expect(gist(await pool.protect(1, task("answer")))).toEqual({ ids: ["a", "b"], cutShort: expect.stringMatching(/4 groups/) as string });
  });

  it("are cancelled by their number, and by a newer one", async () => {
    pool = startSolverPool(moody);
    const first = pool.protect(1, task("mute"));
    pool.cancelProtect(7);
    const second = pool.protect(2, task("mute"));
    expect(gist(await first)).toEqual(["cancelled"]);
    pool.cancelProtect(1);
    pool.cancelProtect(2);
    expect(gist(await second)).toEqual(["cancelled"]);
    expect(gist(await pool.protect(3, task("answer")))).toMatchObject({ ids: ["a", "b", "c"] });
  });

  it("hold up no solve", async () => {
    pool = startSolverPool(moody);
    const sweeping = pool.protect(1, task("answer,hang"));
    expect(await pool.optimize(2, snapshot("answer,crash"))).toMatchObject({ ok: true, value: { plan: { greedy: false } } });
    pool.cancelProtect(1);
    expect(gist(await sweeping)).toEqual(["cancelled"]);
  });
});
