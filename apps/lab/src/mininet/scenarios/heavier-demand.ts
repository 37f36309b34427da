/** For as long as something is measured, the network is asked for more: links fill up, and groups split over several tunnels. */
import { buildDemandMatrix, type Result } from "@sluice/model";
import type { MininetLab } from "../mininet-lab.js";

const appliedMsMax = 60_000;

/** The controller is told of the lab's demand times `factor`, and of the lab's demand again when `work` is done. */
export async function withHeavierDemand<T>(lab: MininetLab, factor: number, work: () => Promise<Result<T>>): Promise<Result<T>> {
  const { name, demands } = lab.scaled.matrix;
  const heavier = buildDemandMatrix(
    `${name}, times ${factor}`,
    demands.map((demand) => ({ ...demand, rateBps: Math.round(demand.rateBps * factor) })),
  );
  if (!heavier.ok) return heavier;
  const told = await replanned(lab, () => lab.measure(heavier.value));
  if (!told.ok) return told;
  const found = await work();
  const back = await replanned(lab, () => lab.measure());
  return back.ok ? found : back;
}

async function replanned(lab: MininetLab, change: () => Promise<Result<number>>): Promise<Result<unknown>> {
  const before = await lab.status();
  if (!before.ok) return before;
  const told = await change();
  if (!told.ok) return told;
  const { epochNewest } = before.value;
  return lab.waitFor(({ plan, agents }) => (plan?.epoch ?? 0) > epochNewest && agents.onTarget === agents.total, appliedMsMax);
}
