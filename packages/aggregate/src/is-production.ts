/** Whether checks of the code that uses us, which cost time with every event, are left out. Asked each time: tests change it. */
export function isProduction(): boolean {
  return process.env['NODE_ENV'] === 'production';
}
