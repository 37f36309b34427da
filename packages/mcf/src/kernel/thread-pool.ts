/**
 * The threads that help the one that solves. They are started once a process, on first need, stay with the memory that they were attached
 * to, asleep between solves, and do not keep the process alive.
 *
 * While attached they watch `control`, in shared memory: word 0 counts calls, word 1 says which kernel (-1: go). Of thread i, on a cache
 * line of its own, word 16 + 16 i is the call that it has done last, and the word after that the last call whose work was taken, by the
 * thread or by the one that solves: it does itself what a thread has not begun by the time that its own part is done, so that a thread that
 * sleeps, or that the system let wait for other work, costs nothing.
 */
import { Worker } from "node:worker_threads";
import { helperTrust } from "./helper-trust.js";
import type { Layout } from "./layout.js";
import type { LentMemory } from "./memory-pool.js";
import type { WasmModule } from "./wasm-module.js";

/** In the order in which thread.mjs knows them. */
const operations = ["sweep", "price", "fit", "scale", "distance"] as const;
export type SharedOperation = (typeof operations)[number];

export interface Crew {
  readonly start: (operation: SharedOperation) => void;
  /** Returns when all are done: `runPart(i)` does the work of thread i. */
  readonly finish: (runPart: (thread: number) => void) => void;
}

/** Rounds of looking before this thread sleeps: a thread that was just attached may take a while to come. */
const spins = 50_000;
const sleepMs = 1;

let idle: Worker[] = [];

const crews = new WeakMap<LentMemory, Crew>();

/** A thread for each partition but the first. They stay until the memory is dropped. */
export function crewOf(module: WasmModule, { lent, partitions }: Layout): Crew {
  const known = crews.get(lent);
  if (known !== undefined) return known;
  const helpers = partitions.slice(1);
  const control = new Int32Array(new SharedArrayBuffer(4 * 16 * (helpers.length + 1)));
  const workers = helpers.map(({ record }, i) => {
    const worker = idle.pop() ?? startThread(module.compiled());
    worker.postMessage({ memory: lent.memory, control, record, reply: replyWord(i) });
    return worker;
  });
  const trust = helperTrust();
  let call = 0;
  let isHelped = false;
  const begin = (operation: number): void => {
    Atomics.store(control, 1, operation);
    call = Atomics.add(control, 0, 1) + 1;
    Atomics.notify(control, 0);
  };
  const crew: Crew = {
    start: (operation) => {
      isHelped = trust.isGiven();
      if (isHelped) begin(operations.indexOf(operation));
    },
    finish: (runPart) => {
      let wasLate = false;
      for (let i = 0; i < helpers.length; i++) {
        const reply = replyWord(i);
        if (!isHelped || Atomics.compareExchange(control, reply + 1, call - 1, call) === call - 1) runPart(i);
        else wasLate = waitFor(control, reply, call) || wasLate;
      }
      if (isHelped) trust.note(wasLate);
    },
  };
  crews.set(lent, crew);
  lent.onDropped = () => {
    begin(-1);
    idle = [...idle, ...workers];
  };
  return crew;
}

function replyWord(thread: number): number {
  return 16 * (thread + 1);
}

/** Returns whether it waited so long that the thread must have been stopped: parts take about as long as each other. */
function waitFor(control: Int32Array, reply: number, call: number): boolean {
  let wasLong = false;
  for (let spin = 0; ; spin++) {
    const done = Atomics.load(control, reply);
    if (done === call) return wasLong;
    if (spin < spins) continue;
    if (Atomics.wait(control, reply, done, sleepMs) === "timed-out") wasLong = true;
    spin = 0;
  }
}

function startThread(module: WebAssembly.Module): Worker {
  const worker = new Worker(new URL("./thread.mjs", import.meta.url), { workerData: { module } });
  worker.unref();
  return worker;
}
