/**
 * Traffic classes, most important first. Each class is planned on the capacity that the higher ones leave, and maps
 * to a queue of strict priority (B4 2013, section 4; EBB 2023, section 3).
 */
import { z } from "zod";

export const trafficClasses = ["interactive", "elastic", "bulk"] as const;
export type TrafficClass = (typeof trafficClasses)[number];
export const trafficClassSchema = z.enum(trafficClasses);

/** What a class looks like in a packet: the DSCP at the ingress, the MPLS traffic class (RFC 5462) in the tunnel. */
export interface ClassMarking {
  /** Six bits (RFC 2474): EF, AF21, CS1. */
  readonly dscp: number;
  /** Three bits; also the queue's number: a higher one is served first. */
  readonly mplsTc: number;
}

export const classMarking: Readonly<Record<TrafficClass, ClassMarking>> = {
  interactive: { dscp: 46, mplsTc: 5 },
  elastic: { dscp: 18, mplsTc: 2 },
  bulk: { dscp: 8, mplsTc: 1 },
};
