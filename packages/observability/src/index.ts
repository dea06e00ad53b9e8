export { Instrumentation, type InstrumentationOptions } from './instrumentation.js';
export { FlowSampler } from './trace/flow-sampler.js';
export type { AsyncParents } from './trace/handling-spans.js';
export { outgoingHeaders } from './outgoing-headers.js';
