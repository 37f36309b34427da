/** The optimum of a program by an LP that states it as a textbook would: a column a path, a dense row a link and a demand. For tame figures. */
import { ProgramBuilder, type LpBackend } from "@sluice/lp";
import type { FlowProgram } from "../flow-program.js";
import { linksOf, openPathsOf } from "./written-problem.js";

/** 0 where nothing can be carried. Figures are divided by the largest capacity, for HiGHS's tolerances are absolute. */
export async function textbookOptimum({ problem, limit, pathCost }: FlowProgram, lp: LpBackend): Promise<number> {
  const unitBps = problem.capacityBps.reduce((most, bps) => Math.max(most, bps), 0) || 1;
  const utilization = limit === "utilization";
  const builder = new ProgramBuilder(utilization ? "minimize" : "maximize");
  const demands = Array.from(problem.demandBps, (rateBps, d) => ({ rate: rateBps / unitBps, paths: openPathsOf(problem, d) }));
  const columns = demands.flatMap(({ paths }, d) =>
    paths.map((path) => ({
      d,
      links: linksOf(problem, path),
      column: builder.addColumn({ cost: utilization ? 0 : 1 - (pathCost?.[path] ?? 0) }),
    })),
  );
  const most = utilization ? builder.addColumn({ cost: 1 }) : undefined;
  problem.capacityBps.forEach((capacityBps, e) => {
    const row = builder.addRow({ upper: most === undefined ? capacityBps / unitBps : 0 });
    if (most !== undefined) builder.addEntry(row, most, -capacityBps / unitBps);
    for (const { links, column } of columns) if (links.includes(e)) builder.addEntry(row, column, 1);
  });
  demands.forEach(({ rate, paths }, d) => {
    if (paths.length === 0) return;
    const row = builder.addRow({ lower: utilization ? rate : -Infinity, upper: rate });
    for (const item of columns) if (item.d === d) builder.addEntry(row, item.column, 1);
  });
  const { status, objective, message } = await lp.solve(builder.build(), { timeLimitSeconds: 10 });
  if (objective === undefined) throw new Error(`The oracle ended ${status}: ${message ?? "no message"}`);
  return utilization ? objective : objective * unitBps;
}
