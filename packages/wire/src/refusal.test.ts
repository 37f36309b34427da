/** What is refused, and where the pointer points: in protobuf's JSON names, because that is what the client wrote. */
import { faultsListedMax } from "@sluice/model";
import { describe, expect, it } from "vitest";
import {
  agentMessageFromWire,
  changeFaultToRequest,
  controllerMessageFromWire,
  demandMatrixFromWire,
  failoverBucketsMax,
  failuresMax,
  forecastHeaderFromWire,
  forecastWindowFromWire,
  operationsMax,
  scenarioIdLengthMax,
  scenariosMax,
  topologyChangesFromWire,
  topologyFromWire,
  v1,
} from "./index.js";

const node = (id: string): v1.topology.Node => ({ id, siteId: undefined, prefix: undefined, drain: 0, operational: 0 });
const link = (more: Partial<v1.topology.Link> = {}): v1.topology.Link => ({
  id: "a-b",
  from: "a",
  to: "b",
  capacityBps: 1e9,
  latencyMs: 1,
  metric: 1,
  srlgIds: [],
  drain: 0,
  operational: 0,
  ...more,
});
const topology = (more: Partial<v1.topology.Topology> = {}): v1.topology.Topology => ({
  name: "t",
  sites: [],
  nodes: [node("a"), node("b")],
  links: [link()],
  ...more,
});
const demand = (more: Partial<v1.demand.Demand> = {}): v1.demand.Demand => ({
  src: "a",
  dst: "b",
  trafficClass: v1.demand.TrafficClass.TRAFFIC_CLASS_BULK,
  rateBps: 1,
  bandwidthFunction: undefined,
  ...more,
});

type Refused = readonly [name: string, code: string, pointer: string, take: () => { readonly ok: boolean; readonly faults?: unknown }];
const withLink = (more: Partial<v1.topology.Link>) => () => topologyFromWire(topology({ links: [link(more)] }), ["topology"]);
const withDemand = (more: Partial<v1.demand.Demand>) => () =>
  demandMatrixFromWire({ name: "m", demands: [demand({ dst: "c" }), demand(more)] }, ["matrix"]);
const points = (...list: readonly (readonly [number, number])[]) => ({
  bandwidthFunction: { points: list.map(([fairShare, rateBps]) => ({ fairShare, rateBps })) },
});
const change = (value: v1.topology.TopologyChange["change"]) => () => topologyChangesFromWire([{ change: value }]);
const stage = (more: Partial<(v1.ConnectResponse["message"] & { $case: "stage" })["value"]>) => () =>
  controllerMessageFromWire({
    message: { $case: "stage", value: { term: 1n, epoch: 1n, stage: 0, sequence: 1n, operations: [], prepared: undefined, ...more } },
  });
const operation = (value: v1.rule.RuleOperation["operation"]) => stage({ operations: [{ operation: value }] });
const put = (rule: v1.rule.Rule["rule"]) => operation({ $case: "put", value: { rule } });
const prepare = (scenarios: (v1.ConnectResponse["message"] & { $case: "prepare" })["value"]["scenarios"]) => () =>
  controllerMessageFromWire({ message: { $case: "prepare", value: { term: 1n, epoch: 1n, sequence: 1n, replaces: true, scenarios } } });
const deletion: v1.rule.RuleOperation = { operation: { $case: "deleteKey", value: "meter/1" } };
const prepared = (more: Partial<(v1.ConnectRequest["message"] & { $case: "prepared" })["value"]>) => () =>
  agentMessageFromWire({ message: { $case: "prepared", value: { term: 1n, epoch: 1n, sequence: 1n, held: 1, refused: [], ...more } } });
const failureOf = (key: string) => () =>
  agentMessageFromWire({ message: { ...ack, value: { ...ack.value, failures: [{ key, code: "not-found", reason: "" }] } } });
const bucket = { weight: 1, pushLabel: 16, mplsTc: 0, output: "l" };
const ack: v1.ConnectRequest["message"] & { $case: "ack" } = {
  $case: "ack",
  value: { term: 1n, epoch: 1n, stage: 0, sequence: 1n, status: 2, failures: [], digest: "" },
};
const hello: v1.ConnectRequest["message"] & { $case: "hello" } = {
  $case: "hello",
  value: { nodeId: "a", bootId: "b", termSeen: 0n, epochSeen: 0n, digest: "", ruleCount: 0, ruleCountMax: 1, links: [] },
};

