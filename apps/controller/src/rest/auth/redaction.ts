/** What must not be in a log, whoever logs a request or a part of one. For pino's `redact`. */
const where = ["", "*.", "*.*.", "*.*.*."];
const names = ["authorization", "Authorization", "proxy-authorization", "cookie"];

export const logRedaction = {
  paths: where.flatMap((above) => names.map((name) => (name.includes("-") ? `${above.replace(/\.$/, "")}["${name}"]` : `${above}${name}`))),
  censor: "[hidden]",
};
