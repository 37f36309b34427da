import { z } from "zod";
import { id, trafficClassSchema } from "./network.js";

export const flowGroup = z.strictObject({ src: id, dst: id, trafficClass: trafficClassSchema });
