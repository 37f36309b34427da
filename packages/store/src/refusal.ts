/** The refusals that both stores give. */
import { fault, refuse, type Epoch, type Result, type Term } from "@sluice/model";

type Refusal = Extract<Result<never>, { ok: false }>;

export function staleTerm(given: Term, current: Term): Refusal {
  const why = given < current ? `term ${current} has taken the lead` : `the store has handed out terms up to ${current} only`;
  return refuse(fault("stale-term", `A write under term ${given} is refused: ${why}.`, { data: { term: given, termCurrent: current } }));
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
