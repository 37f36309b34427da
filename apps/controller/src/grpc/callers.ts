/**
 * Who may call what. A caller is named by its certificate (packages/model/src/identity.ts) and let in before a byte of its message is read:
 *
 *   no certificate, or one that does not hold or names nobody   UNAUTHENTICATED
 *   a kind of caller that the method is not for                 PERMISSION_DENIED
 *
 * Without TLS, in development mode, everybody is `anonymous` and may call everything, as on REST.
 */
import { X509Certificate } from "node:crypto";
import { ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import {
  fault,
  identityOfAlternativeNames,
  ok,
  refuse,
  toId,
  type Identity,
  type IdentityKind,
  type NodeId,
  type Result,
} from "@sluice/model";
import { refusalOf } from "@sluice/wire";
import type { GrpcLog } from "./ports.js";

/** Whom each method is for. A method that is not listed is for nobody. */
export const callersOf: ReadonlyMap<string, readonly IdentityKind[]> = new Map<string, readonly IdentityKind[]>([
  ["/sluice.v1.TopologyService/ReplaceTopology", ["operator"]],
  ["/sluice.v1.TopologyService/ApplyChanges", ["operator"]],
  ["/sluice.v1.TopologyService/GetTopology", ["operator", "job"]],
  ["/sluice.v1.DemandService/StreamMeasurements", ["operator", "job"]],
  ["/sluice.v1.DemandService/UploadForecasts", ["operator", "job"]],
  ["/sluice.v1.DemandService/GetForecast", ["operator", "job"]],
  ["/sluice.v1.SwitchService/Connect", ["agent"]],
  ["/grpc.health.v1.Health/Check", ["operator", "job", "agent", "controller"]],
  ["/grpc.health.v1.Health/Watch", ["operator", "job", "agent", "controller"]],
  ["/grpc.health.v1.Health/List", ["operator", "job", "agent", "controller"]],
  ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", ["operator", "job"]],
  ["/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", ["operator", "job"]],
]);

type AuthContext = ReturnType<ServerInterceptingCall["getAuthContext"]>;

/** What a certificate says of its holder. Faults: `unauthenticated`. The chain has been judged by TLS; when it ends is judged here, as connections outlast it. */
export function identityOfCall(context: AuthContext | null, nowMs: number): Result<Identity> {
  const raw = context?.sslPeerCertificate?.raw;
  if (raw === undefined) return refuse(fault("unauthenticated", "This needs a certificate by an authority that is known here."));
  const certificate = new X509Certificate(raw);
  const endsAt = Date.parse(certificate.validTo);
  if (nowMs > endsAt) return refuse(fault("unauthenticated", `The certificate expired at ${new Date(endsAt).toISOString()}.`));
  return identityOfAlternativeNames(certificate.subjectAltName);
}

export function mayCall(identity: Identity, path: string): Result<Identity> {
  const kinds = callersOf.get(path) ?? [];
  if (kinds.includes(identity.kind)) return ok(identity);
  const whom = kinds.length === 0 ? "nobody" : kinds.join(" or ");
  return refuse(fault("forbidden", `${path} is for ${whom}; ${identity.name} is ${identity.kind}.`));
}

/** Who calls, for the audit log: roles are those of REST. */
export interface Caller {
  readonly name: string;
  readonly role: "admin" | IdentityKind;
}

type AnyCall = { getAuthContext(): AuthContext | null };

/** Of a call that has been let in. Faults: `unauthenticated` where its connection has gone meanwhile: then nobody is there to be answered. */
export interface Callers {
  callerOf(call: AnyCall): Result<Caller>;
  /** The node whose agent this is; undefined where agents are taken at their word. */
  agentOf(call: AnyCall): Result<NodeId | undefined>;
}

export const developmentCallers: Callers = { callerOf: () => ok({ name: "anonymous", role: "admin" }), agentOf: () => ok(undefined) };

/** For connections with certificates. */
export const certifiedCallers: Callers = {
  callerOf(call) {
    const identity = admitted(call);
    return identity.ok ? ok({ name: identity.value.name, role: identity.value.kind }) : identity;
  },
  agentOf(call) {
    const identity = admitted(call);
    return identity.ok ? ok(toId<NodeId>(identity.value.name)) : identity;
  },
};

/** The interceptor has looked at it: what ended meanwhile had been let in. */
function admitted(call: AnyCall): Result<Identity> {
  return identityOfCall(call.getAuthContext(), Number.NEGATIVE_INFINITY);
}

export interface CallerCheck {
  readonly log: GrpcLog;
  readonly nowMs: () => number;
  /** Why the certificate of a peer was not taken, where that is known. */
  readonly strangerOf: (peer: string) => string | undefined;
  /** Told of each caller that was forbidden something, before he is. */
  readonly onForbidden: (caller: { readonly name: string; readonly role: string }, path: string) => Promise<void>;
}

/** Turns calls away that may not be; the others go on as if it were not there. */
export function callerInterceptor({ log, nowMs, strangerOf, onForbidden }: CallerCheck): ServerInterceptor {
  return ({ path }, call) => {
    const known = identityOfCall(call.getAuthContext(), nowMs());
    const may = known.ok ? mayCall(known.value, path) : known;
    // Unwrapped: what handlers find in their calls stays as it is.
    if (may.ok) return call as ServerInterceptingCall;
    const peer = call.getPeer();
    const reason = known.ok ? undefined : strangerOf(peer);
    const faults = reason === undefined ? may.faults : refuse(fault("unauthenticated", reason)).faults;
    // Of a stranger the listener has told already, no more often than a log bears.
    log[known.ok ? "warn" : "debug"]({ peer, path, faults }, `a call was refused: ${faults[0].message}`);
    const status = refusalOf(faults);
    // The handler, which waits for the start to go on, never runs.
    const told = known.ok ? onForbidden({ name: known.value.name, role: known.value.kind }, path) : Promise.resolve();
    return new ServerInterceptingCall(call, { start: () => void told.finally(() => call.sendStatus(status)) });
  };
}
