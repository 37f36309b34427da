/** gRPC by hand over HTTP/2: any bytes as messages of any method, compressed or not, right or wrong. */
import { connect, constants, type ClientHttp2Session } from "node:http2";

export interface RawOutcome {
  /** `grpc-status`; undefined where the stream was reset or ended without one. */
  readonly status: number | undefined;
  readonly message: string;
  /** Bytes that came as messages. */
  readonly answerBytes: number;
  /** HTTP/2 error code of a reset. */
  readonly reset: number;
}

export interface RawClient {
  /** Sends these bytes as the body of a call, and half-closes. */
  call(path: string, body: Buffer, headers?: Readonly<Record<string, string>>): Promise<RawOutcome>;
  close(): void;
}

/** A message with its length before it; `flag` 1 says that it is compressed. */
export function framed(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

export function rawClient(port: number): RawClient {
  let session: ClientHttp2Session | undefined;
  function open(): ClientHttp2Session {
    if (session !== undefined && !session.destroyed && !session.closed) return session;
    session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => undefined);
    return session;
  }
  return {
    call: (path, body, headers = {}) =>
      new Promise((resolve) => {
        const stream = open().request({
          [constants.HTTP2_HEADER_METHOD]: "POST",
          [constants.HTTP2_HEADER_PATH]: path,
          [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
          te: "trailers",
          ...headers,
        });
        let status: number | undefined;
        let message = "";
        let answerBytes = 0;
        const read = (from: Readonly<Record<string, unknown>>): void => {
          if (from["grpc-status"] === undefined) return;
          status = Number(from["grpc-status"]);
          const text = from["grpc-message"];
          message = typeof text === "string" ? decodeURIComponent(text) : "";
        };
        stream.on("response", read);
        stream.on("trailers", read);
        stream.on("data", (chunk: Buffer) => (answerBytes += chunk.length));
        // A reset is told by its code.
        stream.on("error", () => undefined);
        stream.on("close", () => resolve({ status, message, answerBytes, reset: stream.rstCode ?? 0 }));
        stream.end(body);
      }),
    close: () => session?.destroy(),
  };
}
