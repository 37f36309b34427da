/** How calls end badly: faults become a status with details, and a peer that does not read is cut off. */
import { constants, type ServerHttp2Stream } from "node:http2";
import type { ServerDuplexStream, ServiceError } from "@grpc/grpc-js";
import { fault, type Fault, type Faults } from "@sluice/model";
import { refusalOf } from "@sluice/wire";
import type { GrpcLog } from "./ports.js";

/** How long a refused stream may take to read its status, ms; then it is cut off without one. */
const farewellMs = 5_000;

/** What grpc-js takes as the error of a call. */
export function errorOf(faults: Faults): ServiceError {
  const status = refusalOf(faults);
  return Object.assign(new Error(status.details), status, { name: "Refusal" });
}

/** An exception in a handler is a bug: it is logged whole and told as `internal`. */
export function faultOfException(log: GrpcLog, path: string, error: unknown): Fault {
  log.error({ err: error, path }, "a gRPC handler failed");
  return fault("internal", "A gRPC handler failed.");
}

type AnyDuplex = Pick<ServerDuplexStream<unknown, unknown>, "emit" | "destroyed" | "once">;

/**
 * Ends a stream with a status. The status travels behind what was already written, so a peer that has stopped reading
 * would hold stream and buffers for as long as its connection lives: after a while it is cut off.
 */
export function endStream(call: AnyDuplex, faults: Faults): void {
  if (call.destroyed) return;
  const timer = setTimeout(() => cutOff(call), farewellMs);
  timer.unref();
  call.once("close", () => clearTimeout(timer));
  call.emit("error", errorOf(faults));
}

/**
 * Resets the HTTP/2 stream below a call, at once. grpc-js has no way to do so from a server, hence the look inside; a later
 * version that keeps its stream elsewhere makes this wait for the connection's keepalive instead (a test watches that).
 */
export function cutOff(call: object): void {
  const below = (call as { readonly call?: { readonly stream?: Partial<ServerHttp2Stream> } }).call?.stream;
  below?.close?.(constants.NGHTTP2_ENHANCE_YOUR_CALM);
}
