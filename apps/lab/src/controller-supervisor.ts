/** Keeps a controller serving: started once for good or with its own words for why not, and started again when it dies later. */
import { fault, refuse, type Result } from "@sluice/model";
import { startController, type ControllerProcess, type ControllerProcessOptions, type Serving } from "./controller-process.js";
import { restartWaitMs } from "./restart-policy.js";

export interface SupervisorOptions extends ControllerProcessOptions {
  /** Without it the first death is final. */
  readonly restart: boolean;
  readonly nowMs: () => number;
  /** The controller died; it is started again after `waitMs`. */
  readonly onDeath: (how: string, waitMs: number) => void;
  readonly onServing: (serving: Serving) => void;
}

export class ControllerSupervisor {
  readonly #options: SupervisorOptions;
  #process: ControllerProcess;
  #stopping = false;
  #serving = true;
  readonly #restartsMs: number[] = [];
  readonly #abort = new AbortController();
  /** Settles when the controller is gone for good though nobody stopped it: why. */
  readonly failed: Promise<string>;

  private constructor(options: SupervisorOptions, process: ControllerProcess) {
    this.#options = options;
    this.#process = process;
    this.failed = this.#watch();
  }

  static async start(options: SupervisorOptions): Promise<Result<ControllerSupervisor>> {
    const started = await startController(options);
    return started.ok ? { ok: true, value: new ControllerSupervisor(options, started.value) } : started;
  }

  get serving(): Serving {
    return this.#process.serving;
  }

  /** Not between a death and the ready line of the next start. */
  get isServing(): boolean {
    return this.#serving;
  }

  get restarts(): number {
    return this.#restartsMs.length;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#abort.abort();
    await this.#process.stop();
    // A controller that was just being started again is gone as well.
    await this.failed;
  }

  async #watch(): Promise<string> {
    for (;;) {
      const how = await this.#process.ended;
      this.#serving = false;
      if (this.#stopping) return "it was stopped";
      const { restart, nowMs, onDeath, onServing } = this.#options;
      if (!restart) return how;
      const again = await this.#again(how, nowMs, onDeath);
      if (!again.ok) return again.faults[0].message;
      this.#process = again.value;
      if (this.#stopping) {
        await this.#process.stop();
        return "it was stopped";
      }
      this.#serving = true;
      onServing(this.#process.serving);
    }
  }

  async #again(how: string, nowMs: () => number, onDeath: SupervisorOptions["onDeath"]): Promise<Result<ControllerProcess>> {
    const waitMs = restartWaitMs(this.#restartsMs, nowMs());
    if (waitMs === undefined) return refuse(fault("unavailable", `The controller keeps dying; the last time ${how}`));
    this.#restartsMs.push(nowMs());
    onDeath(how, waitMs);
    await pause(waitMs, this.#abort.signal);
    if (this.#stopping) return refuse(fault("cancelled", "it was stopped"));
    // The same addresses again, so that agents and watchers find it.
    const { grpc, rest } = this.#process.serving;
    return startController({ ...this.#options, grpc, rest: new URL(rest).host, signal: this.#abort.signal });
  }
}

/** Resolves after the time, or at once when aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish, { once: true });
  });
}
