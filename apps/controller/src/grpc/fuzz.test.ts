/**
 * Every message that gRPC takes: right, almost right, and hostile, down to bytes that are no message and frames that lie. Whatever comes, the controller goes
 * on, answers with a status that blames the input and never itself, and what is refused changes nothing. Seeded and bounded: a failure prints the seed that
 * repeats it.
 */
import { gzipSync } from "node:zlib";
import { status } from "@grpc/grpc-js";
import type { MethodDefinition, PackageDefinition } from "@grpc/proto-loader";
import { assert } from "@sluice/model";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { definitionFromFiles } from "./testdata/stock-client.js";
import { messageArbitraries, type MessageArbitraries } from "./testing/arbitrary-message.js";
import { liveGrpc, type LiveGrpc } from "./testing/live-grpc.js";
import { framed, rawClient, type RawClient, type RawOutcome } from "./testing/raw-call.js";

const seed = 20_261_122;
const runs = 250;
const requestBytesMax = 200_000;

type Message = Readonly<Record<string, unknown>>;

const link = { id: "a-b", from: "a", to: "b", capacityBps: 1e9, latencyMs: 1, metric: 1, srlgIds: ["duct"] };
const topology = {
  name: "triangle",
  sites: [{ id: "north", name: "North", coordinates: { latitudeDeg: 1, longitudeDeg: 2 } }],
  nodes: [{ id: "a", siteId: "north", prefix: "10.0.0.0/24" }, { id: "b" }, { id: "c", drain: 2 }],
  links: [link, { ...link, id: "b-a", from: "b", to: "a" }, { ...link, id: "b-c", from: "b", to: "c", operational: 2 }],
};
const points = [
  { fairShare: 0, rateBps: 0 },
  { fairShare: 1, rateBps: 1e6 },
];
const demands = [
  { src: "a", dst: "b", trafficClass: 2, rateBps: 1e6 },
  { src: "b", dst: "c", trafficClass: 1, rateBps: 2e6, bandwidthFunction: { points } },
];
const start = { seconds: "1800000000", nanos: 0 };
const rules = [{ meter: { meterId: 1, rateBps: 1e6, burstBits: 1e6 } }, { label: { label: 300, output: "a-b" } }] as const;

/** What a client of each method may send, one message after the other. */
const examples: ReadonlyMap<string, readonly (readonly Message[])[]> = new Map<string, readonly (readonly Message[])[]>([
  ["/sluice.v1.TopologyService/ReplaceTopology", [[{ topology }]]],
  [
    "/sluice.v1.TopologyService/ApplyChanges",
    [
      [
        {
          changes: [
            { putNode: { id: "d" } },
            { putLink: { ...link, id: "a-d", to: "d" } },
            { setLinkState: { linkId: "a-b", drain: 2 } },
            { setNodeState: { nodeId: "b", operational: 2 } },
            { putSite: { id: "south" } },
            { removeSiteId: "south" },
            { removeLinkId: "a-d" },
            { removeNodeId: "d" },
          ],
        },
      ],
    ],
  ],
  ["/sluice.v1.TopologyService/GetTopology", [[{}]]],
  [
    "/sluice.v1.DemandService/StreamMeasurements",
    [
      [
        { sequence: "1", matrix: { name: "m", demands } },
        { sequence: "2", matrix: { name: "parts", demands: demands.slice(0, 1) }, more: true },
        { sequence: "2", matrix: { name: "parts", demands: demands.slice(1) } },
      ],
    ],
  ],
  [
    "/sluice.v1.DemandService/UploadForecasts",
    [
      [
        { header: { batchId: "f1", windowStart: start, windowSeconds: 3_600, name: "evening", quantile: 3 } },
        { demands: { demands } },
        { window: { windowStart: { seconds: "1800003600", nanos: 0 }, windowSeconds: 3_600, quantile: 1 } },
        { demands: { demands } },
        { completion: { demandCount: "4" } },
      ],
      [{ header: { batchId: "f1", resumeAt: "2" } }, { completion: { demandCount: "2" } }],
    ],
  ],
  ["/sluice.v1.DemandService/GetForecast", [[{ batchId: "f1" }]]],
  [
    "/sluice.v1.SwitchService/Connect",
    [
      [
        {
          hello: {
            nodeId: "a",
            bootId: "boot",
            termSeen: "0",
            epochSeen: "0",
            digest: "",
            ruleCount: 0,
            ruleCountMax: 100,
            links: [{ linkId: "a-b", up: true }],
          },
        },
        { counters: { links: [{ linkId: "a-b", transmittedBytes: "7", droppedBytes: "0" }], groups: [{ groupId: 1, offeredBytes: "1" }] } },
        { linkEvent: { linkId: "a-b", up: false } },
        { ack: { term: "1", epoch: "1", stage: 0, sequence: "1", status: 2, digest: "x", failures: [{ key: "k", code: "internal" }] } },
        { rules: { requestId: "1", rules, last: true } },
        { prepared: { term: "1", epoch: "1", sequence: "1", held: 1, refused: ["s"] } },
        { refused: { sequence: "1", code: 1, termSeen: "0", epochSeen: "0" } },
        { pong: { nonce: "1" } },
      ],
    ],
  ],
]);

