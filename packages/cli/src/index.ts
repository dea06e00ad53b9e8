export { run } from './run.js';
export type { CommandIo, OutputStream } from './io.js';
export type { Definition } from './definition.js';
export { AuditFindings, InvalidConfiguration, UsageError, type ConfigProblem } from './errors.js';
export { InitFailed, type InitProblem } from './init/init-failed.js';
