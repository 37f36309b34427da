/** For as long as something is measured, the network is asked for more: links fill up, and groups split over several tunnels. */
import { buildDemandMatrix, type DemandMatrix, type Result } from "@sluice/model";
import { isAnswered } from "../../controller-status.js";
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
  const told = await replanned(lab, heavier.value);
  if (!told.ok) return told;
  const found = await work();
  const back = await replanned(lab, lab.scaled.matrix);
  return back.ok ? found : back;
}

/** Resolves when every switch holds a plan for this very demand. */
export async function replanned(lab: MininetLab, matrix: DemandMatrix): Promise<Result<unknown>> {
  const told = await lab.measure(matrix);
  return told.ok ? lab.waitFor((status) => isAnswered(status, matrix.name, Infinity), appliedMsMax) : told;
}
