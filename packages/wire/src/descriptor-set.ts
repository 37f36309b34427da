/** The definitions of proto/ as data, for the reflection service and for stock clients. */
import { descriptorSetBase64 } from "../generated/descriptor-set.js";

/** A google.protobuf.FileDescriptorSet with all files of proto/ and what they import. */
export function descriptorSet(): Buffer {
  return Buffer.from(descriptorSetBase64, "base64");
}
