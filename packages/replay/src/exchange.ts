/** A log as a file of CloudEvents, and a file of CloudEvents as a log. */
export { readCloudEvent, writeCloudEvent } from './exchange/cloud-event.js';
export {
  InvalidExport,
  footerLine,
  headerIn,
  headerLine,
  type ExportFooter,
  type ExportHeader,
  type ExportProblem,
} from './exchange/export-format.js';
export { exportHeader, exportLines, type ExportQuery, type ExportedPage } from './exchange/export-lines.js';
export { ExportReader, type ExportedEvent } from './exchange/export-reader.js';
export { FactImport, checkFacts, type ImportedAsNew } from './exchange/import-as-new.js';
export { checkExport, restoreExport, type RestoredExport } from './exchange/restore-export.js';
