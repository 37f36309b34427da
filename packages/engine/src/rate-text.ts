/** Rates for people: three significant digits and the unit that fits, e.g. `7.3 Gb/s`. */
const units = [
  [1e12, "Tb/s"],
  [1e9, "Gb/s"],
  [1e6, "Mb/s"],
  [1e3, "kb/s"],
] as const;

export function rateText(bps: number): string {
  const [unitBps, unit] = units.find(([size]) => Math.abs(bps) >= size) ?? [1, "b/s"];
  return `${Number((bps / unitBps).toPrecision(3))} ${unit}`;
}
