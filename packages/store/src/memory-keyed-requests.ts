/** The requests under keys of the store in memory. */
import { ok, type Result, type Term } from "@sluice/model";
import {
  admitEnd,
  admitRequest,
  forgottenBefore,
  keyedRequestsMax,
  nothingBegun,
  type KeyedRequestRecord,
  type KeyedRequestStore,
} from "./keyed-request.js";

/** How the store writes: under its newest term only, and not once it is closed. */
type Write = <T>(under: Term, change: () => Result<T>) => Promise<Result<T>>;

export function memoryKeyedRequests(write: Write): KeyedRequestStore {
  const records = new Map<string, KeyedRequestRecord>();
  const idOf = ({ actor, key }: { readonly actor: string; readonly key: string }) => JSON.stringify([actor, key]);

  return {
    beginRequest: (under, request) =>
      write(under, () => {
        const admitted = admitRequest(request);
        if (!admitted.ok) return admitted;
        const id = idOf(admitted.value);
        const known = records.get(id);
        if (known !== undefined && known.at >= forgottenBefore(admitted.value.at)) return ok(structuredClone(known));
        records.set(id, { ...admitted.value, term: under });
        if (records.size > keyedRequestsMax) records.delete(oldestOf(records));
        return ok(undefined);
      }),

    endRequest: (under, key, answer) =>
      write(under, () => {
        const admitted = admitEnd(key, answer);
        if (!admitted.ok) return admitted;
        const id = idOf(admitted.value);
        const known = records.get(id);
        if (known === undefined || known.answer !== undefined) return nothingBegun(key);
        if (admitted.value.answer === undefined) records.delete(id);
        else records.set(id, { ...known, answer: structuredClone(admitted.value.answer) });
        return ok(undefined);
      }),
  };
}

function oldestOf(records: ReadonlyMap<string, KeyedRequestRecord>): string {
  let oldest = "";
  // After every time that is written in digits.
  let since = "~";
  for (const [id, { at }] of records) if (at < since) [oldest, since] = [id, at];
  return oldest;
}
