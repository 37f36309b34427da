/** The real agent over real gRPC against a controller that says only what a test tells it to. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toId, type LinkId, type NodeId, type RuleOperation } from "@sluice/model";
import { digestOf } from "@sluice/rules";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AgentRefused,
  memoryDatapath,
  openControllerChannel,
  runAgent,
  type AgentLog,
  type AgentOptions,
  type RunningAgent,
} from "./index.js";
import { startScriptedController, type AgentConnection, type ScriptedController } from "./testdata/scripted-controller.js";

const nodeId = toId<NodeId>("ams");
const linkId = toId<LinkId>("ams-lon");
const quiet: AgentLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
/** Short, so that tests do not wait; the order of events does not depend on them. */
const config = { reconnectMinMs: 20, reconnectMaxMs: 100, countersIntervalMs: 100 };

const label = (value: number): RuleOperation => ({
  op: "put",
  rule: { kind: "label", match: { label: value }, action: { kind: "pop-deliver" } },
});

let controller: ScriptedController;
let datapath = memoryDatapath();
let stateDir: string;
let agents: RunningAgent[];

beforeEach(async () => {
  controller = await startScriptedController();
  datapath = memoryDatapath({ links: [{ linkId, up: true }], ruleCountMax: 3 });
  stateDir = mkdtempSync(join(tmpdir(), "sluice-agent-"));
  agents = [];
});
afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  controller.stop();
  rmSync(stateDir, { recursive: true });
});

function start(more: Partial<AgentOptions> = {}): RunningAgent {
  const agent = runAgent({ nodeId, controller: `127.0.0.1:${controller.port}`, stateDir, datapath, log: quiet, config, ...more });
  agents.push(agent);
  return agent;
}

/** Connected, greeted and welcomed. */
async function welcomed(term: number): Promise<AgentConnection> {
  const connection = await controller.connection();
  await connection.next("hello");
  connection.send({ kind: "welcome", term, controllerId: "c" });
  return connection;
}

const stage = (term: number, epoch: number, sequence: number, operations: readonly RuleOperation[]) =>
  ({ kind: "stage", term, epoch, stage: 0, sequence, operations }) as const;

