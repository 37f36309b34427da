/** What every store must do with requests that their senders may repeat. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { faultCodes, type FaultCode, type Result } from "@sluice/model";
import { keyedAnswerLengthMax, keyedRequestMsMax, type KeyedRequest } from "./keyed-request.js";
import type { Store } from "./store.js";

export function describeKeyedRequests(version: string, make: () => Promise<Store>): void {
  describe(`requests that may be repeated: ${version}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await make();
    });
    afterEach(async () => {
      await store.close();
    });
    const lead = async () => value(await store.acquireTerm("a test"));

    it("are begun once, end once, and keep their answer", async () => {
      const term = await lead();
      expect(value(await store.beginRequest(term, request("k")))).toBeUndefined();
      expect(value(await store.beginRequest(term, request("k")))).toEqual({ ...request("k"), term });
      value(await store.endRequest(term, request("k"), answer("done")));
      expect(value(await store.beginRequest(term, { ...request("k"), fingerprint: "b".repeat(64) }))).toEqual({
        ...request("k"),
        term,
        answer: answer("done"),
      });
      expect(codes(await store.endRequest(term, request("k"), answer("again")))).toEqual(["not-found"]);
      expect(codes(await store.endRequest(term, request("k"), undefined))).toEqual(["not-found"]);
      expect(codes(await store.endRequest(term, request("never begun"), undefined))).toEqual(["malformed"]);
      expect(codes(await store.endRequest(term, request("never"), undefined))).toEqual(["not-found"]);
    });

    it("are free again where they end without an answer", async () => {
      const term = await lead();
      value(await store.beginRequest(term, request("k")));
      value(await store.endRequest(term, request("k"), undefined));
      expect(value(await store.beginRequest(term, request("k")))).toBeUndefined();
    });

    it("are each actor's own", async () => {
      const term = await lead();
      value(await store.beginRequest(term, request("k")));
      expect(value(await store.beginRequest(term, { ...request("k"), actor: "another" }))).toBeUndefined();
      value(await store.endRequest(term, { actor: "another", key: "k" }, undefined));
      expect(value(await store.beginRequest(term, request("k")))).toMatchObject({ actor: "an actor" });
    });

    it("begin once, however many ask at the same time", async () => {
      const term = await lead();
      const begun = await Promise.all(Array.from({ length: 8 }, () => store.beginRequest(term, request("k"))));
      expect(begun.map(value).filter((known) => known === undefined)).toHaveLength(1);
    });

    it("outlive a leadership, and say under which one they began", async () => {
      const first = await lead();
      value(await store.beginRequest(first, request("k")));
      const second = await lead();
      expect(codes(await store.beginRequest(first, request("other")))).toEqual(["stale-term"]);
      expect(codes(await store.endRequest(first, request("k"), answer("late")))).toEqual(["stale-term"]);
      expect(value(await store.beginRequest(second, request("k")))).toEqual({ ...request("k"), term: first });
    });

    it("are forgotten after a day", async () => {
      const term = await lead();
      const at = (ms: number) => new Date(Date.parse(request("k").at) + ms).toISOString();
      value(await store.beginRequest(term, request("k")));
      value(await store.endRequest(term, request("k"), answer("done")));
      expect(value(await store.beginRequest(term, { ...request("k"), at: at(keyedRequestMsMax) }))).toMatchObject({
        answer: answer("done"),
      });
      expect(value(await store.beginRequest(term, { ...request("k"), at: at(keyedRequestMsMax + 1) }))).toBeUndefined();
    });

    it("keep awkward answers as they are, and refuse what is no answer", async () => {
      const term = await lead();
      const body = JSON.stringify({ text: "NUL \u0000, lone \ud800, 🌊, \" \\ ' ; --", list: [null, 1e308] });
      value(await store.beginRequest(term, request("k")));
      expect(codes(await store.endRequest(term, request("k"), { ...answer(""), body: "x".repeat(keyedAnswerLengthMax + 1) }))).toEqual([
        "out-of-range",
      ]);
      expect(codes(await store.endRequest(term, request("k"), { ...answer(""), status: 42 }))).toEqual(["out-of-range"]);
      value(await store.endRequest(term, request("k"), { status: 202, headers: { location: "/v1/jobs/1" }, body }));
      expect(value(await store.beginRequest(term, request("k")))?.answer).toEqual({
        status: 202,
        headers: { location: "/v1/jobs/1" },
        body,
      });
      for (const [wrong, pointer] of [
        [{ ...request("k"), fingerprint: "short" }, "/request/fingerprint"],
        [{ ...request("k"), key: "blank inside" }, "/request/key"],
        [{ ...request("k"), actor: "" }, "/request/actor"],
        [{ ...request("k"), at: "now" }, "/request/at"],
      ] as const) {
        const refused = await store.beginRequest(term, wrong);
        expect(refused.ok ? undefined : refused.faults[0].pointer).toBe(pointer);
      }
    });
  });
}

function request(key: string): KeyedRequest & { readonly at: string } {
  return { actor: "an actor", key, fingerprint: "a".repeat(64), at: "2026-03-01T00:00:00.000Z" };
}

function answer(text: string) {
  return { status: 200, headers: {}, body: JSON.stringify({ text }) };
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}

function codes(result: Result<unknown>): readonly FaultCode[] {
  const found = result.ok ? [] : result.faults.map(({ code }) => code);
  for (const code of found) expect(faultCodes).toContain(code);
  return found;
}