/** What may be said of input that is at fault, or of a state that does not fit it. The rest would blame the controller. */
const blaming: ReadonlySet<number> = new Set([
  status.INVALID_ARGUMENT,
  status.RESOURCE_EXHAUSTED,
  status.FAILED_PRECONDITION,
  status.NOT_FOUND,
  status.ABORTED,
  status.PERMISSION_DENIED,
  // A newer stream of the same agent has taken its place.
  status.CANCELLED,
]);

const texts = ["a", "b", "c", "d", "a-b", "b-a", "b-c", "a-d", "duct", "north", "triangle", "f1", "m", "10.0.0.0/24", "boot", "k"];
const definition: PackageDefinition = definitionFromFiles();
const arbitraries: MessageArbitraries = messageArbitraries(definition, texts);
const paths = [...examples.keys()];

function methodOf(path: string): MethodDefinition<object, object> {
  const [, service = "", name = ""] = path.split("/");
  const found = definition[service] as Record<string, MethodDefinition<object, object>> | undefined;
  assert(found?.[name] !== undefined, `there is ${path}`);
  return found[name];
}

function bodyOf(path: string, messages: readonly object[]): Buffer {
  return Buffer.concat(messages.map((message) => framed(methodOf(path).requestSerialize(message))));
}

function requestType(path: string): string {
  return `sluice.v1.${(methodOf(path).requestType.type as unknown as { readonly name: string }).name}`;
}

let live: LiveGrpc;
let client: RawClient;
let baseline: string;

async function putBack(): Promise<void> {
  const path = "/sluice.v1.TopologyService/ReplaceTopology";
  const { status: code, message } = await client.call(path, bodyOf(path, [{ topology }]));
  assert(code === status.OK, `the topology was put back: ${message}`);
  baseline = await live.state();
}

beforeAll(async () => {
  live = await liveGrpc({ limits: { requestBytesMax, demandsPerMessageMax: 50, uploadPauseMsMax: 2_000 } });
  client = rawClient(live.server.port);
});
beforeEach(putBack);
afterAll(async () => {
  client.close();
  await live.close();
});

/** Sends a body and judges what comes of it. */
async function send(path: string, body: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<RawOutcome> {
  const outcome = await client.call(path, body, headers);
  const about = { path, body: body.subarray(0, 300).toString("hex"), ...outcome };
  expect(about).toEqual({
    ...about,
    status: expect.toSatisfy((code: number) => code === status.OK || blaming.has(code)) as number,
    reset: 0,
  });
  expect([about, live.broken, live.lines.filter(({ level }) => level === "error")]).toEqual([about, [], []]);
  expect(outcome.message).not.toMatch(/node_modules|\.ts:|\.js:|at .*\(/);
  const now = await live.state();
  // What agents say never changes what operators and jobs have said.
  const mayChange = outcome.status === status.OK && !path.endsWith("/Connect") && !path.includes("/Get");
  const streams = path.endsWith("/StreamMeasurements");
  expect([about, mayChange || (streams && outcome.answerBytes > 0) || now === baseline]).toEqual([about, true]);
  if (now !== baseline) await putBack();
  return outcome;
}

describe("whatever message comes", () => {
  it.each(paths)("%s takes its examples, as far as they fit what is there", async (path) => {
    for (const messages of examples.get(path) ?? []) {
      const { status: code, message } = await send(path, bodyOf(path, messages));
      expect([path, message, code]).toEqual([
        path,
        message,
        expect.toBeOneOf([status.OK, status.INVALID_ARGUMENT, status.NOT_FOUND]) as number,
      ]);
    }
  });

  it.each(paths)("%s: with fields left out, replaced, repeated and added", { timeout: 120_000 }, async (path) => {
    const type = requestType(path);
    for (const messages of examples.get(path) ?? []) {
      const variants = fc.tuple(...messages.map((message) => arbitraries.near(type, message)));
      const check = fc.asyncProperty(variants, async (sent) => {
        expect(await send(path, bodyOf(path, sent))).toMatchObject({ reset: 0 });
      });
      await fc.assert(check, { seed, numRuns: runs, endOnFailure: true });
    }
  });

  it.each(paths)("%s: any messages in any order", { timeout: 120_000 }, async (path) => {
    const any = fc.array(arbitraries.any(requestType(path)), { maxLength: 4 });
    const check = fc.asyncProperty(any, async (sent) => {
      expect(await send(path, unaryBody(path, sent))).toMatchObject({ reset: 0 });
    });
    await fc.assert(check, { seed, numRuns: runs, endOnFailure: true });
  });

  it.each(paths)("%s: bytes that were changed, cut, repeated or never were a message", { timeout: 120_000 }, async (path) => {
    const first = examples.get(path)?.[0] ?? [];
    const good = first.map((message) => Buffer.from(methodOf(path).requestSerialize(message)));
    const damage = fc.oneof(
      fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => good.map((each) => flipped(each, at, byte))),
      fc.nat().map((at) => good.map((each) => each.subarray(0, at % (each.length + 1)))),
      fc.constant(good.map((each) => Buffer.concat([each, each]))),
      fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 3 }),
    );
    const check = fc.asyncProperty(damage, async (messages) => {
      const sent = methodOf(path).requestStream ? messages : messages.slice(0, 1);
      expect(await send(path, Buffer.concat(sent.map((each) => framed(each))))).toMatchObject({ reset: 0 });
    });
    await fc.assert(check, { seed, numRuns: runs, endOnFailure: true });
  });
});

