/** Up to the next kb/s, but for a solver's last digits: what is added to links in round figures. */
export function wholeKbps(bps: number): number {
  return Math.max(0, Math.ceil(bps / 1_000 - 1e-3)) * 1_000;
}