describe("agent", () => {
  it("says hello, takes a stage, acknowledges it twice, and forwards by it", async () => {
    start();
    const connection = await controller.connection();
    expect(await connection.next("hello")).toMatchObject({
      nodeId: "ams",
      termSeen: 0,
      epochSeen: 0,
      digest: digestOf(new Map()),
      ruleCount: 0,
      ruleCountMax: 3,
      links: [{ linkId: "ams-lon", up: true }],
    });
    connection.send({ kind: "welcome", term: 4, controllerId: "c" });
    connection.send(stage(4, 9, 1, [label(16), label(17)]));
    expect(await connection.next("ack")).toMatchObject({ term: 4, epoch: 9, sequence: 1, status: "received" });
    expect(await connection.next("ack")).toMatchObject({ status: "programmed", digest: datapath.table.digest });
    expect(datapath.table.lookupLabel(17)?.action.kind).toBe("pop-deliver");
  });

  it("answers a duplicate without applying it again", async () => {
    let applied = 0;
    const { apply } = datapath;
    datapath.apply = (operations) => {
      applied += 1;
      return apply(operations);
    };
    start();
    const connection = await welcomed(1);
    for (let i = 0; i < 3; i += 1) connection.send(stage(1, 1, 1, [label(16)]));
    for (const status of ["received", "programmed", "programmed", "programmed"]) {
      expect(await connection.next("ack")).toMatchObject({ sequence: 1, status });
    }
    expect(applied).toBe(1);
  });

  it("applies a stage whole or not at all, and says which rule failed", async () => {
    start();
    const connection = await welcomed(1);
    connection.send(stage(1, 1, 1, [label(16), label(17), label(18), label(19)]));
    await connection.next("ack");
    expect(await connection.next("ack")).toMatchObject({
      status: "failed",
      failures: [{ key: "label/19", code: "table-full" }],
      digest: digestOf(new Map()),
    });
    expect(datapath.table.rules.size).toBe(0);
  });

  it("keeps what it is prepared for until a stage names it; a process that starts anew has none and says so", async () => {
    const log: object[] = [];
    const agent = start({ log: { ...quiet, debug: (data) => void log.push(data) } });
    const connection = await welcomed(1);
    const prepare = { kind: "prepare", term: 1, epoch: 1, sequence: 1, replaces: true } as const;
    connection.send({ ...prepare, scenarios: [{ scenarioId: "link:a/b é", operations: [label(16), label(17)] }] });
    expect(await connection.next("prepared")).toEqual({ kind: "prepared", term: 1, epoch: 1, sequence: 1, held: 1, refused: [] });
    expect(datapath.table.rules.size).toBe(0);
    const named = (sequence: number) => ({ ...stage(1, 1, sequence, []), prepared: { epoch: 1, scenarioId: "link:a/b é" } });
    connection.send(named(2));
    await connection.next("ack");
    expect(await connection.next("ack")).toMatchObject({ sequence: 2, status: "programmed", digest: datapath.table.digest });
    expect(datapath.table.rules.size).toBe(2);
    expect(log).toContainEqual(expect.objectContaining({ kind: "prepare", scenarios: 1, operations: 2 }));
    expect(log).toContainEqual(expect.objectContaining({ kind: "stage", operations: 0, prepared: named(2).prepared }));
    await agent.stop();

    start();
    const next = await welcomed(1);
    next.send(named(3));
    await next.next("ack");
    expect(await next.next("ack")).toMatchObject({
      status: "failed",
      failures: [{ key: "scenario/link:a/b é", code: "not-found" }],
      digest: datapath.table.digest,
    });
  });

  it("tells that the datapath broke, and holds what it held", async () => {
    datapath.apply = () => Promise.reject(new Error("the switch is on fire"));
    const agent = start();
    const connection = await welcomed(1);
    connection.send(stage(1, 1, 1, [label(16)]));
    await connection.next("ack");
    const ack = await connection.next("ack");
    expect(ack).toMatchObject({ status: "failed", failures: [{ key: "label/16", code: "internal" }] });
    expect(JSON.stringify(ack)).not.toContain("fire");
    expect(agent.standing().digest).toBe(digestOf(new Map()));
  });

  it("refuses a stale term, says what it has seen, and tries again", async () => {
    start();
    const connection = await welcomed(7);
    connection.send(stage(7, 3, 1, [label(16)]));
    await connection.next("ack");
    await connection.next("ack");
    connection.send(stage(6, 4, 2, [label(17)]));
    expect(await connection.next("refused")).toMatchObject({ sequence: 2, code: "stale-term", termSeen: 7, epochSeen: 3 });
    await connection.closed;
    expect(datapath.table.lookupLabel(17)).toBeUndefined();
    const again = await controller.connection();
    expect(await again.next("hello")).toMatchObject({ termSeen: 7, epochSeen: 3, ruleCount: 1 });
  });

  it("keeps forwarding while the controller is away, and comes back with what it has", async () => {
    const agent = start();
    const first = await welcomed(1);
    first.send(stage(1, 1, 1, [label(16)]));
    await first.next("ack");
    const { digest } = await first.next("ack");
    const { port } = controller;
    controller.stop();
    await first.closed;
    expect(datapath.table.lookupLabel(16)).toBeDefined();
    controller = await startScriptedController(port);
    const second = await controller.connection();
    expect(await second.next("hello")).toMatchObject({ termSeen: 1, epochSeen: 1, digest, ruleCount: 1 });
    expect(agent.standing()).toMatchObject({ termSeen: 1, digest });
  });

  it("tries until there is a controller", async () => {
    const { port } = controller;
    controller.stop();
    const refused = new Promise<void>((resolve) => {
      start({ log: { ...quiet, warn: () => resolve() } });
    });
    await refused;
    controller = await startScriptedController(port);
    expect(await (await controller.connection()).next("hello")).toMatchObject({ nodeId: "ams" });
  });

  it("comes back after it was refused, and logs the reason", async () => {
    const told: object[] = [];
    start({ log: { ...quiet, warn: (data) => void told.push(data) } });
    const connection = await controller.connection();
    await connection.next("hello");
    connection.refuse("No such node.");
    const again = await controller.connection();
    await again.next("hello");
    expect(told).toContainEqual(expect.objectContaining({ faults: [{ code: "not-found", message: "No such node." }] }));
  });

  it("reports its rules, counters and links, and answers probes", async () => {
    start();
    const connection = await welcomed(1);
    connection.send(stage(1, 1, 1, [label(16), label(17)]));
    connection.send({ kind: "read-rules", term: 1, requestId: 5 });
    expect(await connection.next("rules")).toMatchObject({ requestId: 5, last: true, rules: [{ kind: "label" }, { kind: "label" }] });
    connection.send({ kind: "ping", nonce: 77 });
    expect(await connection.next("pong")).toMatchObject({ nonce: 77 });
    datapath.setLink(linkId, false);
    expect(await connection.next("link-event")).toMatchObject({ linkId: "ams-lon", up: false });
    const links = [{ linkId, transmittedBytes: 2 ** 40, droppedBytes: 3 }];
    datapath.setCounters({ links, groups: [] });
    let counters = await connection.next("counters");
    for (let i = 0; i < 20 && counters.links.length === 0; i += 1) counters = await connection.next("counters");
    expect(counters.links).toEqual(links);
  });

  it("leaves nothing behind when it stops in the middle of things", async () => {
    let release: (() => void) | undefined;
    datapath.apply = () => new Promise((resolve) => (release = () => resolve([])));
    const agent = start();
    const connection = await welcomed(1);
    connection.send(stage(1, 1, 1, [label(16)]));
    await connection.next("ack");
    const stopped = agent.stop();
    await connection.closed;
    release?.();
    await stopped;
    datapath.setLink(linkId, false);
    expect(connection.unread("ack") + connection.unread("link-event")).toBe(0);
  });
});

