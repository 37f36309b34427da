// @ts-check
/**
 * One further thread of the sweep kernel. Plain JavaScript, so that it runs alike from source and from a build. Told of a memory, it waits
 * for calls there (see `control` in thread-pool.ts), runs the kernel on its partition, and returns to its mailbox when released.
 */
import { parentPort, workerData } from "node:worker_threads";

/** Rounds of looking for the next call before the thread sleeps. */
const spins = 20_000;
/** A sleeping thread looks up this often, ms. */
const sleepMs = 1000;

const { module } = /** @type {{ module: WebAssembly.Module }} */ (workerData);

parentPort?.on("message", (/** @type {{ memory: WebAssembly.Memory, control: Int32Array, record: number, reply: number }} */ task) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory: task.memory } });
  const kernels = /** @type {Record<string, (record: number) => void>} */ (/** @type {unknown} */ (exports));
  const names = ["sweep", "price", "fit", "scale", "distance"];
  const { control, record, reply } = task;
  let call = 0;
  for (;;) {
    for (let spin = 0; Atomics.load(control, 0) === call; spin++) {
      if (spin < spins) continue;
      Atomics.wait(control, 0, call, sleepMs);
      spin = 0;
    }
    call = Atomics.load(control, 0);
    const operation = Atomics.load(control, 1);
    if (operation < 0) return;
    if (Atomics.compareExchange(control, reply + 1, call - 1, call) !== call - 1) continue;
    kernels[names[operation] ?? ""]?.(record);
    Atomics.store(control, reply, call);
    Atomics.notify(control, reply);
  }
});