const refused: readonly Refused[] = [
  ["no topology", "missing-field", "/topology", () => topologyFromWire(undefined, ["topology"])],
  ["no name", "missing-field", "/topology/name", () => topologyFromWire(topology({ name: "" }), ["topology"])],
  ["no nodes", "out-of-range", "/topology/nodes", () => topologyFromWire(topology({ nodes: [], links: [] }), ["topology"])],
  [
    "two nodes of one id",
    "duplicate-id",
    "/topology/nodes/1/id",
    () => topologyFromWire(topology({ nodes: [node("a"), node("a")] }), ["topology"]),
  ],
  ["a link to nowhere", "dangling-reference", "/topology/links/0/to", withLink({ to: "zz" })],
  ["a self-loop", "self-loop", "/topology/links/0/to", withLink({ to: "a" })],
  ["no capacity", "missing-field", "/topology/links/0/capacityBps", withLink({ capacityBps: undefined })],
  ["a capacity of NaN", "not-finite", "/topology/links/0/capacityBps", withLink({ capacityBps: Number.NaN })],
  ["a capacity of Infinity", "not-finite", "/topology/links/0/capacityBps", withLink({ capacityBps: Infinity })],
  ["a negative capacity", "negative", "/topology/links/0/capacityBps", withLink({ capacityBps: -1 })],
  ["a capacity of 2^53", "out-of-range", "/topology/links/0/capacityBps", withLink({ capacityBps: 2 ** 53 })],
  ["a capacity of 1e308", "out-of-range", "/topology/links/0/capacityBps", withLink({ capacityBps: 1e308 })],
  ["a negative latency", "negative", "/topology/links/0/latencyMs", withLink({ latencyMs: -1 })],
  ["an unknown drain state", "not-allowed", "/topology/links/0/drain", withLink({ drain: 7 as never })],
  ["a negative enum", "not-allowed", "/topology/links/0/operational", withLink({ operational: -5 as never })],
  [
    "too many shared risks",
    "out-of-range",
    "/topology/links/0/srlgIds",
    withLink({ srlgIds: Array.from({ length: 65 }, (_, i) => `s${i}`) }),
  ],
  [
    "an id with a line break",
    "malformed",
    "/topology/nodes/0/id",
    () => topologyFromWire(topology({ nodes: [node("a\nb")], links: [] }), ["topology"]),
  ],
  [
    "a bad prefix",
    "malformed",
    "/topology/nodes/0/prefix",
    () => topologyFromWire(topology({ nodes: [{ ...node("a"), prefix: "10.0.0.1/24" }], links: [] }), ["topology"]),
  ],

  ["no matrix", "missing-field", "/matrix", () => demandMatrixFromWire(undefined, ["matrix"])],
  ["a matrix without name", "missing-field", "/matrix/name", () => demandMatrixFromWire({ name: "", demands: [] }, ["matrix"])],
  ["no class", "missing-field", "/matrix/demands/1/trafficClass", withDemand({ trafficClass: 0 })],
  ["an unknown class", "not-allowed", "/matrix/demands/1/trafficClass", withDemand({ trafficClass: 9 as never })],
  ["no rate", "missing-field", "/matrix/demands/1/rateBps", withDemand({ rateBps: undefined })],
  ["a rate of NaN", "not-finite", "/matrix/demands/1/rateBps", withDemand({ rateBps: Number.NaN })],
  ["a negative rate", "negative", "/matrix/demands/1/rateBps", withDemand({ rateBps: -1e-9 })],
  ["no source", "missing-field", "/matrix/demands/1/src", withDemand({ src: "" })],
  ["a demand to itself", "self-loop", "/matrix/demands/1/dst", withDemand({ dst: "a" })],
  ["a demand twice", "duplicate-id", "/matrix/demands/1", withDemand({ dst: "c" })],
  ["one point", "out-of-range", "/matrix/demands/1/bandwidthFunction/points", withDemand(points([0, 0]))],
  ["fair shares that stand", "out-of-range", "/matrix/demands/1/bandwidthFunction/points/1/fairShare", withDemand(points([1, 0], [1, 5]))],

  ["no changes", "missing-field", "/changes", () => topologyChangesFromWire([])],
  ["an empty change", "missing-field", "/changes/0", change(undefined)],
  ["a link without metric", "missing-field", "/changes/0/putLink/metric", change({ $case: "putLink", value: link({ metric: undefined }) })],
  ["a removal of nothing", "missing-field", "/changes/0/removeNodeId", change({ $case: "removeNodeId", value: "" })],
  [
    "a state of nothing",
    "missing-field",
    "/changes/0/setLinkState/linkId",
    change({ $case: "setLinkState", value: { linkId: "", drain: 1, operational: 0 } }),
  ],
  [
    "an unknown state",
    "not-allowed",
    "/changes/0/setNodeState/drain",
    change({ $case: "setNodeState", value: { nodeId: "a", drain: 9 as never, operational: 0 } }),
  ],

  [
    "no start",
    "missing-field",
    "/header/windowStart",
    () => forecastHeaderFromWire({ batchId: "f", windowStart: undefined, windowSeconds: 1, name: "f", quantile: 0, resumeAt: undefined }),
  ],
  [
    "nanoseconds beyond a second",
    "out-of-range",
    "/header/windowStart/nanos",
    () =>
      forecastHeaderFromWire({
        batchId: "f",
        windowStart: { seconds: 1n, nanos: 2e9 },
        windowSeconds: 1,
        name: "f",
        quantile: 0,
        resumeAt: undefined,
      }),
  ],
  [
    "the year 10000",
    "out-of-range",
    "/header/windowStart/seconds",
    () =>
      forecastHeaderFromWire({
        batchId: "f",
        windowStart: { seconds: 2n ** 62n, nanos: 0 },
        windowSeconds: 1,
        name: "f",
        quantile: 0,
        resumeAt: undefined,
      }),
  ],
  [
    "a window of nothing",
    "out-of-range",
    "/header/windowSeconds",
    () =>
      forecastHeaderFromWire({
        batchId: "f",
        windowStart: { seconds: 1n, nanos: 0 },
        windowSeconds: 0,
        name: "f",
        quantile: 0,
        resumeAt: undefined,
      }),
  ],
  [
    "no batch id",
    "missing-field",
    "/header/batchId",
    () =>
      forecastHeaderFromWire({
        batchId: "",
        windowStart: { seconds: 1n, nanos: 0 },
        windowSeconds: 1,
        name: "f",
        quantile: 0,
        resumeAt: undefined,
      }),
  ],

  [
    "a batch id that is no part of an address",
    "malformed",
    "/header/batchId",
    () =>
      forecastHeaderFromWire({
        batchId: "a b",
        windowStart: undefined,
        windowSeconds: undefined,
        name: "f",
        quantile: 0,
        resumeAt: undefined,
      }),
  ],
  [
    "an unknown quantile",
    "not-allowed",
    "/window/quantile",
    () => forecastWindowFromWire({ windowStart: { seconds: 1n, nanos: 0 }, windowSeconds: 1, quantile: 77 as never }),
  ],
  [
    "a window of half a second",
    "wrong-type",
    "/window/windowSeconds",
    () => forecastWindowFromWire({ windowStart: { seconds: 1n, nanos: 0 }, windowSeconds: 0.5, quantile: 0 }),
  ],
  ["an empty message", "missing-field", "/message", () => agentMessageFromWire({ message: undefined })],
  [
    "a hello of nobody",
    "missing-field",
    "/hello/nodeId",
    () => agentMessageFromWire({ message: { ...hello, value: { ...hello.value, nodeId: "" } } }),
  ],
  [
    "a term beyond 2^53",
    "out-of-range",
    "/hello/termSeen",
    () => agentMessageFromWire({ message: { ...hello, value: { ...hello.value, termSeen: 2n ** 53n } } }),
  ],
  [
    "an ack without status",
    "missing-field",
    "/ack/status",
    () => agentMessageFromWire({ message: { ...ack, value: { ...ack.value, status: 0 } } }),
  ],
  [
    "an ack of unknown status",
    "not-allowed",
    "/ack/status",
    () => agentMessageFromWire({ message: { ...ack, value: { ...ack.value, status: 8 as never } } }),
  ],
  [
    "a failure of unknown code",
    "not-allowed",
    "/ack/failures/0/code",
    () =>
      agentMessageFromWire({ message: { ...ack, value: { ...ack.value, failures: [{ key: "meter/1", code: "bad-luck", reason: "" }] } } }),
  ],
  [
    "too many failures",
    "out-of-range",
    "/ack/failures",
    () =>
      agentMessageFromWire({
        message: {
          ...ack,
          value: {
            ...ack.value,
            failures: Array.from({ length: failuresMax + 1 }, () => ({ key: "meter/1", code: "table-full", reason: "" })),
          },
        },
      }),
  ],

  ["an operation of nothing", "missing-field", "/stage/operations/0", operation(undefined)],
  ["a rule of nothing", "missing-field", "/stage/operations/0/put", put(undefined)],
  ["a key that is no key", "malformed", "/stage/operations/0/deleteKey", operation({ $case: "deleteKey", value: "meter/../7" })],
  [
    "a reserved label",
    "out-of-range",
    "/stage/operations/0/put/label/label",
    put({ $case: "label", value: { label: 3, action: { $case: "popDeliver", value: {} } } }),
  ],
  [
    "a label without action",
    "missing-field",
    "/stage/operations/0/put/label",
    put({ $case: "label", value: { label: 16, action: undefined } }),
  ],
  [
    "a failover group without a number",
    "out-of-range",
    "/stage/operations/0/put/failover/failoverId",
    put({ $case: "failover", value: { failoverId: 0, buckets: [{ output: "l", pushLabel: undefined }] } }),
  ],
  [
    "a failover group of no bucket",
    "out-of-range",
    "/stage/operations/0/put/failover/buckets",
    put({ $case: "failover", value: { failoverId: 16, buckets: [] } }),
  ],
  [
    "a failover group with a bucket for each of many ports",
    "out-of-range",
    "/stage/operations/0/put/failover/buckets",
    put({
      $case: "failover",
      value: {
        failoverId: 16,
        buckets: Array.from({ length: failoverBucketsMax + 1 }, (_, i) => ({ output: `l${i}`, pushLabel: undefined })),
      },
    }),
  ],
  [
    "a bypass with a reserved label",
    "out-of-range",
    "/stage/operations/0/put/failover/buckets/1/pushLabel",
    put({
      $case: "failover",
      value: {
        failoverId: 16,
        buckets: [
          { output: "l", pushLabel: undefined },
          { output: "m", pushLabel: 0 },
        ],
      },
    }),
  ],
  [
    "a bucket that leaves through no group",
    "out-of-range",
    "/stage/operations/0/put/group/buckets/0/failoverId",
    put({ $case: "group", value: { groupId: 1, buckets: [{ ...bucket, failoverId: 0 }] } }),
  ],
  [
    "an output through a group that is none",
    "out-of-range",
    "/stage/operations/0/put/label/failoverOutput/failoverId",
    put({ $case: "label", value: { label: 16, action: { $case: "failoverOutput", value: { output: "l", failoverId: 3 } } } }),
  ],
  [
    "an output through a group to nowhere",
    "malformed",
    "/stage/operations/0/put/label/failoverOutput/output",
    put({ $case: "label", value: { label: 16, action: { $case: "failoverOutput", value: { output: "", failoverId: 16 } } } }),
  ],
  [
    "a bypass that ends nowhere",
    "malformed",
    "/stage/operations/0/put/label/popOutput",
    put({ $case: "label", value: { label: 16, action: { $case: "popOutput", value: "" } } }),
  ],
  [
    "a group of no bucket",
    "out-of-range",
    "/stage/operations/0/put/group/buckets",
    put({ $case: "group", value: { groupId: 1, buckets: [] } }),
  ],
  [
    "a bucket of weight 0",
    "out-of-range",
    "/stage/operations/0/put/group/buckets/0/weight",
    put({ $case: "group", value: { groupId: 1, buckets: [{ ...bucket, weight: 0 }] } }),
  ],
  [
    "a meter of NaN",
    "not-finite",
    "/stage/operations/0/put/meter/rateBps",
    put({ $case: "meter", value: { meterId: 1, rateBps: Number.NaN, burstBits: 0 } }),
  ],
  [
    "a code point beyond six bits",
    "out-of-range",
    "/stage/operations/0/put/ingress/dscp",
    put({ $case: "ingress", value: { dstPrefix: "10.0.0.0/24", dscp: 64, meterId: 1, groupId: 1 } }),
  ],

  ["a scenario without name", "missing-field", "/stage/prepared/scenarioId", stage({ prepared: { epoch: 1n, scenarioId: "" } })],
  [
    "a scenario with too long a name",
    "out-of-range",
    "/stage/prepared/scenarioId",
    stage({ prepared: { epoch: 1n, scenarioId: "x".repeat(scenarioIdLengthMax + 1) } }),
  ],
  [
    "an epoch of a scenario beyond 2^53",
    "out-of-range",
    "/stage/prepared/epoch",
    stage({ prepared: { epoch: 2n ** 53n, scenarioId: "link:l" } }),
  ],
  [
    "operations beside a scenario",
    "not-allowed",
    "/stage/prepared",
    stage({ operations: [deletion], prepared: { epoch: 1n, scenarioId: "link:l" } }),
  ],
  ["a scenario to keep without name", "missing-field", "/prepare/scenarios/0/scenarioId", prepare([{ scenarioId: "", operations: [] }])],
  [
    "a scenario twice",
    "duplicate-id",
    "/prepare/scenarios/1/scenarioId",
    prepare([
      { scenarioId: "link:l", operations: [] },
      { scenarioId: "link:l", operations: [] },
    ]),
  ],
  [
    "an operation to keep that is none",
    "missing-field",
    "/prepare/scenarios/0/operations/1",
    prepare([{ scenarioId: "link:l", operations: [deletion, { operation: undefined }] }]),
  ],
  [
    "too many scenarios",
    "too-many",
    "/prepare/scenarios",
    prepare(Array.from({ length: scenariosMax + 1 }, (_, i) => ({ scenarioId: `link:${i}`, operations: [] }))),
  ],
  [
    "too many operations over all scenarios",
    "too-many",
    "/prepare/scenarios",
    prepare(["a", "b"].map((scenarioId) => ({ scenarioId, operations: Array.from({ length: operationsMax / 2 + 1 }, () => deletion) }))),
  ],
  ["a nameless scenario that was refused", "out-of-range", "/prepared/refused/0", prepared({ refused: [""] })],
  ["a count of scenarios that is none", "negative", "/prepared/held", prepared({ held: -1 })],
  ["a failed scenario without name", "malformed", "/ack/failures/0/key", failureOf("scenario/")],
  [
    "a failed scenario with too long a name",
    "malformed",
    "/ack/failures/0/key",
    failureOf(`scenario/${"x".repeat(scenarioIdLengthMax + 1)}`),
  ],
];

