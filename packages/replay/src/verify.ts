/** Is a log as the framework leaves it, and what is kept beside it as the log would make it? */
export {
  Findings,
  placeOf,
  type FaultPlace,
  type LogFault,
  type LogFinding,
  type NotChecked,
} from './verify/finding.js';
export { verify, type Health, type VerifyOptions, type VerifySource } from './verify/verify.js';
