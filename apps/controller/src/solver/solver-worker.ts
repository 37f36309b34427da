/** One solver process seen from the controller: one task at a time, a deadline on each, killed when it is missed. */
import { fork, type ChildProcess } from "node:child_process";
import { constants, setPriority } from "node:os";
import { fault, refuse, type Fault, type Result, type ScenarioSplit } from "@sluice/model";
import type { SolverReply, SolverRequest, SolverTask, TaskProgress } from "./solver-message.js";

/** Time that a new process may take to load before the task's own deadline starts, ms. */
const loadMsMax = 20_000;
/** Groups of the splits that are sent in one message: some milliseconds of the event loop. */
const groupsPerMessage = 2_000;
/** Heap of a solver process unless told otherwise, MiB. */
const heapMiBDefault = 4096;

interface Running {
  readonly id: number;
  readonly part: (part: ScenarioSplit) => void;
  readonly progress: (progress: TaskProgress) => void;
  readonly finish: (result: Result<unknown>) => void;
}

export interface SolverWorkerOptions {
  readonly heapMiB?: number;
  /** The processor is left to others that want it: a low priority of the operating system. */
  readonly yielding?: boolean;
}

export interface RunOptions {
  /** Parts of the answer, as they come. */
  readonly part?: (part: ScenarioSplit) => void;
  readonly progress?: (progress: TaskProgress) => void;
  /** Sent ahead of the task, other work in between. */
  readonly splits?: readonly ScenarioSplit[];
}

export class SolverWorker {
  private child: ChildProcess | undefined;
  private ready: Promise<boolean> = Promise.resolve(false);
  private running: Running | undefined;
  private nextId = 1;

  constructor(
    private readonly entry: URL,
    private readonly options: SolverWorkerOptions = {},
  ) {}

  /** Starts the process before the first task needs it. */
  warm(): void {
    if (this.child === undefined) this.start();
  }

  /**
   * Runs one task. Never rejects: a missed deadline is `deadline-exceeded`, a process that ends or answers
   * with something else `solver-failed`; in both cases the process is gone and the next task gets a new one. Parts of an
   * answer and its progress are passed on as they come, none after the result.
   */
  async run(
    task: SolverTask,
    deadlineMs: number,
    { part = () => undefined, progress = () => undefined, splits = [] }: RunOptions = {},
  ): Promise<Result<unknown>> {
    if (this.running !== undefined) return refuse(fault("unavailable", "The solver is busy with another task; try again."));
    const id = this.nextId++;
    return new Promise<Result<unknown>>((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const finish = (result: Result<unknown>): void => {
        if (this.running?.id !== id) return;
        clearTimeout(timer);
        this.running = undefined;
        resolve(result);
      };
      this.running = { id, part, progress, finish };
      const late = (): void => {
        this.kill();
        finish(refuse(fault("deadline-exceeded", `The solver was stopped at its deadline of ${(deadlineMs / 1000).toFixed(1)} s.`)));
      };
      this.warm();
      timer = setTimeout(late, loadMsMax);
      void this.ready.then((isReady) => {
        if (this.running?.id !== id) return;
        clearTimeout(timer);
        if (!isReady) return finish(refuse(fault("solver-failed", "The solver process could not be started.")));
        timer = setTimeout(late, deadlineMs);
        return this.send(id, task, splits);
      });
    });
  }

  private async send(id: number, task: SolverTask, splits: readonly ScenarioSplit[]): Promise<void> {
    let chunk: ScenarioSplit[] = [];
    let groups = 0;
    for (const split of splits) {
      chunk.push(split);
      groups += split.groups.length;
      if (groups < groupsPerMessage && split !== splits.at(-1)) continue;
      this.child?.send({ id, splits: chunk } satisfies SolverRequest);
      [chunk, groups] = [[], 0];
      await new Promise((resolve) => setImmediate(resolve));
      if (this.running?.id !== id) return;
    }
    this.child?.send({ id, task } satisfies SolverRequest);
  }

  /** Ends the task in hand: the process is killed, the task's result is `cancelled`. */
  cancel(): void {
    this.end(fault("cancelled", "The solve was cancelled."));
  }

  /** The same, with another reason. */
  end(reason: Fault): void {
    const running = this.running;
    if (running === undefined) return;
    this.kill();
    running.finish(refuse(reason));
  }

  close(): void {
    this.cancel();
    this.kill();
  }

  private start(): void {
    const child = fork(this.entry, [], {
      serialization: "advanced",
      // A solver has nothing to say on stdout: the controller's own carries the ready line only.
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      execArgv: [`--max-old-space-size=${this.options.heapMiB ?? heapMiBDefault}`],
    });
    if (this.options.yielding === true && child.pid !== undefined) yieldProcessor(child.pid);
    this.child = child;
    this.ready = new Promise((resolve) => {
      child.on("message", (reply: SolverReply) => {
        if ("ready" in reply) return resolve(true);
        if (this.child !== child || this.running?.id !== reply.id) return undefined;
        if ("part" in reply) return this.running.part(reply.part);
        return "progress" in reply ? this.running.progress(reply.progress) : this.running.finish(reply.result);
      });
      child.once("error", () => this.gone(child, "could not be started", resolve));
      child.once("exit", (code, signal) => this.gone(child, `ended unexpectedly (${signal ?? `code ${code}`})`, resolve));
    });
  }

  private gone(child: ChildProcess, how: string, ready: (isReady: boolean) => void): void {
    ready(false);
    if (this.child !== child) return;
    this.child = undefined;
    this.running?.finish(refuse(fault("solver-failed", `The solver process ${how}.`)));
  }

  private kill(): void {
    const child = this.child;
    this.child = undefined;
    child?.kill("SIGKILL");
  }
}

function yieldProcessor(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A process that has ended already, or a system that does not allow it: the work is the same, only less polite.
  }
}
