/**
 * Limits of a connection that both ends must agree on. A stopped peer is found by keepalive only (TCP keeps quiet for
 * minutes), so both ends ask; together the two times stay below the 15 s in which a half-open stream must be found.
 */
import type { ChannelOptions } from "@grpc/grpc-js";

/** Silence after which the peer is asked for a sign of life, ms. */
export const keepaliveTimeMs = 5_000;
/** How long the answer may take, ms. */
export const keepaliveTimeoutMs = 5_000;
/** Largest message that the controller takes from clients and agents, bytes: a topology of some 100,000 links. */
export const requestBytesMax = 16 * 2 ** 20;
/** Largest message that agents take from the controller and that the controller sends, bytes. */
export const responseBytesMax = 64 * 2 ** 20;

export const keepaliveOptions: ChannelOptions = {
  "grpc.keepalive_time_ms": keepaliveTimeMs,
  "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
  "grpc.keepalive_permit_without_calls": 1,
};
