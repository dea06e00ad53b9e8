/** What would be if other events had happened, or other code folded them. In memory; nothing is written. */
export type { Alterations, EditedValue, InsertedEvent } from './whatif/altered-history.js';
export { EventNotInFlow } from './errors.js';
export { whatIf, whatIfFlow, type FlowWhatIf, type WhatIf, type WhatIfOptions } from './whatif/what-if.js';
