/**
 * The threads that help the one that solves. They are started once a process, on first need, sleep between solves, and do not keep the
 * process alive.
 *
 * While attached to a layout they watch `control`, in shared memory: word 0 counts calls, word 1 says which kernel (-1: go), and thread
 * i answers in word 16 + 16 i, on a cache line of its own, with the number of the call that it has done.
 */
import { Worker } from "node:worker_threads";
import type { Layout } from "./layout.js";

/** In the order in which thread.mjs knows them. */
const operations = ["sweep", "price", "fit", "scale", "distance"] as const;
export type SharedOperation = (typeof operations)[number];

export interface Crew {
  readonly start: (operation: SharedOperation) => void;
  /** Returns when all are done. */
  readonly wait: () => void;
  readonly release: () => void;
}

/** Rounds of looking before this thread sleeps: a thread that was just attached may take a while to come. */
const spins = 50_000;
const sleepMs = 1;

let idle: Worker[] = [];

/** A thread for each partition but the first. */
export function attachThreads(module: WebAssembly.Module, { memory, partitions }: Layout): Crew {
  const helpers = partitions.slice(1);
  const control = new Int32Array(new SharedArrayBuffer(4 * 16 * (helpers.length + 1)));
  const workers = helpers.map(({ record }, i) => {
    const worker = idle.pop() ?? startThread(module);
    worker.postMessage({ memory, control, record, reply: replyWord(i) });
    return worker;
  });
  let call = 0;
  const begin = (operation: number): void => {
    Atomics.store(control, 1, operation);
    call = Atomics.add(control, 0, 1) + 1;
    Atomics.notify(control, 0);
  };
  return {
    start: (operation) => begin(operations.indexOf(operation)),
    wait: () => helpers.forEach((_, i) => waitFor(control, replyWord(i), call)),
    release: () => {
      begin(-1);
      idle = [...idle, ...workers];
    },
  };
}

function replyWord(thread: number): number {
  return 16 * (thread + 1);
}

function waitFor(control: Int32Array, reply: number, call: number): void {
  for (let spin = 0; ; spin++) {
    const done = Atomics.load(control, reply);
    if (done === call) return;
    if (spin < spins) continue;
    Atomics.wait(control, reply, done, sleepMs);
    spin = 0;
  }
}

function startThread(module: WebAssembly.Module): Worker {
  const worker = new Worker(new URL("./thread.mjs", import.meta.url), { workerData: { module } });
  worker.unref();
  return worker;
}
