/** The answer to "could this demand be met?" in words. */
import { rateText, trimmed } from "../rate-unit.js";
import type { Colors } from "../terminal.js";
import type { PathAnswer, PathCheckAnswer } from "./plan-answer.js";

export function pathCheckLines(check: PathCheckAnswer, colors: Colors): readonly string[] {
  const { demand, beside, taking, otherTunnels, verdict, latencyMsMax, notes } = check;
  const bound = latencyMsMax === undefined ? "" : ` within ${trimmed(latencyMsMax)} ms`;
  const asked = `${rateText(demand.rateBps)} from ${demand.src} to ${demand.dst} in class ${demand.trafficClass}${bound}`;
  const lines = [`${headOf(verdict, colors)} ${asked}: ${sentenceOf(check)}`];
  const best = taking ?? beside;
  if (best.tunnels.length > 0) lines.push(...tunnelLines(best));
  if (taking !== undefined && taking.takes.length > 0) {
    lines.push("which takes");
    for (const { linkId, trafficClass, takenBps } of taking.takes)
      lines.push(`  ${rateText(takenBps).padStart(11)}  of ${trafficClass} on ${linkId}`);
    lines.push(colors.dim("  (it may find room elsewhere: sluice what-if --add-demand tells what is lost in the end)"));
  }
  if (best.binding.length > 0) lines.push(...bindingLines(best));
  if (otherTunnels !== undefined) {
    lines.push(`other tunnels than the policy's would carry ${rateText(otherTunnels.admittedBps)} beside all that is admitted now`);
    lines.push(...tunnelLines(otherTunnels));
  }
  return [...lines, ...notes.map((note) => colors.dim(note))];
}

function headOf(verdict: PathCheckAnswer["verdict"], { bold, green, red, yellow }: Colors): string {
  const word = { yes: "Yes.", "yes-taking": "Yes, taking.", "in-part": "In part.", no: "No.", "no-path": "No." }[verdict];
  return bold(verdict === "yes" ? green(word) : verdict === "no" || verdict === "no-path" ? red(word) : yellow(word));
}

function sentenceOf({ verdict, beside, taking, demand }: PathCheckAnswer): string {
  const free = rateText(beside.admittedBps);
  switch (verdict) {
    case "yes":
      return "fits beside all that is admitted now.";
    case "yes-taking":
      return `${free} fits beside all that is admitted now; the rest takes from lower classes.`;
    case "in-part":
      return taking === undefined
        ? `only ${free} fits beside all that is admitted now.`
        : `${free} fits beside all that is admitted now, ${rateText(taking.admittedBps)} at the cost of lower classes, and no more.`;
    case "no":
      return "nothing of it fits.";
    case "no-path":
      return `there is no tunnel from ${demand.src} to ${demand.dst} that may be used${beside.tunnels.length === 0 ? "" : " for it"}.`;
  }
}

function tunnelLines({ tunnels }: PathAnswer): readonly string[] {
  return tunnels.map(({ rateBps, latencyMs, path }) => `  ${rateText(rateBps).padStart(11)}  ${trimmed(latencyMs)} ms  ${path.join(" ")}`);
}

function bindingLines({ binding }: PathAnswer): readonly string[] {
  return [
    "full then, the dearest first",
    ...binding.map(({ linkId, roomBps, capacityBps }) => `  ${linkId}: ${rateText(roomBps)} of ${rateText(capacityBps)} was free for it`),
  ];
}
