/** The grammar of `sluice context`. */
import type { Command } from "commander";
import {
  contextAddCommand,
  contextListCommand,
  contextRemoveCommand,
  contextShowCommand,
  contextUseCommand,
  type ContextAddFlags,
  type ContextFlags,
} from "../commands/context.js";
import { addOutputOption } from "../operator/with-controller.js";
import type { OutputFormat } from "../operator/output.js";
import type { Act } from "./act.js";

const epilogue = `
Contexts are in $SLUICE_CONFIG, else $XDG_CONFIG_HOME/sluice/config.yaml, else ~/.config/sluice/config.yaml, which only its owner may read.

  sluice context add lab --controller http://127.0.0.1:8080
  sluice context add wan --controller https://sluice.example --token-file ~/.secrets/sluice.token --ca ca.crt
  sluice context use wan
  sluice status --context lab`;

export function addContexts(program: Command, act: Act): void {
  program.commandsGroup("Set up:");
  const context = program.command("context").description("controllers by name, and how to be known there").addHelpText("after", epilogue);
  const formats: readonly OutputFormat[] = ["table", "json", "yaml", "name"];
  context
    .command("add")
    .description("add a controller; the first one becomes the current one")
    .argument("<name>", "letters, digits, dot, _ and -")
    .requiredOption("--controller <url>", "its REST address, e.g. https://sluice.example")
    .option("--token-file <file>", "file with the bearer token, read anew by each command")
    .option("--token", "keep the token that is in SLUICE_TOKEN")
    .option("--ca <file>", "PEM: whose signature on the controller's certificate counts")
    .option("--cert <file>", "PEM: client certificate, with --key")
    .option("--key <file>", "PEM: the client certificate's key")
    .option("--force", "replace one of the same name")
    .action(act<ContextAddFlags>(contextAddCommand));
  context.command("use").description("make a context the current one").argument("<name>").action(act<ContextFlags>(contextUseCommand));
  addOutputOption(context.command("list"), formats).description("all contexts").action(act<ContextFlags>(contextListCommand));
  addOutputOption(context.command("show"), formats)
    .description("one context, the current one unless it is named; never its token")
    .argument("[name]")
    .action(act<ContextFlags>(contextShowCommand));
  context.command("remove").description("forget a context").argument("<name>").action(act<ContextFlags>(contextRemoveCommand));
}
