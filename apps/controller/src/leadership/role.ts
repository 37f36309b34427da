/**
 * What this process is at the moment, behind the face of a driver: a leader, whose driver answers, or a follower, which shows what the store holds
 * and sends on whoever wants something changed. REST and gRPC speak to it for as long as the process lives, whatever it is meanwhile.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ControllerConfig, LeadershipConfig, LeadershipView, PublishedEvent } from "@sluice/control";
import { fault, refuse, type Fault, type Result, type Term } from "@sluice/model";
import type { Store } from "@sluice/store";
import type { AgentStream, Driver } from "../driver.js";
import type { RunningForecasts } from "../forecast/service.js";
import { startCampaign, type Campaign, type StepDown } from "./campaign.js";
import { followStore } from "./follower-view.js";

/** How long what is being written may take when the lead is given up, ms; a lost lead is given less, for its writes are refused. */
const handOverMsMax = 5_000;
const lostMsMax = 1_000;

/** Who has the lease and cannot read what is stored within this gives it back, ms: the lease has connections of its own. */
const beginMsMax = 15_000;

/** What leads: made anew for each leadership. */
export interface Leader {
  readonly driver: Driver;
  readonly forecasts: RunningForecasts;
  /** Ends all of it; resolves when nothing is being written any more. */
  close(): Promise<void>;
}

/** What a leader is told of its lead. */
export interface Lead {
  readonly term: Term;
  /** Whether it can be relied on at this moment. */
  mayAct(): boolean;
  /** It could not. */
  onLapsed(): void;
  /** Somebody else leads. */
  onDeposed(reason: string): void;
}

export interface RoleParts {
  readonly store: Store;
  readonly config: ControllerConfig;
  lead(lead: Lead): Promise<Result<Leader>>;
  /** The process cannot go on. */
  onBroken(error: unknown): void;
  /** A process that is alone was deposed: somebody else has the database. */
  onOusted(reason: string): void;
  readonly log: RoleLog;
}

export interface RoleLog {
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
}

export interface Leadership {
  view(): LeadershipView;
  /** How old what is shown may be, ms; 0 where this process leads, Infinity where the store has never been read. */
  stalenessMs(): number;
  /** Why nothing is changed here, and who is to be asked; undefined where this process leads. */
  refusal(): Fault | undefined;
  /** Fault: `not-allowed` where it is alone; that of `refusal`. */
  mayHandOver(): Result<void>;
  /** Gives the lead up, where it has it: others take it within a second, or this process has it again after a while. */
  handOver(): void;
}

export interface Role {
  /** Without a lead, `submit` and `rollBack` are refused, and streams of agents are closed with where to go. */
  readonly driver: Omit<Driver, "stop">;
  readonly forecasts: Omit<RunningForecasts, "close">;
  readonly leadership: Leadership;
  /** The term that is led under; 0 for a follower. */
  term(): Term;
  /**
   * Resolves when it is known who leads. `alone`: the database is this process's, and it leads from now to its end; a fault of the store, then,
   * is for the caller.
   */
  start(standing: LeadershipConfig | "alone"): Promise<Result<void>>;
  /** Gives the lead up, and what goes with it. */
  stop(): Promise<void>;
}

