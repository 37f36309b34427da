/** A controller that says only what a test tells it to, behind a real gRPC server. */
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { assert, fault, type AgentMessage, type ControllerMessage } from "@sluice/model";
import { agentMessageFromWire, controllerMessageToWire, refusalOf, v1 } from "@sluice/wire";

type Kind = AgentMessage["kind"];
type OfKind<K extends Kind> = Extract<AgentMessage, { readonly kind: K }>;

export interface AgentConnection {
  send(message: ControllerMessage): void;
  /** The next message of this kind, past or future; each is given once, in order. */
  next<K extends Kind>(kind: K): Promise<OfKind<K>>;
  /** Messages of this kind that nobody asked for yet. */
  unread(kind: Kind): number;
  refuse(reason: string): void;
  readonly closed: Promise<void>;
}

export interface ScriptedController {
  readonly port: number;
  /** The next stream that an agent opens. */
  connection(): Promise<AgentConnection>;
  stop(): void;
}

/** A queue whose reader waits for what is not there yet. */
function mailbox<T>() {
  const items: T[] = [];
  const waiting: ((item: T) => void)[] = [];
  return {
    put(item: T): void {
      const reader = waiting.shift();
      if (reader === undefined) items.push(item);
      else reader(item);
    },
    take(): Promise<T> {
      const item = items.shift();
      return item === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(item);
    },
    get size() {
      return items.length;
    },
  };
}

export async function startScriptedController(port = 0): Promise<ScriptedController> {
  const server = new Server();
  const connections = mailbox<AgentConnection>();
  server.addService(v1.SwitchServiceService, {
    connect: (call: ServerDuplexStream<v1.ConnectRequest, v1.ConnectResponse>) => connections.put(connectionOf(call)),
  });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, taken) => {
      if (error === null) resolve(taken);
      else reject(error);
    });
  });
  return { port: bound, connection: connections.take, stop: () => server.forceShutdown() };
}

function connectionOf(call: ServerDuplexStream<v1.ConnectRequest, v1.ConnectResponse>): AgentConnection {
  const boxes = new Map<Kind, ReturnType<typeof mailbox<AgentMessage>>>();
  const boxOf = (kind: Kind) => {
    const box = boxes.get(kind) ?? mailbox<AgentMessage>();
    boxes.set(kind, box);
    return box;
  };
  call.on("data", (wire: v1.ConnectRequest) => {
    const message = agentMessageFromWire(wire);
    assert(message.ok, `agents send what the gate admits: ${JSON.stringify(message)}`);
    boxOf(message.value.kind).put(message.value);
  });
  const closed = new Promise<void>((resolve) => {
    for (const event of ["end", "cancelled", "close"]) call.on(event, () => resolve());
  });
  return {
    send: (message) => void call.write(controllerMessageToWire(message)),
    next: async <K extends Kind>(kind: K) => (await boxOf(kind).take()) as OfKind<K>,
    unread: (kind) => boxOf(kind).size,
    refuse: (reason) => void call.emit("error", refusalOf([fault("not-found", reason)])),
    closed,
  };
}
