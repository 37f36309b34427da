/**
 * Faults in the trailing metadata of a refused call: the standard `grpc-status-details-bin` holds a google.rpc.Status,
 * whose one detail is a packed `sluice.v1.Faults`. Any gRPC client that knows the standard error model can read it.
 */
import { Metadata, type ServiceError, type StatusObject } from "@grpc/grpc-js";
import { type Fault, type Faults, fault, faultCodes, type FaultCode } from "@sluice/model";
import { Faults as WireFaults } from "../generated/sluice/v1/fault.js";
import { Status } from "../generated/google/rpc/status.js";
import { grpcStatusOf, publicFault } from "./status.js";

const detailsKey = "grpc-status-details-bin";
/** Where the leader serves gRPC, on a refusal with `not-leader`; a name that no server of another kind uses. */
const leaderKey = "sluice-leader";
const leaderPattern = /^[\x21-\x7e]{1,256}$/;
const faultsTypeUrl = "type.googleapis.com/sluice.v1.Faults";
/** Bytes of packed faults: trailing metadata travels in headers, which peers bound (commonly at 8 KiB, before base64). */
const detailsBytesMax = 4_096;
/** Longest status message, in UTF-16 code units, for the same reason. */
const messageLengthMax = 1_024;

export function faultToWire(one: Fault): { code: string; message: string; pointer: string } {
  const { code, message, pointer } = publicFault(one);
  return { code, message, pointer: pointer ?? "" };
}

/** Faults of an answer; entries with a code that this version does not know become `internal`. */
export function faultFromWire(one: { readonly code: string; readonly message: string; readonly pointer: string }): Fault {
  const code = isFaultCode(one.code) ? one.code : "internal";
  return fault(code, one.message, one.pointer === "" ? {} : { pointer: one.pointer });
}

export function isFaultCode(text: string): text is FaultCode {
  return (faultCodes as readonly string[]).includes(text);
}

/** The status that refuses a call: of as many faults as headers have room for, at least the first. */
export function refusalOf(faults: Faults): StatusObject {
  const [first] = faults;
  const code = grpcStatusOf(first);
  const message = clipped(publicFault(first).message);
  let size = 0;
  const listed = faults
    .map(faultToWire)
    .map((one) => ({ ...one, message: clipped(one.message) }))
    .filter((one, i) => {
      size += Buffer.byteLength(one.code + one.message + one.pointer) + 16;
      return i === 0 || size <= detailsBytesMax;
    });
  const metadata = new Metadata();
  const value = Buffer.from(WireFaults.encode({ faults: listed }).finish());
  const packed = Status.encode({ code, message, details: [{ typeUrl: faultsTypeUrl, value }] }).finish();
  metadata.set(detailsKey, Buffer.from(packed));
  const leader = first.code === "not-leader" ? first.data?.["grpcAddress"] : undefined;
  if (typeof leader === "string" && leaderPattern.test(leader)) metadata.set(leaderKey, leader);
  return { code, details: message, metadata };
}

/** Where the leader serves gRPC, as a controller that does not lead has said; undefined where it said nothing. */
export function leaderOfError(error: Pick<ServiceError, "metadata">): string | undefined {
  const leader = error.metadata?.get(leaderKey)[0];
  return typeof leader === "string" && leaderPattern.test(leader) ? leader : undefined;
}

/** The faults of a failed call; empty where the peer sent none that can be read. */
export function faultsOfError(error: Pick<ServiceError, "metadata">): readonly Fault[] {
  const packed = error.metadata?.get(detailsKey)[0];
  if (packed === undefined || typeof packed === "string") return [];
  try {
    return Status.decode(packed)
      .details.filter((detail) => detail.typeUrl === faultsTypeUrl)
      .flatMap((detail) => WireFaults.decode(detail.value).faults.map(faultFromWire));
  } catch {
    // Details are an aid for people: a peer that garbles them still gave a status.
    return [];
  }
}

function clipped(text: string): string {
  return text.length <= messageLengthMax ? text : `${text.slice(0, messageLengthMax - 1)}…`;
}
