/**
 * Service definitions whose decoding cannot throw: bytes that are no message become a `malformed` fault, which a service
 * answers with INVALID_ARGUMENT and a sentence, where the generated code would end in INTERNAL.
 */
import { fault, ok, refuse, type Result } from "@sluice/model";

interface Method<Request> {
  readonly path: string;
  readonly requestDeserialize: (bytes: Buffer) => Request;
}

export type Guarded<M> = M extends { readonly requestDeserialize: (bytes: Buffer) => infer Request }
  ? Omit<M, "requestDeserialize"> & { readonly requestDeserialize: (bytes: Buffer) => Result<Request> }
  : never;

/** The same service, with requests that arrive as `Result`s. */
export function guardedService<S extends Readonly<Record<string, Method<unknown>>>>(
  service: S,
): { readonly [K in keyof S]: Guarded<S[K]> } {
  const guarded = Object.entries(service).map(
    ([name, method]) => [name, { ...method, requestDeserialize: guardedDecode(method) }] as const,
  );
  return Object.fromEntries(guarded) as { readonly [K in keyof S]: Guarded<S[K]> };
}

/** Of requests, as long as somebody has them. */
const bytesOf = new WeakMap<object, Buffer>();

/** The bytes that a request came as; undefined for what no guarded service decoded. */
export function messageBytes(request: Result<unknown>): Buffer | undefined {
  return bytesOf.get(request);
}

function guardedDecode<Request>({ path, requestDeserialize }: Method<Request>): (bytes: Buffer) => Result<Request> {
  return (bytes) => {
    const request = decode(bytes);
    bytesOf.set(request, bytes);
    return request;
  };

  function decode(bytes: Buffer): Result<Request> {
    try {
      return ok(requestDeserialize(bytes));
    } catch {
      // The decoder's own words name offsets in a buffer that the client never saw.
      return refuse(fault("malformed", `The ${bytes.length} bytes of the request are no protobuf message for ${path}.`));
    }
  }
}
