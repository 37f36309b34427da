/** What is in deploy/ for Prometheus and Grafana, held to what /metrics renders. */
import { readFileSync } from "node:fs";
import { publishedKinds } from "@sluice/control";
import { parser } from "@prometheus-io/lezer-promql";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { buildRest } from "./server.js";
import { planInForce } from "./testing/plan-in-force.js";

const deployed = (path: string) => readFileSync(new URL(`../../../../deploy/${path}`, import.meta.url), "utf8");

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
    readonly datasource: { readonly uid: string };
  }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string | { readonly query: string } }[] };
}

const rules = (parse(deployed("prometheus/alerts.yml")) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(deployed("grafana/sluice.json")) as Dashboard;
const targets = dashboard.panels.flatMap(({ title, targets: list = [] }) => list.map((target) => ({ title, ...target })));

/** Prometheus makes these itself when it scrapes. */
const madeByPrometheus = new Map([
  [
    "up",
    new Map([
      ["job", undefined],
      ["instance", undefined],
    ]),
  ],
]);
const labelsOfScrapes = new Set(["job", "instance"]);

/** By name of a series: its labels, and the values that they have; of a metric that has no series, nothing is known of its labels. */
type Series = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string> | undefined>>;
let series: Series;
let app: FastifyInstance;
beforeAll(async () => {
  const { deps, show, empty, full } = await planInForce();
  app = await buildRest(deps);
  // Answers of every kind that queries ask for.
  await app.inject("/v1/plans/3");
  await app.inject({ url: "/v1/status", headers: { host: "elsewhere.example" } });
  show(empty);
  await app.inject("/readyz");
  show(full);
  series = seriesOf((await app.inject("/metrics")).body);
});
afterAll(async () => app.close());

function seriesOf(text: string): Series {
  const found = new Map<string, Map<string, Set<string> | undefined>>(madeByPrometheus);
  for (const [, name = "", type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    for (const suffix of type === "histogram" ? ["_bucket", "_sum", "_count"] : [""]) found.set(`${name}${suffix}`, new Map());
  }
  for (const [, name = "", , labels = ""] of text.matchAll(/^([a-z_0-9]+)(\{(.*)\})? \S+$/gm)) {
    const known = found.get(name) ?? new Map<string, Set<string> | undefined>();
    for (const [, label = "", value = ""] of labels.matchAll(/([a-z_]+)="([^"]*)"/g))
      known.set(label, (known.get(label) ?? new Set()).add(value));
    found.set(name, known);
  }
  return found;
}

interface Selector {
  readonly name: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** The selectors of a query; throws where it is no PromQL. */
function selectorsOf(expr: string): readonly Selector[] {
  const selectors: { name: string; matchers: { label: string; operator: string; value: string }[] }[] = [];
  let label = "";
  let operator = "";
  parser.parse(expr).iterate({
    enter(node) {
      const text = expr.slice(node.from, node.to);
      if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${expr}`);
      if (node.name === "VectorSelector") selectors.push({ name: /^[a-z_0-9]*/.exec(text)?.[0] ?? "", matchers: [] });
      if (node.name === "LabelName" && node.node.parent?.name.endsWith("LabelMatcher")) label = text;
      if (node.name === "MatchOp") operator = text;
      if (node.name === "StringLiteral" && node.node.parent?.name.endsWith("LabelMatcher")) {
        selectors.at(-1)?.matchers.push({ label, operator, value: JSON.parse(text) as string });
      }
    },
  });
  return selectors;
}

/** What the query asks for that no scrape has. */
function missingIn(expr: string): readonly string[] {
  return selectorsOf(expr).flatMap(({ name, matchers }) => {
    const labels = series.get(name);
    if (labels === undefined) return [`no metric ${name}`];
    return matchers.flatMap(({ label, operator, value }) => {
      if (labelsOfScrapes.has(label) || labels.size === 0) return [];
      const values = labels.get(label);
      if (values === undefined) return [`${name} has no label ${label}`];
      const fits = operator === "=" ? values.has(value) : [...values].some((each) => new RegExp(`^(?:${value})$`).test(each));
      // What is excluded need not be there now.
      return operator.startsWith("!") || fits ? [] : [`${name} has no ${label} ${value}`];
    });
  });
}

describe("what tells queries from nonsense", () => {
  it("knows metrics, labels and values that there are, and PromQL", () => {
    expect(missingIn('sum by (le) (rate(sluice_http_request_duration_seconds_bucket{method="GET"}[5m])) > 1')).toEqual([]);
    expect(missingIn("sluice_no_such_metric")).toEqual(["no metric sluice_no_such_metric"]);
    expect(missingIn('sluice_agents{colour="red"}')).toEqual(["sluice_agents has no label colour"]);
    expect(missingIn('sluice_agents{state="asleep"} + sluice_events_total{kind=~"link-.*"}')).toEqual([
      "sluice_agents has no state asleep",
    ]);
    expect(() => missingIn("sum by (le (sluice_ready)")).toThrow(/no PromQL/);
    expect(series.get("sluice_events_total")?.get("kind")).toEqual(new Set(publishedKinds));
  });
});

describe("alert rules", () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))("%s names what there is", (_, { expr, labels, annotations }) => {
    expect(missingIn(expr)).toEqual([]);
    expect(["critical", "warning", "info"]).toContain(labels.severity);
    expect(annotations.summary).toMatch(/\.$/);
  });

  it("have names of their own, and waiting times that Prometheus takes", () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    expect(rules.length).toBeGreaterThan(30);
    for (const rule of rules) expect(rule.for ?? "1m").toMatch(/^\d+[smh]$/);
  });

  it("are the ones that the scrape configuration loads", () => {
    const { rule_files, scrape_configs } = parse(deployed("prometheus/prometheus.yml")) as {
      rule_files: string[];
      scrape_configs: { job_name: string }[];
    };
    expect([rule_files, scrape_configs.map(({ job_name }) => job_name)]).toEqual([["alerts.yml"], ["sluice"]]);
  });
});

describe("the dashboard", () => {
  it.each(targets.map((target) => [`${target.title} ${target.refId}`, target] as const))(
    "%s names what there is",
    (_, { expr, legendFormat }) => {
      expect(missingIn(expr)).toEqual([]);
      const labels = new Set(selectorsOf(expr).flatMap(({ name }) => [...(series.get(name)?.keys() ?? [])]));
      for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect([...labels, ...labelsOfScrapes]).toContain(label);
      // One controller among several can be chosen.
      for (const { matchers } of selectorsOf(expr))
        expect(matchers.map(({ label }) => label)).toEqual(expect.arrayContaining(["job", "instance"]));
    },
  );

  it("has panels that explain themselves, have room, and ask the data source that was chosen", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const panel of panels.filter(({ type }) => type !== "row")) {
      expect(panel.description).toMatch(/\.$/);
      expect([panel.datasource, ...(panel.targets ?? []).map(({ datasource }) => datasource)].map((source) => source?.uid)).toEqual(
        Array(1 + (panel.targets?.length ?? 0)).fill("${datasource}"),
      );
      expect(panel.gridPos.x + panel.gridPos.w).toBeLessThanOrEqual(24);
      expect(new Set((panel.targets ?? []).map(({ refId }) => refId)).size).toBe(panel.targets?.length);
    }
    for (const [i, { gridPos: a }] of panels.entries()) {
      for (const { gridPos: b } of panels.slice(i + 1)) {
        const overlap = a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
        expect(overlap).toBe(false);
      }
    }
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(["datasource", "job", "instance"]);
  });

  it("shows every metric of Sluice", () => {
    const asked = new Set(
      [...targets, ...rules].flatMap(({ expr }) => selectorsOf(expr).map(({ name }) => name.replace(/_(bucket|sum|count)$/, ""))),
    );
    const ours = [...series.keys()].filter((name) => name.startsWith("sluice_")).map((name) => name.replace(/_(bucket|sum|count)$/, ""));
    // The ones that say of others how far they may be believed.
    const apart = new Set(["sluice_labels_omitted"]);
    expect([...new Set(ours)].filter((name) => !asked.has(name) && !apart.has(name))).toEqual([]);
  });
});
