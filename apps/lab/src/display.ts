/** What people see while the lab runs: on a terminal a panel that is drawn over itself, else the panel once and then a line for each plan. */
import type { Writable } from "node:stream";
import type { Terminal } from "sluice";
import type { LabView } from "./lab-view.js";
import { cycleLine, invitation, panel } from "./panel.js";
import { Screen } from "./screen.js";

export interface Display {
  show(view: LabView): void;
  /** Something happened. */
  tell(line: string): void;
}

export function openDisplay(terminal: Terminal, stdout: Writable & { readonly isTTY?: boolean; readonly rows?: number }): Display {
  if (stdout.isTTY === true) {
    const screen = new Screen(stdout);
    return {
      show(view) {
        terminal.settle();
        screen.draw(`${panel(view, terminal.colors)}\n${invitation(view, terminal.colors)}`);
      },
      tell(line) {
        terminal.settle();
        screen.above(line);
      },
    };
  }
  let shownEpoch: number | undefined;
  return {
    show(view) {
      if (view.epoch === shownEpoch) return;
      const whole = `${panel(view, terminal.colors)}\n${invitation(view, terminal.colors)}\n`;
      void terminal.write(shownEpoch === undefined ? whole : `${cycleLine(view)}\n`);
      shownEpoch = view.epoch;
    },
    tell: (line) => terminal.tell(line),
  };
}
