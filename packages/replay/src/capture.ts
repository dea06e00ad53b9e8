/** Streams taken out of a log, without what is not to be seen. */
export { capturedStreams, type CapturedStreams } from './capture/captured-streams.js';
export { Pseudonyms } from './capture/pseudonyms.js';
export { Redaction } from './capture/redaction.js';
