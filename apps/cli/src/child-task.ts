/** One task in a process of its own, seen from the command line: started for it, watched by a clock, and gone afterwards in every case. */
import { fork, type Serializable } from "node:child_process";
import { totalmem } from "node:os";
import { fault, refuse, type Fault, type Result } from "@sluice/model";

/** Heap of the process: this share of the machine's memory, at least 2 GiB. */
const heapShare = 0.7;

/** The program of the process, and how Node runs it. */
export interface ChildEntry {
  readonly module: URL;
  readonly execArgv: readonly string[];
}

export interface ChildTask<Reply, Answer> {
  readonly entry: ChildEntry;
  readonly signal: AbortSignal;
  /** What an aborted task answers. */
  readonly cancelled: Fault;
  /** In messages: "process", "solver process". */
  readonly name: string;
  /** Sets the first limit, and says what is done with each reply. */
  readonly watch: (child: Child<Answer>) => (reply: Reply) => void;
}

export interface Child<Answer> {
  readonly send: (task: Serializable) => void;
  /** Settles the task and ends the process. What comes later counts for nothing. */
  readonly finish: (result: Result<Answer>) => void;
  /** From now on, in place of the last limit: after so many ms the task is refused so. */
  readonly allow: (ms: number, late: Fault) => void;
}

/** Never rejects: a missed limit is refused as told, a process that ends without an answer is `solver-failed`, an abort is `cancelled`. */
export function runInChild<Reply, Answer>({ entry, signal, cancelled, name, watch }: ChildTask<Reply, Answer>): Promise<Result<Answer>> {
  if (signal.aborted) return Promise.resolve(refuse(cancelled));
  return new Promise((resolve) => {
    const heapMiB = Math.max(2048, Math.floor((totalmem() * heapShare) / 2 ** 20));
    const child = fork(entry.module, [], {
      serialization: "advanced",
      // stdout carries the report only.
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      execArgv: [...entry.execArgv, `--max-old-space-size=${heapMiB}`],
    });
    let timer: NodeJS.Timeout | undefined;
    let settled = false;
    const finish = (result: Result<Answer>): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
      child.kill("SIGKILL");
      resolve(result);
    };
    const cancel = (): void => finish(refuse(cancelled));
    const allow = (ms: number, late: Fault): void => {
      clearTimeout(timer);
      timer = setTimeout(() => finish(refuse(late)), Math.max(0, ms));
    };

    signal.addEventListener("abort", cancel, { once: true });
    const onReply = watch({ send: (task) => child.send(task), finish, allow });
    child.on("message", (reply) => {
      if (!settled) onReply(reply as Reply);
    });
    child.once("error", (error) => finish(refuse(fault("solver-failed", `The ${name} could not be used: ${error.message}.`))));
    child.once("exit", (code, ending) => {
      finish(refuse(fault("solver-failed", `The ${name} ended without an answer (${ending ?? `code ${code}`}).`)));
    });
  });
}
