import 'reflect-metadata';

const given: unknown[] = [];
function seen(target: object, key: string, descriptor: PropertyDescriptor): void {
  given.push(target, key, typeof descriptor.value);
}

class Probe {
  @seen method(_text: string): void {}
}

it('an ordinary test file is compiled with legacy decorators and their metadata', () => {
  expect(given).toEqual([Probe.prototype, 'method', 'function']);
  expect(Reflect.getMetadata('design:paramtypes', Probe.prototype, 'method')).toEqual([String]);
});