describe("term", () => {
  it("is on disk before the agent obeys, and outlives its process", async () => {
    const onDisk: number[] = [];
    const { apply } = datapath;
    datapath.apply = (operations) => {
      onDisk.push((JSON.parse(readFileSync(join(stateDir, "term.json"), "utf8")) as { term: number }).term);
      return apply(operations);
    };
    const first = start();
    const connection = await welcomed(5);
    connection.send(stage(5, 2, 1, [label(16)]));
    await connection.next("ack");
    await connection.next("ack");
    expect(onDisk).toEqual([5]);
    await first.stop();

    // A new process with an empty switch still refuses the controller that was deposed.
    datapath = memoryDatapath();
    start();
    const next = await controller.connection();
    expect(await next.next("hello")).toMatchObject({ termSeen: 5, epochSeen: 2, ruleCount: 0 });
    next.send({ kind: "welcome", term: 4, controllerId: "old" });
    expect(await next.next("refused")).toMatchObject({ code: "stale-term", termSeen: 5 });
  });

  const pair = { format: "sluice-agent-term/1", nodeId: "ams", term: 5, epoch: 2 };
  const bad: readonly (readonly [string, string])[] = [
    ["nothing in it", ""],
    ["half a file", '{"format":"sluice-agent-te'],
    ["no checksum", JSON.stringify(pair)],
    ["another format", JSON.stringify({ ...pair, format: "sluice-agent-term/9", checksum: "" })],
    ["a negative term", JSON.stringify({ ...pair, term: -1, checksum: "" })],
  ];
  it.each(bad)("refuses to start on a state file with %s, and leaves the file as it is", (_name, content) => {
    const file = join(stateDir, "term.json");
    writeFileSync(file, content);
    expect(() => start()).toThrow(AgentRefused);
    expect(() => start()).toThrow(/does not start/);
    expect(readFileSync(file, "utf8")).toBe(content);
  });

  it("refuses to start on a term that was lowered by hand", async () => {
    const agent = start();
    const connection = await welcomed(5);
    connection.send({ kind: "read-rules", term: 5, requestId: 1 });
    await connection.next("rules");
    await agent.stop();
    const file = join(stateDir, "term.json");
    const lowered = readFileSync(file, "utf8").replace('"term":5', '"term":4');
    expect(lowered).toContain('"term":4');
    writeFileSync(file, lowered);
    expect(() => start()).toThrow(/checksum/);
  });

  it("refuses the state of another node", async () => {
    const agent = start();
    const connection = await welcomed(1);
    connection.send({ kind: "read-rules", term: 1, requestId: 1 });
    await connection.next("rules");
    await agent.stop();
    expect(() => start({ nodeId: toId<NodeId>("lon") })).toThrow(/belongs to node ams/);
  });

  it("is not obeyed where it cannot be made durable", async () => {
    const failures: string[] = [];
    rmSync(stateDir, { recursive: true });
    start({ log: { ...quiet, error: (_data, message) => void failures.push(message) } });
    // The directory turns into a file under the agent's feet: writing below it must fail.
    rmSync(stateDir, { recursive: true });
    writeFileSync(stateDir, "");
    const connection = await welcomed(3);
    connection.send(stage(3, 1, 1, [label(16)]));
    await connection.closed;
    expect(failures[0]).toMatch(/cannot be made durable/);
    expect(datapath.table.rules.size).toBe(0);
    const again = await controller.connection();
    expect(await again.next("hello")).toMatchObject({ termSeen: 0 });
  });
});

describe("many agents in one process", () => {
  it("share one connection", async () => {
    const channel = openControllerChannel(`127.0.0.1:${controller.port}`);
    const ids = Array.from({ length: 100 }, (_, i) => toId<NodeId>(`n${i}`));
    for (const id of ids) {
      agents.push(runAgent({ nodeId: id, controller: "", channel, datapath: memoryDatapath(), log: quiet, config }));
    }
    const greeted = new Set<string>();
    for (let i = 0; i < ids.length; i += 1) {
      const connection = await controller.connection();
      const { nodeId: from } = await connection.next("hello");
      greeted.add(from);
      connection.send({ kind: "welcome", term: 1, controllerId: "c" });
      connection.send(stage(1, 1, 1, [label(16)]));
      await connection.next("ack");
      expect(await connection.next("ack")).toMatchObject({ status: "programmed" });
    }
    expect(greeted.size).toBe(100);
    await Promise.all(agents.map((agent) => agent.stop()));
    channel.close();
  });
});
