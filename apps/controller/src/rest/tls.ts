/** TLS of REST: the certificate follows its files; with authorities given, TLS itself refuses clients without a certificate of theirs. */
import { Server as HttpsServer } from "node:https";
import { assert } from "@sluice/model";
import type { TlsMaterial, TlsSource } from "@sluice/wire";
import type { FastifyInstance } from "fastify";

/** How long a client may take to shake hands, ms. */
const handshakeMsMax = 10_000;

export function restTlsOptions(source: TlsSource) {
  const asksClients = source.current().ca !== undefined;
  return {
    ...contextOf(source.current()),
    minVersion: "TLSv1.2",
    handshakeTimeout: handshakeMsMax,
    requestCert: asksClients,
    rejectUnauthorized: asksClients,
  } as const;
}

/** New connections get what the files hold then. */
export function followTls(app: FastifyInstance, source: TlsSource): void {
  const { server } = app as { readonly server: unknown };
  assert(server instanceof HttpsServer, "a server with TLS is one of node:https");
  const unwatch = source.onChange((material) => {
    server.setSecureContext({ ...contextOf(material), minVersion: "TLSv1.2" });
    app.log.info({ notAfter: new Date(material.notAfterMs).toISOString() }, "the certificates of REST were read anew");
  });
  app.addHook("onClose", async () => unwatch());
}

function contextOf({ cert, key, ca }: TlsMaterial) {
  return { cert, key, ...(ca && { ca }) };
}
