/** The Python program that builds a network of Open vSwitches under Mininet: run as it is with a plan in a file, or with the plan inside. */
export const mininetLibrary = new URL("../../mininet/sluice_lab.py", import.meta.url);
