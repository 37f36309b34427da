/** The gRPC server: the services of sluice.v1, health and reflection, and the limits that all of them keep. */
import type { Duplex } from "node:stream";
import {
  Server,
  ServerCredentials,
  type ServerInterceptor,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { fileDescriptors, guardedService, keepaliveOptions, v1, type TlsSource } from "@sluice/wire";
import { HealthImplementation } from "grpc-health-check";
import { forbiddenNotes } from "./audit-calls.js";
import { callerInterceptor, certifiedCallers, developmentCallers } from "./callers.js";
import { demandService } from "./demand-service.js";
import { grpcLimitsDefault, type GrpcLimits } from "./limits.js";
import type { GrpcPorts } from "./ports.js";
import { switchService } from "./switch-service.js";
import { listenTls, type TlsListener } from "./tls-listener.js";
import { topologyService } from "./topology-service.js";

export interface GrpcOptions extends GrpcPorts {
  /** Port 0 takes a free one. */
  readonly address: { readonly host: string; readonly port: number };
  readonly limits?: Partial<GrpcLimits>;
  /** Certificate, key and the authorities of clients, who then need certificates. Plaintext without, and everybody may do everything. */
  readonly tls?: TlsSource;
  /** Of the wall clock, ms: certificates end by it. */
  readonly nowMs?: () => number;
}

export interface GrpcServer {
  readonly port: number;
  /** What the health service says of every service; serving from the start. */
  setServing(serving: boolean): void;
  /** Takes no new calls, gives those under way a moment, then ends them. */
  stop(): Promise<void>;
}

const serviceNames = ["", "sluice.v1.TopologyService", "sluice.v1.DemandService", "sluice.v1.SwitchService"] as const;

export async function startGrpc(given: GrpcOptions): Promise<Result<GrpcServer>> {
  const { tls } = given;
  const options = { ...given, callers: tls === undefined ? developmentCallers : certifiedCallers };
  const limits: GrpcLimits = { ...grpcLimitsDefault, ...options.limits };
  let listener: TlsListener | undefined;
  const nowMs = given.nowMs ?? ((): number => Date.now());
  const onForbidden = forbiddenNotes(options.audit, nowMs);
  const check = callerInterceptor({ log: options.log, nowMs, strangerOf: (peer) => listener?.strangerOf(peer), onForbidden });
  const interceptors: ServerInterceptor[] = tls === undefined ? [] : [check];
  const server = new Server({
    interceptors,
    ...keepaliveOptions,
    "grpc.max_receive_message_length": limits.requestBytesMax,
    "grpc.max_send_message_length": limits.responseBytesMax,
    "grpc.max_concurrent_streams": limits.streamsPerConnectionMax,
  });
  addService(server, guardedService(v1.TopologyServiceService), topologyService(options, limits));
  addService(server, guardedService(v1.DemandServiceService), demandService(options, limits));
  addService(server, guardedService(v1.SwitchServiceService), switchService({ ...options, onForbidden }, limits));
  const health = new HealthImplementation();
  const setServing = (serving: boolean): void => {
    for (const name of serviceNames) health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
  };
  setServing(true);
  health.addToServer(server);
  new ReflectionService(reflected()).addToServer(server);

  if (tls !== undefined) {
    // Hands have been shaken when a connection comes to the server, which takes it as it is.
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    const inject = (connection: Duplex): void => injector.injectConnection(connection);
    const listening = await listenTls({ address: options.address, source: tls, log: options.log, nowMs, inject });
    if (!listening.ok) return listening;
    listener = listening.value;
  }
  const port = listener === undefined ? await bind(server, options.address) : ok(listener.port);
  if (!port.ok) return port;
  return ok({
    port: port.value,
    setServing,
    async stop() {
      setServing(false);
      listener?.close();
      await shutDown(server, limits.stopMsMax);
    },
  });
}

/**
 * What reflection tells: the files as they are. proto-loader would merge the files of a package into one and lose its imports,
 * which strict clients (grpcurl, buf curl) refuse; the reflection service reads nothing but the descriptors.
 */
function reflected(): PackageDefinition {
  return { files: { format: "descriptors", type: {}, fileDescriptorProtos: [...fileDescriptors()] } } as unknown as PackageDefinition;
}

/** grpc-js types a service by its untyped form; names and shapes are checked where the implementation is written. */
function addService(server: Server, definition: object, implementation: object): void {
  server.addService(definition as ServiceDefinition, implementation as UntypedServiceImplementation);
}

function bind(server: Server, { host, port: wanted }: GrpcOptions["address"]): Promise<Result<number>> {
  const address = `${host.includes(":") ? `[${host}]` : host}:${wanted}`;
  return new Promise((resolve) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      resolve(
        error === null
          ? ok(port)
          : refuse(fault("unavailable", `gRPC cannot listen on ${address}: ${error.message}; choose another --grpc address.`)),
      );
    });
  });
}

function shutDown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
