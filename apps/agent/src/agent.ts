/**
 * The thin shell around the agent's machine: it stamps events with a clock, steps the machine, and carries out the effects in
 * their order: the stream to the controller, the durable term, the datapath. It decides nothing but the jitter of reconnects.
 */
import { randomUUID } from "node:crypto";
import { agentStanding, createAgent, stepAgent, type AgentConfig, type AgentEffect, type AgentEvent } from "@sluice/control";
import { ruleKey, unreachable, type ControllerMessage, type Fault, type NodeId, type RuleOperation } from "@sluice/model";
import type { RuleFailure } from "@sluice/rules";
import type { TlsSource } from "@sluice/wire";
import { chooseController } from "./controller-choice.js";
import { openControllerChannel, openControllerStream, type ControllerChannel, type ControllerStream } from "./controller-stream.js";
import type { Datapath } from "./datapath.js";
import { memoryTermStore, openTermFile } from "./term-file.js";

/** The machine keeps all its times by ticks, ms. */
const tickMs = 100;
/** Failures of one stage that the controller is told when the datapath itself breaks. */
const brokenFailuresMax = 100;

/** Structured logging, as pino does it. */
export interface AgentLog {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
}

export interface AgentOptions {
  readonly nodeId: NodeId;
  /** `host:port`; several, of which one leads, separated by commas. */
  readonly controller: string;
  /** Certificate, key and the authorities of the controller. Plaintext without. */
  readonly tls?: TlsSource;
  /** A connection to share with other agents of this process; it stays open, and `controller` says nothing. Default: one of the agent's own. */
  readonly channel?: ControllerChannel;
  /** Where term and epoch are kept over restarts. Without it they last as long as the agent. */
  readonly stateDir?: string;
  readonly datapath: Datapath;
  readonly log: AgentLog;
  /** Intervals and bounds other than the machine's defaults. */
  readonly config?: Partial<Omit<AgentConfig, "nodeId" | "bootId" | "ruleCountMax">>;
  /** The machine broke an invariant and has stopped; default: the process ends by the exception. */
  readonly onBroken?: (error: unknown) => void;
}

export interface RunningAgent {
  readonly nodeId: NodeId;
  /** The highest durable (term, epoch), the digest of the installed rules, and whether a controller has welcomed the agent. */
  standing(): ReturnType<typeof agentStanding>;
  /** Ends the stream and waits for what is being written. The datapath keeps forwarding. */
  stop(): Promise<void>;
}

/** The state of the agent cannot be trusted; it must not start. */
export class AgentRefused extends Error {
  override readonly name = "AgentRefused";
  readonly faults: readonly [Fault, ...Fault[]];
  constructor(faults: readonly [Fault, ...Fault[]]) {
    super(faults[0].message);
    this.faults = faults;
  }
}

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;
type Input = Untimed<AgentEvent>;

