/** What the agent keeps for failures: fences, duplicates, order, memory. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ruleKey, type RuleOperation } from "@sluice/model";
import { applyOperations, digestOf } from "@sluice/rules";
import { AgentBench, label, messages, put, stage, statuses } from "../testing/agent-bench.js";
import { agentRules, agentStanding } from "./machine.js";

type Scenarios = Readonly<Record<string, readonly RuleOperation[]>>;

function prepare(
  sequence: number,
  scenarios: Scenarios,
  more: { readonly term?: number; readonly epoch?: number; readonly replaces?: boolean } = {},
) {
  return {
    kind: "prepare",
    term: more.term ?? 1,
    epoch: more.epoch ?? 1,
    sequence,
    replaces: more.replaces ?? false,
    scenarios: Object.entries(scenarios).map(([scenarioId, operations]) => ({ scenarioId, operations })),
  } as const;
}

const activate = (sequence: number, scenarioId: string, more: { readonly epoch?: number; readonly of?: number } = {}) =>
  ({ ...stage(sequence, [], { epoch: more.epoch ?? 1 }), prepared: { epoch: more.of ?? 1, scenarioId } }) as const;

/** Welcomed, and its first stage of epoch 1 behind it: labels 20 and 21. */
function programmed(more: ConstructorParameters<typeof AgentBench>[0] = {}): AgentBench {
  const bench = new AgentBench(more).connected();
  bench.hear(stage(1, [put(label(20)), put(label(21))]));
  bench.answerPersist();
  bench.answerApply();
  return bench;
}

