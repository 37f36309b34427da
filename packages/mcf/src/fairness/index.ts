export { maxMinFair, type FairLimits, type FairSolution } from "./max-min-fair.js";
export { bottleneckPart, rateAgreement } from "./fairness-measure.js";
export { defaultBpsPerShare, fairRateOf, rateAt, saturationShare, shareWithin, type FairRate } from "./fair-rate.js";
/** Problems with more links than this are too large for it. */
export { linksMax as fairLinksMax } from "../trie/path-trie.js";
