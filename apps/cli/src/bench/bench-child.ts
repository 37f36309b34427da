/**
 * The process that runs one instance of the benchmark: alone, so that its largest memory is its own and a solver that cannot be interrupted can be
 * killed.
 */
import { openSolver } from "./engines.js";
import { serveTask } from "./serve-task.js";

serveTask({ open: openSolver });
