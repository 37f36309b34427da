/** The lab as a gRPC client of the controller: topology in, measurements in. Faults are values; a broken stream is opened anew with the next matrix. */
import {
  Metadata,
  credentials,
  type ChannelCredentials,
  type ChannelOptions,
  type ClientDuplexStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { fault, ok, refuse, type DemandMatrix, type Fault, type Result, type TopologyDocument } from "@sluice/model";
import { demandMatrixToWire, faultFromWire, faultsOfError, keepaliveOptions, requestBytesMax, topologyToWire, v1 } from "@sluice/wire";

/** Time for one call, ms. */
const callMsMax = 20_000;
/** Demands in one message: some 60 bytes each, far below the largest message. */
const demandsPerPart = 50_000;

const channelOptions: ChannelOptions = {
  ...keepaliveOptions,
  "grpc.max_send_message_length": requestBytesMax,
  // Channels to one address share their connection and its back-off unless told not to.
  "grpc.use_local_subchannel_pool": 1,
};

type Measurements = ClientDuplexStream<v1.StreamMeasurementsRequest, v1.StreamMeasurementsResponse>;
type Answer = (result: Result<number>) => void;

export class ControllerClient {
  readonly #address: string;
  readonly #security: ChannelCredentials;
  readonly #options: ChannelOptions;
  #topologies: v1.TopologyServiceClient;
  #demands: v1.DemandServiceClient;
  #stream: Measurements | undefined;
  #sequence = 0n;
  readonly #waiting = new Map<bigint, Answer>();

  /** Plaintext without credentials; `options` are those that go with them. */
  constructor(address: string, security: ChannelCredentials = credentials.createInsecure(), options: ChannelOptions = {}) {
    this.#address = address;
    this.#security = security;
    this.#options = { ...channelOptions, ...options };
    this.#topologies = new v1.TopologyServiceClient(address, security, this.#options);
    this.#demands = new v1.DemandServiceClient(address, security, this.#options);
  }

  /** To the same address anew, at once: a channel that failed waits longer and longer before it tries again. */
  reconnect(): void {
    this.close();
    this.#topologies = new v1.TopologyServiceClient(this.#address, this.#security, this.#options);
    this.#demands = new v1.DemandServiceClient(this.#address, this.#security, this.#options);
  }

  /** The new topology's version. */
  replaceTopology(topology: TopologyDocument): Promise<Result<number>> {
    const deadline = new Date(Date.now() + callMsMax);
    return new Promise((resolve) => {
      this.#topologies.replaceTopology({ topology: topologyToWire(topology) }, new Metadata(), { deadline }, (error, response) => {
        resolve(error === null ? ok(Number(response.version)) : refuseCall("ReplaceTopology", error));
      });
    });
  }

  /** The version of the topology that the controller has; 0 where it has none. */
  topologyVersion(): Promise<Result<number>> {
    const deadline = new Date(Date.now() + callMsMax);
    return new Promise((resolve) => {
      this.#topologies.getTopology({}, new Metadata(), { deadline }, (error, response) => {
        if (error === null) return resolve(ok(Number(response.version)));
        const refused = refuseCall("GetTopology", error);
        return resolve(!refused.ok && refused.faults[0].code === "not-found" ? ok(0) : refused);
      });
    });
  }

  /** How many demands were taken in. */
  measure(matrix: DemandMatrix): Promise<Result<number>> {
    this.#sequence += 1n;
    const sequence = this.#sequence;
    const { name, demands } = demandMatrixToWire(matrix);
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => answer(refuse(fault("deadline-exceeded", "The controller did not answer a measurement in time."))),
        callMsMax,
      );
      const answer: Answer = (result) => {
        clearTimeout(timer);
        this.#waiting.delete(sequence);
        resolve(result);
      };
      this.#waiting.set(sequence, answer);
      const stream = (this.#stream ??= this.#open());
      for (let start = 0; start === 0 || start < demands.length; start += demandsPerPart) {
        const part = demands.slice(start, start + demandsPerPart);
        stream.write({ sequence, matrix: { name, demands: part }, more: start + demandsPerPart < demands.length });
      }
    });
  }

  close(): void {
    this.#stream?.end();
    this.#stream?.cancel();
    this.#stream = undefined;
    this.#topologies.close();
    this.#demands.close();
  }

  #open(): Measurements {
    const stream = this.#demands.streamMeasurements();
    const over = (result: Result<number>): void => {
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      for (const answer of this.#waiting.values()) answer(result);
    };
    stream.on("data", ({ sequence, demandCount, faults }: v1.StreamMeasurementsResponse) => {
      const [first, ...rest] = faults.map(faultFromWire);
      this.#waiting.get(sequence)?.(first === undefined ? ok(Number(demandCount)) : { ok: false, faults: [first, ...rest] });
    });
    stream.on("error", (error: ServiceError) => over(refuseCall("StreamMeasurements", error)));
    stream.on("end", () => over(refuse(fault("unavailable", "The controller ended the stream of measurements."))));
    return stream;
  }
}

/** The peer's own faults where it sent some, else what gRPC has to say. */
function refuseCall(call: string, error: ServiceError): Result<never> {
  const [first, ...rest]: readonly Fault[] = faultsOfError(error);
  if (first !== undefined) return { ok: false, faults: [first, ...rest] };
  return refuse(fault("unavailable", `${call} failed: ${error.details}.`));
}
