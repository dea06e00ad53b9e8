export { postgres, type PostgresOptions } from './postgres.js';
