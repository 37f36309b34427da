/** The client's end of mutual TLS: credentials of a channel that follow their files, and who may be at the other end. */
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { experimental, type ChannelCredentials, type ChannelOptions } from "@grpc/grpc-js";
import type { TlsMaterial, TlsSource } from "./tls-files.js";

/** A name for the handshake where the peer is called by its address: an address is no server name (RFC 6066, section 3). */
const noServerName = "address.invalid";

export interface ChannelSecurity {
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** For a channel to `host:port`. The server's certificate must be by one of the source's authorities, and name the host. New connections take what the files hold then. */
export function channelSecurity(source: TlsSource, address: string): ChannelSecurity {
  const host = hostOf(address);
  const provider = providerOf(source);
  const credentials = experimental.createCertificateProviderChannelCredentials(provider, provider, {
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
  });
  return { credentials, options: isIP(host) === 0 ? {} : { "grpc.ssl_target_name_override": noServerName } };
}

/** `[::1]:50051` is called by `::1`. */
export function hostOf(address: string): string {
  return (/^\[(.*)\]:\d+$/.exec(address) ?? /^(.*):\d+$/.exec(address))?.[1] ?? address;
}

/** An address that only this machine can have. */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);
}

type Listener<Update> = (update: Update) => void;

function providerOf(source: TlsSource): experimental.CertificateProvider {
  const ends = new Map<unknown, () => void>();
  function add<Update>(listener: Listener<Update>, updateOf: (material: TlsMaterial) => Update): void {
    ends.set(
      listener,
      source.onChange((material) => listener(updateOf(material))),
    );
    listener(updateOf(source.current()));
  }
  const remove = (listener: unknown): void => {
    ends.get(listener)?.();
    ends.delete(listener);
  };
  return {
    addCaCertificateListener: (listener) => add(listener, ({ ca }) => (ca === undefined ? null : { caCertificate: ca })),
    removeCaCertificateListener: remove,
    addIdentityCertificateListener: (listener) => add(listener, ({ cert, key }) => ({ certificate: cert, privateKey: key })),
    removeIdentityCertificateListener: remove,
  };
}