describe("what an agent keeps for failures", () => {
  it("changes nothing until a stage names it, and is then applied like any stage", () => {
    const bench = programmed();
    const { digest } = agentStanding(bench.agent);
    expect(messages(bench.hear(prepare(2, { "link:x": [put(label(20, "a-c"))], "node:y": [{ op: "delete", key: "label/21" }] })))).toEqual([
      { kind: "prepared", term: 1, epoch: 1, sequence: 2, held: 2, refused: [] },
    ]);
    expect(agentStanding(bench.agent)).toMatchObject({ digest, prepared: { epoch: 1, scenarios: 2, operations: 2 } });

    const [received, apply] = bench.hear(activate(3, "link:x"));
    expect(received).toMatchObject({ message: { status: "received", sequence: 3 } });
    expect(apply).toMatchObject({ kind: "apply", operations: [put(label(20, "a-c"))] });
    const after = new Map([
      ["label/20", label(20, "a-c")],
      ["label/21", label(21)],
    ]);
    expect(messages(bench.answerApply())).toMatchObject([{ status: "programmed", sequence: 3, digest: digestOf(after) }]);
    expect(new Map(agentRules(bench.agent))).toEqual(after);
  });

  it("says that nothing is kept: never prepared, of another plan, or dropped by what replaced it; and takes the operations then", () => {
    const bench = programmed();
    const refusedAs = (scenarioId: string) => [
      { status: "received" },
      { status: "failed", failures: [{ key: `scenario/${scenarioId}`, code: "not-found" }], digest: agentStanding(bench.agent).digest },
    ];
    expect(messages(bench.hear(activate(2, "link:x")))).toMatchObject(refusedAs("link:x"));
    bench.hear(prepare(3, { "link:x": [put(label(30))] }));
    expect(messages(bench.hear(activate(4, "link:x", { of: 7 })))).toMatchObject(refusedAs("link:x"));
    bench.hear(prepare(5, { "link:y": [put(label(31))] }, { replaces: true }));
    expect(messages(bench.hear(activate(6, "link:x")))).toMatchObject(refusedAs("link:x"));
    expect(agentRules(bench.agent).size).toBe(2);
    bench.hear(stage(7, [put(label(30))]));
    expect(statuses(bench.answerApply())).toEqual(["programmed"]);
    expect(agentRules(bench.agent).size).toBe(3);
  });

  it("keeps the scenarios of one plan: those of a newer one take the place of the older", () => {
    const bench = programmed();
    bench.hear(prepare(2, { "link:x": [put(label(30))] }));
    // A stage of a newer plan alone drops nothing.
    bench.hear(stage(3, [], { epoch: 2 }));
    bench.answerPersist();
    bench.answerApply();
    expect(agentStanding(bench.agent).prepared).toEqual({ epoch: 1, scenarios: 1, operations: 1 });
    expect(messages(bench.hear(prepare(4, { "link:y": [put(label(31))] }, { epoch: 2 })))).toMatchObject([{ held: 1, refused: [] }]);
    expect(statuses(bench.hear(activate(5, "link:x", { epoch: 2, of: 1 })))).toEqual(["received", "failed"]);
    bench.hear(activate(6, "link:y", { epoch: 2, of: 2 }));
    expect(statuses(bench.answerApply())).toEqual(["programmed"]);
  });

  it("is fenced like a stage: a lower term ends the stream, a lower epoch is refused, higher ones are durable first", () => {
    const bench = programmed();
    expect(bench.hear(prepare(2, { "link:x": [] }, { epoch: 4 }))).toMatchObject([{ kind: "persist-term", term: 1, epoch: 4 }]);
    expect(agentStanding(bench.agent).prepared.scenarios).toBe(0);
    expect(messages(bench.answerPersist())).toMatchObject([{ kind: "prepared", epoch: 4, held: 1 }]);
    expect(messages(bench.hear(prepare(3, { "link:y": [] }, { epoch: 3 })))).toMatchObject([
      { kind: "refused", sequence: 3, code: "stale-epoch", epochSeen: 4 },
    ]);
    bench.hear(prepare(1, { "link:y": [] }, { term: 2, epoch: 4 }));
    expect(messages(bench.answerPersist())).toMatchObject([{ kind: "prepared", term: 2, held: 2 }]);
    expect(bench.hear(prepare(9, { "link:z": [] }, { term: 1, epoch: 9 }))).toMatchObject([
      { kind: "send", message: { kind: "refused", sequence: 9, code: "stale-term", termSeen: 2 } },
      { kind: "close-stream" },
      { kind: "connect" },
    ]);
    expect(agentStanding(bench.agent).prepared).toMatchObject({ epoch: 4, scenarios: 2 });
  });

  it("obeys nothing of a term that could not be made durable", () => {
    const bench = programmed();
    bench.hear(prepare(2, { "link:x": [] }, { epoch: 4 }));
    expect(bench.answerPersist(false).map(({ kind }) => kind)).toEqual(["close-stream", "connect"]);
    expect(agentStanding(bench.agent).prepared.scenarios).toBe(0);
  });

  it("names what does not fit, keeps the rest, and takes it when there is room", () => {
    const bench = programmed({ preparedOperationsMax: 4 });
    const two = [put(label(30)), put(label(31))];
    expect(messages(bench.hear(prepare(2, { a: two, b: [...two, put(label(32))], c: [], d: two, e: [put(label(33))] })))).toMatchObject([
      { held: 3, refused: ["b", "d"] },
    ]);
    expect(agentStanding(bench.agent).prepared).toEqual({ epoch: 1, scenarios: 3, operations: 4 });
    expect(statuses(bench.hear(activate(3, "d")))).toEqual(["received", "failed"]);
    expect(messages(bench.hear(prepare(4, { d: two }, { replaces: true })))).toMatchObject([{ held: 1, refused: [] }]);
  });

  it("drops older operations for a scenario even where the newer do not fit", () => {
    const bench = programmed({ preparedOperationsMax: 2 });
    bench.hear(prepare(2, { a: [put(label(30))], b: [put(label(31))] }));
    expect(messages(bench.hear(prepare(3, { a: [put(label(32)), put(label(33))] })))).toMatchObject([{ held: 1, refused: ["a"] }]);
    expect(statuses(bench.hear(activate(4, "a")))).toEqual(["received", "failed"]);
    expect(messages(bench.hear(prepare(5, { b: [put(label(34))], c: [] })))).toMatchObject([{ held: 2, refused: [] }]);
  });

  it("outlives its stream, not its process", () => {
    const bench = programmed();
    bench.hear(prepare(2, { "link:x": [put(label(30))] }));
    bench.on({ kind: "closed", streamId: bench.agent.stream?.id ?? 0 });
    bench.on({ kind: "opened", streamId: bench.agent.stream?.id ?? 0 });
    bench.hear(activate(3, "link:x"));
    expect(statuses(bench.answerApply())).toEqual(["programmed"]);
    const next = programmed();
    expect(statuses(next.hear(activate(2, "link:x")))).toEqual(["received", "failed"]);
  });

  it("refuses what the datapath refuses, and a table that is full, like any stage", () => {
    const bench = programmed({ ruleCountMax: 3 });
    const { digest } = agentStanding(bench.agent);
    bench.hear(prepare(2, { full: [put(label(30)), put(label(31))], broken: [put(label(20, "a-c")), { op: "delete", key: "label/21" }] }));
    expect(messages(bench.hear(activate(3, "full")))).toMatchObject([
      { status: "received" },
      { status: "failed", failures: [{ key: "label/31", code: "table-full" }], digest },
    ]);
    bench.hear(activate(4, "broken"));
    expect(messages(bench.answerApply([{ key: "label/20", code: "rule-refused", reason: "no" }]))).toMatchObject([
      { status: "failed", digest },
    ]);
    expect(agentRules(bench.agent).size).toBe(2);
  });

  it("follows order and forgets nothing, whatever is heard twice (I9)", () => {
    const operations = fc.array(
      fc.oneof(
        fc.integer({ min: 16, max: 20 }).map((number) => put(label(number))),
        fc.integer({ min: 16, max: 20 }).map((number): RuleOperation => ({ op: "delete", key: ruleKey(label(number)) })),
      ),
      { maxLength: 3 },
    );
    const name = fc.constantFrom("a", "b", "c", "d");
    const step = fc.oneof(
      fc.record({ do: fc.constant("stage" as const), operations }),
      fc.record({ do: fc.constant("activate" as const), name, back: fc.nat(1) }),
      fc.record({
        do: fc.constant("prepare" as const),
        newer: fc.boolean(),
        replaces: fc.boolean(),
        scenarios: fc.dictionary(name, operations),
      }),
    );
    const preparedOperationsMax = 6;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.infiniteStream(fc.nat()), (steps, draws) => {
        const bench = new AgentBench({ preparedOperationsMax }).connected();
        // The oracle keeps a list and sums it up each time.
        let kept: { readonly epoch: number; readonly name: string; readonly operations: readonly RuleOperation[] }[] = [];
        let rules: ReturnType<typeof agentRules> = new Map();
        let epoch = 1;
        const heard: Parameters<AgentBench["hear"]>[0][] = [];
        steps.forEach((one, i) => {
          const sequence = i + 1;
          let refused: readonly string[] | undefined;
          let isKept = true;
          switch (one.do) {
            case "stage":
              heard.push(stage(sequence, one.operations, { epoch }));
              rules = applyOperations(rules, one.operations);
              break;
            case "activate": {
              const of = epoch - one.back;
              heard.push(activate(sequence, one.name, { epoch, of }));
              const found = kept.find((each) => each.epoch === of && each.name === one.name);
              isKept = found !== undefined;
              rules = applyOperations(rules, found?.operations ?? []);
              break;
            }
            case "prepare": {
              if (one.newer) epoch += 1;
              heard.push(prepare(sequence, one.scenarios, { epoch, replaces: one.replaces }));
              kept = kept.filter((each) => each.epoch === epoch && !one.replaces && !Object.hasOwn(one.scenarios, each.name));
              refused = Object.entries(one.scenarios).flatMap(([each, wanted]) => {
                const size = [...kept, { operations: wanted }].reduce((sum, { operations: all }) => sum + Math.max(1, all.length), 0);
                if (size > preparedOperationsMax) return [each];
                kept.push({ epoch, name: each, operations: wanted });
                return [];
              });
            }
          }
          const from = bench.effects.length;
          const [message] = heard.slice(-1);
          if (message !== undefined) bench.hear(message);
          bench.answerPersist();
          for (let again = (draws.next().value ?? 0) % 3; again > 0; again -= 1) {
            const earlier = heard[(draws.next().value ?? 0) % heard.length];
            if (earlier !== undefined) bench.hear(earlier);
          }
          bench.answerApply();
          const answers = messages(bench.effects.slice(from)).filter((each) => "sequence" in each && each.sequence === sequence);
          expect(answers.at(-1)).toMatchObject(
            one.do === "prepare"
              ? { kind: "prepared", epoch, held: kept.length, refused }
              : { kind: "ack", status: isKept ? "programmed" : "failed", digest: digestOf(rules) },
          );
          expect(new Map(agentRules(bench.agent))).toEqual(new Map(rules));
          expect(agentStanding(bench.agent).prepared.operations).toBeLessThanOrEqual(preparedOperationsMax);
        });
        expect(agentStanding(bench.agent).prepared.scenarios).toBe(kept.length);
      }),
      { numRuns: 300 },
    );
  });
});
