/** Streams of agents: bounded in both directions, and one that does not read never slows another. */
import { credentials, status, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { assert, toId, type ControllerMessage, type LinkId, type NodeId, type RuleOperation } from "@sluice/model";
import { agentMessageToWire, controllerMessageFromWire, faultsOfError, v1 } from "@sluice/wire";
import { afterEach, describe, expect, it } from "vitest";
import type { GrpcLimits } from "./limits.js";
import { startGrpc, type GrpcServer } from "./server.js";
import { createMemoryDriver, type MemoryDriver } from "./testdata/memory-driver.js";

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
type Call = ClientDuplexStream<v1.ConnectRequest, v1.ConnectResponse>;

let driver: MemoryDriver;
let server: GrpcServer;
const clients: InstanceType<typeof v1.SwitchServiceClient>[] = [];

async function serve(given: Partial<GrpcLimits> = {}): Promise<void> {
  const limits = { stopMsMax: 50, ...given };
  driver = createMemoryDriver();
  const started = await startGrpc({ address: { host: "127.0.0.1", port: 0 }, driver, forecasts: driver.forecasts, log: quiet, limits });
  assert(started.ok, JSON.stringify(started));
  server = started.value;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.stop();
});

/** An agent on a connection of its own. The number is that of its stream at the driver. */
async function connected(): Promise<{ readonly call: Call; readonly streamId: number; readonly ended: Promise<ServiceError> }> {
  const client = new v1.SwitchServiceClient(`127.0.0.1:${server.port}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  clients.push(client);
  const opened = new Promise<number>((resolve) => (driver.onAgentOpened = resolve));
  const call = client.connect();
  call.pause();
  const ended = new Promise<ServiceError>((resolve) => call.on("error", resolve));
  return { call, streamId: await opened, ended };
}

/** An agent that has read one message and then reads no more. (One that never reads at all is no test: grpc-js buffers for it without bound.) */
async function stalled(): ReturnType<typeof connected> {
  const agent = await connected();
  const heard = new Promise((resolve) => agent.call.once("data", resolve));
  agent.call.resume();
  driver.agents.get(agent.streamId)?.stream.send({ kind: "ping", nonce: 0 });
  await heard;
  agent.call.pause();
  return agent;
}

/** A stage of some sixty kilobytes. */
function bulky(sequence: number): ControllerMessage {
  const operations = Array.from({ length: 1_000 }, (_, i): RuleOperation => {
    const output = toId<LinkId>(`a link with a rather long name, number ${i}`);
    return { op: "put", rule: { kind: "label", match: { label: 16 + i }, action: { kind: "output", link: output } } };
  });
  return { kind: "stage", term: 1, epoch: 1, stage: 0, sequence, operations };
}

const closedAt = (streamId: number): Promise<void> =>
  new Promise((resolve) => {
    driver.onAgentClosed = (closed) => {
      if (closed === streamId) resolve();
    };
  });

describe("streams of agents", () => {
  it("carry messages both ways in order", async () => {
    await serve();
    const { call, streamId } = await connected();
    const heard: ControllerMessage[] = [];
    const all = new Promise<void>((resolve) => {
      call.on("data", (wire: v1.ConnectResponse) => {
        const message = controllerMessageFromWire(wire);
        assert(message.ok, JSON.stringify(message));
        if (heard.push(message.value) === 200) resolve();
      });
    });
    call.resume();
    for (let sequence = 1; sequence <= 200; sequence += 1)
      driver.agents.get(streamId)?.stream.send({ ...bulky(sequence), operations: [] } as ControllerMessage);
    await all;
    expect(heard.map((message) => (message.kind === "stage" ? message.sequence : 0))).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));

    const said = new Promise<void>((resolve) => {
      driver.onAgentMessage = () => {
        if (driver.agents.get(streamId)?.messages.length === 1_000) resolve();
      };
    });
    for (let nonce = 0; nonce < 1_000; nonce += 1) call.write(agentMessageToWire({ kind: "pong", nonce }));
    await said;
    expect(driver.agents.get(streamId)?.messages).toEqual(Array.from({ length: 1_000 }, (_, nonce) => ({ kind: "pong", nonce })));
  });

  it("cut off an agent for whom too much waits, while the others have theirs at once", async () => {
    await serve({ agentMessagesWaitingMax: 8 });
    const slow = await stalled();
    const brisk = await connected();
    const slowClosed = closedAt(slow.streamId);
    const heard = new Promise<void>((resolve) => brisk.call.on("data", () => resolve()));
    brisk.call.resume();
    for (let sequence = 1; sequence <= 200; sequence += 1) driver.agents.get(slow.streamId)?.stream.send(bulky(sequence));
    await slowClosed;
    driver.agents.get(brisk.streamId)?.stream.send({ kind: "ping", nonce: 1 });
    await heard;
    expect(driver.closed).toEqual([slow.streamId]);
    // The reset reaches a peer that never reads: only so are its buffers freed here.
    slow.call.resume();
    expect((await slow.ended).code).toBe(status.RESOURCE_EXHAUSTED);
    // Whatever is still sent to it goes nowhere.
    driver.agents.get(slow.streamId)?.stream.send(bulky(1));
    expect(driver.closed).toEqual([slow.streamId]);
  });

  it("cut off an agent that takes nothing for too long", async () => {
    await serve({ stallMsMax: 100 });
    const { call, streamId, ended } = await stalled();
    const closed = closedAt(streamId);
    for (let sequence = 1; sequence <= 60; sequence += 1) driver.agents.get(streamId)?.stream.send(bulky(sequence));
    await closed;
    call.resume();
    expect((await ended).code).toBe(status.RESOURCE_EXHAUSTED);
  });

  it("end with the reason that the driver gives", async () => {
    await serve();
    const { call, streamId, ended } = await connected();
    call.resume();
    driver.agents.get(streamId)?.stream.close("stale-term", "A newer leader exists.");
    const error = await ended;
    expect(error.code).toBe(status.PERMISSION_DENIED);
    expect(faultsOfError(error)).toEqual([{ code: "stale-term", message: "A newer leader exists." }]);
    expect(driver.closed).toEqual([streamId]);
  });

  it("tell the driver once when an agent leaves, politely or not", async () => {
    await serve();
    const polite = await connected();
    const politeClosed = closedAt(polite.streamId);
    polite.call.write(agentMessageToWire({ kind: "link-event", linkId: toId<LinkId>("l"), up: false }));
    polite.call.end();
    await politeClosed;
    expect(driver.agents.get(polite.streamId)?.messages).toHaveLength(1);
    const rude = await connected();
    const rudeClosed = closedAt(rude.streamId);
    rude.call.cancel();
    await rudeClosed;
    expect(driver.closed).toEqual([polite.streamId, rude.streamId]);
  });

  it("let 500 agents speak at once", async () => {
    await serve();
    const client = new v1.SwitchServiceClient(`127.0.0.1:${server.port}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
    clients.push(client);
    const greeted = new Set<NodeId>();
    const all = new Promise<void>((resolve) => {
      driver.onAgentMessage = (_streamId, message) => {
        if (message.kind === "hello" && greeted.add(message.nodeId).size === 500) resolve();
      };
    });
    for (let i = 0; i < 500; i += 1) {
      const call = client.connect();
      call.on("error", () => {});
      const nodeId = toId<NodeId>(`n${i}`);
      call.write(
        agentMessageToWire({
          kind: "hello",
          nodeId,
          bootId: "b",
          termSeen: 0,
          epochSeen: 0,
          digest: "",
          ruleCount: 0,
          ruleCountMax: 1,
          links: [],
        }),
      );
    }
    await all;
    expect(driver.agents.size).toBe(500);
  });
});
