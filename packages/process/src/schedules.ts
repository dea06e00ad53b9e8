/** Schedules from any process, for operators: what is kept for later, and what is changed by hand. */
export { SCHEDULES_STREAM, ScheduleAdmin, type ScheduleAdminParts } from './schedule/schedule-admin.js';
export type { ScheduleQuery } from './schedule/schedule-book.js';
export type { Schedule } from './schedule/schedule.js';
export { ScheduleNotFound, ScheduleNotTried, ScheduleUnderWay } from './schedule/errors.js';
