/** decode(encode(x)) = x through real protobuf bytes, for every noun; and bytes that are no message never throw. */
import {
  buildTopology,
  buildDemandMatrix,
  assert,
  demandQuantiles,
  faultCodes,
  isId,
  topologyDocument,
  trafficClasses,
  toId,
  type AgentMessage,
  type ControllerMessage,
  type Demand,
  type Rule,
  type RuleOperation,
  type TopologyChange,
  type TopologyDocument,
} from "@sluice/model";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  agentMessageFromWire,
  agentMessageToWire,
  controllerMessageFromWire,
  controllerMessageToWire,
  demandMatrixFromWire,
  demandMatrixToWire,
  forecastHeaderFromWire,
  forecastHeaderToWire,
  forecastWindowFromWire,
  forecastWindowToWire,
  guardedService,
  ruleToWire,
  topologyChangesFromWire,
  topologyChangeToWire,
  topologyFromWire,
  topologyToWire,
  v1,
} from "./index.js";

const idText = fc
  .oneof(fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/), fc.constantFrom("Zürich", "東京", "a b", "x/y~z"))
  // fast-check likes to offer names of Object.prototype, which are no ids.
  .filter(isId);
const rate = fc
  .oneof(fc.double({ min: 0, max: Number.MAX_SAFE_INTEGER, noNaN: true }), fc.constantFrom(0, 1e-300, 2 ** 53 - 1))
  .map((x) => x + 0);
const count = fc.oneof(fc.nat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER));
const small = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const number = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const label = fc.integer({ min: 16, max: 2 ** 20 - 1 });
const linkId = idText.map((text) => toId<never>(text));
const drain = fc.constantFrom("active" as const, "drained" as const);
const operational = fc.constantFrom("up" as const, "down" as const);
const state = { drain, operational };

const site = fc.record(
  {
    id: linkId,
    name: fc.string({ minLength: 1, maxLength: 30 }),
    coordinates: fc.record({
      latitudeDeg: fc.double({ min: -90, max: 90, noNaN: true }).map((x) => x + 0),
      longitudeDeg: fc.double({ min: -180, max: 180, noNaN: true }).map((x) => x + 0),
    }),
  },
  { requiredKeys: ["id"] },
);

const link = fc.record({
  id: linkId,
  from: linkId,
  to: linkId,
  capacityBps: rate,
  latencyMs: fc.double({ min: 0, max: 60_000, noNaN: true }).map((x) => x + 0),
  metric: fc.double({ min: 0, max: 2 ** 32 - 1, noNaN: true }).map((x) => x + 0),
  srlgIds: fc.uniqueArray(linkId, { maxLength: 4 }).map((ids) => ids.toSorted()),
  ...state,
});

const topology: fc.Arbitrary<TopologyDocument> = fc
  .uniqueArray(idText, { minLength: 1, maxLength: 8 })
  .chain((ids) =>
    fc.record({
      ids: fc.constant(ids),
      sites: fc.uniqueArray(site, { maxLength: 4, selector: ({ id }) => id }),
      states: fc.array(fc.record(state), { minLength: ids.length, maxLength: ids.length }),
      links: fc.uniqueArray(fc.record({ link, from: fc.nat(ids.length - 1), to: fc.nat(ids.length - 1) }), {
        maxLength: 12,
        selector: (one) => one.link.id,
      }),
    }),
  )
  .map(({ ids, sites, states, links }) => {
    const built = buildTopology({
      kind: "topology",
      name: "generated",
      sites,
      nodes: ids.map((id, i) => ({
        id: toId<never>(id),
        ...(sites[0] === undefined ? {} : { siteId: sites[0].id }),
        drain: states[i]?.drain ?? "active",
        operational: states[i]?.operational ?? "up",
      })),
      links: links
        .filter(({ from, to }) => from !== to)
        .map(({ link: one, from, to }) => ({ ...one, from: toId<never>(ids[from] ?? ""), to: toId<never>(ids[to] ?? "") })),
    });
    assert(built.ok, `generated topologies are valid: ${JSON.stringify(built)}`);
    return topologyDocument(built.value);
  });

const bandwidthFunction = fc
  .array(fc.record({ share: fc.integer({ min: 1, max: 99 }), rise: fc.nat(1e6) }), { minLength: 1, maxLength: 5 })
  .map((steps) => {
    let fairShare = 0;
    let rateBps = 0;
    const points = steps.map(({ share, rise }) => ({ fairShare: (fairShare += share), rateBps: (rateBps += rise) }));
    return { points: [{ fairShare: 0, rateBps: 0 }, ...points] };
  });
