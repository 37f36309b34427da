/** The agent step by step, and under duplicates and lost streams. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ruleKey, toId, type LinkId, type Rule, type RuleOperation } from "@sluice/model";
import { applyOperations, digestOf } from "@sluice/rules";
import { AgentBench, label, messages, put, stage, statuses } from "../testing/agent-bench.js";
import { agentRules, agentStanding } from "./machine.js";

describe("an agent", () => {
  it("says what it has, and obeys a term or epoch only once that is durable", () => {
    const bench = new AgentBench();
    bench.on({ kind: "tick" });
    const [hello] = messages(bench.on({ kind: "opened", streamId: 1 }));
    expect(hello).toMatchObject({
      kind: "hello",
      nodeId: "a",
      termSeen: 0,
      epochSeen: 0,
      ruleCount: 0,
      digest: digestOf(new Map()),
      links: [{ linkId: "a-b", up: true }],
    });
    bench.hear({ kind: "welcome", term: 3, controllerId: "test" });
    expect(agentStanding(bench.agent).termSeen).toBe(0);
    bench.answerPersist();
    expect(agentStanding(bench.agent)).toMatchObject({ termSeen: 3, connected: true });

    expect(bench.hear(stage(1, [put(label(20))], { term: 3, epoch: 9 }))).toMatchObject([{ kind: "persist-term", term: 3, epoch: 9 }]);
    expect(statuses(bench.answerPersist())).toEqual(["received"]);
    expect(statuses(bench.answerApply())).toEqual(["programmed"]);
    expect(agentRules(bench.agent)).toEqual(new Map([["label/20", label(20)]]));
  });

  it("does not obey what it could not make durable", () => {
    const bench = new AgentBench().connected();
    bench.hear(stage(1, [put(label(20))]));
    const effects = bench.answerPersist(false);
    expect(effects.map(({ kind }) => kind)).toEqual(["close-stream", "connect"]);
    expect(agentRules(bench.agent).size).toBe(0);
    expect(agentStanding(bench.agent).epochSeen).toBe(0);
  });

  it("refuses a lower term with the highest seen, and leaves; refuses a lower epoch and stays", () => {
    const bench = new AgentBench({ termSeen: 5 }).connected(5);
    bench.hear(stage(1, [], { term: 5, epoch: 4 }));
    bench.answerPersist();
    bench.answerApply();
    expect(messages(bench.hear(stage(2, [put(label(20))], { term: 5, epoch: 3 })))).toMatchObject([
      { kind: "refused", code: "stale-epoch", sequence: 2, epochSeen: 4 },
    ]);
    const effects = bench.hear(stage(3, [put(label(20))], { term: 4, epoch: 9 }));
    expect(effects).toMatchObject([
      { kind: "send", message: { kind: "refused", code: "stale-term", termSeen: 5 } },
      { kind: "close-stream" },
      { kind: "connect" },
    ]);
    expect(agentRules(bench.agent).size).toBe(0);
  });

  it("refuses a controller that was deposed at its welcome and at its questions", () => {
    for (const message of [
      { kind: "welcome", term: 4, controllerId: "old" },
      { kind: "read-rules", term: 4, requestId: 1 },
    ] as const) {
      const bench = new AgentBench({ termSeen: 5 });
      bench.on({ kind: "tick" });
      bench.on({ kind: "opened", streamId: 1 });
      expect(bench.hear(message).map(({ kind }) => kind)).toEqual(["send", "close-stream", "connect"]);
    }
  });

  it("applies a stage whole or not at all, and says which rules it refuses", () => {
    const bench = new AgentBench({ ruleCountMax: 2 }).connected();
    bench.hear(stage(1, [put(label(20)), put(label(21)), put(label(22))]));
    expect(messages(bench.answerPersist())).toMatchObject([
      { status: "received" },
      { status: "failed", failures: [{ key: "label/22", code: "table-full" }], digest: digestOf(new Map()) },
    ]);
    expect(agentRules(bench.agent).size).toBe(0);
  });

  it("takes back what the datapath refuses", () => {
    const bench = new AgentBench().connected();
    bench.hear(stage(1, [put(label(20)), put(label(21))]));
    bench.answerPersist();
    bench.answerApply();
    const { digest } = agentStanding(bench.agent);
    bench.hear(stage(2, [put(label(20, "a-c")), { op: "delete", key: "label/21" }, put(label(23))]));
    expect(messages(bench.answerApply([{ key: "label/23", code: "rule-refused", reason: "no" }]))).toMatchObject([
      { status: "failed", digest },
    ]);
    expect(new Map(agentRules(bench.agent))).toEqual(
      new Map([
        ["label/20", label(20)],
        ["label/21", label(21)],
      ]),
    );
  });

  it("does not say hello before the datapath has answered for the stage that the last stream left behind", () => {
    const bench = new AgentBench().connected();
    bench.hear(stage(1, [put(label(20))]));
    bench.answerPersist();
    bench.on({ kind: "closed", streamId: bench.agent.stream?.id ?? 0 });
    expect(bench.on({ kind: "opened", streamId: bench.agent.stream?.id ?? 0 })).toEqual([]);
    expect(messages(bench.answerApply())).toMatchObject([
      { kind: "hello", ruleCount: 1, digest: digestOf(new Map([["label/20", label(20)]])) },
    ]);
  });

  it("forgets what it had not begun when its stream is lost, and hears nothing more from that stream", () => {
    const bench = new AgentBench().connected();
    bench.hear(stage(1, [put(label(20))]));
    bench.hear(stage(2, [put(label(21))]));
    const lost = bench.agent.stream?.id ?? 0;
    bench.on({ kind: "closed", streamId: lost });
    bench.answerPersist();
    bench.on({ kind: "opened", streamId: bench.agent.stream?.id ?? 0 });
    expect(bench.on({ kind: "message", streamId: lost, message: stage(3, [put(label(22))]) })).toEqual([]);
    expect(agentRules(bench.agent).size).toBe(0);
  });

  it("keeps its rules without a controller, and connects again with growing patience", () => {
    const bench = new AgentBench().connected();
    bench.hear(stage(1, [put(label(20))]));
    bench.answerPersist();
    bench.answerApply();
    const delays: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      const [connect] = bench.on({ kind: "closed", streamId: bench.agent.stream?.id ?? 0 });
      if (connect?.kind === "connect") delays.push(connect.delayMs);
    }
    expect(delays).toEqual([0, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(agentRules(bench.agent).size).toBe(1);
  });

  it("takes what the datapath turned out to hold for its table, and says so by a new hello", () => {
    const bench = new AgentBench().connected();
    bench.hear(stage(1, [put(label(20))]));
    bench.answerPersist();
    bench.answerApply();
    expect(bench.on({ kind: "rules-found", rules: new Map([["label/20", label(20)]]) })).toEqual([]);
    const effects = bench.on({ kind: "rules-found", rules: new Map([["label/30", label(30)]]) });
    expect(effects.map(({ kind }) => kind)).toEqual(["close-stream", "connect"]);
    expect(messages(bench.on({ kind: "opened", streamId: bench.agent.stream?.id ?? 0 }))).toMatchObject([
      { kind: "hello", ruleCount: 1, digest: digestOf(new Map([["label/30", label(30)]])) },
    ]);
  });

  it.each([
    ["programmed", [], ["label/20", "label/30"]],
    ["failed", [{ key: "label/20", code: "rule-refused", reason: "no" }], ["label/30"]],
  ] as const)("puts a stage that is %s by the datapath on what was found before it, and says hello only then", (_, failures, keys) => {
    const bench = new AgentBench().connected();
    bench.hear(stage(1, [put(label(20)), { op: "delete", key: "label/21" }]));
    bench.answerPersist();
    const found = new Map([label(21), label(30)].map((rule) => [ruleKey(rule), rule]));
    bench.on({ kind: "rules-found", rules: found });
    expect(bench.on({ kind: "opened", streamId: bench.agent.stream?.id ?? 0 })).toEqual([]);
    const expected = failures.length > 0 ? [...keys, "label/21"] : keys;
    expect(messages(bench.answerApply([...failures]))).toMatchObject([{ kind: "hello", ruleCount: expected.length }]);
    expect([...agentRules(bench.agent).keys()].sort()).toEqual([...expected].sort());
  });

  it("leaves out of what was found that which no table takes", () => {
    const bench = new AgentBench().connected();
    const dangling: Rule = { kind: "ingress", match: { dstPrefix: "10.0.3.0/24", dscp: 46 }, meterId: 7, groupId: 7 };
    bench.on({ kind: "rules-found", rules: new Map([dangling, label(30)].map((rule) => [ruleKey(rule), rule])) });
    expect([...agentRules(bench.agent).keys()]).toEqual(["label/30"]);
  });

  it("leaves a controller that has fallen silent", () => {
    const bench = new AgentBench().connected();
    bench.nowMs += 14_000;
    expect(bench.on({ kind: "tick" }).map(({ kind }) => kind)).toEqual(["read-counters"]);
    bench.hear({ kind: "ping", nonce: 1 });
    bench.nowMs += 14_000;
    bench.on({ kind: "tick" });
    expect(agentStanding(bench.agent).connected).toBe(true);
    bench.nowMs += 2_000;
    expect(bench.on({ kind: "tick" }).map(({ kind }) => kind)).toEqual(["close-stream", "connect"]);
  });

  it("answers probes while it is busy, and leaves a controller that sends more than it can hold", () => {
    const bench = new AgentBench({ inboxMax: 2 }).connected();
    bench.hear(stage(1, [put(label(20))]));
    expect(messages(bench.hear({ kind: "ping", nonce: 7 }))).toEqual([{ kind: "pong", nonce: 7 }]);
    bench.hear(stage(2, []));
    bench.hear(stage(3, []));
    expect(bench.hear(stage(4, [])).map(({ kind }) => kind)).toEqual(["close-stream", "connect"]);
  });

  it("reports links as they change, and counters at their interval", () => {
    const bench = new AgentBench().connected();
    const linkId = toId<LinkId>("a-b");
    expect(messages(bench.on({ kind: "link-changed", linkId, up: false }))).toEqual([{ kind: "link-event", linkId, up: false }]);
    expect(bench.on({ kind: "link-changed", linkId, up: false })).toEqual([]);
    expect(bench.on({ kind: "tick" })).toEqual([{ kind: "read-counters" }]);
    expect(bench.on({ kind: "tick" })).toEqual([]);
    expect(messages(bench.on({ kind: "count", links: [], groups: [] }))).toEqual([{ kind: "counters", links: [], groups: [] }]);
  });

  it("reports its rules in chunks, of which the last says so", () => {
    const bench = new AgentBench({ rulesPerMessageMax: 2 }).connected();
    const rules = [20, 21, 22, 23].map((number) => label(number));
    const report = (count: number, sequence: number) => {
      bench.hear(stage(sequence, rules.slice(0, count).map(put), { epoch: sequence }));
      bench.answerPersist();
      bench.answerApply();
      return messages(bench.hear({ kind: "read-rules", term: 1, requestId: 9 })).map((message) =>
        message.kind === "rules" ? [message.rules.length, message.last] : [],
      );
    };
    expect(messages(bench.hear({ kind: "read-rules", term: 1, requestId: 9 }))).toEqual([
      { kind: "rules", requestId: 9, rules: [], last: true },
    ]);
    expect(report(3, 1)).toEqual([
      [2, false],
      [1, true],
    ]);
    expect(report(4, 2)).toEqual([
      [2, false],
      [2, true],
    ]);
  });

  it("obeys each stage once, whatever is heard twice (I9)", () => {
    const operation = fc.oneof(
      fc.integer({ min: 16, max: 24 }).map((number) => put(label(number))),
      fc.integer({ min: 16, max: 24 }).map((number): RuleOperation => ({ op: "delete", key: ruleKey(label(number)) })),
    );
    fc.assert(
      fc.property(fc.array(fc.array(operation, { maxLength: 4 }), { maxLength: 12 }), fc.infiniteStream(fc.nat()), (stages, draws) => {
        const bench = new AgentBench().connected();
        let expected: ReturnType<typeof agentRules> = new Map();
        let applied = 0;
        stages.forEach((operations, i) => {
          expected = applyOperations(expected, operations);
          const before = bench.effects.length;
          bench.hear(stage(i + 1, operations));
          // Any stage so far is heard again, the one under way too.
          for (let again = (draws.next().value ?? 0) % 3; again > 0; again -= 1) {
            const earlier = (draws.next().value ?? 0) % (i + 1);
            bench.hear(stage(earlier + 1, stages[earlier] ?? []));
          }
          if (i === 0) bench.answerPersist();
          bench.answerApply();
          applied += bench.effects.slice(before).filter(({ kind }) => kind === "apply").length;
        });
        expect(applied).toBe(stages.length);
        expect(new Map(agentRules(bench.agent))).toEqual(new Map(expected));
        expect(agentStanding(bench.agent).digest).toBe(digestOf(expected));
      }),
    );
  });
});
