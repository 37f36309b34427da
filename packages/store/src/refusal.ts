/** The refusals that both stores give. */
import { fault, refuse, type Epoch, type Result, type Term } from "@sluice/model";
import type { ForecastBatch } from "./forecast-store.js";

type Refusal = Extract<Result<never>, { ok: false }>;

export function staleTerm(given: Term, current: Term): Refusal {
  const why = given < current ? `term ${current} has taken the lead` : `the store has handed out terms up to ${current} only`;
  return refuse(fault("stale-term", `A write under term ${given} is refused: ${why}.`, { data: { term: given, termCurrent: current } }));
}

export function leaseOver(term: Term): Refusal {
  return refuse(fault("stale-term", `A write under term ${term} is refused: its lease is over.`, { data: { term, termCurrent: term } }));
}

export function staleEpoch(given: Epoch, last: Epoch): Refusal {
  return refuse(
    fault("stale-epoch", `Plan ${given} cannot follow plan ${last}: the next epoch is ${last + 1}.`, {
      pointer: "/plan/epoch",
      data: { epoch: given, epochLast: last },
    }),
  );
}

export function noPlan(epoch: Epoch): Refusal {
  return refuse(fault("not-found", `There is no plan with epoch ${epoch}.`));
}

export function noCycleInput(hash: string): Refusal {
  return refuse(fault("not-found", `There is no cycle input with hash ${hash.slice(0, 64)}.`));
}

export function storeClosed(): Refusal {
  return refuse(fault("unavailable", "The store is closed."));
}

export function noForecast(batchId: string): Refusal {
  return refuse(fault("not-found", `There is no forecast batch ${batchId.slice(0, 128)}.`));
}

export function noWindow(batchId: string): Refusal {
  return refuse(fault("not-found", `The forecast batch ${batchId.slice(0, 128)} has no such window.`));
}

export function alreadyComplete(batchId: string): Refusal {
  return refuse(fault("duplicate-id", `There is a forecast batch ${batchId} already: use another id.`, { pointer: "/forecast/batchId" }));
}

export function notReceiving({ batchId, state }: ForecastBatch): Refusal {
  return refuse(fault("not-allowed", `The forecast batch ${batchId} is ${state}: it takes no more rows.`, { data: { state } }));
}

export function notNextChunk({ batchId, chunks, rows }: ForecastBatch, given: number): Refusal {
  return refuse(
    fault("not-allowed", `Chunk ${given} of the forecast batch ${batchId} cannot follow ${chunks} chunks.`, { data: { chunks, rows } }),
  );
}

export function noTime(): Refusal {
  return refuse(fault("malformed", "A matrix was measured at a time like 2026-11-20T18:00:00Z.", { pointer: "/measuredAt" }));
}

export function nothingQuarantined({ batchId, state }: ForecastBatch): Refusal {
  return refuse(fault("not-allowed", `The forecast batch ${batchId} is ${state}: there is nothing to release.`, { data: { state } }));
}
