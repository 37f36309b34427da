/** The gRPC server: the services of sluice.v1, health and reflection, and the limits that all of them keep. */
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { fileDescriptors, guardedService, keepaliveOptions, v1 } from "@sluice/wire";
import { HealthImplementation } from "grpc-health-check";
import { demandService } from "./demand-service.js";
import { grpcLimitsDefault, type GrpcLimits } from "./limits.js";
import type { GrpcPorts } from "./ports.js";
import { switchService } from "./switch-service.js";
import { topologyService } from "./topology-service.js";

export interface GrpcOptions extends GrpcPorts {
  /** Port 0 takes a free one. */
  readonly address: { readonly host: string; readonly port: number };
  readonly limits?: Partial<GrpcLimits>;
  /** Plaintext without. */
  readonly credentials?: ServerCredentials;
}

export interface GrpcServer {
  readonly port: number;
  /** What the health service says of every service; serving from the start. */
  setServing(serving: boolean): void;
  /** Takes no new calls, gives those under way a moment, then ends them. */
  stop(): Promise<void>;
}

const serviceNames = ["", "sluice.v1.TopologyService", "sluice.v1.DemandService", "sluice.v1.SwitchService"] as const;

export async function startGrpc(options: GrpcOptions): Promise<Result<GrpcServer>> {
  const limits: GrpcLimits = { ...grpcLimitsDefault, ...options.limits };
  const server = new Server({
    ...keepaliveOptions,
    "grpc.max_receive_message_length": limits.requestBytesMax,
    "grpc.max_send_message_length": limits.responseBytesMax,
    "grpc.max_concurrent_streams": limits.streamsPerConnectionMax,
  });
  addService(server, guardedService(v1.TopologyServiceService), topologyService(options, limits));
  addService(server, guardedService(v1.DemandServiceService), demandService(options, limits));
  addService(server, guardedService(v1.SwitchServiceService), switchService(options, limits));
  const health = new HealthImplementation();
  const setServing = (serving: boolean): void => {
    for (const name of serviceNames) health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
  };
  setServing(true);
  health.addToServer(server);
  new ReflectionService(reflected()).addToServer(server);

  const { host, port: wanted } = options.address;
  const bound = await bind(server, `${host.includes(":") ? `[${host}]` : host}:${wanted}`, options.credentials);
  if (!bound.ok) return bound;
  return ok({
    port: bound.value,
    setServing,
    async stop() {
      setServing(false);
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

function bind(
  server: Server,
  address: string,
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
): Promise<Result<number>> {
  return new Promise((resolve) => {
    server.bindAsync(address, credentials, (error, port) => {
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
