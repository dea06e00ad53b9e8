/** What a function of a fold gave. @throws TypeError where it gives it later, however that ends */
export function atOnce<Given>(given: Given, what = 'it'): Given {
  if (typeof (given as { then?: unknown } | null | undefined)?.then !== 'function') return given;
  (given as PromiseLike<unknown>).then(undefined, () => undefined);
  throw new TypeError(`${what} returned a promise, and a fold waits for nothing`);
}
