import { afterEach, describe, expect, it } from "vitest";
import type { FailureScenario, Plan, ScenarioSplit, Snapshot } from "@sluice/model";
import type { DifferenceTask, JobTask, OptimizeResult, ProtectResult, ReportResult, ReportTask, TaskProgress } from "./solver-message.js";
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

  it.each(["hang", "crash", "throw", "refuse", "mute", "garble", "empty"])(
    "answers greedily when the optimizer does this: %s",
    async (mood) => {
      const answer = await outcome(`${mood},answer`);
      expect(answer).toMatchObject({ ok: true, plan: { greedy: true, classes: [{ notes: [expect.stringMatching(/./)] }] } });
    },
  );

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

  it("has another process ready when a solve was cancelled", async () => {
    pool = startSolverPool(moody);
    const before = await pidOf(pool.optimize(1, snapshot("answer,crash")));
    for (const solveId of [2, 3]) {
      const running = pool.optimize(solveId, snapshot("mute,answer"));
      pool.cancel(solveId);
      await running;
      const after = await pidOf(pool.optimize(10 + solveId, snapshot("answer,crash")));
      expect(after).not.toBe(before);
    }
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

async function pidOf(solving: Promise<OptimizeResult>): Promise<unknown> {
  const result = await solving;
  if (!result.ok) throw new Error(result.faults[0].message);
  return Reflect.get(result.value.plan, "pid");
}

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

describe("failure reports", () => {
  const task = (mood: string): ReportTask => ({
    snapshot: snapshot(mood),
    plan: {} as Plan,
    assignmentsBefore: {},
    choice: { kinds: ["link"] },
    layers: ["unrepaired"],
    withoutSplit: [],
  });
  const never = new AbortController().signal;
  const codes = (result: ReportResult) => (result.ok ? [] : result.faults.map(({ code }) => code));
  interface Answer {
    readonly pid: number;
    readonly splitsBefore: readonly { readonly count: number; readonly sameTask: boolean }[];
  }
  const answered = (result: ReportResult): Answer => {
    if (!result.ok) throw new Error(result.faults[0].message);
    return result.value as unknown as Answer;
  };

  it("are told of all splits, some at a time, and each has a process of its own that ends with it", async () => {
    pool = startSolverPool(moody);
    const splits = Array.from({ length: 7 }, () => ({ groups: Array.from({ length: 900 }, () => ({})) }) as unknown as ScenarioSplit);
    const first = answered(await pool.report(task("answer"), splits, never));
    expect(first.splitsBefore).toEqual([3, 3, 1].map((count) => expect.objectContaining({ count, sameTask: true }) as unknown));
    const second = answered(await pool.report(task("answer"), [], never));
    expect(second.splitsBefore).toEqual([]);
    expect(second.pid).not.toBe(first.pid);
    expect(() => process.kill(first.pid, 0)).toThrow(/ESRCH/);
  });

  it.each(["hang", "mute"])("end at their deadline: %s", async (mood) => {
    pool = startSolverPool(moody, { reportDeadlineMs: 300 });
    expect(codes(await pool.report(task(mood), [], never))).toEqual(["deadline-exceeded"]);
    expect(codes(await pool.report(task("crash"), [], never))).toEqual(["solver-failed"]);
  });

  it("are one at a time, hold up no solve, and end when nobody waits", async () => {
    pool = startSolverPool(moody);
    const waiting = new AbortController();
    const first = pool.report(task("hang"), [], waiting.signal);
    expect(codes(await pool.report(task("answer"), [], never))).toEqual(["unavailable"]);
    expect(await pool.optimize(1, snapshot("answer,crash"))).toMatchObject({ ok: true, value: { plan: { greedy: false } } });
    waiting.abort();
    expect(codes(await first)).toEqual(["cancelled"]);
    expect(codes(await pool.report(task("answer"), [], waiting.signal))).toEqual(["cancelled"]);
    expect(answered(await pool.report(task("answer"), [], never)).splitsBefore).toEqual([]);
  });
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("jobs", () => {
  const task = (mood: string) => ({ kind: "what-if", standing: { ground: snapshot(mood) }, changes: {} }) as unknown as JobTask;
  const hooks = () => {
    const abort = new AbortController();
    const told: TaskProgress[] = [];
    return { abort, told, hooks: { signal: abort.signal, progress: (progress: TaskProgress) => void told.push(progress) } };
  };
  const codes = (result: { readonly ok: boolean; readonly faults?: readonly { readonly code: string }[] }) =>
    result.faults?.map(({ code }) => code) ?? [];

  it("tell how far they are, and have a process of their own that ends with them", async () => {
    pool = startSolverPool(moody);
    const { told, hooks: asked } = hooks();
    const done = await pool.job(task("answer"), asked);
    expect(told).toEqual([0.25, 0.5].map((fraction) => ({ stage: "solve", fraction })));
    const pid = done.ok ? Number(Buffer.from(done.value.document).toString()) : 0;
    expect(pid).toBeGreaterThan(1);
    // It was killed; the system takes a moment to forget it.
    while (isThere(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it("are two at a time, hold up no solve, and are killed when they are cancelled", async () => {
    pool = startSolverPool(moody);
    const [first, second] = [hooks(), hooks()];
    const running = [pool.job(task("hang"), first.hooks), pool.job(task("mute"), second.hooks)];
    expect(codes(await pool.job(task("answer"), hooks().hooks))).toEqual(["unavailable"]);
    expect(await pool.optimize(1, snapshot("answer,crash"))).toMatchObject({ ok: true, value: { plan: { greedy: false } } });
    first.abort.abort();
    second.abort.abort();
    expect((await Promise.all(running)).map(codes)).toEqual([["cancelled"], ["cancelled"]]);
    expect(codes(await pool.job(task("answer"), first.hooks))).toEqual(["cancelled"]);
    expect(await pool.job(task("answer"), hooks().hooks)).toMatchObject({ ok: true });
  });

  it("end at their deadline, and say when their process has ended", async () => {
    pool = startSolverPool(moody, { jobDeadlineMs: 300 });
    expect(codes(await pool.job(task("hang"), hooks().hooks))).toEqual(["deadline-exceeded"]);
    expect(codes(await pool.job(task("crash"), hooks().hooks))).toEqual(["solver-failed"]);
    expect(codes(await pool.job(task("refuse"), hooks().hooks))).toEqual(["solver-failed"]);
  });
});

describe("differences", () => {
  const task = (mood: string) => ({ before: { snapshot: snapshot(mood) }, after: {} }) as unknown as DifferenceTask;

  it("are answered one after the other, by one process, within bounds", async () => {
    const { difference } = (pool = startSolverPool(moody));
    const answers = await Promise.all(Array.from({ length: 9 }, () => difference(task("answer"))));
    const pids = answers.slice(0, 8).map((each) => (each.ok ? (each.value as unknown as { readonly pid: number }).pid : undefined));
    expect(new Set(pids).size).toBe(1);
    expect(pids[0]).toBeDefined();
    expect(answers[8]).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
    expect(await pool.difference(task("crash"))).toMatchObject({ ok: false, faults: [{ code: "solver-failed" }] });
    expect(await pool.difference(task("answer"))).toMatchObject({ ok: true });
  });

  it("that wait when the pool is closed are not begun", async () => {
    pool = startSolverPool(moody);
    const asked = [pool.difference(task("mute")), pool.difference(task("answer"))];
    pool.close();
    expect((await Promise.all(asked)).map((each) => (each.ok ? "" : each.faults[0].code))).toEqual(["cancelled", "cancelled"]);
  });
});