const demand: fc.Arbitrary<Demand> = fc.record(
  { src: linkId, dst: linkId, trafficClass: fc.constantFrom(...trafficClasses), rateBps: rate, bandwidthFunction },
  { requiredKeys: ["src", "dst", "trafficClass", "rateBps"] },
);
const demands = fc
  .uniqueArray(demand, { maxLength: 20, selector: ({ src, dst, trafficClass }) => `${src}>${dst}/${trafficClass}` })
  .map((all) => all.filter(({ src, dst }) => src !== dst));

const rule: fc.Arbitrary<Rule> = fc.oneof(
  fc.record({ kind: fc.constant("meter" as const), meterId: number, rateBps: rate, burstBits: rate }),
  fc.record({
    kind: fc.constant("group" as const),
    groupId: number,
    buckets: fc.array(
      fc.record(
        {
          weight: fc.integer({ min: 1, max: 65_535 }),
          pushLabel: label,
          mplsTc: fc.integer({ min: 0, max: 7 }),
          output: linkId,
          failoverId: label,
        },
        { requiredKeys: ["weight", "pushLabel", "mplsTc", "output"] },
      ),
      { minLength: 1, maxLength: 4 },
    ),
  }),
  fc.record({
    kind: fc.constant("failover" as const),
    failoverId: label,
    buckets: fc.array(fc.record({ output: linkId, pushLabel: label }, { requiredKeys: ["output"] }), { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant("ingress" as const),
    match: fc.record({ dstPrefix: fc.nat(255).map((i) => `10.${i}.3.0/24`), dscp: fc.integer({ min: 0, max: 63 }) }),
    meterId: number,
    groupId: number,
  }),
  fc.record({
    kind: fc.constant("label" as const),
    match: fc.record({ label }),
    action: fc.oneof(
      fc.record({ kind: fc.constant("output" as const), link: linkId, failoverId: label }, { requiredKeys: ["kind", "link"] }),
      fc.constant({ kind: "pop-deliver" as const }),
      fc.record({ kind: fc.constant("pop-output" as const), link: linkId }),
    ),
  }),
);
const ruleKey = fc.oneof(
  number.map((id) => `meter/${id}`),
  label.map((id) => `label/${id}`),
  label.map((id) => `failover/${id}`),
  fc.constant("ingress/46/10.0.3.0/24"),
);
const operation: fc.Arbitrary<RuleOperation> = fc.oneof(
  fc.record({ op: fc.constant("put" as const), rule }),
  fc.record({ op: fc.constant("delete" as const), key: ruleKey }),
);

const scenarioId = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }),
  idText.map((id) => `link:${id}`),
  fc.constant("x".repeat(512)),
);

