/**
 * A gRPC client that knows nothing of this project but its .proto files, or, by reflection, not even those: what an operator's
 * script in another language is.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientWritableStream,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { fromJSON, loadFileDescriptorSetFromBuffer, loadSync, type PackageDefinition } from "@grpc/proto-loader";

const loadOptions = { keepCase: false, longs: Number, enums: String, defaults: true, oneofs: true } as const;
const protoRoot = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..", "..", "proto");
const serviceFiles = ["topology_service", "demand_service", "switch_service"].map((name) => `sluice/v1/${name}.proto`);

export function definitionFromFiles(): PackageDefinition {
  return loadSync(serviceFiles, { ...loadOptions, includeDirs: [protoRoot] });
}

/** The stream or call methods of a client that was made at run time. */
export type AnyClient = Client & Record<string, (...args: unknown[]) => unknown>;

export function stockClient(definition: PackageDefinition, service: string, port: number): AnyClient {
  let found: unknown = loadPackageDefinition(definition);
  for (const part of service.split(".")) found = (found as Record<string, unknown>)[part];
  const Constructor = found as ServiceClientConstructor;
  return new Constructor(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_send_message_length": -1,
  }) as unknown as AnyClient;
}

export interface Outcome {
  readonly response?: Record<string, unknown>;
  readonly error?: ServiceError;
}

export function callUnary(client: AnyClient, method: string, request: object, options: Partial<CallOptions> = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    client[method]?.(request, new Metadata(), options, (error: ServiceError | null, response: Record<string, unknown>) => {
      resolve(error === null ? { response } : { error });
    });
  });
}

/** Sends all requests of a client stream, half-closes, and waits for the answer. */
export function callUpload(client: AnyClient, method: string, requests: readonly object[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const call = client[method]?.((error: ServiceError | null, response: Record<string, unknown>) => {
      resolve(error === null ? { response } : { error });
    }) as ClientWritableStream<object>;
    for (const request of requests) call.write(request);
    call.end();
  });
}

export interface StreamOutcome extends Outcome {
  readonly answers: readonly Record<string, unknown>[];
}

/** Sends all requests of a bidirectional stream, half-closes, and collects the answers. */
export function callStream(client: AnyClient, method: string, requests: readonly object[]): Promise<StreamOutcome> {
  return new Promise((resolve) => {
    const call = client[method]?.() as ClientDuplexStream<object, Record<string, unknown>>;
    const answers: Record<string, unknown>[] = [];
    call.on("data", (answer: Record<string, unknown>) => answers.push(answer));
    call.on("error", (error: ServiceError) => resolve({ answers, error }));
    call.on("end", () => resolve({ answers }));
    for (const request of requests) call.write(request);
    call.end();
  });
}

interface StatusDetails {
  readonly code: number;
  readonly details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[];
}
export interface WireFault {
  readonly code: string;
  readonly message: string;
  readonly pointer: string;
}

/** The standard error model and this project's faults, written down once more as a stranger would. */
const errorModel = fromJSON(
  {
    nested: {
      errors: {
        nested: {
          Any: { fields: { typeUrl: { type: "string", id: 1 }, value: { type: "bytes", id: 2 } } },
          Status: {
            fields: {
              code: { type: "int32", id: 1 },
              message: { type: "string", id: 2 },
              details: { rule: "repeated", type: "Any", id: 3 },
            },
          },
          Fault: { fields: { code: { type: "string", id: 1 }, message: { type: "string", id: 2 }, pointer: { type: "string", id: 3 } } },
          Faults: { fields: { faults: { rule: "repeated", type: "Fault", id: 1 } } },
          Carrier: {
            methods: {
              Status: { requestType: "Any", responseType: "Status", comment: "" },
              Faults: { requestType: "Any", responseType: "Faults", comment: "" },
            },
          },
        },
      },
    },
  },
  loadOptions,
)["errors.Carrier"] as unknown as {
  readonly Status: { responseDeserialize(bytes: Buffer): StatusDetails };
  readonly Faults: { responseDeserialize(bytes: Buffer): { readonly faults: readonly WireFault[] } };
};

/** The faults in `grpc-status-details-bin`. */
export function faultsIn(error: ServiceError | undefined): readonly WireFault[] {
  const packed = error?.metadata.get("grpc-status-details-bin")[0];
  if (packed === undefined || typeof packed === "string") return [];
  return errorModel.Status.responseDeserialize(packed).details.flatMap(({ typeUrl, value }) =>
    typeUrl === "type.googleapis.com/sluice.v1.Faults" ? errorModel.Faults.responseDeserialize(Buffer.from(value)).faults : [],
  );
}

/** Everything that a server says about itself, by the reflection protocol. */
export async function definitionByReflection(
  port: number,
): Promise<{ readonly services: readonly string[]; readonly definition: PackageDefinition }> {
  const root = join(dirname(createRequire(import.meta.url).resolve("@grpc/reflection/package.json")), "build", "proto");
  const definition = loadSync("grpc/reflection/v1/reflection.proto", { ...loadOptions, includeDirs: [root] });
  const client = stockClient(definition, "grpc.reflection.v1.ServerReflection", port);
  try {
    const listed = await callStream(client, "ServerReflectionInfo", [{ listServices: "" }]);
    const services = answered<{ service: { name: string }[] }>(listed, "listServicesResponse").service.map(({ name }) => name);
    const ours = services.filter((name) => name.startsWith("sluice."));
    const described = await callStream(
      client,
      "ServerReflectionInfo",
      ours.map((fileContainingSymbol) => ({ fileContainingSymbol })),
    );
    const files = new Map<string, Buffer>();
    for (const answer of described.answers) {
      const { fileDescriptorProto } = answer["fileDescriptorResponse"] as { fileDescriptorProto: Buffer[] };
      for (const file of fileDescriptorProto) files.set(file.toString("base64"), file);
    }
    return { services, definition: loadFileDescriptorSetFromBuffer(descriptorSetOf([...files.values()]), loadOptions) };
  } finally {
    client.close();
  }
}

function answered<T>({ answers: [first], error }: StreamOutcome, field: string): T {
  if (first === undefined) throw error ?? new Error("no answer");
  return first[field] as T;
}

/** FileDescriptorSet { repeated FileDescriptorProto file = 1 }, by hand. */
function descriptorSetOf(files: readonly Buffer[]): Buffer {
  return Buffer.concat(files.flatMap((file) => [Buffer.from([0x0a]), varint(file.length), file]));
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      bytes.push(rest);
      return Buffer.from(bytes);
    }
    bytes.push((rest % 128) | 128);
  }
}
