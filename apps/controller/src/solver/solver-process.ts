/**
 * The process that solves. It stands apart from the controller so that a solver that runs away or crashes can be
 * killed without harm (WASM calls are synchronous and cannot be interrupted). It ends when its parent goes.
 */
import { explainDemand, explainLink, measureLinkGain, optimize, smallestChange, splitScenarios } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { fault, flowGroupId, ok, refuse, type Result, type ScenarioSplit } from "@sluice/model";
import { pathCheck } from "@sluice/preview";
import { planText } from "./plan-text.js";
import { differenceOf, jobAnswerOf } from "./preview-of.js";
import { reportOf } from "./report-of.js";
import type { SolverReply, SolverRequest, SolverTask, TaskProgress } from "./solver-message.js";

const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
const nowMs = (): number => performance.now();

/** What was sent for a task before the task itself. */
const splitsBefore = new Map<number, ScenarioSplit[]>();

async function perform(id: number, task: SolverTask): Promise<Result<unknown>> {
  switch (task.kind) {
    case "optimize":
      return optimized(task);
    case "protect":
      return protect(id, task);
    case "report":
      return reportOf(task, splitsBefore.get(id) ?? [], { lp, nowMs, onProgress: reported(id) });
    case "explain":
      return explain(task);
    case "preview":
    case "what-if":
      return jobAnswerOf(task, { lp, nowMs, onProgress: reported(id) });
    case "difference":
      return differenceOf(task);
    case "path-check":
      return pathCheck(task.question, { lp, nowMs });
  }
}

async function optimized({ snapshot, greedyOnly }: Extract<SolverTask, { kind: "optimize" }>): Promise<Result<unknown>> {
  const answer = await optimize(snapshot, { lp, nowMs, greedyOnly });
  return answer.ok ? ok(planText(answer.value)) : answer;
}

/** Time in which plans are made again in search of the smallest change, ms, and for the last of them. */
const changeBudgetMs = 10_000;
const changeSolveSecondsMax = 10;

/** Progress is told so often at most, ms. */
const progressEveryMs = 200;

function reported(id: number): (stage: string, fraction: number) => void {
  let last: (TaskProgress & { readonly atMs: number }) | undefined;
  return (stage, fraction) => {
    const atMs = nowMs();
    if (last !== undefined && atMs - last.atMs < progressEveryMs) return;
    last = { stage, fraction, atMs };
    send({ id, progress: { stage, fraction } });
  };
}

/** Each split goes as soon as it is there: nothing that was found is lost with the process. */
async function protect(id: number, { snapshot, plan, scenarios }: Extract<SolverTask, { kind: "protect" }>): Promise<Result<unknown>> {
  const onSplit = (part: ScenarioSplit): void => send({ id, part });
  const swept = await splitScenarios(snapshot, plan, scenarios, { lp, nowMs, onSplit });
  return swept.ok ? ok({ timings: swept.value.timings }) : swept;
}

async function explain({ snapshot, plan, query }: Extract<SolverTask, { kind: "explain" }>): Promise<Result<unknown>> {
  if (query.kind === "demand") {
    const id = flowGroupId(query.flowGroup);
    if (!snapshot.demands.demands.some((demand) => flowGroupId(demand) === id)) {
      return refuse(fault("not-found", `The plan was made without a demand ${id}.`, { pointer: "/demand" }));
    }
    const explained = explainDemand(snapshot, plan, query.flowGroup);
    const { deadlineSeconds } = snapshot.settings;
    // Planning again is for the change only, and has no more time than somebody waits for an explanation.
    const hurried = { ...snapshot.settings, deadlineSeconds: Math.min(deadlineSeconds, changeSolveSecondsMax) };
    const change = await smallestChange({ ...snapshot, settings: hurried }, plan, query.flowGroup, { lp, nowMs, budgetMs: changeBudgetMs });
    if (!change.ok) return ok({ ...explained, changeFaults: change.faults });
    return ok(change.value === undefined ? explained : { ...explained, change: change.value });
  }
  const { linkId } = query;
  if (!snapshot.topology.links.some((link) => link.id === linkId)) {
    return refuse(fault("not-found", `The plan's topology has no link ${linkId}.`, { pointer: "/link" }));
  }
  const explained = explainLink(snapshot, plan, linkId);
  const gain = await measureLinkGain(snapshot, plan, { linkId, extraBps: explained.extraBps }, { lp, nowMs });
  return gain.ok ? ok({ ...explained, gain: gain.value }) : gain;
}

function send(reply: SolverReply): void {
  process.send?.(reply);
}

process.on("message", (request: SolverRequest) => {
  const { id } = request;
  if ("splits" in request) {
    splitsBefore.set(id, [...(splitsBefore.get(id) ?? []), ...request.splits]);
    return;
  }
  perform(id, request.task)
    .catch((error: unknown): Result<unknown> => {
      const reason = error instanceof Error ? error.message : String(error);
      return refuse(fault("solver-failed", `The solver failed: ${reason}.`));
    })
    .then(
      (result) => {
        splitsBefore.delete(id);
        send({ id, result });
      },
      () => process.exit(1),
    );
});
process.on("disconnect", () => process.exit(0));
// The controller decides when its solvers end; a terminal's Ctrl-C reaches the whole process group.
process.on("SIGINT", () => undefined);
send({ ready: true });
