/** One gRPC stream to the controller, with domain messages on both sides of it. */
import { Channel, credentials, type ChannelOptions, type ServiceError } from "@grpc/grpc-js";
import type { AgentMessage, ControllerMessage, Fault } from "@sluice/model";
import {
  agentMessageToWire,
  channelSecurity,
  controllerMessageFromWire,
  createOutgoingQueue,
  faultsOfError,
  keepaliveOptions,
  leaderOfError,
  requestBytesMax,
  responseBytesMax,
  v1,
  type TlsSource,
} from "@sluice/wire";

/** Messages that may wait for the controller; a report of a full table is some hundred. */
const messagesWaitingMax = 1_024;
/** How long the controller may take nothing before the stream is given up, ms. */
const stallMsMax = 15_000;
/** How long a stream that was ended may take to deliver what was written, ms. */
const farewellMs = 1_000;

/** The transport's own patience between attempts to connect; the agent's machine adds its own, with jitter. */
const channelOptions: ChannelOptions = {
  ...keepaliveOptions,
  "grpc.max_send_message_length": requestBytesMax,
  "grpc.max_receive_message_length": responseBytesMax,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
};

export interface ControllerChannel {
  readonly channel: Channel;
  close(): void;
}

/** A connection that many agents of one process may share; each has its own stream on it. Plaintext without certificates. */
export function openControllerChannel(controller: string, tls?: TlsSource): ControllerChannel {
  const security = tls === undefined ? { credentials: credentials.createInsecure(), options: {} } : channelSecurity(tls, controller);
  // Own subchannels: channels of one process to one address would silently share a connection otherwise.
  const options = { ...channelOptions, ...security.options, "grpc.use_local_subchannel_pool": 1 };
  const channel = new Channel(controller, security.credentials, options);
  return { channel, close: () => channel.close() };
}

export interface StreamHandlers {
  readonly onMessage: (message: ControllerMessage) => void;
  /** Once, unless `end` was called. `faults` is what the controller gave as its reason; `leader` is who leads, where it is another. */
  readonly onClosed: (reason: string, faults: readonly Fault[], leader?: string) => void;
}

export interface ControllerStream {
  send(message: AgentMessage): void;
  /** Delivers what was written, then ends; nothing is heard of it any more. */
  end(): void;
  /** Ends at once. */
  cancel(): void;
}

export function openControllerStream({ channel }: ControllerChannel, handlers: StreamHandlers): ControllerStream {
  const client = new v1.SwitchServiceClient("controller", credentials.createInsecure(), { channelOverride: channel });
  const call = client.connect();
  let open = true;

  function close(reason: string, faults: readonly Fault[] = [], leader?: string): void {
    if (!open) return;
    open = false;
    queue.close();
    call.cancel();
    handlers.onClosed(reason, faults, leader);
  }

  const queue = createOutgoingQueue<AgentMessage>({
    outlet: { write: (message, taken) => void call.write(agentMessageToWire(message), taken) },
    messagesMax: messagesWaitingMax,
    stallMsMax,
    coalesceKey,
    onStuck: (reason) => close(`the stream is stuck: ${reason}`),
  });
  call.on("data", (wire: v1.ConnectResponse) => {
    if (!open) return;
    const message = controllerMessageFromWire(wire);
    if (message.ok) handlers.onMessage(message.value);
    else close(`the controller's message was refused: ${message.faults[0].message}`, message.faults);
  });
  call.on("error", (error: ServiceError) => close(error.message, faultsOfError(error), leaderOfError(error)));
  call.on("end", () => close("the controller ended the stream"));

  return {
    send: queue.send,
    end() {
      open = false;
      queue.close();
      call.end();
      setTimeout(() => call.cancel(), farewellMs).unref();
    },
    cancel() {
      open = false;
      queue.close();
      call.cancel();
    },
  };
}

/** Totals and states make older ones pointless; everything else is said in full. */
function coalesceKey(message: AgentMessage): string | undefined {
  switch (message.kind) {
    case "counters":
    case "pong":
      return message.kind;
    case "link-event":
      return `link-event/${message.linkId}`;
    case "hello":
    case "rules":
    case "ack":
    case "refused":
    case "prepared":
      return undefined;
  }
}
