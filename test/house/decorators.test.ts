function seen(...args: unknown[]): void {
  calls.push(args.length);
}
const calls: number[] = [];

class Probe {
  @(seen as MethodDecorator) method(): void {}
}

it('an ordinary test file is compiled with legacy decorators: target, key and descriptor', () => {
  expect(new Probe()).toBeInstanceOf(Probe);
  expect(calls).toEqual([3]);
});