/** Starts an agent, which then runs until it is stopped. Throws `AgentRefused` where its state cannot be trusted. */
export function runAgent(options: AgentOptions): RunningAgent {
  const { nodeId, datapath, log } = options;
  const opened = options.stateDir === undefined ? undefined : openTermFile(options.stateDir, nodeId);
  if (opened?.ok === false) throw new AgentRefused(opened.faults);
  const terms = opened?.value ?? memoryTermStore();
  const choice = chooseController(options.controller, { anywhere: options.tls !== undefined });
  /** To the controller that was asked last. */
  let own: { readonly address: string; readonly channel: ControllerChannel } | undefined;

  const state = createAgent(
    { ...options.config, nodeId, bootId: randomUUID(), ruleCountMax: datapath.ruleCountMax },
    { termSeen: terms.initial.term, epochSeen: terms.initial.epoch, links: datapath.links(), rules: datapath.rules() },
  );
  let running = true;
  let stepping = false;
  const inbox: Input[] = [];
  let stream: { readonly id: number; readonly stream: ControllerStream } | undefined;
  let connecting: NodeJS.Timeout | undefined;
  const underway = new Set<Promise<void>>();

  /** Events that arise while a step's effects are carried out wait for their turn. */
  function dispatch(input: Input): void {
    if (!running) return;
    inbox.push(input);
    if (stepping) return;
    stepping = true;
    try {
      for (let next = inbox.shift(); next !== undefined && running; next = inbox.shift()) {
        const { effects } = stepAgent(state, { ...next, nowMs: performance.timeOrigin + performance.now() } as AgentEvent);
        for (const effect of effects) carryOut(effect);
      }
    } catch (error) {
      log.error({ err: error, node: nodeId }, "an invariant of the agent is broken; it stops");
      halt();
      if (options.onBroken === undefined) throw error;
      options.onBroken(error);
    } finally {
      stepping = false;
    }
  }

  function carryOut(effect: AgentEffect): void {
    switch (effect.kind) {
      case "connect":
        // Agents that lost one controller must not all come back at one instant.
        connecting = setTimeout(() => connect(effect.streamId), choice.delayMs(effect.delayMs) * (0.5 + Math.random() / 2));
        return;
      case "send":
        if (stream?.id === effect.streamId) stream.stream.send(effect.message);
        return;
      case "close-stream":
        log.warn({ node: nodeId, streamId: effect.streamId }, `leaving the controller: ${effect.reason}`);
        clearTimeout(connecting);
        choice.ended({ notLeader: false, left: true });
        if (stream?.id === effect.streamId) {
          stream.stream.end();
          stream = undefined;
        }
        return;
      case "persist-term":
        return follow(persist(effect));
      case "apply":
        return follow(apply(effect.applyId, effect.operations));
      case "read-counters":
        return follow(readCounters());
      default:
        unreachable(effect);
    }
  }

  function channelNow(): ControllerChannel {
    if (options.channel !== undefined) return options.channel;
    if (own?.address !== choice.address) {
      own?.channel.close();
      own = { address: choice.address, channel: openControllerChannel(choice.address, options.tls) };
      log.info({ node: nodeId, controller: choice.address }, "asking this controller");
    }
    return own.channel;
  }

  function connect(streamId: number): void {
    if (!running) return;
    const fresh = openControllerStream(channelNow(), {
      onMessage(message) {
        if (message.kind === "welcome") choice.welcomed();
        log.debug({ node: nodeId, ...gistOf(message) }, `told: ${message.kind}`);
        dispatch({ kind: "message", streamId, message });
      },
      onClosed(reason, faults, leader) {
        log.warn({ node: nodeId, streamId, faults }, `the stream to the controller has ended: ${reason}`);
        if (stream?.id === streamId) stream = undefined;
        choice.ended({ notLeader: faults[0]?.code === "not-leader", leader });
        dispatch({ kind: "closed", streamId });
      },
    });
    stream = { id: streamId, stream: fresh };
    dispatch({ kind: "opened", streamId });
  }

  async function persist({ persistId, term, epoch }: Extract<AgentEffect, { kind: "persist-term" }>): Promise<void> {
    let durable = false;
    try {
      await terms.save({ term, epoch });
      durable = true;
    } catch (error) {
      log.error({ err: error, node: nodeId, term, epoch }, "the term cannot be made durable, so it is not obeyed");
    }
    dispatch({ kind: "persisted", persistId, ok: durable });
  }

  async function apply(applyId: number, operations: readonly RuleOperation[]): Promise<void> {
    let failures: readonly RuleFailure[];
    try {
      failures = await datapath.apply(operations);
    } catch (error) {
      log.error({ err: error, node: nodeId }, "the datapath failed");
      failures = operations.slice(0, brokenFailuresMax).map((operation) => brokenBy(operation));
    }
    dispatch({ kind: "applied", applyId, failures });
  }

  async function readCounters(): Promise<void> {
    try {
      dispatch({ kind: "count", ...(await datapath.counters()) });
    } catch (error) {
      log.warn({ err: error, node: nodeId }, "the counters could not be read");
    }
  }

  /** What `stop` waits for. */
  function follow(work: Promise<void>): void {
    const tracked = work.finally(() => underway.delete(tracked));
    underway.add(tracked);
  }

  function halt(): void {
    running = false;
    clearInterval(ticker);
    clearTimeout(connecting);
    for (const end of unsubscribe) end();
    stream?.stream.cancel();
    stream = undefined;
    own?.channel.close();
  }

  const ticker = setInterval(() => dispatch({ kind: "tick" }), tickMs);
  const unsubscribe = [
    datapath.onLinkChange((change) => dispatch({ kind: "link-changed", ...change })),
    datapath.onRulesFound((rules) => dispatch({ kind: "rules-found", rules })),
  ];
  dispatch({ kind: "tick" });

  return {
    nodeId,
    standing: () => agentStanding(state),
    async stop() {
      if (running) halt();
      await Promise.allSettled(underway);
    },
  };
}

/** What a log says of a message: all but its operations. */
function gistOf(message: ControllerMessage): object {
  switch (message.kind) {
    case "stage": {
      const { operations, ...rest } = message;
      return { ...rest, operations: operations.length };
    }
    case "prepare": {
      const { scenarios, ...rest } = message;
      return { ...rest, scenarios: scenarios.length, operations: scenarios.reduce((sum, { operations }) => sum + operations.length, 0) };
    }
    default:
      return message;
  }
}

function brokenBy(operation: RuleOperation): RuleFailure {
  return { key: operation.op === "delete" ? operation.key : ruleKey(operation.rule), code: "internal", reason: "the datapath failed" };
}
