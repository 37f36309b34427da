/** Feeds a controller as batch jobs and measurements would: its topology where it has none, then the demand of the moment, again and again. */
import { setTimeout as sleep } from "node:timers/promises";
import { topologyDocument, type DemandMatrix, type DemandSeries, type Fault, type Result, type Topology } from "@sluice/model";
import { momentAt, dayOf } from "../demand-clock.js";

/** A controller that cannot be reached is asked again after this, ms. */
const retryMs = 2_000;

/** What of a controller's client is needed. */
export interface FedController {
  /** Of the topology; 0 where there is none. */
  topologyVersion(): Promise<Result<number>>;
  replaceTopology(topology: ReturnType<typeof topologyDocument>): Promise<Result<number>>;
  measure(matrix: DemandMatrix): Promise<Result<number>>;
  reconnect(): void;
}

export interface FeedOptions {
  readonly controller: FedController;
  readonly topology: Topology;
  readonly matrices: DemandMatrix | DemandSeries;
  /** How long an interval of the series lasts here. */
  readonly intervalSeconds: number;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  /** Of each demand that was taken in. */
  onMeasured(index: number, demands: number): void;
  onFaults(faults: readonly Fault[]): void;
  readonly retryMs?: number;
}

/**
 * Until the signal. Which interval it is follows from the clock alone, so that a feeder that was started again goes on where the day is.
 * A topology that the controller has stays: operators may have changed it.
 */
export async function feed(options: FeedOptions): Promise<void> {
  const { controller, topology, matrices, intervalSeconds, nowMs, signal } = options;
  const intervalMs = intervalSeconds * 1_000;
  while (!signal.aborted) {
    const step = Math.floor(nowMs() / intervalMs);
    const { index, matrix } = momentAt(matrices, step % dayOf(matrices).count);
    const measured = await send(controller, topology, matrix);
    if (signal.aborted) return;
    if (measured.ok) options.onMeasured(index, measured.value);
    else {
      options.onFaults(measured.faults);
      controller.reconnect();
    }
    const waitMs = measured.ok ? (step + 1) * intervalMs - nowMs() : (options.retryMs ?? retryMs);
    await sleep(Math.max(0, waitMs), undefined, { signal }).catch(() => undefined);
  }
}

async function send(controller: FedController, topology: Topology, matrix: DemandMatrix): Promise<Result<number>> {
  const version = await controller.topologyVersion();
  if (!version.ok) return version;
  if (version.value === 0) {
    const replaced = await controller.replaceTopology(topologyDocument(topology));
    if (!replaced.ok) return replaced;
  }
  return controller.measure(matrix);
}
