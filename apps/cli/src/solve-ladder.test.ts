/** Solvers that run away, crash or talk nonsense: the deadline holds, and the next rung answers. */
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SolveReport } from "./solve-report.js";
import type { ChildEntry } from "./child-task.js";
import { examplesDir } from "./testing/data.js";
import { run, sourceSolver } from "./testing/run.js";

const solve = ["solve", "--topology", join(examplesDir, "b4.json"), "--demands", join(examplesDir, "b4-day.json"), "-o", "json"];
let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "sluice-cli-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** A solver process that does `first` with an ordinary task and `greedy` with the greedy one; `real` is the true solver. */
async function moody(first: string, greedy: string): Promise<ChildEntry> {
  const real = `await import(${JSON.stringify(sourceSolver.module.href)});`;
  const module = pathToFileURL(
    join(
      dir,
      `${createHash("sha256")
        .update(first + greedy)
        .digest("hex")}.mjs`,
    ),
  );
  const act = (what: string) => (what === "real" ? real : what);
  await writeFile(
    module,
    `process.once("message", async (task) => { if (task.greedyOnly) { ${act(greedy)} } else { ${act(first)} } });\nprocess.send({ kind: "ready" });\n`,
  );
  return { ...sourceSolver, module };
}

const spin = "for (;;);";
const crash = "process.exit(9);";

describe("the ladder", () => {
  test.each([
    ["runs away", spin, "stopped at its deadline"],
    ["crashes", crash, "ended without an answer (code 9)"],
    ["is killed", "process.kill(process.pid, 'SIGKILL');", "ended without an answer (SIGKILL)"],
  ])("a solver that %s is followed by the greedy rung, which says why", async (_, first, reason) => {
    const ran = await run([...solve, "--deadline", "0.5"], { solver: await moody(first, "real") });
    expect(ran.code).toBe(0);
    const report = JSON.parse(ran.stdout) as SolveReport;
    expect(report).toMatchObject({ rung: "greedy", check: { verdict: "pass" } });
    expect(report.classes[0]?.notes[0]).toContain(reason);
    expect(report.admittedShare).toBeGreaterThan(0.5);
  });

  test("no rung left is exit code 3, with a reason for each rung", async () => {
    const ran = await run([...solve, "--deadline", "0.5"], { solver: await moody(spin, crash) });
    expect(ran).toMatchObject({ code: 3, stdout: "" });
    expect(ran.stderr).toContain("[deadline-exceeded]");
    expect(ran.stderr).toContain("[solver-failed]");
    expect(ran.stderr).toContain("--deadline");
  });

  test("a refusal is no failure: no other rung is tried", async () => {
    const refusal = { ok: false, faults: [{ code: "malformed", message: "The path set is no path set.", pointer: "/line/3" }] };
    const answer = `process.send({ kind: "result", result: ${JSON.stringify(refusal)} });`;
    const ran = await run(solve, { solver: await moody(answer, "real") });
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain("/line/3");
  });

  test("a cancelled solve ends at once, says nothing on stdout, and no other rung is tried", async () => {
    const interruption = new AbortController();
    setTimeout(() => interruption.abort(), 300);
    const ran = await run([...solve, "--deadline", "600"], { solver: await moody(spin, "real"), signal: interruption.signal });
    expect(ran).toMatchObject({ code: 130, stdout: "" });
  });
});
