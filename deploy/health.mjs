/** `node health.mjs URL`: ends with 0 where the URL answers well within three seconds, else with 1 and the reason: a container's health check. */
const [url] = process.argv.slice(2);
try {
  const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
  process.stdout.write(`${url} answers ${answer.status}\n`);
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${url} does not answer: ${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}