const seen = { termSeen: count, epochSeen: count };
const agentMessage: fc.Arbitrary<AgentMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("hello" as const),
    nodeId: linkId,
    bootId: fc.uuid(),
    ...seen,
    digest: fc.stringMatching(/^[0-9a-f]{0,64}$/),
    ruleCount: small,
    ruleCountMax: small,
    links: fc.array(fc.record({ linkId, up: fc.boolean() }), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant("rules" as const), requestId: count, rules: fc.array(rule, { maxLength: 6 }), last: fc.boolean() }),
  fc.record({
    kind: fc.constant("ack" as const),
    term: count,
    epoch: count,
    stage: small,
    sequence: count,
    status: fc.constantFrom("received" as const, "programmed" as const, "failed" as const),
    failures: fc.array(
      fc.record({
        key: fc.oneof(
          ruleKey,
          scenarioId.map((id) => `scenario/${id}`),
        ),
        code: fc.constantFrom(...faultCodes),
        reason: fc.string({ maxLength: 40 }),
      }),
      {
        maxLength: 3,
      },
    ),
    digest: fc.stringMatching(/^[0-9a-f]{0,64}$/),
  }),
  fc.record({
    kind: fc.constant("refused" as const),
    sequence: count,
    code: fc.constantFrom("stale-term" as const, "stale-epoch" as const),
    ...seen,
  }),
  fc.record({ kind: fc.constant("link-event" as const), linkId, up: fc.boolean() }),
  fc.record({
    kind: fc.constant("prepared" as const),
    term: count,
    epoch: count,
    sequence: count,
    held: small,
    refused: fc.array(scenarioId, { maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant("counters" as const),
    links: fc.array(fc.record({ linkId, transmittedBytes: count, droppedBytes: count }), { maxLength: 4 }),
    groups: fc.array(fc.record({ groupId: small, offeredBytes: count, admittedBytes: count }), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant("pong" as const), nonce: count }),
);
const controllerMessage: fc.Arbitrary<ControllerMessage> = fc.oneof(
  fc.record({ kind: fc.constant("welcome" as const), term: count, controllerId: fc.string({ minLength: 1, maxLength: 40 }) }),
  fc.record({ kind: fc.constant("read-rules" as const), term: count, requestId: count }),
  fc.record({
    kind: fc.constant("stage" as const),
    term: count,
    epoch: count,
    stage: small,
    sequence: count,
    operations: fc.array(operation, { maxLength: 8 }),
  }),
  fc.record({
    kind: fc.constant("stage" as const),
    term: count,
    epoch: count,
    stage: small,
    sequence: count,
    operations: fc.constant([]),
    prepared: fc.record({ epoch: count, scenarioId }),
  }),
  fc.record({
    kind: fc.constant("prepare" as const),
    term: count,
    epoch: count,
    sequence: count,
    replaces: fc.boolean(),
    scenarios: fc.uniqueArray(fc.record({ scenarioId, operations: fc.array(operation, { maxLength: 4 }) }), {
      maxLength: 4,
      selector: (one) => one.scenarioId,
    }),
  }),
  fc.record({ kind: fc.constant("ping" as const), nonce: count }),
);

const optionalState = { drain: fc.option(drain, { nil: undefined }), operational: fc.option(operational, { nil: undefined }) };
const change: fc.Arbitrary<TopologyChange> = fc.oneof(
  fc.record({ kind: fc.constant("put-site" as const), site }),
  fc.record({ kind: fc.constant("remove-site" as const), siteId: linkId }),
  fc.record({
    kind: fc.constant("put-node" as const),
    node: fc.record(
      { id: linkId, ...state, siteId: linkId, prefix: fc.constant("10.9.8.0/24") },
      { requiredKeys: ["id", "drain", "operational"] },
    ),
  }),
  fc.record({ kind: fc.constant("remove-node" as const), nodeId: linkId }),
  fc.record({ kind: fc.constant("put-link" as const), link }),
  fc.record({ kind: fc.constant("remove-link" as const), linkId }),
  fc.record({ kind: fc.constant("set-node-state" as const), nodeId: linkId, ...optionalState }),
  fc.record({ kind: fc.constant("set-link-state" as const), linkId, ...optionalState }),
);

describe("decode(encode(x)) = x", () => {
  it("topologies", () => {
    fc.assert(
      fc.property(topology, (document) => {
        const bytes = v1.topology.Topology.encode(topologyToWire(document)).finish();
        const back = topologyFromWire(v1.topology.Topology.decode(bytes));
        assert(back.ok, JSON.stringify(back));
        expect(topologyDocument(back.value)).toEqual(document);
      }),
    );
  });

  it("topology changes", () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 10 }), (changes) => {
        const bytes = v1.ApplyChangesRequest.encode({ changes: changes.map(topologyChangeToWire) }).finish();
        const back = topologyChangesFromWire(v1.ApplyChangesRequest.decode(bytes).changes);
        expect(back).toEqual({ ok: true, value: changes });
      }),
    );
  });

  it("demand matrices", () => {
    fc.assert(
      fc.property(demands, (all) => {
        const matrix = buildDemandMatrix("generated", all);
        assert(matrix.ok, JSON.stringify(matrix));
        const bytes = v1.demand.DemandMatrix.encode(demandMatrixToWire(matrix.value)).finish();
        expect(demandMatrixFromWire(v1.demand.DemandMatrix.decode(bytes))).toEqual(matrix);
      }),
    );
  });

  it("forecast headers", () => {
    const window = fc.record({
      windowStart: fc.integer({ min: 0, max: 253_402_300_799_999 }).map((ms) => new Date(ms).toISOString()),
      windowSeconds: fc.integer({ min: 1, max: 86_400 * 366 }),
      quantile: fc.constantFrom(...demandQuantiles),
    });
    const header = fc.record(
      { batchId: fc.uuid(), name: fc.string({ minLength: 1, maxLength: 40 }), window, resumeAt: fc.maxSafeNat() },
      { requiredKeys: ["batchId", "name"] },
    );
    fc.assert(
      fc.property(header, window, (value, next) => {
        const bytes = v1.UploadForecastsRequest.encode({ part: { $case: "header", value: forecastHeaderToWire(value) } }).finish();
        const { part } = v1.UploadForecastsRequest.decode(bytes);
        assert(part?.$case === "header", "the part survives");
        expect(forecastHeaderFromWire(part.value)).toEqual({ ok: true, value });
        const windowBytes = v1.ForecastWindow.encode(forecastWindowToWire(next)).finish();
        expect(forecastWindowFromWire(v1.ForecastWindow.decode(windowBytes))).toEqual({ ok: true, value: next });
      }),
    );
  });

  it("messages of agents", () => {
    fc.assert(
      fc.property(agentMessage, (message) => {
        const bytes = v1.ConnectRequest.encode(agentMessageToWire(message)).finish();
        expect(agentMessageFromWire(v1.ConnectRequest.decode(bytes))).toEqual({ ok: true, value: message });
      }),
      { numRuns: 300 },
    );
  });

  it("plain output, as agents before failover groups understand it", () => {
    const plain: Rule = { kind: "label", match: { label: 300 }, action: { kind: "output", link: toId<never>("a-b") } };
    // Field 4 (label) of Rule: { label: 300 = ac 02, output (field 2): "a-b" }.
    expect(Buffer.from(v1.rule.Rule.encode(ruleToWire(plain)).finish()).toString("hex")).toBe("220808ac021203612d62");
  });

  it("messages of the controller", () => {
    fc.assert(
      fc.property(controllerMessage, (message) => {
        const bytes = v1.ConnectResponse.encode(controllerMessageToWire(message)).finish();
        expect(controllerMessageFromWire(v1.ConnectResponse.decode(bytes))).toEqual({ ok: true, value: message });
      }),
      { numRuns: 300 },
    );
  });
});

