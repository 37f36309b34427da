/** What every store must do: run by each version's own test. `make` gives an empty store, `describeStore` closes it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import fc from "fast-check";
import {
  canonicalHash,
  faultCodes,
  planSettingsDefault,
  toId,
  topologyDocument,
  parseTopology,
  type DemandMatrix,
  type FaultCode,
  type NodeId,
  type Plan,
  type Result,
  type Term,
  type TopologyDocument,
} from "@sluice/model";
import { describeForecasts } from "./contract-forecasts.js";
import { describeJournal } from "./contract-journal.js";
import { describeKeyedRequests } from "./contract-keyed-requests.js";
import { describeLease } from "./contract-lease.js";
import { itKeepsOperation } from "./contract-operation.js";
import { readOnce } from "./document.js";
import { eventsPerAppendMax, pageLimitMax, type CycleInput, type EventRecord, type PlanRecord, type Store } from "./store.js";

export function describeStore(version: string, make: () => Promise<Store>): void {
  describeForecasts(version, make);
  describeJournal(version, make);
  describeKeyedRequests(version, make);
  describeLease(version, make);
  describe(`the store contract: ${version}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await make();
    });
    afterEach(async () => {
      await store.close();
    });

    async function lead(): Promise<Term> {
      return value(await store.acquireTerm("a test"));
    }

    it("starts empty and answers", async () => {
      value(await store.ping());
      expect(value(await store.loadInventory())).toEqual({ epoch: 0 });
      expect(value(await store.listPlans({ limit: 10 }))).toEqual([]);
      expect(value(await store.listEvents({ limit: 10 }))).toEqual([]);
      expect(value(await store.listForecasts({ limit: 10 }))).toEqual([]);
      expect(codes(await store.getPlan(1))).toEqual(["not-found"]);
      expect(codes(await store.getCycleInput("0".repeat(64)))).toEqual(["not-found"]);
    });

    itKeepsOperation({ store: () => store, cycle, network });

    it("hands out rising terms, each to one holder even when many ask at once", async () => {
      const terms = await Promise.all(Array.from({ length: 8 }, (_, i) => store.acquireTerm(`holder ${i}`)));
      expect(terms.map(value).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(codes(await store.acquireTerm(""))).toEqual(["malformed"]);
      expect(value(await store.acquireTerm("one more"))).toBe(9);
    });

    it("gives back what was put, under versions that rise by one", async () => {
      const term = await lead();
      const topology = network("one");
      expect(value(await store.putTopology(term, network("zero")))).toBe(1);
      expect(value(await store.putTopology(term, topology))).toBe(2);
      expect(value(await store.putTopology(term, topology))).toBe(3);
      expect(value(await store.putDemands(term, matrixOf(7)))).toBe(1);
      expect(value(await store.putSettings(term, planSettingsDefault))).toBe(1);
      expect(value(await store.loadInventory())).toEqual({
        topology: { version: 3, document: topology },
        demands: { version: 1, matrix: matrixOf(7) },
        settings: { version: 1, settings: planSettingsDefault },
        epoch: 0,
      });
    });

    it("keeps awkward text and numbers exactly", async () => {
      const term = await lead();
      const names = ["NUL \u0000", "lone surrogate \ud800", "__proto__", "emoji 🌊", "quote \" \\ ' ; --", "‮rtl", "é vs e\u0301"];
      const rates = [0, 5e-324, Number.MIN_VALUE, 0.1, 1 / 3, Number.MAX_SAFE_INTEGER, 1e21, 1.7976931348623157e308];
      const demands = rates.map((rateBps, i) => ({ src: node(i), dst: node(i + 1), trafficClass: "bulk" as const, rateBps }));
      for (const name of names) {
        const matrix: DemandMatrix = { kind: "demand-matrix", name, demands };
        value(await store.putDemands(term, matrix));
        expect(value(await store.loadInventory()).demands?.matrix).toEqual(matrix);
        value(await store.appendEvents(term, [event("odd", { [name]: name, rates })]));
      }
      const events = value(await store.listEvents({ limit: 100 }));
      expect(events.map(({ data }) => data)).toEqual(
        names.map((text) =>
          Object.fromEntries([
            [text, text],
            ["rates", rates],
          ]),
        ),
      );
    });

    it("is not changed by what callers later do to their values", async () => {
      const term = await lead();
      const mine = { kind: "demand-matrix" as const, name: "mine", demands: [...matrixOf(1).demands] };
      value(await store.putDemands(term, mine));
      mine.demands.length = 0;
      const { plan, input } = cycle({ epoch: 1, term });
      value(await store.appendPlan(term, plan, input, { labels: {} }));
      const read = value(await store.getPlan(1)) as { -readonly [K in keyof PlanRecord]: PlanRecord[K] };
      read.ruleCount = -1;
      expect(value(await store.loadInventory()).demands?.matrix).toEqual({ ...matrixOf(1), name: "mine" });
      expect(value(await store.getPlan(1))).toEqual(plan);
    });

    it("refuses every write of an older term, and of a term never handed out, and changes nothing", async () => {
      const old = await lead();
      const first = cycle({ epoch: 1, term: old });
      value(await store.appendPlan(old, first.plan, first.input, { a: 1 }));
      const term = await lead();
      const before = await contents(store);
      for (const wrong of [old, term + 1, 0]) {
        const { plan, input } = cycle({ epoch: 2, term: wrong });
        const writes = [
          store.putTopology(wrong, network("x")),
          store.putDemands(wrong, matrixOf(2)),
          store.putSettings(wrong, planSettingsDefault),
          store.putOperation(wrong, { settings: {} }),
          store.putInventory(wrong, { topology: network("x") }),
          store.appendPlan(wrong, plan, input, { a: 2 }),
          store.appendEvents(wrong, [event("link-down")]),
          store.beginForecast(wrong, { batchId: "b", name: "b", startedAt: "2026-03-01T00:00:00.000Z" }),
        ];
        for (const write of writes) expect(codes(await write)).toEqual(["stale-term"]);
      }
      expect(await contents(store)).toEqual(before);
      value(await store.appendEvents(term, [event("link-down")]));
    });

    it("appends plans in unbroken order, with inputs and assignments in one step", async () => {
      const term = await lead();
      for (const epoch of [1, 2, 3]) {
        const { plan, input } = cycle({ epoch, term });
        value(await store.appendPlan(term, plan, input, { labels: { last: epoch } }));
        expect(value(await store.getPlan(epoch))).toEqual(plan);
        expect(value(await store.getCycleInput(plan.cycleInputHash))).toEqual(input);
        expect(value(await store.loadInventory())).toEqual({ assignments: { labels: { last: epoch } }, epoch });
      }
      const before = await contents(store);
      for (const epoch of [1, 3, 5]) {
        const { plan, input } = cycle({ epoch, term, rate: 1_000 + epoch });
        expect(codes(await store.appendPlan(term, plan, input, { labels: {} }))).toEqual(["stale-epoch"]);
        expect(codes(await store.getCycleInput(plan.cycleInputHash))).toEqual(["not-found"]);
      }
      expect(await contents(store)).toEqual(before);
    });

    it("stores a plan that was read from its text as that text says, again after a refusal, and never under another one's name", async () => {
      const term = await lead();
      const { plan: record, input } = cycle({ epoch: 1, term });
      const text = JSON.stringify(record.plan, undefined, 1);
      const plan = readOnce(Buffer.from(text)) as Plan;
      const other = readOnce(Buffer.from(text.replace(/"rung": "[a-z]+"/, '"rung": "kept"'))) as Plan;
      expect(plan).toEqual(record.plan);
      expect(codes(await store.appendPlan(term, { ...record, plan, epoch: 2 }, input, {}))).toEqual(["stale-epoch"]);
      value(await store.appendPlan(term, { ...record, plan }, input, {}));
      value(await store.appendPlan(term, { ...record, plan: other, epoch: 2 }, input, {}));
      value(await store.appendPlan(term, { ...record, plan, epoch: 3 }, input, {}));
      const stored = [1, 2, 3].map(async (epoch) => value(await store.getPlan(epoch)).plan);
      expect(await Promise.all(stored)).toEqual([record.plan, { ...record.plan, rung: "kept" }, record.plan]);
      expect(() => readOnce(Buffer.from("{"))).toThrow(SyntaxError);
    });

    it("lets one of several racing plans of one epoch win", async () => {
      const term = await lead();
      const racers = Array.from({ length: 5 }, (_, i) => cycle({ epoch: 1, term, rate: i + 1 }));
      const outcomes = await Promise.all(racers.map(({ plan, input }, i) => store.appendPlan(term, plan, input, { racer: i })));
      const winners = outcomes.flatMap((outcome, i) => (outcome.ok ? [i] : []));
      expect(winners).toHaveLength(1);
      expect(outcomes.flatMap((outcome) => (outcome.ok ? [] : codes(outcome)))).toEqual(Array(4).fill("stale-epoch"));
      const [winner = -1] = winners;
      expect(value(await store.getPlan(1))).toEqual(racers[winner]?.plan);
      expect(value(await store.loadInventory()).assignments).toEqual({ racer: winner });
    });

    it("gives back inputs whose hash is the one they are stored under, once for equal cycles", async () => {
      const term = await lead();
      const same = cycle({ epoch: 1, term });
      value(await store.appendPlan(term, same.plan, same.input, {}));
      value(await store.appendPlan(term, { ...same.plan, epoch: 2 }, same.input, {}));
      const read = value(await store.getCycleInput(same.plan.cycleInputHash));
      expect(canonicalHash(read)).toBe(same.plan.cycleInputHash);
    });

    it("lists plans newest first, in pages", async () => {
      const term = await lead();
      for (let epoch = 1; epoch <= 5; epoch++) {
        const { plan, input } = cycle({ epoch, term });
        value(await store.appendPlan(term, plan, input, {}));
      }
      const page = async (before?: number) =>
        value(await store.listPlans({ limit: 2, ...(before === undefined ? {} : { before }) })).map(({ epoch }) => epoch);
      expect(await page()).toEqual([5, 4]);
      expect(await page(4)).toEqual([3, 2]);
      expect(await page(2)).toEqual([1]);
      expect(await page(1)).toEqual([]);
      expect(await page(0)).toEqual([]);
      const [newest] = value(await store.listPlans({ limit: 1 }));
      const { plan, ...rest } = cycle({ epoch: 5, term }).plan;
      expect(newest).toEqual({ ...rest, rung: plan.rung, demandBps: 30, admittedBps: 20.5, utilizationMax: 0.75 });
    });

    it("numbers events from 1 without gaps, oldest first, in pages", async () => {
      const term = await lead();
      value(await store.appendEvents(term, []));
      value(await store.appendEvents(term, [event("a"), event("b", { deep: { list: [1, null, "x"] } })]));
      await Promise.all(Array.from({ length: 5 }, (_, i) => store.appendEvents(term, [event(`racer-${i}`), event(`racer-${i}`)])));
      const all = value(await store.listEvents({ limit: 100 }));
      expect(all.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
      expect(all[1]).toEqual({ sequence: 2, ...event("b", { deep: { list: [1, null, "x"] } }) });
      for (let i = 2; i < 12; i += 2) expect(all[i]?.kind).toBe(all[i + 1]?.kind);
      expect(value(await store.listEvents({ after: 2, limit: 3 }))).toEqual(all.slice(2, 5));
      expect(value(await store.listEvents({ after: 12, limit: 3 }))).toEqual([]);
    });

    it("takes a large batch of events at once", async () => {
      const term = await lead();
      const batch = Array.from({ length: eventsPerAppendMax }, (_, i) => event("many", { i }));
      value(await store.appendEvents(term, batch));
      const [last] = value(await store.listEvents({ after: eventsPerAppendMax - 1, limit: 5 }));
      expect(last).toEqual({ sequence: eventsPerAppendMax, ...event("many", { i: eventsPerAppendMax - 1 }) });
      expect(codes(await store.appendEvents(term, [...batch, event("one-too-many")]))).toEqual(["out-of-range"]);
    });

    it("brings times to UTC with milliseconds", async () => {
      const term = await lead();
      value(await store.appendEvents(term, [{ ...event("a"), at: "2026-03-01T01:30:00.5+05:30" }]));
      expect(value(await store.listEvents({ limit: 1 }))[0]?.at).toBe("2026-02-28T20:00:00.500Z");
    });

    it("refuses malformed records with a pointer and changes nothing", async () => {
      const term = await lead();
      const { plan, input } = cycle({ epoch: 1, term });
      const before = await contents(store);
      const table: readonly [Promise<Result<unknown>>, FaultCode, string | undefined][] = [
        [store.appendPlan(term, { ...plan, cycleInputHash: "0".repeat(64) }, input, {}), "malformed", "/plan/cycleInputHash"],
        [store.appendPlan(term, { ...plan, cycleInputHash: "short" }, input, {}), "malformed", "/plan/cycleInputHash"],
        [store.appendPlan(term, { ...plan, epoch: 0 }, input, {}), "out-of-range", "/plan/epoch"],
        [store.appendPlan(term, { ...plan, term: term + 1 }, input, {}), "malformed", "/plan/term"],
        [store.appendPlan(term, { ...plan, ruleCount: -1 }, input, {}), "negative", "/plan/ruleCount"],
        [store.appendPlan(term, { ...plan, createdAt: "yesterday" }, input, {}), "malformed", "/plan/createdAt"],
        [store.appendPlan(term, plan, input, { label: NaN }), "not-finite", undefined],
        [
          store.appendPlan(term, { ...plan, plan: { ...plan.plan, check: { ...plan.plan.check, utilizationMax: NaN } } }, input, {}),
          "not-finite",
          undefined,
        ],
        [store.putDemands(term, matrixOf(Infinity)), "not-finite", undefined],
        [store.appendEvents(term, [event("Bad Kind")]), "malformed", "/events/0/kind"],
        [store.appendEvents(term, [event("a"), { ...event("a"), at: "" }]), "malformed", "/events/1/at"],
        [store.appendEvents(term, [event("a", { x: -Infinity })]), "not-finite", undefined],
        [store.listPlans({ limit: 0 }), "out-of-range", "/limit"],
        [store.listPlans({ limit: pageLimitMax + 1 }), "out-of-range", "/limit"],
        [store.listPlans({ limit: 1.5 }), "wrong-type", "/limit"],
        [store.listEvents({ limit: 1, after: -1 }), "negative", "/after"],
      ];
      for (const [outcome, code, pointer] of table) {
        const refused = await outcome;
        expect([codes(refused), refused.ok ? undefined : refused.faults[0].pointer]).toEqual([[code], pointer]);
      }
      expect(await contents(store)).toEqual(before);
    });

    it("agrees with a list of events, whatever is appended", async () => {
      const term = await lead();
      const model: Omit<EventRecord, "sequence">[] = [];
      const data = fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), fc.jsonValue(), { maxKeys: 4 });
      await fc.assert(
        fc.asyncProperty(fc.array(data, { maxLength: 5 }), async (batch) => {
          // JSON has one zero.
          const events = batch.map((each) => event("any", JSON.parse(JSON.stringify(each)) as Record<string, unknown>));
          const after = model.length;
          value(await store.appendEvents(term, events));
          model.push(...events);
          expect(value(await store.listEvents({ after, limit: 10 }))).toEqual(
            events.map((each, i) => ({ sequence: after + i + 1, ...each })),
          );
        }),
        { numRuns: 30 },
      );
    });

    it("refuses everything once closed, and closes twice", async () => {
      const term = await lead();
      await store.close();
      await store.close();
      const calls = [store.ping(), store.loadInventory(), store.acquireTerm("x"), store.putTopology(term, network("x")), store.getPlan(1)];
      for (const call of calls) expect(codes(await call)).toEqual(["unavailable"]);
    });
  });
}

/** Everything that a store shows, to see that nothing changed. */
async function contents(store: Store): Promise<unknown> {
  const limit = 100;
  const lists = [store.loadInventory(), store.listPlans({ limit }), store.listEvents({ limit }), store.listForecasts({ limit })];
  return (await Promise.all(lists)).map((list) => value<unknown>(list));
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

function node(i: number): NodeId {
  return toId<NodeId>(`n${i}`);
}

function network(name: string): TopologyDocument {
  const link = { from: "n0", to: "n1", capacityBps: 1e10, latencyMs: 1.25, metric: 10, srlgIds: ["s2", "s1"] };
  const input = {
    name,
    nodes: [{ id: "n0" }, { id: "n1" }],
    links: [
      { ...link, id: "a" },
      { ...link, id: "b" },
    ],
  };
  return topologyDocument(value(parseTopology(input)));
}

function matrixOf(rateBps: number): DemandMatrix {
  return { kind: "demand-matrix", name: "m", demands: [{ src: node(0), dst: node(1), trafficClass: "elastic", rateBps }] };
}

function event(kind: string, data: Record<string, unknown> = {}): Omit<EventRecord, "sequence"> {
  return { at: "2026-03-01T00:00:00.000Z", kind, data };
}

function cycle({ epoch, term, rate = 10 }: { epoch: number; term: Term; rate?: number }): { plan: PlanRecord; input: CycleInput } {
  const input: CycleInput = {
    topology: network("cycle"),
    demands: matrixOf(rate),
    settings: planSettingsDefault,
    assignmentsBefore: { labels: { last: epoch - 1 } },
  };
  const certificate = {
    objective: "max-throughput",
    sense: "maximize",
    unit: "bps",
    value: 10,
    bound: 10,
    gap: 0,
    linkPrices: [],
  } as const;
  const shared = { rung: "optimal", solver: "highs", certificate, notes: [] } as const;
  const plan: Plan = {
    inputHash: canonicalHash("snapshot"),
    rung: "feasible",
    classes: [
      { ...shared, trafficClass: "interactive", demandBps: 10, allottedBps: 10, admittedBps: 10 },
      { ...shared, trafficClass: "elastic", demandBps: 20, allottedBps: 11, admittedBps: 10.5 },
    ],
    tunnels: [],
    groups: [],
    unroutable: [{ src: node(1), dst: node(2), trafficClass: "bulk" }],
    check: { verdict: "pass", checked: { links: 2 }, violations: [], utilizationMax: 0.75 },
  };
  return {
    input,
    plan: {
      epoch,
      term,
      createdAt: "2026-03-01T00:00:00.000Z",
      cycleInputHash: canonicalHash(input),
      plan,
      timings: { solve: 0.1, total: 1 / 3 },
      rulesDigest: "d".repeat(64),
      ruleCount: 42,
    },
  };
}
