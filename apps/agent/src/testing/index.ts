/** For tests of this package and of others. */
export * from "./ovs-daemons.js";
