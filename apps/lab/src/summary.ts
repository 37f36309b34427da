/** `--once -o json`: one object, stable; docs/cli.md lists its fields. */
import { overallScore } from "sluice";
import { totalOf, utilizationOf, type LabView } from "./lab-view.js";

export function summaryOf(view: LabView): Record<string, unknown> {
  const score = overallScore(
    view.classes.filter((each) => each.demandBps > 0).map(({ certificate }) => ({ ...certificate, name: certificate.objective })),
  );
  return {
    kind: "lab-summary",
    formatVersion: 1,
    network: view.network.name,
    nodes: view.network.nodes,
    links: view.network.links,
    interval: view.interval.index,
    term: view.term,
    epoch: view.epoch,
    switchesProgrammed: view.switchesProgrammed,
    switches: view.switches,
    rules: view.rules,
    demandBps: perClass(view, (each) => each.demandBps),
    admittedBps: perClass(view, (each) => each.admittedBps),
    deliveredBps: perClass(view, (each) => each.measured.deliveredBps),
    admittedShare: shareOf(
      totalOf(view, (each) => each.admittedBps),
      totalOf(view, (each) => each.demandBps),
    ),
    utilizationMax: view.utilizationMax,
    utilizationMaxMeasured: Math.max(0, ...view.links.map(utilizationOf)),
    objective: score?.value ?? null,
    bound: score?.bound ?? null,
    gap: score?.gap ?? null,
    objectiveName: score?.name ?? null,
    objectiveUnit: score?.unit ?? null,
    rung: view.rung,
    classes: view.classes,
    unroutable: view.unroutable,
    check: view.check,
    walk: view.walk,
    seconds: view.seconds,
  };
}

function perClass(view: LabView, of: (each: LabView["classes"][number]) => number): Record<string, number> {
  return Object.fromEntries(view.classes.map((each) => [each.trafficClass, of(each)]));
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole;
}
