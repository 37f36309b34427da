/**
 * The listener of gRPC with TLS. Every peer needs a certificate; one without, or with one that does not hold, is kept for a moment only, in which each call is
 * told why: TLS itself would just close the connection (callers.ts refuses the calls).
 */
import type { Duplex } from "node:stream";
import { createServer, type TLSSocket } from "node:tls";
import { fault, ok, refuse, type Result } from "@sluice/model";
import type { TlsMaterial, TlsSource } from "@sluice/wire";
import type { GrpcLog } from "./ports.js";

/** How long a peer without a good certificate may ask why, ms. */
const strangerMsMax = 2_000;
/** As many of them at a time; more are closed at once. */
const strangersMax = 64;
/** Connections at a time: some thousand agents, and clients. */
const connectionsMax = 8_192;
/** How long a peer may take to shake hands, ms. */
const handshakeMsMax = 10_000;
/** Between two looks for certificates that have ended, ms. */
const sweepMs = 1_000;
/** Lines about peers that were turned away in a minute: anybody can cause them. */
const noticesPerMinuteMax = 30;

export interface TlsListener {
  readonly port: number;
  /** Why the certificate of a peer (`address:port`) was not taken. */
  strangerOf(peer: string): string | undefined;
  /** Takes no more connections. */
  close(): void;
}

export interface TlsListenerOptions {
  readonly address: { readonly host: string; readonly port: number };
  readonly source: TlsSource;
  readonly log: GrpcLog;
  readonly nowMs: () => number;
  /** Given each connection whose handshake is over. */
  readonly inject: (connection: Duplex) => void;
}

export async function listenTls({ address, source, log, nowMs, inject }: TlsListenerOptions): Promise<Result<TlsListener>> {
  const strangers = new Map<string, string>();
  /** With the end of their certificates, ms. */
  const guests = new Map<TLSSocket, number>();
  const notice = noticeLimit(log, nowMs);

  const server = createServer({
    ...contextOf(source.current()),
    requestCert: true,
    // Peers are judged here, so that they can be told.
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
    minVersion: "TLSv1.3",
    handshakeTimeout: handshakeMsMax,
  });
  server.maxConnections = connectionsMax;
  server.on("secureConnection", (socket) => {
    // Without a listener the error of a connection would end the process; the session above it sees the close.
    socket.on("error", (error: Error) => log.debug({ peer: peerOf(socket), err: error }, "a connection broke"));
    const reason = refusalOfPeer(socket, nowMs());
    if (reason === undefined) {
      guests.set(socket, Date.parse(socket.getPeerCertificate().valid_to));
      socket.once("close", () => guests.delete(socket));
    } else if (!admitStranger(socket, reason)) return;
    inject(socket);
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    notice({ peer: peerOf(socket), code: error.code }, `a connection was refused: ${sentenceOfHandshake(error)}`);
  });

  function admitStranger(socket: TLSSocket, reason: string): boolean {
    const peer = peerOf(socket);
    notice({ peer }, `a connection was refused: ${reason}`);
    if (strangers.size >= strangersMax) {
      socket.destroy();
      return false;
    }
    strangers.set(peer, reason);
    const timer = setTimeout(() => socket.destroy(), strangerMsMax);
    socket.once("close", () => {
      clearTimeout(timer);
      strangers.delete(peer);
    });
    return true;
  }

  const unwatch = source.onChange((material) => {
    const before = authorities;
    authorities = material.ca;
    server.setSecureContext(contextOf(material));
    log.info({ notAfter: new Date(material.notAfterMs).toISOString() }, "the certificates of gRPC were read anew");
    if (same(before, authorities)) return;
    // Nobody stays on the word of an authority that may be known no more: who is still good comes back at once.
    for (const socket of guests.keys()) socket.destroy();
    log.info({ connections: guests.size }, "the authorities have changed: connections were closed");
  });
  let authorities = source.current().ca;
  const sweep = setInterval(() => {
    for (const [socket, endsAt] of guests) {
      if (nowMs() <= endsAt) continue;
      notice({ peer: peerOf(socket) }, "a connection was closed: its certificate has expired");
      socket.destroy();
    }
  }, sweepMs);
  sweep.unref();

  return new Promise((resolve) => {
    const { host, port } = address;
    server.once("error", (error) => {
      clearInterval(sweep);
      unwatch();
      resolve(refuse(fault("unavailable", `gRPC cannot listen on ${host}:${port}: ${error.message}; choose another --grpc address.`)));
    });
    server.listen({ host, port }, () => {
      server.removeAllListeners("error");
      server.on("error", (error) => log.error({ err: error }, "the listener of gRPC failed"));
      const bound = server.address();
      resolve(
        ok({
          port: typeof bound === "object" && bound !== null ? bound.port : port,
          strangerOf: (peer) => strangers.get(peer),
          close() {
            clearInterval(sweep);
            unwatch();
            server.close();
          },
        }),
      );
    });
  });
}

function contextOf({ cert, key, ca }: Pick<TlsMaterial, "cert" | "key" | "ca">) {
  return { cert, key, ...(ca && { ca }) };
}

function same(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.equals(b));
}

/** As grpc-js names a peer. */
function peerOf({ remoteAddress, remotePort }: TLSSocket): string {
  return remoteAddress === undefined ? "unknown" : `${remoteAddress}:${remotePort ?? 0}`;
}

/** What is wrong with who is there; undefined where the chain holds and has not ended. */
function refusalOfPeer(socket: TLSSocket, nowMs: number): string | undefined {
  const certificate = socket.getPeerCertificate();
  if (certificate.raw === undefined) return "There is no client certificate: this controller takes calls with one only.";
  const endsAt = Date.parse(certificate.valid_to);
  if (nowMs > endsAt) return `The certificate expired at ${new Date(endsAt).toISOString()}.`;
  if (socket.authorized) return undefined;
  const code = String(socket.authorizationError);
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return "The certificate, or that of its authority, has expired.";
    case "CERT_NOT_YET_VALID":
      return `The certificate is not valid before ${new Date(Date.parse(certificate.valid_from)).toISOString()}.`;
    case "INVALID_PURPOSE":
      return "The certificate is not one for clients.";
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "CERT_SIGNATURE_FAILURE":
      return "The certificate is by no authority that is trusted here.";
    default:
      return `The certificate does not hold (${code}).`;
  }
}

function sentenceOfHandshake({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ERR_SSL_HTTP_REQUEST" || code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG")
    return "the peer does not speak TLS: agents need --tls-cert, --tls-key and --tls-ca";
  if (
    code === "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA" ||
    code === "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE" ||
    code === "ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN"
  )
    return "the peer does not take this controller's certificate";
  if (code === "ERR_SSL_UNSUPPORTED_PROTOCOL") return "the peer's TLS is older than 1.3";
  if (code === "ECONNRESET" || code === "EPIPE")
    return "the peer went away before hands were shaken, or does not take this controller's certificate";
  return `hands could not be shaken (${code ?? message})`;
}

/** So many lines a minute; then how many there would have been. */
function noticeLimit(log: GrpcLog, nowMs: () => number): (data: object, message: string) => void {
  let since = Number.NEGATIVE_INFINITY;
  let count = 0;
  return (data, message) => {
    const now = nowMs();
    if (now - since >= 60_000) {
      if (count > noticesPerMinuteMax)
        log.warn({ count: count - noticesPerMinuteMax }, "more connections were refused than the log was told of");
      since = now;
      count = 0;
    }
    count += 1;
    if (count <= noticesPerMinuteMax) log.warn(data, message);
  };
}