/** A method that takes one message gets one. */
function unaryBody(path: string, messages: readonly object[]): Buffer {
  return bodyOf(path, methodOf(path).requestStream ? messages : [messages[0] ?? {}]);
}

function flipped(bytes: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[at % copy.length] = byte;
  return copy;
}

describe("numbers at the edge", () => {
  const path = "/sluice.v1.TopologyService/ReplaceTopology";
  const odd = [Number.NaN, Infinity, -Infinity, -1, 2 ** 53, 2 ** 53 + 2, 1.797e308];
  it.each(["capacityBps", "latencyMs", "metric"])("of %s are refused by name", async (field) => {
    for (const number of odd) {
      const sent = { topology: { ...topology, links: [{ ...link, [field]: number }] } };
      expect([field, number, (await send(path, bodyOf(path, [sent]))).status]).toEqual([field, number, status.INVALID_ARGUMENT]);
    }
  });

  it("of demands are refused in their answer, and the stream goes on", async () => {
    const measure = "/sluice.v1.DemandService/StreamMeasurements";
    for (const rateBps of odd) {
      const sent = [{ sequence: "9007199254740993", matrix: { name: "m", demands: [{ ...demands[0], rateBps }] } }];
      const before = await live.state();
      expect([rateBps, (await send(measure, bodyOf(measure, sent))).status]).toEqual([rateBps, status.OK]);
      expect(await live.state()).toBe(before);
    }
  });

  it.each(["drain", "operational"])("of the enum %s are refused", async (field) => {
    for (const number of [17, -1, 2_147_483_647]) {
      const sent = { topology: { ...topology, links: [{ ...link, [field]: number }] } };
      expect((await send(path, bodyOf(path, [sent]))).status).toBe(status.INVALID_ARGUMENT);
    }
  });
});

describe("frames that lie", () => {
  const path = "/sluice.v1.TopologyService/ReplaceTopology";
  const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20), { level: 9 });
  const gzip = { "grpc-encoding": "gzip" };

  it.each(paths)("%s: a message that is too large, or becomes so", async (each) => {
    const large = await send(each, framed(Buffer.alloc(requestBytesMax + 1)));
    expect([each, large.status]).toEqual([each, status.RESOURCE_EXHAUSTED]);
    expect(bomb.length).toBeLessThan(requestBytesMax);
    const blown = await send(each, framed(bomb, 1), gzip);
    expect([each, blown.status]).toEqual([each, status.RESOURCE_EXHAUSTED]);
  });

  it("a compressed message that is well is taken", async () => {
    expect((await send(path, framed(gzipSync(methodOf(path).requestSerialize({ topology })), 1), gzip)).status).toBe(status.OK);
  });

  // These never come to a service: the statuses are those of gRPC's own table (doc/statuscodes.md).
  it("no message at all, half a head, half a message, more than one", async () => {
    const good = bodyOf(path, [{ topology }]);
    for (const body of [Buffer.alloc(0), good.subarray(0, 3), good.subarray(0, -1), Buffer.concat([good, good])]) {
      expect([body.length, (await client.call(path, body)).status]).toEqual([body.length, status.UNIMPLEMENTED]);
    }
    expect([await live.state(), live.broken]).toEqual([baseline, []]);
  });

  it("what says that it is compressed and is not, or by a way that is not known", async () => {
    const good = methodOf(path).requestSerialize({ topology });
    for (const [body, headers, code] of [
      [framed(good, 1), gzip, status.INTERNAL],
      [framed(gzipSync(good).subarray(0, 20), 1), gzip, status.INTERNAL],
      [framed(good, 1), { "grpc-encoding": "br" }, status.UNIMPLEMENTED],
    ] as const) {
      expect([headers, (await client.call(path, body, headers)).status]).toEqual([headers, code]);
    }
    expect([await live.state(), live.broken]).toEqual([baseline, []]);
    expect((await send(path, bodyOf(path, [{ topology }]))).status).toBe(status.OK);
  });
});
