/** Whether `NODE_ENV` is `production`: then checks that find mistakes in your code, but cost time with every event, are left out. */
export function isProduction(): boolean {
  return process.env['NODE_ENV'] === 'production';
}
