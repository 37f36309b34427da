import { fault, refuse, type Result } from "@sluice/model";
import { describe, expect, it } from "vitest";
import type { JobAnswer, TaskProgress } from "../solver/solver-message.js";
import { jobRegistry, type Job, type JobWork } from "./jobs.js";

interface Running {
  readonly signal: AbortSignal;
  readonly progress: (progress: TaskProgress) => void;
  readonly end: (result: Result<JobAnswer>) => Promise<void>;
}

function bench(limits: Parameters<typeof jobRegistry>[0]["limits"] = {}) {
  let now = 1_000;
  let count = 0;
  const started: Running[] = [];
  const registry = jobRegistry({ newId: () => `j${++count}`, nowMs: () => now, limits });
  const work: JobWork = ({ signal, progress }) =>
    new Promise((resolve) => {
      const end = async (result: Result<JobAnswer>): Promise<void> => {
        resolve(result);
        // What follows from the end does so in a later turn.
        await new Promise((later) => setImmediate(later));
      };
      signal.addEventListener("abort", () => void end(refuse(fault("cancelled", "Cancelled."))));
      started.push({ signal, progress, end });
    });
  const submit = () => registry.submit({ kind: "what-if", actor: "ann" }, work);
  const states = () => registry.list().map(({ id, state }) => `${id} ${state}`);
  return { registry, started, submit, states, pass: (ms: number) => (now += ms) };
}

const answer = (bytes = 1): Result<JobAnswer> => ({ ok: true, value: { document: new Uint8Array(bytes) } });
const idOf = (submitted: Result<Job>): string => (submitted.ok ? submitted.value.id : submitted.faults[0].code);

describe("jobs", () => {
  it("run some at a time, in their order, and wait within bounds", async () => {
    const { registry, started, submit, states } = bench({ runningMax: 2, waitingMax: 2 });
    expect([submit(), submit(), submit(), submit(), submit()].map(idOf)).toEqual(["j1", "j2", "j3", "j4", "unavailable"]);
    expect(states()).toEqual(["j4 queued", "j3 queued", "j2 running", "j1 running"]);
    await started[1]?.end(answer());
    expect(states()).toEqual(["j4 queued", "j3 running", "j2 done", "j1 running"]);
    expect(registry.counts()).toEqual({ queued: 1, running: 2, done: 1, failed: 0, cancelled: 0 });
    expect(started).toHaveLength(3);
    expect(idOf(submit())).toBe("j5");
  });

  it("tell how far they are, never backwards, and why they failed", async () => {
    const { registry, started, submit } = bench();
    submit();
    started[0]?.progress({ stage: "solve bulk", fraction: 0.6 });
    started[0]?.progress({ stage: "check", fraction: 0.5 });
    expect(registry.get("j1")).toMatchObject({ state: "running", stage: "check", progress: 0.6, startedAtMs: 1_000 });
    expect(registry.answer("j1")).toBeUndefined();
    await started[0]?.end(refuse(fault("check-failed", "No.")));
    started[0]?.progress({ stage: "late", fraction: 1 });
    expect(registry.get("j1")).toMatchObject({ state: "failed", stage: "check", faults: [{ code: "check-failed" }] });
  });

  it("are cancelled while they wait and while they run, and not afterwards", async () => {
    const { registry, started, submit, states } = bench({ runningMax: 1 });
    submit();
    submit();
    submit();
    expect(registry.cancel("j2")?.state).toBe("cancelled");
    expect(registry.cancel("j1")?.state).toBe("cancelled");
    expect(started[0]?.signal.aborted).toBe(true);
    await new Promise((later) => setImmediate(later));
    // The one that was cancelled while it waited is never begun.
    expect(states()).toEqual(["j3 running", "j2 cancelled", "j1 cancelled"]);
    expect(started).toHaveLength(2);
    await started[1]?.end(answer());
    expect(registry.cancel("j3")?.state).toBe("done");
    expect(registry.answer("j3")).toBeDefined();
    expect(registry.cancel("j9")).toBeUndefined();
  });

  it("keep their answers: so many, so large, so long", async () => {
    const { registry, started, submit, states, pass } = bench({ keptMax: 3, keptBytesMax: 100, keptMsMax: 5_000, runningMax: 9 });
    for (const [i, size] of [10, 10, 10, 10].entries()) {
      submit();
      pass(1);
      await started[i]?.end(answer(size));
    }
    expect(states()).toEqual(["j4 done", "j3 done", "j2 done"]);
    expect(registry.answer("j1")).toBeUndefined();
    submit();
    pass(1);
    await started[4]?.end(answer(500));
    expect(states()).toEqual(["j5 done"]);
    submit();
    pass(5_001);
    expect(states()).toEqual(["j6 running"]);
  });

  it("end with the server", () => {
    const { registry, started, submit, states } = bench({ runningMax: 1 });
    submit();
    submit();
    registry.close();
    expect(started.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect(states()).toEqual([]);
  });
});
