/** sluice.v1.SwitchService: one stream per agent, in both directions bounded, none slowing another. */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { fault, type ControllerMessage, type Faults, type Result } from "@sluice/model";
import { agentMessageFromWire, controllerMessageToWire, createOutgoingQueue, type v1 } from "@sluice/wire";
import type { GrpcLimits } from "./limits.js";
import type { GrpcParts } from "./ports.js";
import { cutOff, endStream } from "./refusal.js";

type Connection = ServerDuplexStream<Result<v1.ConnectRequest>, v1.ConnectResponse>;

interface SwitchParts extends GrpcParts {
  /** Told of each agent that says that it is another. */
  readonly onForbidden: (caller: { readonly name: string; readonly role: string }, path: string) => Promise<void>;
}

export function switchService(ports: SwitchParts, limits: GrpcLimits) {
  return { connect: (call: Connection): void => serveAgent(ports, limits, call) };
}

function serveAgent({ driver, log, callers, onForbidden }: SwitchParts, limits: GrpcLimits, call: Connection): void {
  const peer = call.getPeer();
  const agent = callers.agentOf(call);
  if (!agent.ok) return endStream(call, agent.faults);
  const certified = agent.value;
  let open = true;

  /** Once, whoever ends the stream: the driver forgets it, and nothing more is written. */
  function forget(): boolean {
    if (!open) return false;
    open = false;
    queue.close();
    driver.agentClosed(streamId);
    return true;
  }

  function refuseStream(faults: Faults): void {
    if (!forget()) return;
    log.warn({ peer, streamId, faults }, `the stream of an agent was refused: ${faults[0].message}`);
    endStream(call, faults);
  }

  const queue = createOutgoingQueue<ControllerMessage>({
    outlet: { write: (message, taken) => void call.write(controllerMessageToWire(message), taken) },
    messagesMax: limits.agentMessagesWaitingMax,
    stallMsMax: limits.stallMsMax,
    coalesceKey,
    onStuck: (reason) => {
      if (!forget()) return;
      log.warn({ peer, streamId }, `the stream of an agent was cut off: ${reason}`);
      cutOff(call);
    },
  });

  const streamId = driver.agentOpened({
    ...(certified !== undefined && { certified }),
    send: queue.send,
    close(code, reason, data) {
      if (!forget()) return;
      log[code === "not-leader" ? "debug" : "info"]({ peer, streamId, code }, `the stream of an agent was closed: ${reason}`);
      const faults = [fault(code, reason, data === undefined ? {} : { data })] as const;
      if (code !== "forbidden" || certified === undefined) return endStream(call, faults);
      void onForbidden({ name: certified, role: "agent" }, call.getPath()).finally(() => endStream(call, faults));
    },
  });

  const burst = createBurstLimit(call, limits.agentBurstMax);
  call.on("data", (request: Result<v1.ConnectRequest>) => {
    if (!open) return;
    burst();
    const message = request.ok ? agentMessageFromWire(request.value) : request;
    if (!message.ok) return refuseStream(message.faults);
    driver.agentMessage(streamId, message.value);
  });
  call.on("end", () => {
    if (forget()) call.end();
  });
  call.on("cancelled", forget);
  call.on("close", forget);
}

/** A newer probe or request of the same kind makes an older one that still waits pointless; what has a sequence never does. */
function coalesceKey(message: ControllerMessage): string | undefined {
  switch (message.kind) {
    case "ping":
      return "ping";
    case "read-rules":
      return `read-rules/${message.requestId}`;
    case "stage":
    case "prepare":
      return `${message.kind}/${message.term}/${message.sequence}`;
    case "welcome":
      return "welcome";
  }
}

/** After so many messages in one turn of the event loop the stream waits for the next turn. */
function createBurstLimit(call: Connection, burstMax: number): () => void {
  let taken = 0;
  return () => {
    taken += 1;
    if (taken === 1) {
      setImmediate(() => {
        taken = 0;
        if (call.isPaused()) call.resume();
      });
    }
    if (taken >= burstMax) call.pause();
  };
}
