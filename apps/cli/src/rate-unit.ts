/** Units of rate: how they are written on the command line, and rates in words. */
import { fault, ok, refuse, type Result } from "@sluice/model";

const prefixes: Readonly<Record<string, number>> = { "": 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };
const unitPattern = /^(?<count>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)?\s*(?:(?<prefix>[kKMGTP]?)(?:bps|bit\/s|b\/s))?$/;

/** Bits per second of one unit: `Mbps`, `100Gbps`, `1000bps`, `8 kb/s`, or a plain number of bps. More than 0, at most 1e15. */
export function parseRateUnit(text: string, option: string): Result<number> {
  const match = unitPattern.exec(text.trim());
  const { count, prefix } = match?.groups ?? {};
  if (match === null || (count === undefined && prefix === undefined)) {
    return refuse(
      fault("malformed", `${option} takes a unit such as Mbps, 1000bps or a number of bps, not ${JSON.stringify(text)}.`, {
        pointer: option,
      }),
    );
  }
  const unit = Number(count ?? "1") * (prefixes[prefix ?? ""] ?? 1);
  if (!(unit > 0) || unit > 1e15) {
    return refuse(fault("out-of-range", `${option} must be more than 0 and at most 1e15 bps, not ${text}.`, { pointer: option }));
  }
  return ok(unit);
}

/** For people: 12.3 Gb/s. Four significant digits. */
export function rateText(bps: number): string {
  const steps = [
    [1e15, "Pb/s"],
    [1e12, "Tb/s"],
    [1e9, "Gb/s"],
    [1e6, "Mb/s"],
    [1e3, "kb/s"],
  ] as const;
  const [size, unit] = steps.find(([least]) => Math.abs(bps) >= least) ?? [1, "b/s"];
  return `${trimmed(bps / size)} ${unit}`;
}

/** A number in at most `digits` significant digits, without an exponent where it can be helped. */
export function trimmed(value: number, digits = 4): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return String(Number(value.toPrecision(digits)));
}

export function percentText(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
