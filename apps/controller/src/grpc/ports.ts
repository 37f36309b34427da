/** What the gRPC services need of the rest of the controller; the driver and the store are it. */
import type { AgentMessage, Result, Topology } from "@sluice/model";
import type { ForecastBatch } from "@sluice/store";
import type { AgentStream, ControllerRequest } from "../driver.js";
import type { ForecastUploads } from "../forecast/upload.js";
import type { GrpcAudit } from "./audit-calls.js";
import type { Callers } from "./callers.js";

export interface GrpcDriver {
  /** The topology in force; absent before the first one. */
  view(): { readonly topology?: Topology; readonly topologyVersion?: number };
  /** Resolves when what was asked for is durable, or refused. The value is an `InventoryReply`. */
  submit(request: ControllerRequest): Promise<Result<unknown>>;
  /** An agent's stream is open; the number names it in what follows. */
  agentOpened(stream: AgentStream): number;
  agentMessage(streamId: number, message: AgentMessage): void;
  /** Exactly once for each stream, whoever ended it. */
  agentClosed(streamId: number): void;
}

export interface GrpcForecasts extends ForecastUploads {
  /** `not-found` where there is no such batch. */
  get(batchId: string): Promise<Result<ForecastBatch>>;
}

/** Structured logging, as pino does it. */
export interface GrpcLog {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
}

export interface GrpcPorts {
  readonly driver: GrpcDriver;
  readonly forecasts: GrpcForecasts;
  /** Where changes are written down; without it they are not. */
  readonly audit?: GrpcAudit;
  readonly log: GrpcLog;
}

/** What the services are made of. */
export interface GrpcParts extends GrpcPorts {
  readonly callers: Callers;
}