/** A follower that has read nothing, until it is started. */
export function createRole(parts: RoleParts): Role {
  const { store, log } = parts;
  let leader: Leader | undefined;
  /** While it is being made. */
  let making: Promise<void> | undefined;
  let campaign: Campaign | undefined;
  /** Of a process that is alone. */
  let aloneTerm: Term | undefined;
  const watchers = new Set<(event: PublishedEvent) => void>();
  const journalWatchers = new Set<() => void>();
  /** Streams of agents by the number that they were given here: each leader counts its own. */
  const streams = new Map<number, { readonly driver: Driver; readonly streamId: number }>();
  let streamLast = 0;

  function tellOfJournal(): void {
    for (const told of journalWatchers) told();
  }

  const follower = followStore({
    store,
    config: parts.config,
    isNeeded: () => leader === undefined,
    onJournal: tellOfJournal,
    onFaults: (faults) => log.warn({ faults }, "the store cannot be read: what is shown grows old"),
  });

  const termNow = (): Term | undefined => aloneTerm ?? campaign?.term();

  async function take(term: Term): Promise<Result<void>> {
    const made = await parts.lead({
      term,
      mayAct: () => termNow() === term,
      onLapsed: () => campaign?.tick(),
      onDeposed: (reason) => (campaign === undefined ? parts.onOusted(reason) : campaign.deposed(term, reason)),
    });
    if (!made.ok) return made;
    if (termNow() !== term) {
      void made.value.close();
      return refuse(fault("unavailable", "The lead was over before it could be begun."));
    }
    leader = made.value;
    leader.driver.watch((event) => {
      for (const watcher of watchers) watcher(event);
    });
    leader.driver.watchJournal(tellOfJournal);
    return { ok: true, value: undefined };
  }

  /** Under a lease: whoever cannot begin gives it back to those who can. */
  async function begin(term: Term): Promise<void> {
    try {
      const late = refuse(fault("deadline-exceeded", `What is stored could not be read within ${beginMsMax / 1_000} s.`));
      const taken = await Promise.race([take(term), sleep(beginMsMax, late, { ref: false })]);
      if (taken.ok) log.info({ term }, "leading");
      else {
        log.warn({ term, faults: taken.faults }, "the lead is given back: it cannot be begun");
        campaign?.handOver();
      }
    } catch (error) {
      parts.onBroken(error);
    }
  }

  async function end({ term, cause, reason }: StepDown): Promise<void> {
    log[cause === "hand-over" || cause === "stop" ? "info" : "warn"]({ term, cause }, `leading no more: ${reason}`);
    await making;
    const ending = leader;
    leader = undefined;
    streams.clear();
    if (ending === undefined) return;
    const given = cause === "hand-over" || cause === "stop" ? handOverMsMax : lostMsMax;
    await Promise.race([ending.close(), sleep(given, undefined, { ref: false })]);
    void follower.refresh();
  }

  /** The leader, as long as it may act. */
  function leading(): Leader | undefined {
    return termNow() === undefined ? undefined : leader;
  }

  function refusal(): Fault | undefined {
    if (leading() !== undefined) return undefined;
    const view = leadershipNow();
    const { leader: known } = view;
    if (view.role === "leader") return fault("unavailable", "This controller is about to lead: try again in a moment.");
    if (known?.restAddress === undefined) return fault("unavailable", "No controller leads at the moment: try again soon.");
    const { holder, restAddress, grpcAddress } = known;
    const message = `This controller follows ${holder}, which leads under term ${view.term ?? 0}: ask it at ${restAddress}.`;
    return fault("not-leader", message, { data: { leader: holder, restAddress, ...(grpcAddress !== undefined && { grpcAddress }) } });
  }

  /** For agents, who know others to ask where this one knows nobody. */
  function agentRefusal(): Fault {
    const why = refusal();
    return why?.code === "not-leader" ? why : fault("not-leader", why?.message ?? "This controller does not lead.");
  }

  function leadershipNow(): LeadershipView {
    if (campaign !== undefined) return campaign.view();
    return aloneTerm === undefined ? { role: "follower", leaderships: 0 } : { role: "leader", term: aloneTerm, leaderships: 1 };
  }

  const refused = (): Promise<Result<never>> =>
    Promise.resolve(refuse(refusal() ?? fault("unavailable", "This controller is about to lead: try again in a moment.")));

  async function start(standing: LeadershipConfig | "alone"): Promise<Result<void>> {
    if (standing === "alone") {
      const term = await store.acquireTerm(parts.config.controllerId);
      if (!term.ok) return term;
      aloneTerm = term.value;
      return take(aloneTerm);
    }
    await follower.start();
    campaign = startCampaign({
      store,
      config: standing,
      onLead(term) {
        making = begin(term);
      },
      onStepDown: end,
    });
    await campaign.decided;
    await making;
    return { ok: true, value: undefined };
  }

  return {
    driver: {
      view: () => leading()?.driver.view() ?? follower.view(),
      rulesOf: (nodeId) => leading()?.driver.rulesOf(nodeId),
      submit: (request) => leading()?.driver.submit(request) ?? refused(),
      rollBack: (epoch, options) => leading()?.driver.rollBack(epoch, options) ?? refused(),
      tell: (input) => leading()?.driver.tell(input),
      agentOpened(stream: AgentStream) {
        streamLast += 1;
        const number = streamLast;
        const driver = leading()?.driver;
        if (driver !== undefined) {
          streams.set(number, { driver, streamId: driver.agentOpened(stream) });
          return number;
        }
        const { code, message, data } = agentRefusal();
        // The caller does not know the stream's number yet.
        setImmediate(() => stream.close(code, message, data));
        return number;
      },
      agentMessage(number, message) {
        const stream = streams.get(number);
        stream?.driver.agentMessage(stream.streamId, message);
      },
      agentClosed(number) {
        const stream = streams.get(number);
        streams.delete(number);
        stream?.driver.agentClosed(stream.streamId);
      },
      watch(watcher) {
        watchers.add(watcher);
        return () => watchers.delete(watcher);
      },
      watchJournal(told) {
        journalWatchers.add(told);
        return () => journalWatchers.delete(told);
      },
    },
    forecasts: {
      receive: (upload, source) => leading()?.forecasts.receive(upload, source) ?? refused(),
      release: (batchId, by) => leading()?.forecasts.release(batchId, by) ?? refused(),
      remove: (batchId, by) => leading()?.forecasts.remove(batchId, by) ?? refused(),
      outlook: () => leading()?.forecasts.outlook() ?? { state: "none", windows: [] },
      get: (batchId) => store.getForecast(batchId),
    },
    leadership: {
      view: leadershipNow,
      stalenessMs: () => (leading() === undefined ? follower.stalenessMs() : 0),
      refusal,
      mayHandOver() {
        if (aloneTerm !== undefined) {
          return refuse(fault("not-allowed", "There is nobody to hand over to: the embedded database is one process's."));
        }
        const why = refusal();
        return why === undefined ? { ok: true, value: undefined } : refuse(why);
      },
      handOver: () => campaign?.handOver(),
    },
    term: () => (leading() === undefined ? 0 : (termNow() ?? 0)),
    start,
    async stop() {
      follower.close();
      if (campaign !== undefined) return campaign.stop();
      const ending = leader;
      leader = undefined;
      return ending?.close();
    },
  };
}
