/** Units of capacities and rates that a file does not state, and capacities written for people. */
import type { Reading } from "./reading.js";

/** Below this, no capacity of a WAN is in bps: 1 Mb/s. */
const capacityBpsPlausibleMin = 1e6;

/**
 * How many bps one unit of capacity is: what the options say, else what the file says, else bps, unless the largest value is below
 * 1e6: then Mb/s. Anything but the first is noted.
 */
export function capacityUnitBps(stated: number | undefined, valueMax: number, reading: Reading): number {
  const { options } = reading;
  if (options.capacityUnitBps !== undefined) return options.capacityUnitBps;
  if (stated !== undefined) return stated;
  if (valueMax > 0 && valueMax < capacityBpsPlausibleMin) {
    reading.note("inferred", "capacity unit not stated, values below 1e6: read as Mb/s", String(valueMax));
    return 1e6;
  }
  reading.note("defaulted", "capacity unit not stated: read as bps", String(valueMax));
  return 1;
}

/** How many bps one unit of demand is: what the options say, else `fallback`, which is noted. */
export function rateUnitBps(fallback: { readonly unitBps: number; readonly why: string }, reading: Reading): number {
  const given = reading.options.rateUnitBps;
  if (given === undefined) reading.note("defaulted", fallback.why);
  reading.rateUnitBps = given ?? fallback.unitBps;
  return reading.rateUnitBps;
}

const prefixBps: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const unitPattern = /^([kmgt]?)(?:b(?:it)?(?:\/s|ps|\/sec)?)?$/i;

/** `Mbps`, `Mb/s`, `Mbit/s`, `G`, `bps` ...; undefined for anything else. */
export function unitOfText(text: string): number | undefined {
  const match = unitPattern.exec(text.trim());
  return match === null || text.trim() === "" ? undefined : prefixBps[(match[1] ?? "").toLowerCase()];
}

/** Payloads of digital hierarchies, bps. */
const opticalCarrierBps = 51.84e6;
const hierarchyBps: Readonly<Record<string, number>> = { t1: 1.544e6, e1: 2.048e6, t3: 44.736e6, ds3: 44.736e6, e3: 34.368e6 };

/** A label longer than this is prose. */
const labelLengthMax = 256;

const speedPattern = /(?:^|[^\d.])(\d+(?:\.\d+)?)(?:\s*-\s*(\d+(?:\.\d+)?))?\s*([kmgt])(?:b(?:it)?\s*(?:\/s(?:ec)?|ps)?)?(?![a-z])/i;

/** A capacity in words: `10 Gbps`, `100-155 Mbit/s` (the lower end), `OC-192c`, `STM-4`, `E3`; undefined where the text has none. */
export function capacityOfText(label: string): { readonly bps: number; readonly lowerEnd: boolean } | undefined {
  const text = label.slice(0, labelLengthMax);
  const carrier = /\b(OC|STM)-?(\d{1,4})c?\b/i.exec(text);
  if (carrier !== null) {
    const factor = carrier[1]?.toUpperCase() === "STM" ? 3 : 1;
    return { bps: Number(carrier[2]) * factor * opticalCarrierBps, lowerEnd: false };
  }
  const speed = speedPattern.exec(text);
  if (speed !== null) {
    const unit = prefixBps[(speed[3] ?? "").toLowerCase()] ?? 1;
    const bps = Math.min(Number(speed[1]), Number(speed[2] ?? speed[1])) * unit;
    return { bps, lowerEnd: speed[2] !== undefined };
  }
  const hierarchy = hierarchyBps[text.trim().toLowerCase()];
  return hierarchy === undefined ? undefined : { bps: hierarchy, lowerEnd: false };
}
