/** The generated messages and services of `sluice.v1`: wire types, for clients and for the codecs of this package. */
export * as fault from "../generated/sluice/v1/fault.js";
export * as topology from "../generated/sluice/v1/topology.js";
export * as demand from "../generated/sluice/v1/demand.js";
export * as rule from "../generated/sluice/v1/rule.js";
export {
  TopologyServiceClient,
  TopologyServiceService,
  ReplaceTopologyRequest,
  ReplaceTopologyResponse,
  ApplyChangesRequest,
  ApplyChangesResponse,
  GetTopologyRequest,
  GetTopologyResponse,
} from "../generated/sluice/v1/topology_service.js";
export {
  DemandServiceClient,
  DemandServiceService,
  StreamMeasurementsRequest,
  StreamMeasurementsResponse,
  DemandList,
  ForecastCompletion,
  ForecastHeader,
  ForecastState,
  ForecastWindow,
  GetForecastRequest,
  GetForecastResponse,
  Quantile,
  UploadForecastsRequest,
  UploadForecastsResponse,
} from "../generated/sluice/v1/demand_service.js";
export { SwitchServiceClient, SwitchServiceService, ConnectRequest, ConnectResponse } from "../generated/sluice/v1/switch_service.js";
