/** The grammar of `sluice certs`. */
import { Option, type Command } from "commander";
import {
  certsAgentCommand,
  certsClientCommand,
  certsControllerCommand,
  certsInitCommand,
  certsShowCommand,
  type CertsClientFlags,
  type CertsControllerFlags,
  type CertsFlags,
  type CertsShowFlags,
} from "../commands/certs.js";
import { listOf, textOf, type Act } from "./act.js";

/** Validity unless told otherwise, days: an authority outlives what it signs, and what is lost soon ends by itself. */
const authorityDaysDefault = "365";
const certificateDaysDefault = "90";

const epilogue = `
Files of --dir: ca.crt and ca.key, agent-NODE.crt and .key, client-NAME.crt and .key, controller.crt and .key. Keys are for their owner alone (mode 0600)
and not encrypted. Keep ca.key where nothing is served: who has it is anybody.

Example:
  sluice certs init && sluice certs controller localhost 127.0.0.1 && sluice certs agent ams fra lon && sluice certs client forecaster
  sluice-controller ... --grpc-tls-cert certs/controller.crt --grpc-tls-key certs/controller.key --grpc-tls-ca certs/ca.crt
  sluice-agent --node ams ... --tls-cert certs/agent-ams.crt --tls-key certs/agent-ams.key --tls-ca certs/ca.crt`;

export function addCerts(program: Command, act: Act): void {
  const certs = program
    .command("certs")
    .description("certificates for gRPC and REST by an authority for development and labs (docs/security.md)")
    .addHelpText("after", epilogue);
  const made = (name: string, days: string): Command =>
    certs
      .command(name)
      .option("--dir <dir>", "where certificates and keys are", "certs")
      .option("--days <n>", "how long it is valid, days", days)
      .addOption(new Option("--keep", "leave what is there already, and make what is missing").conflicts("replace"))
      .option("--replace", "put new ones in the place of what is there");

  made("init", authorityDaysDefault)
    .description("make the authority: ca.crt, which everybody needs, and ca.key, which only `sluice certs` does")
    .action(act<CertsFlags>(certsInitCommand));
  made("agent", certificateDaysDefault)
    .description("a certificate for the agent of each switch named")
    .argument("<node...>", "ids of switches in the topology")
    .action(act<CertsFlags>((flags, context, [nodes]) => certsAgentCommand(listOf(nodes), flags, context)));
  made("client", certificateDaysDefault)
    .description("a certificate for a program or a person who calls the controller by gRPC")
    .argument("<name>", "who that is: the actor in the audit log")
    .addOption(
      new Option("--role <role>", "job: measures and forecasts; operator: changes the network as well")
        .choices(["job", "operator"])
        .default("job"),
    )
    .action(act<CertsClientFlags>((flags, context, [name]) => certsClientCommand(textOf(name), flags, context)));
  made("controller", certificateDaysDefault)
    .description("a certificate for a controller, for gRPC and REST")
    .argument("<host...>", "DNS names and addresses by which it is called")
    .option("--name <name>", "its name, and that of its files", "controller")
    .action(act<CertsControllerFlags>((flags, context, [hosts]) => certsControllerCommand(listOf(hosts), flags, context)));
  certs
    .command("show")
    .description("say what a certificate is: whose, for which hosts, until when")
    .argument("<file>", "a file with certificates (PEM)")
    .addOption(new Option("-o, --output <kind>", "what to print").choices(["table", "json"]).default("table"))
    .action(act<CertsShowFlags>((flags, context, [file]) => certsShowCommand(textOf(file), flags, context)));
}
