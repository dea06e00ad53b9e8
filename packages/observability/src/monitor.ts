/** What `observability.monitor` says: statistics, dashboard data, health. */
export type { Monitor, StatisticsOptions } from './monitor/monitor.js';
export type { Moment, Statistics } from './monitor/statistics.js';
export type { SlowLoad } from './monitor/slowest-streams.js';
export type { Dashboard, DashboardConsumer, DashboardStore, Durations, Slow } from './monitor/dashboard.js';
