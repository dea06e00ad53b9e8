export { AuditFolder, readAnchor } from './audit-folder.js';
export { sealLog, type SealOptions, type SealResult, type SealSource } from './seal-log.js';
export { rotateKey, type RotateOptions, type Rotation } from './rotate-key.js';
export { auditEntries, type AuditCause, type AuditEntry, type ReportQuery } from './audit-entries.js';
export { auditReport, type ReportOptions } from './audit-report.js';
export type { Effect } from './effects.js';
export { exportPackage, type ExportOptions, type ExportResult } from './export-package.js';
export { findingText } from './finding-text.js';
export { sealedIn, sealedInLog, type SealedLines } from './sealed-lines.js';
export {
  eventCalled,
  proveConsistency,
  proveEvent,
  proveEvents,
  withTexts,
  type Selection,
} from './prove.js';
export { verifyLog, type Verification, type VerifyOptions } from './verify-log.js';
export type { EventFinding, EventPart, FieldChange, Finding, SealFinding, SealProblem } from './finding.js';
export {
  AuditFileDamaged,
  AuditFileUnwritable,
  AuditFolderIncomplete,
  KeyNotInForce,
  NotProvable,
  SealDiverged,
  SealerBusy,
} from './errors.js';
