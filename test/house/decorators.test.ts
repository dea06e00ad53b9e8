import 'reflect-metadata';

const calls: number[] = [];
function seen(...args: [target: object, key: string, descriptor: PropertyDescriptor]): void {
  calls.push(args.length);
}

class Probe {
  @seen method(_text: string): void {}
}

it('an ordinary test file is compiled with legacy decorators and their metadata', () => {
  expect(calls).toEqual([3]);
  expect(Reflect.getMetadata('design:paramtypes', Probe.prototype, 'method')).toEqual([String]);
});
