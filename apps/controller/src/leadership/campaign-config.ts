/** How a process stands for the lead: under a name that no other life of it has, with the addresses at which others reach it. */
import { randomBytes, randomInt } from "node:crypto";
import { hostname } from "node:os";
import { leadershipTimesOf, type LeadershipConfig } from "@sluice/control";

export interface Standing {
  readonly controllerId: string;
  readonly leaseSeconds: number;
  /** Where it serves; an address that means every interface is told by the name of the host. */
  readonly rest: string;
  readonly grpc: string;
  /** Where others reach it instead. */
  readonly advertiseRest?: string | undefined;
  readonly advertiseGrpc?: string | undefined;
}

/** Names longer than this make no good labels; the rest says which life it is. */
const idLengthMax = 64;

export function campaignConfig({ controllerId, leaseSeconds, rest, grpc, advertiseRest, advertiseGrpc }: Standing): LeadershipConfig {
  return {
    ...leadershipTimesOf(leaseSeconds * 1_000),
    holder: `${controllerId.slice(0, idLengthMax)}/${process.pid}-${randomBytes(6).toString("hex")}`,
    restAddress: (advertiseRest ?? reachable(rest)).replace(/\/+$/, ""),
    grpcAddress: advertiseGrpc ?? reachable(grpc),
    seed: randomInt(2 ** 32),
  };
}

function reachable(address: string): string {
  return address.replace(/(^|\/\/)(0\.0\.0\.0|\[::\]|::)(?=:\d+$)/, `$1${hostname()}`);
}
