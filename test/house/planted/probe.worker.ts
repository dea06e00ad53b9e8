import 'reflect-metadata';
import { neighbour } from './neighbour.js';

const metadata: string[] = [];
function seen(target: object, key: string): void {
  const types = Reflect.getMetadata('design:paramtypes', target, key) as { name: string }[];
  metadata.push(...types.map((it) => it.name));
}
export class Probe {
  @seen method(_text: string): void {}
}

const core = require.resolve('@backstory/core');
const [, , ...args] = process.argv;
console.log(JSON.stringify({ pid: process.pid, node: process.version, args, core, neighbour, metadata }));
