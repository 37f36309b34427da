/** The lab on a terminal: the whole picture, and the compact line of a cycle. Pure: a view in, text out. */
import { columnsText, percentText, rateText, trimmed, type Colors } from "sluice";
import { totalOf, utilizationOf, type LabView, type LinkView } from "./lab-view.js";

/** Links shown as bars. */
const linksShown = 8;
const barWidth = 24;

export function panel(view: LabView, colors: Colors): string {
  const { bold, dim, green, red } = colors;
  const verdict = (each: "pass" | "fail") => (each === "pass" ? green("pass") : red("fail"));
  const { network, interval } = view;
  const rows = [
    [
      "network",
      `${network.name}: ${network.nodes} switches, ${network.links} links; interval ${interval.index + 1} of ${interval.count} (${clockText(interval)})`,
    ],
    [
      "plan",
      `epoch ${view.epoch} of term ${view.term}, ${view.rung}; ${view.rules} rules on ${view.switchesProgrammed} of ${view.switches} switches`,
    ],
    ["verdicts", `checker ${verdict(view.check)}, packet walk ${verdict(view.walk)}`],
    ["seconds", secondsText(view)],
    ...(view.protection === undefined ? [] : [["protection", protectionText(view.protection)] as const]),
    ...(view.unroutable > 0 ? [["unroutable", red(`${view.unroutable} flow groups have no tunnel`)] as const] : []),
    ...(view.restarts > 0
      ? [["restarts", red(`the controller was restarted ${view.restarts} times; the switches kept forwarding`)] as const]
      : []),
  ] as const;
  return [
    ...rows.map(([name, text]) => `${bold(name.padEnd(10))} ${text}`),
    "",
    classTable(view, colors),
    "",
    dim(`fullest links, as carried by the installed rules (planned largest: ${percentText(view.utilizationMax)})`),
    ...view.links.slice(0, linksShown).map((link) => linkLine(link, colors)),
    "",
    ...(view.failure === undefined ? [] : [dim("the last failure, as the traffic saw it"), ...view.failure.map((line) => `  ${line}`), ""]),
  ].join("\n");
}

function protectionText({ bypasses, scenarios, active }: NonNullable<LabView["protection"]>): string {
  if (bypasses.total === 0 && scenarios.phase === "none") return "nothing is prepared for failures";
  const { asked, prepared, agents } = scenarios;
  const ready = agents.holdingAll === agents.concerned && scenarios.phase === "ready" ? `, held by ${agents.concerned} ingresses` : "";
  const splits =
    asked === 0
      ? "no splits"
      : scenarios.phase === "ready"
        ? `splits for ${prepared} of ${asked} failures${ready}`
        : `splits for ${asked} failures are being prepared`;
  return `${bypasses.total} bypasses, ${splits}${active === undefined ? "" : `; active: ${active.scenarioId}`}`;
}

/** What to try, once. */
export function invitation({ rest, grpc, links }: Pick<LabView, "rest" | "grpc" | "links">, { bold, dim }: Colors): string {
  const link = links[0]?.linkId;
  return [
    `${bold("REST")} ${rest}   ${bold("gRPC")} ${grpc}`,
    dim("try:"),
    `  curl -s ${rest}/v1/status`,
    `  curl -s ${rest}/v1/plans`,
    `  curl -s ${rest}/v1/links`,
    `  npx sluice failures --controller ${rest}      ${dim("what each failure would cost")}`,
    ...(link === undefined ? [] : [`  npm start -- --link-down '${link}@20'      ${dim("cut its cable after 20 s and see what answers")}`]),
    dim("Ctrl-C ends everything."),
    "",
  ].join("\n");
}

/** One line for one cycle. */
export function cycleLine(view: LabView): string {
  const demandBps = totalOf(view, (each) => each.demandBps);
  const admittedBps = totalOf(view, (each) => each.admittedBps);
  const deliveredBps = totalOf(view, (each) => each.measured.deliveredBps);
  const [fullest] = view.links;
  const gap = Math.max(0, ...view.classes.map((each) => each.certificate.gap ?? 0));
  return [
    clockText(view.interval),
    `epoch ${view.epoch}`,
    `demand ${rateText(demandBps)}`,
    `admitted ${rateText(admittedBps)} (${percentText(demandBps === 0 ? 1 : admittedBps / demandBps)})`,
    `delivered ${rateText(deliveredBps)}`,
    `fullest ${fullest === undefined ? "-" : `${fullest.linkId} ${percentText(utilizationOf(fullest))}`}`,
    `gap ${gap.toExponential(0)}`,
    `${view.rules} rules`,
    `check ${view.check}, walk ${view.walk}`,
    `${trimmed(view.seconds["total"] ?? 0, 2)} s`,
  ].join("  ");
}

/** Time of the measured day at the start of the interval. */
function clockText({ index, seconds }: LabView["interval"]): string {
  const minutes = Math.floor((index * seconds) / 60);
  const day = Math.floor(minutes / 1440);
  const time = `${String(Math.floor((minutes % 1440) / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  return day === 0 ? time : `day ${day + 1} ${time}`;
}

function secondsText({ seconds }: LabView): string {
  return Object.entries(seconds)
    .map(([stage, value]) => `${stage} ${value.toFixed(3)}`)
    .join("  ");
}

function classTable({ classes }: LabView, colors: Colors): string {
  const head = [
    "class",
    "demand",
    "admitted",
    "share",
    "offered now",
    "admitted now",
    "delivered now",
    "objective",
    "bound",
    "gap",
    "solver",
  ];
  const rows = classes.map(({ certificate, measured, ...each }) => {
    const scoreText = (value: number | undefined) =>
      value === undefined ? "-" : certificate.unit === "bps" ? rateText(value) : trimmed(value, 5);
    return [
      each.trafficClass,
      rateText(each.demandBps),
      rateText(each.admittedBps),
      percentText(each.demandBps === 0 ? 1 : each.admittedBps / each.demandBps),
      rateText(measured.offeredBps),
      rateText(measured.admittedBps),
      rateText(measured.deliveredBps),
      scoreText(certificate.value),
      scoreText(certificate.bound),
      certificate.gap === undefined ? "-" : certificate.gap.toExponential(1),
      each.rung === "optimal" ? each.solver : `${each.solver} (${each.rung})`,
    ];
  });
  return columnsText({
    head: head.map((name) => colors.dim(name)),
    aligns: ["left", "right", "right", "right", "right", "right", "right", "right", "right", "right", "left"],
    rows,
  });
}

function linkLine(link: LinkView, { green, yellow, red, dim }: Colors): string {
  const share = utilizationOf(link);
  const filled = Math.min(barWidth, Math.round(share * barWidth));
  const paint = share > 0.95 ? red : share > 0.75 ? yellow : green;
  const bar = `${paint("#".repeat(filled))}${dim(".".repeat(barWidth - filled))}`;
  const state = link.up ? "" : red("  down");
  const loss = link.droppedBps > 0 ? red(`  loses ${rateText(link.droppedBps)}`) : "";
  return `  ${bar} ${percentText(share).padStart(9)}  ${link.linkId} ${dim(`(${rateText(link.carriedBps)} of ${rateText(link.capacityBps)})`)}${state}${loss}`;
}
