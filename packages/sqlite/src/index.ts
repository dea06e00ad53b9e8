export { sqlite, type SqliteOptions } from './sqlite.js';
export type { DriverName } from './driver.js';