describe("refused input", () => {
  it.each(refused)("refuses %s", (_name, code, pointer, take) => {
    const result = take();
    expect(result.ok ? [] : result.faults).toContainEqual(expect.objectContaining({ code, pointer }));
  });

  it("lists at most a bounded number of faults", () => {
    const links = Array.from({ length: 1_000 }, (_, i) => link({ id: `l${i}`, capacityBps: Number.NaN }));
    const result = topologyFromWire(topology({ links }));
    expect(result.ok ? [] : result.faults).toHaveLength(faultsListedMax);
  });

  it("takes the examples as they are when nothing is wrong with them", () => {
    expect(topologyFromWire(topology()).ok).toBe(true);
    expect(withDemand({})().ok).toBe(true);
    expect(agentMessageFromWire({ message: hello }).ok).toBe(true);
    expect(agentMessageFromWire({ message: ack }).ok).toBe(true);
    expect(stage({ prepared: { epoch: 1n, scenarioId: "x".repeat(scenarioIdLengthMax) } })().ok).toBe(true);
    expect(prepare([{ scenarioId: "link:l", operations: Array.from({ length: operationsMax }, () => deletion) }])().ok).toBe(true);
    expect(prepared({ refused: ["link:l"] })().ok).toBe(true);
    expect(failureOf("scenario/link:l/m")().ok).toBe(true);
    expect(put({ $case: "group", value: { groupId: 1, buckets: [bucket] } })().ok).toBe(true);
  });

  it("moves a fault in the changed topology to the request, or takes its pointer away", () => {
    const messages: v1.topology.TopologyChange[] = [
      { change: { $case: "removeLinkId", value: "l" } },
      { change: { $case: "putLink", value: link() } },
    ];
    const found = (pointer: string) => changeFaultToRequest({ code: "not-found", message: "No.", pointer }, messages).pointer;
    expect(found("/changes/0/linkId")).toBe("/changes/0/removeLinkId");
    expect(found("/changes/1/link/to")).toBe("/changes/1/putLink/to");
    expect(found("/links/7/to")).toBeUndefined();
  });
});
