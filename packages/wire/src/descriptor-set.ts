/** The definitions of proto/ as data, for the reflection service and for stock clients. */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { descriptorSetBase64 } from "../generated/descriptor-set.js";

/** A google.protobuf.FileDescriptorSet with all files of proto/ and what they import. */
export function descriptorSet(): Buffer {
  return Buffer.from(descriptorSetBase64, "base64");
}

/** The google.protobuf.FileDescriptorProto of each file, as buf wrote it: `message FileDescriptorSet { repeated FileDescriptorProto file = 1; }`. */
export function fileDescriptors(): readonly Buffer[] {
  const reader = new BinaryReader(descriptorSet());
  const files: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) files.push(Buffer.from(reader.bytes()));
    else reader.skip(wireType);
  }
  return files;
}