describe("bytes that nobody vouches for", () => {
  const switches = guardedService(v1.SwitchServiceService);
  const topologies = guardedService(v1.TopologyServiceService);
  const demandService = guardedService(v1.DemandServiceService);

  /** Every way in: decode, then convert. The result is a value or faults, never an exception. */
  function takeIn(bytes: Buffer): readonly { readonly ok: boolean }[] {
    const agent = switches.connect.requestDeserialize(bytes);
    const replace = topologies.replaceTopology.requestDeserialize(bytes);
    const apply = topologies.applyChanges.requestDeserialize(bytes);
    const measure = demandService.streamMeasurements.requestDeserialize(bytes);
    const forecast = demandService.uploadForecasts.requestDeserialize(bytes);
    return [
      agent.ok ? agentMessageFromWire(agent.value) : agent,
      replace.ok ? topologyFromWire(replace.value.topology, ["topology"]) : replace,
      apply.ok ? topologyChangesFromWire(apply.value.changes) : apply,
      measure.ok ? demandMatrixFromWire(measure.value.matrix, ["matrix"]) : measure,
      forecast.ok && forecast.value.part?.$case === "header" ? forecastHeaderFromWire(forecast.value.part.value) : forecast,
    ];
  }

  it("random bytes never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(takeIn(Buffer.from(bytes))).toHaveLength(5);
      }),
      { numRuns: 1_000 },
    );
  });

  it("what agents take in goes round or is refused, whatever happened to its bytes", () => {
    fc.assert(
      fc.property(controllerMessage, fc.nat(), fc.integer({ min: 0, max: 255 }), (message, at, byte) => {
        const bytes = Buffer.from(v1.ConnectResponse.encode(controllerMessageToWire(message)).finish());
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        let wire: v1.ConnectResponse;
        try {
          wire = v1.ConnectResponse.decode(bytes);
        } catch {
          // grpc-js ends the stream of an agent that cannot read what it is sent.
          return;
        }
        const taken = controllerMessageFromWire(wire);
        if (!taken.ok) return;
        const again = v1.ConnectResponse.encode(controllerMessageToWire(taken.value)).finish();
        assert(isDeepStrictEqual(controllerMessageFromWire(v1.ConnectResponse.decode(again)), taken), "what passed goes round");
      }),
      { numRuns: 500 },
    );
  });

  it("flipped, cut and repeated bytes of real messages never throw, and what passes is well-formed", () => {
    fc.assert(
      fc.property(agentMessage, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(), (message, at, byte, cut) => {
        const bytes = Buffer.from(v1.ConnectRequest.encode(agentMessageToWire(message)).finish());
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        for (const variant of [bytes, bytes.subarray(0, cut % (bytes.length + 1)), Buffer.concat([bytes, bytes])]) {
          const decoded = switches.connect.requestDeserialize(variant);
          const taken = decoded.ok ? agentMessageFromWire(decoded.value) : decoded;
          if (!taken.ok) continue;
          const bytesAgain = v1.ConnectRequest.encode(agentMessageToWire(taken.value)).finish();
          assert(isDeepStrictEqual(agentMessageFromWire(v1.ConnectRequest.decode(bytesAgain)), taken), "what passed goes round");
        }
      }),
      { numRuns: 500 },
    );
  });
});
