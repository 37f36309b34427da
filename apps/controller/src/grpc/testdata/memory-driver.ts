/** What stands behind the services in their tests: the inventory in memory, with the model's own judgement. */
import {
  applyTopologyChanges,
  checkDemandEnds,
  fault,
  ok,
  parseTopology,
  refuse,
  type AgentMessage,
  type DemandMatrix,
  type Result,
  type Topology,
} from "@sluice/model";
import { memoryStore, type ForecastBatch } from "@sluice/store";
import type { AgentStream, ControllerRequest } from "../../driver.js";
import { forecastUploads } from "../../forecast/upload.js";
import type { GrpcDriver, GrpcForecasts } from "../ports.js";

export interface MemoryDriver extends GrpcDriver {
  readonly matrices: DemandMatrix[];
  readonly forecasts: GrpcForecasts;
  /** Those that were taken in whole, or refused. */
  readonly batches: ForecastBatch[];
  readonly agents: Map<number, { readonly stream: AgentStream; readonly messages: AgentMessage[] }>;
  readonly closed: number[];
  /** Called with each message of an agent. */
  onAgentMessage?: (streamId: number, message: AgentMessage) => void;
  /** Called when a stream opens. */
  onAgentOpened?: (streamId: number) => void;
  onAgentClosed?: (streamId: number) => void;
  /** While set, requests are not answered. */
  stalled?: boolean;
}

export function createMemoryDriver(): MemoryDriver {
  let topology: Topology | undefined;
  let topologyVersion = 0;
  let nextStreamId = 1;

  function replace(result: Result<Topology>): Result<unknown> {
    if (!result.ok) return result;
    topology = result.value;
    topologyVersion += 1;
    return ok({ version: topologyVersion });
  }

  function carryOut(request: ControllerRequest): Result<unknown> {
    switch (request.kind) {
      case "replace-topology":
        return replace(parseTopology(request.topology));
      case "change-topology":
        return topology === undefined
          ? refuse(fault("not-ready", "There is no topology to change."))
          : replace(applyTopologyChanges(topology, request.changes as Parameters<typeof applyTopologyChanges>[1]));
      case "measure-demands": {
        if (topology === undefined) return refuse(fault("not-ready", "Demands need a topology."));
        const checked = checkDemandEnds(topology, request.matrix);
        if (!checked.ok) return checked;
        driver.matrices.push(request.matrix);
        return ok({ version: driver.matrices.length });
      }
      default:
        return refuse(fault("not-found", `There is nothing for ${request.kind} here.`));
    }
  }

  const store = memoryStore();
  void store.acquireTerm("a test");
  const uploads = forecastUploads({
    store,
    term: 1,
    view: () => driver.view(),
    nowMs: () => 1_800_000_000_000,
    judge: (windows) => Promise.resolve(ok(windows.map(() => ({ state: "ready" as const, reasons: [] })))),
    onSettled: (batch) => void driver.batches.push(batch),
  });
  const driver: MemoryDriver = {
    matrices: [],
    forecasts: { ...uploads, get: (batchId) => store.getForecast(batchId) },
    batches: [],
    agents: new Map(),
    closed: [],
    view: () => (topology === undefined ? {} : { topology, topologyVersion }),
    submit: (request) => (driver.stalled === true ? new Promise(() => {}) : Promise.resolve(carryOut(request))),
    agentOpened(stream) {
      const streamId = nextStreamId++;
      driver.agents.set(streamId, { stream, messages: [] });
      driver.onAgentOpened?.(streamId);
      return streamId;
    },
    agentMessage(streamId, message) {
      driver.agents.get(streamId)?.messages.push(message);
      driver.onAgentMessage?.(streamId, message);
    },
    agentClosed(streamId) {
      driver.closed.push(streamId);
      driver.onAgentClosed?.(streamId);
    },
  };
  return driver;
}
