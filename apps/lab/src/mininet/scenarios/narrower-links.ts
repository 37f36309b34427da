/** For as long as something is measured, links and demands are a factor smaller: what the machine's switches carry. */
import { scaleNetwork } from "@sluice/formats";
import type { Result } from "@sluice/model";
import type { MininetLab } from "../mininet-lab.js";
import { replanned } from "./heavier-demand.js";

/** `share` of the links' rates, at most 1. The network is as it was when `work` is done. */
export async function withNarrowerLinks<T>(lab: MininetLab, share: number, work: () => Promise<Result<T>>): Promise<Result<T>> {
  if (share >= 1) return work();
  const whole = lab.scaled;
  const widest = whole.topology.links.reduce((most, { capacityBps }) => Math.max(most, capacityBps), 0);
  const narrow = scaleNetwork(whole.topology, whole.matrix, widest * share);
  if (!narrow.ok) return narrow;
  const told = await lab.rescale({ ...narrow.value, factor: whole.factor * narrow.value.factor });
  if (!told.ok) return told;
  const found = await work();
  const back = await lab.rescale(whole);
  if (!back.ok) return back;
  const replannedWhole = await replanned(lab, whole.matrix);
  return replannedWhole.ok ? found : replannedWhole;
}
