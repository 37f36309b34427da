/**
 * The management network: streams that deliver in order, late, some messages twice; a lost message breaks its stream,
 * and the two ends learn of that at different times or, where the stream hangs, from their own patience only.
 */
import type { AgentMessage, ControllerMessage } from "@sluice/model";
import type { VirtualClock } from "./clock.js";
import type { Random } from "./random.js";

/** What happens to messages; all chances are per message. */
export interface NetworkFaults {
  lossChance: number;
  /** The stream falls silent both ways and stays open. */
  hangChance: number;
  /** Delivered a second time, some messages later. */
  duplicateChance: number;
  delayMsMax: number;
  /** Rarely a message takes this long; those behind it wait. */
  slowMs: number;
  slowChance: number;
}

export interface StreamEnd<T> {
  deliver(message: T, isDuplicate: boolean): void;
  closed(): void;
}

interface Way<T> {
  end: StreamEnd<T> | undefined;
  /** No message arrives before an earlier one. */
  arrivalMs: number;
}

/** A second copy comes so much later at most, some messages after the first, ms. */
const duplicateDelayMsMax = 50;

export class SimulatedStream {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #faults: NetworkFaults;
  readonly #toAgent: Way<ControllerMessage>;
  readonly #toController: Way<AgentMessage>;
  #state: "open" | "hanging" | "broken" = "open";

  constructor(
    { clock, random, faults }: { readonly clock: VirtualClock; readonly random: Random; readonly faults: NetworkFaults },
    ends: { readonly agent: StreamEnd<ControllerMessage>; readonly controller: StreamEnd<AgentMessage> },
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#faults = faults;
    this.#toAgent = { end: ends.agent, arrivalMs: clock.nowMs };
    this.#toController = { end: ends.controller, arrivalMs: clock.nowMs };
  }

  sendToAgent(message: ControllerMessage): void {
    this.#send(this.#toAgent, message, duplicateDelayMsMax);
  }

  sendToController(message: AgentMessage): void {
    // What a link did is said without a number: streams keep order, and nothing that came after it is heard before its second copy.
    this.#send(this.#toController, message, message.kind === "link-event" ? 0 : duplicateDelayMsMax);
  }

  /** One end leaves, or its process died: it hears nothing more; the other end learns of it later, after what was sent before. */
  leave(side: "agent" | "controller"): void {
    if (side === "agent") this.#toAgent.end = undefined;
    else this.#toController.end = undefined;
    if (this.#state === "hanging") return;
    if (side === "agent") this.#end(this.#toController);
    else this.#end(this.#toAgent);
  }

  break(): void {
    if (this.#state === "broken") return;
    this.#state = "broken";
    this.#end(this.#toAgent);
    this.#end(this.#toController);
  }

  #send<T>(way: Way<T>, message: T, secondCopyMsMax: number): void {
    if (this.#state !== "open") return;
    const faults = this.#faults;
    if (this.#random.chance(faults.lossChance)) {
      this.break();
      return;
    }
    if (this.#random.chance(faults.hangChance)) {
      this.#state = "hanging";
      return;
    }
    this.#arrive(way, () => way.end?.deliver(message, false));
    if (this.#random.chance(faults.duplicateChance)) {
      const again = () => {
        if (this.#state === "open") this.#arrive(way, () => way.end?.deliver(message, true));
      };
      if (secondCopyMsMax === 0) again();
      else this.#clock.after(this.#random.between(0, secondCopyMsMax), again);
    }
  }

  #end<T>(way: Way<T>): void {
    this.#arrive(way, () => {
      const { end } = way;
      way.end = undefined;
      end?.closed();
    });
  }

  #arrive<T>(way: Way<T>, run: () => void): void {
    const { delayMsMax, slowChance, slowMs } = this.#faults;
    const delayMs = this.#random.chance(slowChance) ? slowMs : this.#random.between(0.2, delayMsMax);
    way.arrivalMs = Math.max(way.arrivalMs, this.#clock.nowMs + delayMs);
    this.#clock.after(way.arrivalMs - this.#clock.nowMs, run);
  }
}
