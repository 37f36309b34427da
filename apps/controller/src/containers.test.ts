/** docker-compose.yml, deploy/ and the programs agree: every flag is one that its program knows, every file that is named exists. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { assert, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseOptions } from "./options.js";

const root = new URL("../../../", import.meta.url);
const textOf = (path: string): string => readFileSync(new URL(path, root), "utf8");
const isThere = (path: string): boolean => existsSync(new URL(path, root));

interface Service {
  readonly image: string;
  readonly build?: { readonly dockerfile: string; readonly target: string; readonly args: Readonly<Record<string, string>> };
  readonly command?: readonly string[] | string;
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: readonly string[] | Readonly<Record<string, { readonly condition: string }>>;
  readonly profiles?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
}
const compose = parse(textOf("docker-compose.yml"), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const services = new Map(Object.entries(compose.services));
function service(name: string): Service {
  const found = services.get(name);
  assert(found !== undefined, `there is no service ${name}`);
  return found;
}
const commandOf = ({ command = [] }: Service): readonly string[] => (typeof command === "string" ? command.trim().split(/\s+/) : command);
const mountsOf = ({ volumes = [] }: Service) =>
  volumes.map((text) => {
    const [source = "", target = "", mode = "rw"] = text.split(":");
    return { source, target, mode };
  });

/** Options of a program, by the source that declares them; `[, value]` of those that take one. */
function optionsOf(path: string): ReadonlySet<string> {
  return new Set([...textOf(path).matchAll(/\.(?:requiredO|o)ption\(\s*"(--[a-z-]+)/g)].map(([, name = ""]) => name));
}
const flagsIn = (words: readonly string[]): readonly string[] =>
  words.filter((word) => word.startsWith("--")).map((word) => word.split("=")[0] ?? "");
/** The value of `--flag VALUE` or `--flag=VALUE`. */
function valueOf(words: readonly string[], flag: string): string | undefined {
  const joined = words.find((word) => word.startsWith(`${flag}=`));
  return joined === undefined ? words[words.indexOf(flag) + 1] : joined.slice(flag.length + 1);
}

const dockerfile = textOf("deploy/Dockerfile");
/** Instructions of each stage, continued lines joined. */
const stages = new Map(
  dockerfile
    .replaceAll(/\\\n\s*/g, "")
    .split(/^FROM \S+ AS /m)
    .slice(1)
    .map((text) => {
      const [name = "", ...lines] = text.split("\n");
      return [name, lines.filter((line) => /^[A-Z]+ /.test(line))] as const;
    }),
);
const instructions = (stage: string, word: string): readonly string[] =>
  (stages.get(stage) ?? []).filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
const apps = new Map([
  ["controller", "apps/controller"],
  ["agent", "apps/agent"],
  ["tools", "apps/lab"],
]);
const topology = JSON.parse(textOf("examples/b4.json")) as {
  readonly nodes: readonly { readonly id: string }[];
  readonly links: readonly { readonly id: string; readonly from: string }[];
};

describe("deploy/Dockerfile", () => {
  it("copies what exists, and the engine gets what it copies", () => {
    const allowed = textOf(".dockerignore").split("\n");
    for (const stage of stages.keys()) {
      for (const copy of instructions(stage, "COPY").filter((line) => !line.startsWith("--from="))) {
        for (const source of copy
          .split(" ")
          .slice(0, -1)
          .filter((each) => each !== ".")) {
          expect(isThere(source), source).toBe(true);
          expect(allowed, source).toContain(`!${source}`);
        }
      }
    }
    for (const line of allowed.filter((each) => each.startsWith("!"))) expect(isThere(line.slice(1)), line).toBe(true);
    expect(allowed.filter((line) => /git|env|\.sluice/.test(line))).toEqual([]);
  });

  it.each([...apps])("%s is built from %s, runs without root and without a shell, and starts a program that there is", (target, app) => {
    expect(dockerfile).toContain(
      `node scripts/deploy-app.mjs ${(JSON.parse(textOf(`${app}/package.json`)) as { name: string }).name} /out/`,
    );
    expect(instructions(target, "USER")).toEqual(["1000:1000"]);
    const started = ["ENTRYPOINT", "CMD"]
      .flatMap((word) => instructions(target, word).map((line) => JSON.parse(line) as string[]))
      .filter(([program]) => program === "node")
      .map(([, script = ""]) => `${app}/${script.replace("dist/", "src/").replace(/js$/, "ts")}`);
    expect(started.filter((path) => !isThere(path))).toEqual([]);
  });

  it("gives programs options that they know, and looks after the ports and files that they have", () => {
    const controller = parseOptions([...(JSON.parse(instructions("controller", "CMD")[0] ?? "[]") as string[]), ...authentic], {});
    expect(instructions("controller", "EXPOSE")).toEqual([`${controller.grpc.port} ${controller.rest.port}`]);
    expect(instructions("controller", "HEALTHCHECK")[0]).toContain(`"health.mjs", "http://127.0.0.1:${controller.rest.port}/healthz"`);
    const agent = JSON.parse(instructions("agent", "ENTRYPOINT")[0] ?? "[]") as string[];
    for (const flag of flagsIn(agent)) expect(optionsOf("apps/agent/src/main.ts")).toContain(flag);
    const check = instructions("agent", "HEALTHCHECK")[0] ?? "";
    expect(check).toContain(`stat -c %Y ${valueOf(agent, "--alive-file")}`);
    const everyMs = Number(/aliveEveryMs = ([\d_]+)/.exec(textOf("apps/agent/src/alive-file.ts"))?.[1]?.replaceAll("_", ""));
    expect(Number(/-lt (\d+)/.exec(check)?.[1]) * 1_000).toBe(3 * everyMs);
  });
});

/** What a controller that others reach cannot do without. */
const authentic = ["--auth-key=k", "--auth-issuer=i", "--grpc-tls-cert=c", "--grpc-tls-key=k", "--grpc-tls-ca=a"];

describe("docker-compose.yml", () => {
  it("runs images of stages that there are, or of others' whose name can be changed", () => {
    const [own, others] = [true, false].map((isOwn) => [...services.values()].filter(({ build }) => (build !== undefined) === isOwn));
    for (const { image } of others ?? []) expect(image).toMatch(/^\$\{SLUICE_[A-Z]+_IMAGE:-[a-z/]+:[\w.-]+\}$/);
    for (const { image, build } of own ?? []) {
      expect(build?.dockerfile).toBe("deploy/Dockerfile");
      expect([...apps.keys()]).toContain(build?.target);
      expect(image).toBe(`sluice-${build?.target}`);
      expect(Object.keys(build?.args ?? {}).filter((each) => !dockerfile.includes(`ARG ${each}=`))).toEqual([]);
    }
  });

  it("starts the controller with options that it takes, on the database and ports that are there, for the tokens that are made", () => {
    const { command: _, environment = {}, ports } = service("controller");
    const options = parseOptions(commandOf(service("controller")), environment);
    expect(options.grpc.port).toBe(50_051);
    expect(ports).toEqual([
      `127.0.0.1:\${SLUICE_REST_PORT:-8080}:${options.rest.port}`,
      `127.0.0.1:\${SLUICE_GRPC_PORT:-50051}:${options.grpc.port}`,
    ]);
    const keys = textOf("apps/lab/src/compose/key-files.ts");
    const made = (name: string) => new RegExp(`${name} = "([^"]+)"`).exec(keys)?.[1];
    expect([options.auth?.issuer, options.auth?.audience]).toEqual([made("tokenIssuer"), made("tokenAudience")]);
    const { POSTGRES_USER: user, POSTGRES_DB: database } = service("postgres").environment ?? {};
    expect(options.databaseUrl).toBe(`postgresql://${user}@postgres/${database}`);
  });

  it.each(topology.nodes.map(({ id }) => id))("has an agent of %s, with its links and its own certificate", (id) => {
    const words = commandOf(service(`agent-${id}`));
    for (const flag of flagsIn(words)) expect(optionsOf("apps/agent/src/main.ts")).toContain(flag);
    const links = words.slice(words.indexOf("--link") + 1);
    expect(links.toSorted()).toEqual(
      topology.links
        .filter(({ from }) => from === id)
        .map((link) => link.id)
        .toSorted(),
    );
    const values = ["--node", "--controller", "--state-dir", "--tls-cert", "--tls-key", "--tls-ca"].map((flag) => valueOf(words, flag));
    expect(values).toEqual([
      id,
      "controller:50051",
      `/state/${id}`,
      `/keys/agents/agent-${id}.crt`,
      `/keys/agents/agent-${id}.key`,
      "/keys/agents/ca.crt",
    ]);
  });

  it("has no agent of a switch that there is not", () => {
    const agents = [...services.keys()].filter((name) => name.startsWith("agent-"));
    expect(agents.toSorted()).toEqual(topology.nodes.map(({ id }) => `agent-${id}`).toSorted());
  });

  it.each([
    ["keys", "apps/lab/src/compose/keys-main.ts"],
    ["feeder", "apps/lab/src/compose/feed-main.ts"],
  ])("gives %s options that %s knows, and files that there are", (name, source) => {
    const words = commandOf(service(name));
    expect(words.slice(0, 2)).toEqual(["node", source.replace("apps/lab/src", "dist").replace(/ts$/, "js")]);
    expect(isThere(source)).toBe(true);
    for (const flag of flagsIn(words)) expect(optionsOf(source)).toContain(flag);
    const files = words.flatMap((word) => /(?:^|=)\/(examples\/.*)$/.exec(word)?.[1] ?? []);
    expect(files.filter((file) => !isThere(file))).toEqual([]);
  });

  it("mounts what there is, and declares each volume that is used and no other", () => {
    const sources = [...services.values()].flatMap((each) => mountsOf(each).map(({ source }) => source));
    for (const path of sources.filter((source) => source.startsWith("./"))) expect(isThere(path), path).toBe(true);
    expect([...new Set(sources.filter((source) => !source.startsWith("./")))].toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
  });

  it("keeps secrets where they are needed: written by one, read by one kind of service, the authority's by nobody else", () => {
    const readers = new Map<string, string[]>();
    for (const [name, each] of services) {
      for (const { source, target, mode } of mountsOf(each).filter((mount) => mount.source.startsWith("keys-"))) {
        expect(target).toBe(`/keys/${source.slice("keys-".length)}`);
        expect([source, name, mode]).toEqual([source, name, name === "keys" ? "rw" : "ro"]);
        readers.set(source, [...(readers.get(source) ?? []), name.replace(/^agent-.*/, "agent")]);
      }
    }
    expect(
      Object.fromEntries([...readers].map(([source, names]) => [source, [...new Set(names)].filter((name) => name !== "keys")])),
    ).toEqual({
      "keys-agents": ["agent"],
      "keys-authority": [],
      "keys-controller": ["controller"],
      "keys-feeder": ["feeder"],
      "keys-operator": ["sluice"],
      "keys-postgres": ["postgres"],
      "keys-prometheus": ["prometheus"],
    });
    // Volumes belong to the account that writes them, because the image has the directories.
    const made = /for service in ([a-z ]+);/.exec(dockerfile)?.[1]?.split(" ").toSorted();
    expect(made).toEqual(
      mountsOf(service("keys"))
        .map(({ target }) => target.slice("/keys/".length))
        .toSorted(),
    );
    // What is read there is written there.
    const written = textOf("apps/lab/src/compose/key-files.ts");
    for (const [, each] of services) {
      const words = [...commandOf(each), ...Object.values(each.environment ?? {})];
      for (const [, file = ""] of words.flatMap((word) => [...word.matchAll(/\/keys\/(?!agents)[a-z]+\/([a-z.-]+)/g)])) {
        expect(written, file).toContain(file.replace(/^(controller|client-feeder)\.(crt|key)$/, "$1"));
      }
    }
  });

  it("lets our own containers do little: no capabilities, no more of them, a file system that is read-only", () => {
    for (const [name, { build, read_only, cap_drop, security_opt, profiles = [] }] of services) {
      if (build === undefined || profiles.includes("tools")) continue;
      expect([name, read_only, cap_drop, security_opt]).toEqual([name, true, ["ALL"], ["no-new-privileges:true"]]);
    }
  });

  it("publishes on this machine alone", () => {
    for (const port of [...services.values()].flatMap(({ ports = [] }) => ports)) {
      expect(port).toMatch(/^127\.0\.0\.1:\$\{SLUICE_[A-Z]+_PORT:-\d+\}:\d+$/);
    }
  });

  it("monitors this controller, with the rules and the dashboard of deploy/", () => {
    const [prometheus, grafana] = [service("prometheus"), service("grafana")];
    const inContainer = (each: Service, path: string): string => {
      const mount = mountsOf(each).find(({ target }) => path === target || path.startsWith(`${target}/`));
      assert(mount !== undefined, `${path} is not mounted`);
      return `${mount.source}${path.slice(mount.target.length)}`;
    };
    const config = inContainer(prometheus, valueOf(commandOf(prometheus), "--config.file") ?? "");
    const { rule_files, scrape_configs } = parse(textOf(config)) as {
      readonly rule_files: readonly string[];
      readonly scrape_configs: readonly {
        readonly job_name: string;
        readonly authorization: { readonly credentials_file: string };
        readonly static_configs: readonly { readonly targets: readonly string[] }[];
      }[];
    };
    for (const file of rule_files) expect(isThere(`deploy/prometheus/${file}`)).toBe(true);
    const [scrape] = scrape_configs;
    expect([scrape?.job_name, scrape?.static_configs]).toEqual(["sluice", [{ targets: ["controller:8080"] }]]);
    expect(inContainer(prometheus, scrape?.authorization.credentials_file ?? "")).toBe("keys-prometheus/token");

    const at = (path: string): string => inContainer(grafana, `/etc/grafana/provisioning/${path}`);
    const { datasources } = parse(textOf(at("datasources/prometheus.yml"))) as { datasources: readonly { readonly url: string }[] };
    expect(datasources.map(({ url }) => url)).toEqual([`http://prometheus:${prometheus.ports?.[0]?.split(":").at(-1)}`]);
    const { providers } = parse(textOf(at("dashboards/sluice.yml"))) as {
      providers: readonly { readonly options: { readonly path: string } }[];
    };
    const home = grafana.environment?.["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] ?? "";
    expect([providers[0]?.options.path, inContainer(grafana, home)]).toEqual(["/etc/sluice/dashboards", "./deploy/grafana/sluice.json"]);
  });

  it("is what the check brings up", () => {
    const { scripts } = JSON.parse(textOf("package.json")) as { readonly scripts: Readonly<Record<string, string>> };
    expect(scripts["compose:check"]).toBe("node scripts/compose-check.mjs");
    const check = readFileSync(fileURLToPath(new URL("scripts/compose-check.mjs", root)), "utf8");
    for (const variable of check.matchAll(/SLUICE_(?:[A-Z]+)_(?:IMAGE|PORT)/g)) expect(textOf("docker-compose.yml")).toContain(variable[0]);
  });
});
