/** Every bound that the gRPC server keeps. Keepalive and message sizes, which both ends share, are in packages/wire. */
import { requestBytesMax, responseBytesMax } from "@sluice/wire";

export interface GrpcLimits {
  /** Largest message from a client or agent, bytes. */
  readonly requestBytesMax: number;
  /** Largest message to a client or agent, bytes. */
  readonly responseBytesMax: number;
  /** Streams on one connection: agents of an emulated network share one. */
  readonly streamsPerConnectionMax: number;
  /** How long a request may wait for its reply, ms; a client's deadline that is shorter holds. */
  readonly requestMsMax: number;
  /** How long an upload may pause between two messages, ms. */
  readonly uploadPauseMsMax: number;
  /** Demands in one matrix or forecast, over all of its parts. */
  readonly demandsMax: number;
  /** Demands in one message of a forecast. */
  readonly demandsPerMessageMax: number;
  /** Messages that may wait for one agent. */
  readonly agentMessagesWaitingMax: number;
  /** How long messages may wait for an agent, or answers for a client, that takes nothing, ms. */
  readonly stallMsMax: number;
  /** Messages of one agent that are taken in before others have their turn. */
  readonly agentBurstMax: number;
  /** How long calls may still run when the server stops, ms. */
  readonly stopMsMax: number;
}

export const grpcLimitsDefault: GrpcLimits = {
  requestBytesMax,
  responseBytesMax,
  streamsPerConnectionMax: 4_096,
  requestMsMax: 30_000,
  uploadPauseMsMax: 60_000,
  demandsMax: 1_000_000,
  demandsPerMessageMax: 100_000,
  agentMessagesWaitingMax: 1_024,
  stallMsMax: 15_000,
  agentBurstMax: 64,
  stopMsMax: 2_000,
};
